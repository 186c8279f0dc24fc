"""Log-likelihoods of strings under character models, in log space (natural logarithms).

A character model, LSTM or n-gram, answers for a text of n characters with a table of shape (n, W): row i, column k
holds log P(character i + k | <start>, the k characters before it), so that each row is a reading that begins afresh at
character i. W is the longest reading that the model was trained for. Every score of every substring is a sum over this
table, and no model is ever asked about a context longer than those it learnt from.

Characters outside the vocabulary say nothing about a language: they count as log 1 = 0 under every model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.language.vocabulary import UNKNOWN, Vocabulary

Floats = npt.NDArray[np.float64]


class Level(NamedTuple):
    """Strings of one length of a prefix tree: each is one of those that are a character shorter, and its last character.

    They are in the order of their parents and, of one parent, of their ids.
    """

    parents: npt.NDArray[np.int64]  # (n,): indices in the level before; 0 in the first one
    ids: npt.NDArray[np.int32]  # (n,)


def codes_of(levels: Sequence[Level], size: int) -> list[npt.NDArray[np.int64]]:
    """The strings of each level as numbers in base `size`, ascending.

    >>> codes_of([Level(np.array([0, 0]), np.array([2, 3])), Level(np.array([0, 1]), np.array([3, 3]))], 10)[1].tolist()
    [23, 33]
    """
    codes = [np.zeros(1, np.int64)]
    for parents, ids in levels:
        codes.append(codes[-1][parents] * size + ids)
    return codes[1:]


class CharacterModel(Protocol):
    """What an LSTM and an n-gram model have in common."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that the model knows."""
        ...

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """The table of a text; entries beyond the end of the text are 0.

        Args:
            ids: character ids, shape (n,).

        Returns:
            log-probabilities, shape (n, W).
        """
        ...


class CompilableModel(CharacterModel, Protocol):
    """A character model that can be asked about strings of a prefix tree, whose beginnings it reads once."""

    def log_conditionals(self, levels: Sequence[Level]) -> list[Floats]:
        """Log P(last character | <start>, those before it) of the strings of each level, beginning with those of one character.

        Of a string of more than W characters the last W count.
        """
        ...


class Remembering:
    """A model that keeps the table of the last text that it was asked about: a mixture and its parts then read a text once."""

    def __init__(self, model: CompilableModel) -> None:
        self._model = model
        self._ids: npt.NDArray[Any] | None = None
        self._table: Floats = np.zeros((0, 0))

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's."""
        return self._model.vocabulary

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """The model's; not to be written to."""
        if self._ids is None or not np.array_equal(self._ids, ids):
            self._ids, self._table = ids, self._model.log_probabilities(ids)
        return self._table

    def log_conditionals(self, levels: Sequence[Level]) -> list[Floats]:
        """The model's."""
        return self._model.log_conditionals(levels)


def finish_table(table: Floats, ids: npt.NDArray[Any]) -> Floats:
    """Set the entries of `table` (n, W) to 0 that lie beyond the end of the text or belong to unknown characters."""
    count, width = table.shape
    where = np.arange(count)[:, None] + np.arange(width)  # (n, W): which character the entry is about
    inside = where < count
    known = np.append(ids != UNKNOWN, False)[np.minimum(where, count)]
    return np.where(inside & known, table, 0.0)


def window_log_likelihoods(table: Floats, length: int) -> Floats:
    """Log-likelihood of every window of `length` characters.

    The first W characters of a window are read from its beginning; each later one follows the W - 1 characters before
    it.

    Args:
        table: log-probabilities, shape (n, W).
        length: characters in a window, at least 1.

    Returns:
        Shape (n - length + 1,).

    Raises:
        TextLSTMError: the text is shorter than the window.
    """
    count, width = table.shape
    if count < length:
        raise TextLSTMError(
            f"the text has {count} characters, expected at least {length}, the longest window asked for. "
            "Give a longer text, or take the length out of score.lengths"
        )
    windows = count - length + 1
    head = np.asarray(table[:windows, : min(length, width)].sum(axis=1))
    if length <= width:
        return head
    running = np.concatenate(
        [[0.0], np.cumsum(table[:, width - 1])]
    )  # running[j]: the last column's sum over rows before j
    first, last = np.arange(windows) + 1, np.arange(windows) + length - width + 1
    return np.asarray(head + running[last] - running[first])


def widen(table: Floats, width: int) -> Floats:
    """The same table with more columns: a reading longer than W goes on with the W - 1 characters before each further one.

    Args:
        table: log-probabilities, shape (n, W).
        width: at least W.

    Returns:
        Shape (n, width).
    """
    count, known = table.shape
    wide = np.zeros((count, width))
    wide[:, :known] = table
    for column in range(known, width):
        shift = column - known + 1
        wide[: max(count - shift, 0), column] = table[shift:, known - 1]
    return wide


def text_log_likelihood(table: Floats) -> float:
    """Log-likelihood of the whole text: its one window of full length."""
    return float(window_log_likelihoods(table, len(table))[0]) if len(table) else 0.0


def reading(table: Floats) -> Floats:
    """Log-probability of each character of the text in a single reading from its beginning, shape (n,); they sum to its log-likelihood."""
    count, width = table.shape
    where = np.arange(count)
    context = np.minimum(where, width - 1)
    return np.asarray(table[where - context, context])


CONDITIONAL = ("string", "given", "character", "series", "probability")


def conditional_probabilities(
    models: Mapping[str, CharacterModel], strings: Sequence[str]
) -> list[tuple[str, str, str, str, float]]:
    """How strings are scored, character by character.

    Returns:
        Rows of `CONDITIONAL`: string, what is given, the character, the model's name, the probability of the character
        under it.
    """
    rows = []
    for string in strings:
        for name, model in models.items():
            probabilities = np.exp(reading(model.log_probabilities(model.vocabulary.encode(string))))
            for index, character in enumerate(string):
                rows.append((string, f"<start>{string[:index]}", character, name, float(probabilities[index])))
    return rows
