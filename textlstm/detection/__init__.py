"""Which language a text is in: evidence, the background of other languages, abstention, the table and the detector that answer.

Imports: core, language.
"""
