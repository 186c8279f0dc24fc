"""Fit, on sentences of reviews that nothing was learnt from, how sure the sentiment classifier may be.

Reads   data/split/imdb/validation.parquet, models/imdb/, models/nbsvm/
Writes  models/sentiment.json: the calibration, and the settings that the classifier answers with
Run     python -m stages.calibrate_sentiment
"""

import itertools
from collections.abc import Sequence

import numpy as np

from textlstm.core import paths
from textlstm.core.files import write_sealed
from textlstm.core.labels import POSITIVE
from textlstm.core.params import load_params
from textlstm.core.parquet import read_column, read_parquet
from textlstm.core.settings import SentimentSettings
from textlstm.core.stage import run
from textlstm.sentiment.calibration_fitting import fit_calibration
from textlstm.sentiment.classifier import SentimentClassifier
from textlstm.sentiment.lstm import SentimentModel
from textlstm.sentiment.nbsvm import NbsvmModel
from textlstm.sentiment.nbsvm_training import drawn_reviews
from textlstm.sentiment.tokenizer import draw_sentences, review_words, split_sentences

MOST = 2000  # reviews
SENTENCES = 3  # of each, at most


def main() -> None:
    params = load_params()
    labels = read_parquet(paths.VALIDATION_IMDB, ["label"])["label"].to_numpy()
    points, scale, bias = list[int](), list[float](), list[float]()
    classifier = SentimentClassifier(
        SentimentModel.load(paths.IMDB_MODEL),
        NbsvmModel.load(paths.NBSVM_MODEL),
        params.nbsvm.weight,
        params.nbsvm.sentence_weight,
    )
    if len(labels):
        drawn = drawn_reviews(labels, MOST, seed=params.seed)
        kept = itertools.compress(read_column(paths.VALIDATION_IMDB, "text"), drawn)
        reviews, labels = review_words(kept, punctuation=params.vectorize.punctuation), labels[drawn]
        random, sentences = np.random.default_rng(params.seed), list[tuple[Sequence[str], int]]()
        for review, label in zip(reviews, labels, strict=True):
            found = split_sentences(review)
            sentences += [(found[place], label) for place in draw_sentences(len(found), SENTENCES, random)]
        texts, positive = [words for words, _ in sentences], np.array([label for _, label in sentences]) == POSITIVE
        calibration = fit_calibration(
            classifier.log_odds_of_words(texts).classifier, np.array([len(words) for words in texts]), positive
        )
        points, scale, bias = (values.tolist() for values in (calibration.words, calibration.scale, calibration.bias))
    write_sealed(
        paths.SENTIMENT_SETTINGS,
        SentimentSettings(
            params.nbsvm.weight, params.nbsvm.sentence_weight, params.sentiment.threshold, points, scale, bias
        ),
    )
    at = ", ".join(f"{a:.2f} and {b:+.2f} at {n}" for n, a, b in zip(points, scale, bias, strict=True))
    print(f"imdb: scale and bias by number of words, from {len(labels):,} reviews: {at or 'none fitted'}")


if __name__ == "__main__":
    run(main)
