"""Whether a review is positive: the words of reviews, the LSTM, NB-SVM, and the classifier that answers.

Imports: core, nn.
"""
