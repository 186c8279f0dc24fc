"""What the models answer to a batch of texts, as columns, with the names that `textlstm ask --json` gives them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from textlstm.detection.detector import load_detector
from textlstm.loading import load_classifier
from textlstm.score.output import Columns
from textlstm.score.rows import Batch

LANGUAGE = ("language", "language_probability", "reason")
SENTIMENT = ("sentiment", "positive_probability", "sentiment_reason")


@dataclass(frozen=True)
class Question:
    """What is asked, of which models."""

    models: Path | None
    only: str | None  # "language" or "sentiment"; None: both
    languages: tuple[str, ...] | None
    threshold: float | None
    prefix: str  # before the names of the columns

    @property
    def names(self) -> list[str]:
        """The columns of the answers."""
        language = LANGUAGE if self.only != "sentiment" else ()
        return [self.prefix + name for name in (*language, *(SENTIMENT if self.only != "language" else ()))]

    def answers(self, batch: Batch) -> Columns:
        """The columns; a row with a problem has no answer, and the problem as its reason."""
        texts = [text or "" for text in batch.texts]
        columns: Columns = {}
        if self.only != "sentiment":
            columns |= self._languages(texts)
            for row, problem in batch.problems.items():
                for name, value in zip(LANGUAGE, (None, None, problem), strict=True):
                    columns[name][row] = value
        if self.only != "language":
            columns |= self._sentiments(texts)
            for row, problem in batch.problems.items():
                columns["sentiment_reason"][row] = problem  # it has no words, and no other answer
        return {self.prefix + name: column for name, column in columns.items()}

    def _languages(self, texts: list[str]) -> Columns:
        found = _detector(self.models).answers(texts, languages=self.languages, threshold=self.threshold)
        probability = found.probability.tolist()
        return {
            "language": found.language.tolist(),
            "language_probability": [value if value == value else None for value in probability],  # NaN
            "reason": found.reason.tolist(),
        }

    def _sentiments(self, texts: list[str]) -> Columns:
        found = _classifier(self.models).predict(texts, threshold=self.threshold)
        return {
            "sentiment": [answer.sentiment for answer in found],
            "positive_probability": [answer.probability for answer in found],
            "sentiment_reason": [answer.reason for answer in found],
        }

    def load(self) -> None:
        """Load the models that are asked, once per process; what is missing, or a language that they lack, is a TextLSTMError."""
        if self.only != "sentiment":
            _detector(self.models).predict([], languages=self.languages, threshold=self.threshold)
        if self.only != "language":
            _classifier(self.models).predict([], threshold=self.threshold)


_detector = lru_cache(maxsize=1)(load_detector)
_classifier = lru_cache(maxsize=1)(load_classifier)
