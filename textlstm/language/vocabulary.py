"""The characters that the language models know, and their ids. One vocabulary serves all languages.

Id 0 is `<start>`, which stands before the first character, and id 1 is `<unknown>`. Does not clean texts: see
`textlstm.core.text`.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.files import read_format, write_json

START, UNKNOWN = 0, 1
_SPECIAL = ("<start>", "<unknown>")
_FORMAT = "textlstm characters 1"

Ids = npt.NDArray[Any]  # uint8, or uint16 when there are more than 256 ids


@dataclass(frozen=True)
class Vocabulary:
    """Characters in the order of their ids.

    >>> Vocabulary.learn(["abba", "abc"]).encode("bad").tolist()
    [3, 2, 1]
    """

    characters: tuple[str, ...]  # id i + 2 is characters[i]

    @classmethod
    def learn(cls, texts: Iterable[str], *, min_count: int = 1) -> "Vocabulary":
        """The characters that occur at least `min_count` times in all `texts` together, in the order of their code points."""
        counts = Counter[str]()
        for text in texts:
            counts.update(text)
        return cls(tuple(sorted(character for character, count in counts.items() if count >= min_count)))

    @property
    def size(self) -> int:
        """Number of ids, `<start>` and `<unknown>` included."""
        return len(_SPECIAL) + len(self.characters)

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """The smallest type that holds every id: one byte a character for alphabets."""
        return np.uint8 if self.size <= 256 else np.uint16

    def encode(self, text: str) -> Ids:
        """Ids of the characters, shape (len(text),)."""
        code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return np.asarray(_ids_of_code_points(self)[code_points])

    def decode(self, ids: Iterable[int]) -> str:
        """Text of the ids; the special ids show under their names.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        names = _SPECIAL + self.characters
        parts = []
        for index in ids:
            if not 0 <= index < self.size:
                raise ValueError(f"id {index}: expected 0 to {self.size - 1}")
            parts.append(names[index])
        return "".join(parts)

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(path, {"format": _FORMAT, "characters": list(self.characters)})

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote; anything else is a TextLSTMError."""
        return cls(tuple(read_format(path, _FORMAT, "characters")["characters"]))


@lru_cache(maxsize=4)
def _ids_of_code_points(vocabulary: Vocabulary) -> Ids:
    """The id of every code point: of a megabyte or two, so it is no part of a vocabulary, which goes to other processes."""
    table = np.full(sys.maxunicode + 1, UNKNOWN, dtype=vocabulary.dtype)
    table[[ord(character) for character in vocabulary.characters]] = np.arange(len(_SPECIAL), vocabulary.size)
    return table
