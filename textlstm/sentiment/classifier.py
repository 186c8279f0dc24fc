"""Is this review positive? The LSTM and NB-SVM together, loaded from the files that the pipeline leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import find_models, read_sealed
from textlstm.core.odds import Floats, combine, probability_of
from textlstm.core.settings import SentimentSettings
from textlstm.core.text import check_list, portions
from textlstm.sentiment.lstm import SentimentModel
from textlstm.sentiment.nbsvm import NbsvmModel
from textlstm.sentiment.tokenizer import review_words, words_of


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
        check_list(texts)
        return self.log_odds_of_words(review_words(texts, punctuation=self.lstm.tokenizer.punctuation))

    def log_odds_of_words(self, reviews: Sequence[Sequence[str]]) -> SentimentLogOdds:
        """The same from the words of each review, at least one."""
        length = self.lstm.config.length  # of the words before the last ones no ids are needed
        lstm = self.lstm.log_odds_of_ids([self.lstm.tokenizer.ids_of(words[-length:]) for words in reviews])
        nbsvm = self.nbsvm.log_odds_of_words(reviews)
        return SentimentLogOdds(combine(lstm, nbsvm, self.nbsvm_weight), lstm, nbsvm)

    def predict(self, texts: Sequence[str]) -> list[SentimentPrediction]:
        """The label of each text and the probability that it is positive; a string in place of a list is a TextLSTMError."""
        check_list(texts)
        return [prediction for some in portions(texts) for prediction in self._predict(some)]

    def _predict(self, texts: Sequence[str]) -> list[SentimentPrediction]:
        """The same, with the words of all texts held at once."""
        names = {number: name for name, number in self.lstm.config.labels.items()}
        reviews = [words_of(text, punctuation=self.lstm.tokenizer.punctuation) for text in texts]
        with_words = [index for index, words in enumerate(reviews) if words]
        predictions = [SentimentPrediction(None, None)] * len(texts)
        if with_words:
            log_odds = self.log_odds_of_words([reviews[index] for index in with_words]).classifier
            for index, probability in zip(with_words, probability_of(log_odds), strict=True):
                predictions[index] = SentimentPrediction(names[int(probability > 0.5)], float(probability))
        return predictions

    @classmethod
    def load(cls, models: Path) -> "SentimentClassifier":
        """Read the models and their settings from a folder; what is missing or broken in it is a TextLSTMError."""
        weight = read_sealed(models / paths.SENTIMENT_SETTINGS.name, SentimentSettings).nbsvm_weight
        lstm = SentimentModel.load(models / paths.IMDB_MODEL.name)
        nbsvm = NbsvmModel.load(models / paths.NBSVM_MODEL.name)
        if nbsvm.config.punctuation != lstm.tokenizer.punctuation:
            raise TextLSTMError(
                f"{models}: expected models of the same words, got one for which punctuation marks are words and one for which "
                "they are not. The models come from different runs: run 'dvc checkout' or 'dvc repro'"
            )
        return cls(lstm, nbsvm, weight)


def load_classifier(models: Path | None = None) -> SentimentClassifier:
    """The classifier of the folder `models`; by default of the installed wheel, or else of the current folder's `models`.

    Raises:
        TextLSTMError: a model is missing or broken.
    """
    return SentimentClassifier.load(find_models(models, paths.SENTIMENT_SETTINGS, paths.IMDB_MODEL, paths.NBSVM_MODEL))
