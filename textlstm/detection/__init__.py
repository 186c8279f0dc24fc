"""Which language a text is in: evidence, the background of other languages, abstention, and the detector that answers.

Imports: core, language.
"""
