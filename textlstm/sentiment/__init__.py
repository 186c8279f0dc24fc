"""Whether a review is positive: reviews and their words, the LSTM, counted n-grams, and the classifier that answers.

Imports: core, nn.
"""
