"""Is this review positive? The LSTM and the counted n-grams together, loaded from the files that the pipeline leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from textlstm.core.odds import combine, probability_of
from textlstm.sentiment.lstm import SentimentModel
from textlstm.sentiment.nbsvm import NbsvmModel


class Mood(NamedTuple):
    """The answer for one text."""

    sentiment: str | None  # None: the text has no word
    probability: float | None  # that it is positive


@dataclass(frozen=True)
class Sentiment:
    """Both models."""

    lstm: SentimentModel
    ngrams: NbsvmModel

    def describe(self, texts: Sequence[str]) -> list[Mood]:
        """The label of each text and the probability that it is positive."""
        names = {number: name for name, number in self.lstm.about.labels.items()}
        with_words = [index for index, text in enumerate(texts) if len(self.lstm.tokenizer.encode(text)) > 1]
        moods = [Mood(None, None)] * len(texts)
        if with_words:
            chosen = [texts[index] for index in with_words]
            log_odds = combine(self.lstm.log_odds(chosen), self.ngrams.log_odds(chosen), self.ngrams.weight)
            for index, probability in zip(with_words, probability_of(log_odds), strict=True):
                moods[index] = Mood(names[int(probability > 0.5)], float(probability))
        return moods

    @classmethod
    def load(cls, models: Path) -> "Sentiment":
        """Read both from the folder `models` of a checkout; a missing or broken one is a TextLSTMError."""
        return cls(SentimentModel.load(models / "imdb"), NbsvmModel.load(models / "nbsvm"))
