"""What the models are worth: metrics, plots and their pictures, studies, and comparisons of two states.

Imports: core, language, detection.
"""
