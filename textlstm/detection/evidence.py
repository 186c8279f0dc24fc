"""What an answer is made from: log-likelihoods of texts, or of windows of them, under the languages' models and the background.

Characters outside the languages' vocabulary are folded first: letters become one foreign letter, all else says nothing.
"""

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from textlstm.core.text import LONGEST, as_whole, clean, pieces
from textlstm.detection.background import FOREIGN, fold
from textlstm.language.scoring import CharacterModel, Floats, window_log_likelihoods
from textlstm.language.vocabulary import UNKNOWN

Counts = npt.NDArray[np.int64]


class Evidence(NamedTuple):
    """All that an answer about n texts, or windows of texts, is made from."""

    log_likelihoods: Floats  # (n, languages): of the characters that the languages know
    background: Floats  # (n,): of these and of foreign letters
    known: Counts  # (n,): characters that the languages know
    foreign: Counts  # (n,): letters that none of them knows
    foreign_words: Counts  # (n,): of these, those before which stands neither another nor a combining mark
    letters: Counts  # (n,): letters, known or foreign


Windows = tuple[Evidence, Counts]  # and (n,): the index of the text that each window comes from


def text_evidence(models: Sequence[CharacterModel], background: CharacterModel, texts: Sequence[str]) -> Evidence:
    """Evidence of cleaned texts, each as a whole. All are read in one go, and none is influenced by its neighbours.

    Args:
        models: one per language.
        background: the model of a `textlstm.detection.background.Background`.
        texts: cleaned.
    """
    return _evidence(models, background, texts, [None])[0][0]


class EvidenceReader(Protocol):
    """What the evidence about whole texts comes from: the table, or the models themselves."""

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """The evidence about each text, which its neighbours do not influence."""
        ...


def evidence_of(reader: EvidenceReader, texts: Sequence[str]) -> Evidence:
    """The evidence about each text; of a text longer than `LONGEST` the sum of that about its pieces, each as a whole."""
    if max(map(len, texts), default=0) <= LONGEST:
        return reader.evidence(texts)
    split = [list(pieces(text)) for text in texts]
    begins = np.cumsum([0, *map(len, split)])[:-1]
    found = reader.evidence([*itertools.chain(*split)])
    return Evidence(*(np.add.reduceat(column, begins) for column in found))


@dataclass(frozen=True)
class ModelReader:
    """Asks the models themselves."""

    models: Sequence[CharacterModel]  # one per language
    background: CharacterModel

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """See `EvidenceReader`. A text is taken to be whole: it begins and ends where words do."""
        return text_evidence(self.models, self.background, [as_whole(clean(text)) for text in texts])


def window_evidence(
    models: Sequence[CharacterModel], background: CharacterModel, texts: Sequence[str], lengths: Sequence[int]
) -> dict[int, Windows]:
    """For each length, evidence of every window of so many characters of cleaned texts.

    A text that is shorter than a window has none of that length.
    """
    return dict(zip(lengths, _evidence(models, background, texts, lengths), strict=True))


def _evidence(
    models: Sequence[CharacterModel], background: CharacterModel, texts: Sequence[str], lengths: Sequence[int | None]
) -> list[Windows]:
    """The same for several lengths, of which None stands for the whole of each text."""
    vocabulary = models[0].vocabulary
    folded = [fold(text, vocabulary) for text in texts]
    together = "".join(folded)
    known = vocabulary.encode(together) != UNKNOWN
    foreign = np.array([character == FOREIGN for character in together], bool)
    letters = np.array([character.isalpha() for character in together], bool) | foreign
    marks = np.array([unicodedata.category(character)[0] == "M" for character in "".join(texts)], bool)
    follows = np.roll(foreign & ~np.roll(foreign | marks, 1), -1)  # whether the next one begins a foreign word
    words = np.stack([foreign, follows], axis=1)  # a character at the beginning of a reading, and after another
    counts = [known[:, None], foreign[:, None], words, letters[:, None]]
    tables = [model.log_probabilities(model.vocabulary.encode(together)) for model in (*models, background)]
    tables += [count.astype(np.float64) for count in counts]
    ends = np.cumsum([0, *map(len, folded)])
    found = []
    for length in lengths:
        sums, owners = [np.zeros((0, len(tables)))], [np.zeros(0, np.int64)]
        for owner, (begin, end) in enumerate(itertools.pairwise(ends)):
            size = end - begin if length is None else length
            windows = end - begin - size + 1
            if windows < 1:
                continue
            columns = [window_log_likelihoods(table[begin:end], size) if size else np.zeros(1) for table in tables]
            sums.append(np.stack(columns, axis=1))
            owners.append(np.full(windows, owner))
        likelihoods, counted = np.split(np.concatenate(sums), [len(models) + 1], axis=1)
        evidence = Evidence(likelihoods[:, :-1].copy(), likelihoods[:, -1].copy(), *counted.T.astype(np.int64))
        found.append((evidence, np.concatenate(owners)))
    return found
