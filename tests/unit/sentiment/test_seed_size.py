"""The IMDB tutorial's network, to the last weight."""

from textlstm.sentiment.lstm_training import build_sentiment_model


def test_the_tutorials_network_has_213_301_parameters() -> None:
    network = build_sentiment_model(
        5000, embedding=32, units=100, bidirectional=False, pooling="last", masked=False, piece=1, word_dropout=0.0, dropout=0.0
    )
    assert network.count_params() == 213_301
