"""What text looks like that is in none of the detector's languages: character n-grams counted on many other languages together.

The background knows the characters of the detector's languages and one more, which stands for any letter that none of
them has: Cyrillic and Chinese are evidence against all of them. Digits, and what else none of them has (punctuation,
emoji, combining marks), do not influence the answer. One model of all other languages together, and short strings, so
that it generalises to languages that it was not trained on.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import check_digests, model_folder
from textlstm.language.ngram import NgramModel
from textlstm.language.vocabulary import UNKNOWN, Vocabulary

FOREIGN = "\ufffd"  # stands for a letter that none of the languages has
SILENT = "\x00"  # stands for what says nothing: no vocabulary holds it


def fold(text: str, vocabulary: Vocabulary) -> str:
    """The same text, character by character, as evidence: foreign letters and silent characters under one name each.

    >>> fold("abж 1.", Vocabulary((" ", "1", "a", "b")))
    'ab\ufffd \\x00\\x00'
    """
    known = set(vocabulary.characters)
    return "".join(_fold(character, known) for character in text)


def _fold(character: str, known: set[str]) -> str:
    kind = unicodedata.category(character)[0]
    if kind == "N":
        return SILENT
    if character in known:
        return character
    return FOREIGN if kind == "L" else SILENT


@dataclass(frozen=True)
class Background:
    """The n-gram model of other languages, over the characters of the detector's languages and `FOREIGN`."""

    model: NgramModel

    @classmethod
    def learn(cls, texts: Iterable[str], vocabulary: Vocabulary, *, order: int, characters: int) -> "Background":
        """Count the first `characters` characters of each text.

        Raises:
            TextLSTMError: no text has a character that could be counted.
        """
        folded = [fold(text, vocabulary).replace(SILENT, "")[:characters] for text in texts]
        extended = Vocabulary((*vocabulary.characters, FOREIGN))
        ids = extended.encode(" ".join(folded))
        ids = ids[ids != UNKNOWN]
        if not len(ids):
            raise TextLSTMError(
                "background: expected texts of other languages, got none. Put some into data/raw/udhr, or raise background.characters"
            )
        return cls(NgramModel.learn(ids, extended, order, parameter="background.order"))

    def save(self, folder: Path) -> None:
        """Write the model to a folder."""
        with model_folder(folder) as temporary:
            self.model.save(temporary)

    @classmethod
    def load(cls, folder: Path) -> "Background":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        model = NgramModel.load(folder)
        check_digests(folder)
        return cls(model)
