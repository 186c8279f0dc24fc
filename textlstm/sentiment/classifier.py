"""Is this text positive? The LSTM and NB-SVM together, loaded from the files that the pipeline leaves.

A text gets no answer where there is nothing to judge by: see `NO_WORDS` and the other reasons.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_sealed
from textlstm.core.odds import Floats, combine, probability_of
from textlstm.core.settings import SentimentSettings
from textlstm.core.text import check_list, portions
from textlstm.sentiment.calibration import LengthCalibration
from textlstm.sentiment.lstm import SentimentModel
from textlstm.sentiment.nbsvm import NbsvmModel, share_of_reviews
from textlstm.sentiment.tokenizer import review_words, words_of

NO_WORDS = "no words"
NO_KNOWN_WORDS = "no known words"  # that were learnt from
NOT_ENGLISH = "not English"  # as the language detector says, where there is one: see `textlstm.loading`
LOW_CONFIDENCE = "low confidence"  # the likelier sentiment is less probable than the threshold


class SentimentLogOdds(NamedTuple):
    """Natural logarithms of the odds that reviews are positive, shape (n,) each: the answer, and its two parts."""

    classifier: Floats
    lstm: Floats
    nbsvm: Floats


class SentimentPrediction(NamedTuple):
    """The answer for one text."""

    sentiment: str | None  # None: see the reason
    probability: float | None  # that it is positive; None where there is nothing to judge by
    reason: str | None  # why there is no sentiment: one of the constants of this module


@dataclass(frozen=True)
class SentimentClassifier:
    """Both models, the share of NB-SVM in their log-odds, and what makes probabilities and answers of these."""

    lstm: SentimentModel
    nbsvm: NbsvmModel
    nbsvm_weight: float
    sentence_weight: float | None = None  # that share in short texts, see `share_of_reviews`; None: the same
    calibration: LengthCalibration | None = None  # None: the log-odds are taken as they are
    threshold: float = 0.5  # least probability of a sentiment that is answered
    foreign: Callable[[Sequence[str]], list[bool]] | None = None  # which texts are not English; None: nobody is asked

    def log_odds(self, texts: Sequence[str]) -> SentimentLogOdds:
        """What both models say, and their weighted mean, the answer; a review without a word is a TextLSTMError."""
        check_list(texts)
        return self.log_odds_of_words(review_words(texts, punctuation=self.lstm.tokenizer.punctuation))

    def log_odds_of_words(self, reviews: Sequence[Sequence[str]]) -> SentimentLogOdds:
        """The same from the words of each review, at least one."""
        length = self.lstm.config.length  # of the words before the last ones no ids are needed
        lstm = self.lstm.log_odds_of_ids([self.lstm.tokenizer.ids_of(words[-length:]) for words in reviews])
        nbsvm = self.nbsvm.log_odds_of_words(reviews)
        lengths = np.array([len(words) for words in reviews], dtype=np.int64)
        weight: float | Floats = self.nbsvm_weight
        if self.sentence_weight is not None:
            weight = self.sentence_weight + share_of_reviews(lengths) * (self.nbsvm_weight - self.sentence_weight)
        both = combine(lstm, nbsvm, weight)
        if self.calibration is not None:
            both = self.calibration(both, lengths)
        return SentimentLogOdds(both, lstm, nbsvm)

    def predict(self, texts: Sequence[str], *, threshold: float | None = None) -> list[SentimentPrediction]:
        """The label of each text and the probability that it is positive.

        Args:
            texts: as they come, each as a whole.
            threshold: least probability of a label that is answered, 0 to 1; up to 0.5, every text that has a word is
                answered. By default that of params.yaml.

        Raises:
            TextLSTMError: a string in place of a list, or a threshold that is no probability.
        """
        check_list(texts)
        least = self.threshold if threshold is None else threshold
        if not 0.0 <= least <= 1.0:
            raise TextLSTMError(f"threshold: expected a probability, 0 to 1, got {least}")
        return [prediction for some in portions(texts) for prediction in self._predict(some, least)]

    def _predict(self, texts: Sequence[str], least: float) -> list[SentimentPrediction]:
        """The same, with the words of all texts held at once."""
        names = {number: name for name, number in self.lstm.config.labels.items()}
        reviews = [words_of(text, punctuation=self.lstm.tokenizer.punctuation) for text in texts]
        predictions = [SentimentPrediction(None, None, NO_WORDS)] * len(texts)
        asked = []
        for index, words in enumerate(reviews):
            if least > 0.5 and words and not self.lstm.tokenizer.knows_any(words):
                predictions[index] = SentimentPrediction(None, None, NO_KNOWN_WORDS)
            elif words:
                asked.append(index)
        if least > 0.5 and self.foreign is not None:
            foreign = self.foreign([texts[index] for index in asked])
            for index in (index for index, other in zip(asked, foreign, strict=True) if other):
                predictions[index] = SentimentPrediction(None, None, NOT_ENGLISH)
            asked = [index for index, other in zip(asked, foreign, strict=True) if not other]
        if asked:
            log_odds = self.log_odds_of_words([reviews[index] for index in asked]).classifier
            for index, probability in zip(asked, probability_of(log_odds).tolist(), strict=True):
                sure = least <= 0.5 or max(probability, 1.0 - probability) >= least
                sentiment, reason = (names[int(probability > 0.5)], None) if sure else (None, LOW_CONFIDENCE)
                predictions[index] = SentimentPrediction(sentiment, probability, reason)
        return predictions

    @classmethod
    def load(cls, models: Path) -> "SentimentClassifier":
        """Read the models and their settings from a folder; what is missing or broken in it is a TextLSTMError."""
        settings = read_sealed(models / paths.SENTIMENT_SETTINGS.name, SentimentSettings)
        lstm = SentimentModel.load(models / paths.IMDB_MODEL.name)
        nbsvm = NbsvmModel.load(models / paths.NBSVM_MODEL.name)
        if nbsvm.config.punctuation != lstm.tokenizer.punctuation:
            raise TextLSTMError(
                f"{models}: expected models of the same words, got one for which punctuation marks are words and one for which "
                "they are not. The models come from different runs: run 'dvc checkout' or 'dvc repro'"
            )
        calibration = LengthCalibration(np.array(settings.words), np.array(settings.scale), np.array(settings.bias))
        return cls(
            lstm,
            nbsvm,
            settings.nbsvm_weight,
            settings.sentence_weight,
            calibration if settings.words else None,
            settings.threshold,
        )
