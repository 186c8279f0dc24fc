"""Is this review positive? The LSTM and NB-SVM together, loaded from the files that the pipeline leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from textlstm.core import paths
from textlstm.core.files import find_models, read_fields
from textlstm.core.odds import Floats, combine, probability_of
from textlstm.sentiment.lstm import SentimentModel
from textlstm.sentiment.nbsvm import NbsvmModel


class SentimentLogOdds(NamedTuple):
    """Natural logarithms of the odds that reviews are positive, shape (n,) each: the answer, and its two parts."""

    classifier: Floats
    lstm: Floats
    nbsvm: Floats


class SentimentPrediction(NamedTuple):
    """The answer for one text."""

    sentiment: str | None  # None: the text has no word
    probability: float | None  # that it is positive


@dataclass(frozen=True)
class SentimentClassifier:
    """Both models, and the share of NB-SVM in their log-odds."""

    lstm: SentimentModel
    nbsvm: NbsvmModel
    nbsvm_weight: float

    def log_odds(self, texts: Sequence[str]) -> SentimentLogOdds:
        """What both models say, and their weighted mean, the answer; a review without a word is a TextLSTMError."""
        lstm, nbsvm = self.lstm.log_odds(texts), self.nbsvm.log_odds(texts)
        return SentimentLogOdds(combine(lstm, nbsvm, self.nbsvm_weight), lstm, nbsvm)

    def predict(self, texts: Sequence[str]) -> list[SentimentPrediction]:
        """The label of each text and the probability that it is positive."""
        names = {number: name for name, number in self.lstm.config.labels.items()}
        with_words = [index for index, text in enumerate(texts) if len(self.lstm.tokenizer.encode(text)) > 1]
        predictions = [SentimentPrediction(None, None)] * len(texts)
        if with_words:
            log_odds = self.log_odds([texts[index] for index in with_words]).classifier
            for index, probability in zip(with_words, probability_of(log_odds), strict=True):
                predictions[index] = SentimentPrediction(names[int(probability > 0.5)], float(probability))
        return predictions

    @classmethod
    def load(cls, models: Path) -> "SentimentClassifier":
        """Read the models and their settings from a folder; what is missing or broken in it is a TextLSTMError."""
        weight = read_fields(models / paths.SENTIMENT_SETTINGS.name, "nbsvm_weight")["nbsvm_weight"]
        lstm = SentimentModel.load(models / paths.IMDB_MODEL.name)
        return cls(lstm, NbsvmModel.load(models / paths.NBSVM_MODEL.name), weight)


def load_classifier(models: Path | None = None) -> SentimentClassifier:
    """The classifier of the folder `models`; by default of the installed wheel, or else of the current folder's `models`.

    Raises:
        TextLSTMError: a model is missing or broken.
    """
    return SentimentClassifier.load(find_models(models, paths.SENTIMENT_SETTINGS, paths.IMDB_MODEL, paths.NBSVM_MODEL))
