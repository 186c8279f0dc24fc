"""Reviews to word ids and back. Training and prediction load the same file, so they cannot disagree.

Ids 0, 1 and 2 are `<pad>`, `<start>` and `<unknown>`; words follow from 3, the most frequent first. Does not stem and
does not drop stop words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_format, write_json
from textlstm.core.text import LONGEST, clean, pieces

PAD, START, UNKNOWN = 0, 1, 2
_SPECIAL = ("<pad>", "<start>", "<unknown>")
_FORMAT = "textlstm words 2"
SENTENCE_ENDS = frozenset(".!?")
_WORD = re.compile(r"\w+(?:'\w+)?")
_WORD_OR_PUNCTUATION = re.compile(r"\w+(?:'\w+)?|[^\w\s]")


def words_of(text: str, *, punctuation: bool = True) -> list[str]:
    """The words of a review, cleaned (`textlstm.core.text.clean`); with punctuation marks as words of their own, or without them.

    A review longer than `LONGEST` is cleaned in pieces; a word that it repeats is held once.

    >>> words_of("It's GREAT!<br />Really?")
    ["it's", 'great', '!', 'really', '?']
    """
    pattern = _WORD_OR_PUNCTUATION if punctuation else _WORD
    if len(text) <= LONGEST:
        return pattern.findall(clean(text, runs=True))
    once: dict[str, str] = {}
    return [once.setdefault(word, word) for piece in pieces(text) for word in pattern.findall(clean(piece, runs=True))]


def review_words(texts: Iterable[str], *, punctuation: bool = True, first: int = 1) -> list[list[str]]:
    """The words of each review; one without any is a TextLSTMError, which numbers them from `first` on."""
    found = []
    for number, text in enumerate(texts, start=first):
        found.append(words_of(text, punctuation=punctuation))
        if not found[-1]:
            raise TextLSTMError(f"review {number}: expected words, got none in {text[:40]!r}. Give at least one word")
    return found


def sentences_of(ends: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where each sentence of a review begins and ends, from whether each of its words is a mark that ends one, (n,).

    A run of such marks belongs to the sentence before it.

    >>> sentences_of(np.array([word in SENTENCE_ENDS for word in ["bad", "!", "!", "not", "good"]]))
    [(0, 3), (3, 5)]
    """
    last = np.flatnonzero(ends & ~np.append(ends[1:], False)) + 1  # after each run of marks
    bounds = [0, *last.tolist(), *([len(ends)] if not len(last) or last[-1] < len(ends) else [])]
    return list(pairwise(bounds))


def split_sentences(words: Sequence[str]) -> list[Sequence[str]]:
    """The sentences of a review, from its words."""
    ends = np.array([word in SENTENCE_ENDS for word in words], dtype=np.bool_)
    return [words[begin:end] for begin, end in sentences_of(ends)]


def draw_sentences(count: int, most: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Which of `count` sentences of a review are learnt from, at most `most`, ascending.

    The first and the last most often say what the whole does: a draw is one of these two as often as any other one.

    >>> draw_sentences(3, 5, np.random.default_rng(0)).tolist()
    [0, 1, 2]
    """
    if count <= most:
        return np.arange(count)
    weights = np.ones(count)
    weights[[0, -1]] = max(count / 2, 1.0)
    return np.sort(random.choice(count, most, replace=False, p=weights / weights.sum()))


@dataclass(frozen=True)
class Tokenizer:
    """Words in the order of their ids.

    >>> tokenizer = Tokenizer.learn(["good film", "good fun"], 5)
    >>> tokenizer.encode("good grief").tolist()
    [1, 3, 2]
    >>> tokenizer.decode([1, 3, 2])
    '<start> good <unknown>'
    """

    words: tuple[str, ...]  # id i + 3 is words[i]
    punctuation: bool = True  # whether punctuation marks count as words

    @classmethod
    def learn(cls, texts: Iterable[str], size: int, *, punctuation: bool = True) -> "Tokenizer":
        """The most frequent words of `texts`, as many as fit into `size` ids; ties in alphabetical order."""
        counts = Counter[str]()
        for text in texts:
            counts.update(words_of(text, punctuation=punctuation))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls(tuple(word for word, _ in ranked[: max(size - len(_SPECIAL), 0)]), punctuation)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words, start=len(_SPECIAL))}

    @property
    def size(self) -> int:
        """Number of ids, the three special ones included."""
        return len(_SPECIAL) + len(self.words)

    def knows_any(self, words: Sequence[str]) -> bool:
        """Whether any of some words has an id of its own and is no punctuation mark."""
        return any(word in self._ids and word[0].isalnum() for word in words)

    def ids_of(self, words: Sequence[str]) -> npt.NDArray[np.int32]:
        """`<start>` and the ids of words, shape (1 + number of words,)."""
        ids = self._ids
        return np.array([START, *(ids.get(word, UNKNOWN) for word in words)], dtype=np.int32)

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """`<start>` and the ids of the words of a review, shape (1 + number of words,)."""
        return self.ids_of(words_of(text, punctuation=self.punctuation))

    def decode(self, ids: Iterable[Any]) -> str:
        """The words of ids, separated by spaces; the inverse of `encode` for known words."""
        names = _SPECIAL + self.words
        return " ".join(names[int(index)] for index in ids)

    def save(self, path: Path) -> None:
        """Write the words as JSON."""
        write_json(path, {"format": _FORMAT, "punctuation": self.punctuation, "words": list(self.words)})

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read what `save` wrote; anything else is a TextLSTMError."""
        value = read_format(path, _FORMAT, "words")
        return cls(tuple(value["words"]), bool(value.get("punctuation", True)))


def encode_reviews(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Word ids of all reviews end to end, two bytes each where they fit, and where each review begins and ends.

    Returns:
        ids of shape (total,), and offsets of shape (n + 1,): review i is ids[offsets[i] : offsets[i + 1]].

    Raises:
        TextLSTMError: a review has no word.
    """
    kind = np.uint16 if tokenizer.size <= 2**16 else np.int32
    reviews = []
    for number, text in enumerate(texts, start=1):
        reviews.append(tokenizer.encode(text).astype(kind))
        if len(reviews[-1]) < 2:
            raise TextLSTMError(
                f"review {number} of those to learn from: expected words, got none in {text[:40]!r}. Remove it from the data"
            )
    offsets = np.cumsum([0, *map(len, reviews)], dtype=np.int64)
    return np.concatenate([np.zeros(0, dtype=kind), *reviews]), offsets
