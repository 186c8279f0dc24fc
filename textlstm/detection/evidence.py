"""What an answer is made from: log-likelihoods of texts, or of windows of them, under the languages' models and the background.

Characters outside the languages' vocabulary are folded first: letters become one foreign letter, digits and marks say
nothing.
"""

import itertools
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.detection.background import FOREIGN, Background, fold
from textlstm.language.scoring import CharacterModel, Floats, window_log_likelihoods
from textlstm.language.vocabulary import UNKNOWN

Counts = npt.NDArray[np.int64]


class Evidence(NamedTuple):
    """All that an answer about n texts, or windows of texts, is made from."""

    log_likelihoods: Floats  # (n, languages): of the characters that the languages know
    background: Floats  # (n,): of these and of foreign letters
    known: Counts  # (n,): characters that the languages know
    foreign: Counts  # (n,): letters that none of them knows
    letters: Counts  # (n,): letters, known or foreign


Windows = tuple[Evidence, Counts]  # and (n,): the index of the text that each window comes from


def text_evidence(models: Sequence[CharacterModel], background: Background, texts: Sequence[str]) -> Evidence:
    """Evidence of cleaned texts, each as a whole. All are read in one go, and none is influenced by its neighbours."""
    return _evidence(models, background, texts, [None])[0][0]


def window_evidence(
    models: Sequence[CharacterModel], background: Background, texts: Sequence[str], lengths: Sequence[int]
) -> dict[int, Windows]:
    """For each length, evidence of every window of so many characters of cleaned texts.

    A text that is shorter than a window has none of that length.
    """
    return dict(zip(lengths, _evidence(models, background, texts, lengths), strict=True))


def _evidence(
    models: Sequence[CharacterModel], background: Background, texts: Sequence[str], lengths: Sequence[int | None]
) -> list[Windows]:
    """The same for several lengths, of which None stands for the whole of each text."""
    vocabulary = models[0].vocabulary
    folded = [fold(text, vocabulary) for text in texts]
    together = "".join(folded)
    tables = [model.log_probabilities(model.vocabulary.encode(together)) for model in (*models, background.model)]
    letters = np.array(
        [character.isalpha() or unicodedata.category(character)[0] == "M" for character in together], bool
    )
    foreign = np.array([character == FOREIGN for character in together], bool)
    known = vocabulary.encode(together) != UNKNOWN
    running = np.cumsum(np.stack([known, foreign, letters | foreign]), axis=1, dtype=np.int64)
    running = np.concatenate([np.zeros((3, 1), np.int64), running], axis=1)  # (3, characters + 1)
    ends = np.cumsum([0, *map(len, folded)])
    found = []
    for length in lengths:
        likelihoods, counts, owners = (
            [np.zeros((0, len(tables)))],
            [np.zeros((3, 0), np.int64)],
            [np.zeros(0, np.int64)],
        )
        for owner, (begin, end) in enumerate(itertools.pairwise(ends)):
            size = end - begin if length is None else length
            windows = end - begin - size + 1
            if windows < 1:
                continue
            columns = [window_log_likelihoods(table[begin:end], size) if size else np.zeros(1) for table in tables]
            likelihoods.append(np.stack(columns, axis=1))
            counts.append(running[:, begin + size : end + 1] - running[:, begin : begin + windows])
            owners.append(np.full(windows, owner))
        joined = np.concatenate(likelihoods)
        evidence = Evidence(joined[:, :-1].copy(), joined[:, -1].copy(), *np.concatenate(counts, axis=1))
        found.append((evidence, np.concatenate(owners)))
    return found
