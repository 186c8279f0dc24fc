"""Character models of several languages in one table: the log-probabilities of strings, looked up in place of computed.

The table holds strings of up to `order` characters. A string has one row of numbers, one per model: the natural
logarithm of the probability of its last character after the others and, where longer strings begin with it, its
back-off weight, with which the probabilities after every context sum to one (Katz 1987,
https://doi.org/10.1109/TASSP.1987.1165125; files in the ARPA format hold the same numbers):

    log P(c | h) = value(h c)                          if the table holds h c
                 = weight(h) + log P(c | h')           if not; h' is h without its first character

The strings are a trie. A node has a bitmap of the characters that may follow and the number of its first child; the
rank of a character in the bitmap leads to its child (Jacobson 1989, https://doi.org/10.1109/SFCS.1989.63533). So a
string is found without hashing, and never another in its place.

All numbers are integers, in steps of 1 / 256 nat or another fraction. Sums of integers do not depend on their order: a
text has the same log-likelihood alone and among a million others.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import (
    check_digests,
    how_to_make,
    model_folder,
    read_arrays,
    read_record,
    write_arrays,
    write_json,
)
from textlstm.language.scoring import Floats, Level, codes_of, finish_table
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary

BITS = 64  # of a word of the bitmaps
_ARRAYS = ("values", "weights", "links", "suffixes")

Codes = npt.NDArray[np.int64]
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class BackoffTable:
    """Values and back-off weights of strings of ids, in a trie.

    Its ids are those of the vocabulary and one more, `foreign`, for letters that the vocabulary does not have. Nodes are
    numbered by length: node `a * size + b` is the pair of the ids a and b, longer strings follow. Node 0, a pair that
    no text has, stands for "not there": it has no child, and its numbers are 0.
    """

    vocabulary: Vocabulary
    columns: tuple[str, ...]  # names of the models
    order: int  # characters of the longest string
    steps: int  # per nat
    values: npt.NDArray[np.int16]  # (nodes, at least as many as columns), steps
    weights: npt.NDArray[np.int16]  # (nodes that are not of the longest, likewise), steps
    links: npt.NDArray[np.uint64]  # (the same nodes * words, 2): a word of the bitmap, and the first child in it
    suffixes: npt.NDArray[np.int32]  # (nodes,): of each string without its first character; 0 for pairs

    @property
    def foreign(self) -> int:
        """The id of letters that the vocabulary does not have."""
        return self.vocabulary.size

    @property
    def size(self) -> int:
        """Number of ids."""
        return self.vocabulary.size + 1

    @property
    def words(self) -> int:
        """Words of a bitmap, in which the bit of an id is its number less one: `<start>` follows nothing."""
        return _words(self.size)

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return sum(array.nbytes for array in (self.values, self.weights, self.links, self.suffixes))

    def nodes(self, ids: Codes) -> list[Codes]:
        """For each length from 2 on, the nodes of the strings that end at each character, 0 where the table has none.

        Args:
            ids: of texts, each after a `<start>` of its own, shape (n,). No string goes beyond a `<start>`, but for
                the pair that begins with it, which is its first character alone.
        """
        places = np.arange(-1, self.size - 1)  # of ids, <start> first
        bits = np.where(places < 0, 0, np.uint64(1) << (places % BITS).astype(np.uint64)).astype(np.uint64)
        bit, words = bits.take(ids), self.words
        below = bit - (bit > 0)
        found = [np.where(ids == START, 0, _before(ids) * self.size + ids)]
        for _ in range(3, self.order + 1):
            where = _before(found[-1])
            if words > 1:
                where = where * words + (ids - 1) // BITS
            links = self.links.take(where, axis=0)  # (n, 2)
            child = np.bitwise_count(links[:, 0] & below) + links[:, 1]
            found.append((child * ((links[:, 0] & bit) != 0)).view(np.int64))
        return found

    def scores(self, ids: Codes) -> Integers:
        """Log-probability of each character after those before it in its text, as far as the table knows, in steps.

        Args:
            ids: of texts, each after a `<start>` of its own, shape (n,).

        Returns:
            Shape (n, columns or more); 0 for `<start>`.
        """
        found = self.nodes(ids)
        deepest = found[0]
        for longer in found[1:]:
            deepest = np.maximum(deepest, longer)  # a longer string has a higher number
        scores = self.values.take(deepest, axis=0).astype(np.int32)
        for shorter, longer in itertools.pairwise(found):
            contexts = _before(shorter)
            missing = np.flatnonzero((longer == 0) & (contexts >= self.size))  # not after <start>
            missing = missing[(ids[missing] > UNKNOWN) & (ids[missing] != self.foreign)]
            scores[missing] += self.weights.take(contexts[missing], axis=0)
        return scores

    def model(self, column: str, vocabulary: Vocabulary | None = None) -> "TableModel":
        """One of its models; of a `vocabulary` with one character more, that is the foreign letter."""
        return TableModel(self, self.columns.index(column), vocabulary or self.vocabulary)

    def save(self, folder: Path) -> None:
        """Write the table to a folder."""
        with model_folder(folder) as temporary:
            self.vocabulary.save(temporary / "characters.json")
            write_json(
                temporary / "config.json", {"columns": list(self.columns), "order": self.order, "steps": self.steps}
            )
            arrays = {name: getattr(self, name) for name in _ARRAYS}
            write_arrays(temporary / "table.npz", **arrays)

    @classmethod
    def load(cls, folder: Path) -> "BackoffTable":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        config = read_record(folder / "config.json", _Config)
        vocabulary = Vocabulary.load(folder / "characters.json")
        arrays = read_arrays(folder / "table.npz", *_ARRAYS)
        table = cls(vocabulary, tuple(config.columns), config.order, config.steps, **arrays)
        inner = len(table.weights)
        fits = (
            table.values.ndim == 2
            and table.values.shape[1] >= len(table.columns)
            and table.size**2 <= inner <= len(table.values)
            and table.weights.shape[1:] == table.values.shape[1:]
            and table.links.shape == (inner * table.words, 2)
            and table.suffixes.shape == table.values.shape[:1]
        )
        if not fits:
            raise TextLSTMError(
                f"{folder}: expected a table of {len(vocabulary.characters)} characters and {len(config.columns)} models, "
                f"got arrays of other shapes. Its files do not belong together. {how_to_make(folder)}"
            )
        ends = table.links[:, 1] + np.bitwise_count(table.links[:, 0])
        if max(int(ends.max()), int(table.suffixes.max())) > len(table.values) or table.suffixes.min() < 0:
            raise TextLSTMError(
                f"{folder}: expected links to {len(table.values)} strings, got one that leads to a string beyond its end. "
                f"{how_to_make(folder)}"
            )
        check_digests(folder)
        return table


@dataclass(frozen=True)
class _Config:
    columns: list[str]
    order: int
    steps: int


@dataclass(frozen=True)
class TableModel:
    """One model of a table. Answers as a `textlstm.language.scoring.CharacterModel`."""

    table: BackoffTable
    column: int
    vocabulary: Vocabulary

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """See `textlstm.language.scoring.CharacterModel`; W is the table's order."""
        table, column = self.table, self.column
        padded = np.concatenate([[START], ids]).astype(np.int64)
        found = table.nodes(padded)
        steps = [table.values[padded, column].astype(np.int64)]  # the pairs that begin with <start>
        for level, nodes in enumerate(found):
            weights = (
                np.where(padded == table.foreign, 0, table.weights[_before(found[level - 1]), column]) if level else 0
            )
            there = nodes >= table.size  # not a pair with <start>
            steps.append(np.where(there, table.values[nodes, column], steps[-1] + weights))
        rows = np.zeros((len(ids), table.order))
        for context, of_context in enumerate(steps):
            rows[: max(len(ids) - context, 0), context] = of_context[1 + context :] / table.steps
        return finish_table(rows, ids)


