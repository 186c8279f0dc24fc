"""The pipeline run with other parameters: named experiments, sweeps, studies, all through DVC experiments.

Imports: core, nn, evaluation.
"""
