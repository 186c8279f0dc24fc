"""What a language is like, character by character: vocabulary, n-grams, LSTM, and both together.

Imports: core, nn.
"""