def _words(size: int) -> int:
    """Words of a bitmap of so many ids without `<start>`."""
    return -(-(size - 1) // BITS)


def _before(values: Codes) -> Codes:
    """The values of the characters before each; 0 for the first.

    >>> _before(np.array([5, 6, 7])).tolist()
    [0, 5, 6]
    """
    shifted = np.zeros_like(values)
    shifted[1:] = values[:-1]
    return shifted


def build_table(
    vocabulary: Vocabulary,
    levels: Sequence[Level],
    log_probabilities: Mapping[str, Sequence[Floats]],
    *,
    special: Mapping[str, Sequence[int]],
    steps: int,
) -> BackoffTable:
    """Make a table.

    Args:
        vocabulary: of the languages.
        levels: the strings of one character (every id but `<start>`), of two (all pairs of these), of three, and so on.
        log_probabilities: for each model and each level, of the strings' last characters after the others, nats.
        special: for each model, ids that take no part in sums of probabilities; their log-probability is 0.
        steps: per nat.
    """
    size = vocabulary.size + 1
    codes = codes_of(levels, size)
    pairs = np.concatenate([codes[0], codes[1]])  # those that begin with <start> first
    counts = [size**2, *(len(level.ids) for level in levels[2:])]
    offsets = np.cumsum([0, *counts])
    words, inner = _words(size), offsets[-2]
    links = np.zeros((inner * words, 2), np.uint64)
    width = -(-len(log_probabilities) // 4) * 4  # rows of whole words are looked up faster
    values, weights = np.zeros((offsets[-1], width), np.int16), np.zeros((inner, width), np.int16)
    suffixes = np.zeros(offsets[-1], np.int32)
    for column, of_levels in enumerate(log_probabilities.values()):
        values[pairs, column] = _rounded(np.concatenate(of_levels[:2]), steps)
        for level, begin in enumerate(offsets[1:-1], start=2):
            values[begin : begin + len(codes[level]), column] = _rounded(of_levels[level], steps)
    for level, begin in enumerate(offsets[1:-1], start=2):
        parents, ids = levels[level]
        heads = codes[1][parents] if level == 2 else offsets[level - 2] + parents
        places = heads * words + (ids - 1) // BITS
        np.bitwise_or.at(links[:, 0], places, np.uint64(1) << ((ids - 1) % BITS).astype(np.uint64))
        first = np.flatnonzero(np.diff(places, prepend=-1))
        links[places[first], 1] = begin + first
        tails = np.searchsorted(codes[level - 1], codes[level] % size**level)
        suffixes[begin : begin + len(tails)] = codes[1][tails] if level == 2 else offsets[level - 2] + tails
        nodes = np.unique(heads)
        for column, (name, of_levels) in enumerate(log_probabilities.items()):
            counted = ~np.isin(ids, special[name])
            left = [
                1.0 - np.bincount(heads[counted], np.exp(part[counted]), inner)[nodes]
                for part in (of_levels[level], of_levels[level - 1][tails])
            ]
            ratio = np.maximum(left[0], _LEAST) / np.maximum(left[1], _LEAST)
            weights[nodes, column] = _rounded(np.log(ratio), steps)
    return BackoffTable(vocabulary, tuple(log_probabilities), len(levels), steps, values, weights, links, suffixes)


_LEAST = 1e-6  # probability that is left for the strings that the table does not hold


def _rounded(nats: Floats, steps: int) -> npt.NDArray[np.int16]:
    limits = np.iinfo(np.int16)
    return np.clip(np.round(nats * steps), limits.min, limits.max).astype(np.int16)
