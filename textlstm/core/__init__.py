"""What every part of the project needs: errors, files, paths, parameters, the form of a stage, text in its normal form, log-odds.

Imports: nothing else of this project.
"""
