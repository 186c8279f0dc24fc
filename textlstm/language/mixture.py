"""Character models that answer together: each knows what the others do not.

The probability of each character is the weighted mean of theirs (linear interpolation, Jelinek and Mercer 1980), so where one has seen
nothing of the kind, the others decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.files import atomic_folder, read_fields, write_json
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import CharacterModel, Floats, finish_table, widen
from textlstm.language.vocabulary import Vocabulary

_TEXT_ALONE = 0.3  # share of the text's own counts where counting answers without an LSTM


@dataclass(frozen=True)
class MixedModel:
    """Models with one vocabulary, and their weights, which sum to one. Answers as a `textlstm.language.scoring.CharacterModel`."""

    parts: tuple[CharacterModel, ...]
    weights: tuple[float, ...]

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that all parts know."""
        return self.parts[0].vocabulary

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """See `textlstm.language.scoring.CharacterModel`; W is the largest of the parts'."""
        return mix([part.log_probabilities(ids) for part in self.parts], self.weights, ids)


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
class Counting:
    """The n-gram models of one language: of its text alone and, if there are drawn words, of both; and the share beside an LSTM."""

    text: NgramModel
    both: NgramModel | None  # the counts of the drawn words, and many times those of the text
    weight: float  # beside an LSTM

    def alone(self) -> CharacterModel:
        """Counting without an LSTM, as well as it can: with drawn words, the text alone has a share too."""
        return self.text if self.both is None else MixedModel((self.text, self.both), (_TEXT_ALONE, 1.0 - _TEXT_ALONE))

    def beside(self, lstm: CharacterModel) -> CharacterModel:
        """The detector's model of the language: of the text alone the LSTM knows enough."""
        return MixedModel((lstm, self.text if self.both is None else self.both), (1.0 - self.weight, self.weight))

    def save(self, folder: Path) -> None:
        """Write the models and the weight to a folder."""
        with atomic_folder(folder) as temporary:
            for name, model in (("text", self.text), ("both", self.both)):
                if model is not None:
                    model.save(temporary / name)
            write_json(temporary / "about.json", {"weight": self.weight, "words": self.both is not None})

    @classmethod
    def load(cls, folder: Path) -> "Counting":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        about = read_fields(folder / "about.json", "weight", "words")
        both = NgramModel.load(folder / "both") if about["words"] else None
        return cls(NgramModel.load(folder / "text"), both, about["weight"])
