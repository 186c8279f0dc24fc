"""When the detector answers with no language at all (the reject option; Chow 1970, https://doi.org/10.1109/TIT.1970.1054406).

Out of set. A text is in none of the languages when the background (`textlstm.detection.background`) finds it likelier
than the best of them does by more than a limit, which depends on its length; a letter that none of the languages has
costs them all the same. The limits are fitted on training data: the training text, words drawn afresh, and words of the
lists that were never drawn, in equal parts, since the models were trained on the first.

No letters, or low confidence: a text without letters, and one whose likeliest language is less probable than a
threshold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_record, write_json
from textlstm.core.odds import posterior
from textlstm.detection.evidence import Evidence
from textlstm.language.scoring import Floats

NO_LETTERS, OUT_OF_SET, LOW_CONFIDENCE = (
    "no letters",
    "out of set",
    "low confidence",
)  # reasons for an answer without a language

Blocks = Sequence[tuple[Evidence, int]]  # windows of one kind of text and one language, and which


@dataclass(frozen=True)
class Abstention:
    """The fitted numbers that decide whether a text is in one of the languages at all."""

    foreign: float  # log-probability of a letter that none of the languages has, under each of them
    lengths: list[int]  # where the limit is known; between them it is interpolated, beyond them it stays
    limits: list[float]  # nats

    def out_of_set_scores(self, evidence: Evidence) -> Floats:
        """Log-likelihood under the background less that under the best language, less the limit: above 0 is out of set. (n,)."""
        read = evidence.known + evidence.foreign
        return np.asarray(against_languages(evidence, self.foreign) - np.interp(read, self.lengths, self.limits))

    def reasons(self, evidence: Evidence, threshold: float) -> list[str | None]:
        """Why a text gets no language, None where it gets its likeliest; `threshold` is the least probability that is answered."""
        confidence = posterior(evidence.log_likelihoods).max(axis=1)
        found = zip(evidence.letters, self.out_of_set_scores(evidence), confidence, strict=True)
        return [
            NO_LETTERS if not letters else OUT_OF_SET if score > 0 else LOW_CONFIDENCE if chance < threshold else None
            for letters, score, chance in found
        ]

    def save(self, path: Path) -> None:
        """Write the numbers."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Abstention":
        """Read what `save` wrote; a missing or broken file is a TextLSTMError."""
        return read_record(path, cls)


def against_languages(evidence: Evidence, foreign: float) -> Floats:
    """Log-likelihood under the background less that under the best language, shape (n,)."""
    return np.asarray(evidence.background - evidence.log_likelihoods.max(axis=1) - foreign * evidence.foreign)


def foreign_log_probability(blocks: Blocks) -> float:
    """Logarithm of the share of letters that none of the languages has in their own texts, with one such letter added."""
    foreign = sum(int(evidence.foreign.sum()) for evidence, _ in blocks)
    letters = sum(int(evidence.letters.sum()) for evidence, _ in blocks)
    return float(np.log((foreign + 1) / (letters + 1)))


def fit_limit(blocks: Blocks, foreign: float, share: float, *, least: float = -np.inf) -> float:
    """The limit above which `share` of the languages' own windows lie, every block counting the same; at least `least`."""
    values = np.concatenate([against_languages(evidence, foreign) for evidence, _ in blocks])
    weights = np.concatenate([np.full(len(evidence.known), 1.0 / len(evidence.known)) for evidence, _ in blocks])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    place = min(int(np.searchsorted(reached, 1.0 - share - 1e-12)), len(values) - 1)
    return float(max(values[order][place], least))


def fit_abstention(
    text: Mapping[int, Blocks],
    fresh_words: Mapping[int, Blocks],
    unseen_words: Mapping[int, Blocks],
    *,
    false_out_of_set: float,
) -> Abstention:
    """Fit all numbers.

    Args:
        text: for each window length, windows of the training texts and the index of their language.
        fresh_words: the same of words drawn afresh; without blocks where a language has no list of words.
        unseen_words: the same of words that the training never drew.
        false_out_of_set: share of the windows of the languages' own texts that may be taken for out of set.

    Raises:
        TextLSTMError: the texts have no window of any length.
    """
    lengths = sorted(length for length in text if any(len(evidence.known) for evidence, _ in text[length]))
    if not lengths:
        raise TextLSTMError(
            "abstention: expected training texts of at least one of score.lengths characters, got shorter ones. Give longer texts"
        )

    def blocks(length: int, *kinds: Mapping[int, Blocks]) -> Blocks:
        return [block for kind in kinds for block in kind.get(length, []) if len(block[0].known)]

    kinds = (text, fresh_words, unseen_words)
    foreign = foreign_log_probability([block for length in lengths[:1] for block in blocks(length, *kinds)])
    limits = []
    for length in lengths:
        least = -np.inf if blocks(length, unseen_words) else 0.0  # the learnt text alone knows nothing of other texts
        limits.append(fit_limit(blocks(length, *kinds), foreign, false_out_of_set, least=least))
    return Abstention(foreign, lengths, limits)
