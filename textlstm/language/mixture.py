"""Mixtures of character models.

The probability of each character is the weighted mean of theirs (linear interpolation, Jelinek and Mercer 1980), so
where one has seen nothing of the kind, the others decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.files import check_digests, model_folder
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import CompilableModel, Floats, Level, finish_table, widen
from textlstm.language.vocabulary import Vocabulary

_TEXT_SHARE = 0.3  # of the text's own counts where the n-grams answer without an LSTM
_TEXT, _WITH_WORDS = "text", "with_words"  # folders


@dataclass(frozen=True)
class InterpolatedModel:
    """Models with one vocabulary, and their weights, which sum to one. Answers as a `textlstm.language.scoring.CharacterModel`."""

    parts: tuple[CompilableModel, ...]
    weights: tuple[float, ...]

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that all parts know."""
        return self.parts[0].vocabulary

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """See `textlstm.language.scoring.CharacterModel`; W is the largest of the parts'."""
        return mix([part.log_probabilities(ids) for part in self.parts], self.weights, ids)

    def log_conditionals(self, levels: Sequence[Level]) -> list[Floats]:
        """See `textlstm.language.scoring.CompilableModel`."""
        of_parts = [
            [np.log(weight) + found for found in part.log_conditionals(levels)]
            for part, weight in zip(self.parts, self.weights, strict=True)
            if weight > 0
        ]
        return [np.asarray(np.logaddexp.reduce(found)) for found in zip(*of_parts, strict=True)]


def mix(tables: Sequence[Floats], weights: Sequence[float], ids: npt.NDArray[Any]) -> Floats:
    """The table of a mixture.

    Args:
        tables: of the parts, for one text; shapes (n, W1), (n, W2), …
        weights: of the parts.
        ids: of the text, shape (n,).

    Returns:
        Shape (n, largest W).
    """
    width = max(table.shape[1] for table in tables)
    wide = [np.log(weight) + widen(table, width) for table, weight in zip(tables, weights, strict=True) if weight > 0]
    return finish_table(np.logaddexp.reduce(wide), ids)


@dataclass(frozen=True)
class NgramMixture:
    """The n-gram models of one language: of its text alone and, if there are drawn words, of both together.

    Answers as a `textlstm.language.scoring.CharacterModel`: with drawn words, the text alone has a share of its own.
    """

    text: NgramModel
    with_words: NgramModel | None  # the counts of the drawn words, and many times those of the text

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that it knows."""
        return self.text.vocabulary

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """See `textlstm.language.scoring.CharacterModel`; W is the largest order."""
        if self.with_words is None:
            return self.text.log_probabilities(ids)
        return InterpolatedModel((self.text, self.with_words), (_TEXT_SHARE, 1.0 - _TEXT_SHARE)).log_probabilities(ids)

    def beside(self, lstm: CompilableModel, weight: float) -> InterpolatedModel:
        """The detector's model of the language; `weight` is the share of the n-grams.

        The n-grams of the text alone are left out: the LSTM was trained on the text.
        """
        return InterpolatedModel((lstm, self.with_words or self.text), (1.0 - weight, weight))

    def save(self, folder: Path) -> None:
        """Write the models to a folder."""
        with model_folder(folder) as temporary:
            self.text.save(temporary / _TEXT)
            if self.with_words is not None:
                self.with_words.save(temporary / _WITH_WORDS)

    @classmethod
    def load(cls, folder: Path) -> "NgramMixture":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        with_words = NgramModel.load(folder / _WITH_WORDS) if (folder / _WITH_WORDS).exists() else None
        text = NgramModel.load(folder / _TEXT)
        check_digests(folder)
        return cls(text, with_words)
