"""What an answer is made from: log-likelihoods of texts, or of windows of them, under the languages' models and the background.

Characters outside the languages' vocabulary are folded first: letters become one foreign letter, digits and marks say nothing.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.detection.background import FOREIGN, Background, fold
from textlstm.language.scoring import CharacterModel, Floats, window_log_likelihoods
from textlstm.language.vocabulary import UNKNOWN


class Evidence(NamedTuple):
    """All that an answer about n texts, or windows of texts, is made from."""

    log_likelihoods: Floats  # (n, languages): of the characters that the languages know
    background: Floats  # (n,): of these and of foreign letters
    known: npt.NDArray[np.int64]  # (n,): characters that the languages know
    foreign: npt.NDArray[np.int64]  # (n,): letters that none of them knows
    letters: npt.NDArray[np.int64]  # (n,): letters, known or foreign


def text_evidence(models: Sequence[CharacterModel], background: Background, texts: Sequence[str]) -> Evidence:
    """Evidence of normalised texts, each as a whole. All are read in one go, and none is influenced by its neighbours."""
    return _evidence(models, background, texts, [None])[0][0]


def window_evidence(
    models: Sequence[CharacterModel], background: Background, texts: Sequence[str], lengths: Sequence[int]
) -> dict[int, tuple[Evidence, npt.NDArray[np.int64]]]:
    """For each length, evidence of every window of so many characters, and the index of the text that it comes from.

    A text that is shorter than a window has none of that length.
    """
    return dict(zip(lengths, _evidence(models, background, texts, lengths), strict=True))


def _evidence(
    models: Sequence[CharacterModel], background: Background, texts: Sequence[str], lengths: Sequence[int | None]
) -> list[tuple[Evidence, npt.NDArray[np.int64]]]:
    """The same; the length None stands for the whole of each text."""
    vocabulary = models[0].vocabulary
    folded = [fold(text, vocabulary) for text in texts]
    ends = np.cumsum([0, *map(len, folded)])
    together = "".join(folded)
    tables = [model.log_probabilities(model.vocabulary.encode(together)) for model in (*models, background.model)]
    letter = np.array(
        [character.isalpha() or unicodedata.category(character)[0] == "M" for character in together], dtype=np.int64
    )
    foreign = np.array([character == FOREIGN for character in together], dtype=np.int64)
    known = (vocabulary.encode(together) != UNKNOWN).astype(np.int64)
    counts = [known, foreign, letter + foreign]
    found = []
    for length in lengths:
        columns: list[list[npt.NDArray[Any]]] = [[] for _ in range(len(tables) + len(counts))]
        owners = []
        for owner, text in enumerate(folded):
            size = len(text) if length is None else length
            windows = len(text) - size + 1
            if windows < 1:
                continue
            rows = slice(ends[owner], ends[owner + 1])
            for column, table in zip(columns, tables, strict=False):
                column.append(window_log_likelihoods(table[rows], size) if size else np.zeros(1))
            for column, count in zip(columns[len(tables) :], counts, strict=True):
                running = np.concatenate([[0], np.cumsum(count[rows])])
                column.append(running[size:] - running[: len(running) - size])
            owners.append(np.full(windows, owner))
        joined = [np.concatenate(column) if column else np.zeros(0) for column in columns]
        likelihoods, (n_known, n_foreign, n_letters) = (
            joined[: len(tables)],
            (column.astype(np.int64) for column in joined[len(tables) :]),
        )
        evidence = Evidence(np.stack(likelihoods[:-1], axis=1), likelihoods[-1], n_known, n_foreign, n_letters)
        found.append((evidence, np.concatenate(owners) if owners else np.zeros(0, dtype=np.int64)))
    return found
