"""Answers for files of any size: what is read and written, in which parts, and who works on them.

Imports: core, detection.
"""
