"""A character n-gram model: counting, the bar that a neural model has to clear.

Smoothing is by interpolation after Witten and Bell (1991), method C, as in Chen and Goodman (1999), section 2.6:

    P(c | h) = (count(h c) + T(h) P(c | h')) / (count(h) + T(h))

where h' is the context h without its first character, T(h) the number of different characters seen after h, and below
the empty context stands the uniform distribution. A context that was never seen passes the question on to the shorter
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, write_arrays
from textlstm.language.scoring import Floats, Level, codes_of, finish_table
from textlstm.language.vocabulary import Vocabulary

Codes = npt.NDArray[np.int64]
Counts = tuple[Codes, Codes]

_AT_ONCE = 1 << 22  # strings


@dataclass(frozen=True)
class NgramModel:
    """Counts of all strings of 1 to `order` characters. Strings are numbers in base `vocabulary.size`."""

    vocabulary: Vocabulary
    codes: tuple[Codes, ...]  # codes[j]: the different strings of j + 1 characters, ascending
    counts: tuple[Codes, ...]  # counts[j]: how often each was seen

    @classmethod
    def learn(
        cls, ids: npt.NDArray[Any], vocabulary: Vocabulary, order: int, *, parameter: str = "ngram.order"
    ) -> "NgramModel":
        """Count the strings of a text.

        Args:
            ids: character ids, shape (n,).
            vocabulary: what the ids stand for.
            order: longest string counted: one character and a context of order - 1.
            parameter: what the order is called in params.yaml.

        Raises:
            TextLSTMError: the strings of that length do not fit into 63 bits.
        """
        if vocabulary.size**order >= 2**63:
            fits = int(63 / np.log2(vocabulary.size))
            raise TextLSTMError(
                f"{parameter} is {order}, expected at most {fits} for {vocabulary.size} different characters. Lower it, or raise "
                "vectorize.min_count, with which there are fewer characters"
            )
        found = [_count(ids, order, vocabulary.size)]
        for length in range(order - 1, 0, -1):
            codes, counts = found[-1]  # one that is shorter begins one of these, or is the last one of the text
            last = _strings(ids[-length:], length, vocabulary.size)
            found.append(_merged((codes // vocabulary.size, counts), (last, np.ones_like(last))))
        return cls(vocabulary, *(tuple(of_length[kind] for of_length in reversed(found)) for kind in (0, 1)))

    def up_to(self, order: int) -> "NgramModel":
        """The counts of strings of at most `order` characters."""
        return NgramModel(self.vocabulary, self.codes[:order], self.counts[:order])

    def plus(self, other: "NgramModel", times: int) -> "NgramModel":
        """These counts and `times` those of another model of the same vocabulary and order.

        This is how a model of much text is adapted to the little there is of the right kind (maximum a posteriori, as
        "count merging" in Bacchiani, Riley, Roark and Sproat 2006, https://doi.org/10.1016/j.csl.2004.12.001).
        """
        merged = []
        for mine, my_counts, others, other_counts in zip(
            self.codes, self.counts, other.codes, other.counts, strict=True
        ):
            merged.append(_merged((mine, my_counts), (others, times * other_counts)))
        return NgramModel(self.vocabulary, tuple(codes for codes, _ in merged), tuple(counts for _, counts in merged))

    @property
    def order(self) -> int:
        """Longest string counted."""
        return len(self.codes)

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """See `textlstm.language.scoring.CharacterModel`; W is `order`."""
        table = np.zeros((len(ids), self.order))
        size = self.vocabulary.size
        probability = np.full(len(ids), 1.0 / (size - 1))  # of character t; every id but <start> can follow
        for context in range(
            self.order
        ):  # probability[t]: of character t after the `context` characters before it, t >= context
            strings = _strings(ids, context + 1, size)  # (n - context,): entry i is about character i + context
            probability = self._interpolate(strings, probability[len(probability) - len(strings) :], context)
            table[: len(strings), context] = np.log(probability)
        return finish_table(table, ids)

    def log_conditionals(self, levels: Sequence[Level]) -> list[Floats]:
        """See `textlstm.language.scoring.CompilableModel`."""
        size = self.vocabulary.size
        found: list[Floats] = []
        for codes in codes_of(levels, size):
            probability = np.full(len(codes), 1.0 / (size - 1))
            for context in range(min(len(found) + 1, self.order)):
                probability = self._interpolate(codes % size ** (context + 1), probability, context)
            found.append(np.log(probability))
        return found

    @cached_property
    def _contexts(self) -> tuple[tuple[Codes, Codes, Codes], ...]:
        """For contexts of 0, 1, … characters: the different ones, ascending; how often each was seen; how many characters followed it."""
        found = []
        for codes, counts in zip(self.codes, self.counts, strict=True):
            heads = codes // self.vocabulary.size  # ascending, since the codes are
            first = np.flatnonzero(np.diff(heads, prepend=-1))
            found.append((heads[first], np.add.reduceat(counts, first), np.diff(first, append=len(heads))))
        return tuple(found)

    def _interpolate(self, strings: Codes, shorter: Floats, context: int) -> Floats:
        """P(last character of each string | the characters before it), given the same after one character less."""
        together = _look_up(self.codes[context], self.counts[context], strings)
        seen, totals, kinds = self._contexts[context]
        contexts = strings // self.vocabulary.size
        total = _look_up(seen, totals, contexts)
        kind = np.where(total > 0, _look_up(seen, kinds, contexts), 1)
        return np.asarray((together + kind * shorter) / (total + kind))

    def save(self, folder: Path) -> None:
        """Write the counts and their vocabulary into a folder."""
        self.vocabulary.save(folder / "characters.json")
        arrays = {f"codes_{length}": codes for length, codes in enumerate(self.codes, start=1)}
        arrays |= {f"counts_{length}": counts for length, counts in enumerate(self.counts, start=1)}
        write_arrays(folder / "counts.npz", **arrays)

    @classmethod
    def load(cls, folder: Path) -> "NgramModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        vocabulary = Vocabulary.load(folder / "characters.json")
        path = folder / "counts.npz"
        lengths = range(1, len(read_arrays(path, "codes_1", "counts_1")) // 2 + 1)
        arrays = read_arrays(path, *(f"{name}_{length}" for name in ("codes", "counts") for length in lengths))
        codes, counts = (tuple(arrays[f"{name}_{length}"] for length in lengths) for name in ("codes", "counts"))
        return cls(vocabulary, codes, counts)


def _strings(ids: npt.NDArray[Any], length: int, size: int) -> Codes:
    """Number of each string of `length` characters in base `size`, shape (n - length + 1,).

    >>> _strings(np.array([1, 2, 3]), 2, 10).tolist()
    [12, 23]
    """
    count = max(len(ids) - length + 1, 0)
    codes = np.zeros(count, dtype=np.int64)
    for offset in range(length):
        codes = codes * size + ids[offset : offset + count]
    return codes


def _count(ids: npt.NDArray[Any], length: int, size: int) -> Counts:
    """The different strings of `length` characters, ascending, and how often each was seen; a part of the text at a time."""
    counted: Counts = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    for begin in range(0, max(len(ids) - length + 1, 0), _AT_ONCE):
        strings = _strings(ids[begin : begin + _AT_ONCE + length - 1], length, size)
        strings.sort()
        counted = _merged(counted, (strings, np.ones_like(strings)))
    return counted


def _merged(one: Counts, other: Counts) -> Counts:
    """Both counts together; in each, strings ascend and may stand several times."""
    codes, counts = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    order = np.argsort(codes, kind="stable")  # of two runs that ascend: no more than a merge
    codes = codes[order]
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    return codes[first], np.add.reduceat(counts[order], first) if len(first) else first


def _look_up(keys: Codes, values: Codes, wanted: Codes) -> Codes:
    """The value of each wanted key, 0 where there is none; `keys` ascend."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    where = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[where] == wanted, values[where], 0)
