"""When the detector answers with no language at all (the reject option; Chow 1970, https://doi.org/10.1109/TIT.1970.1054406).

Out of set. A text is in none of the languages when the background (`textlstm.detection.background`) finds it likelier
than the best of them does by more than a limit, which depends on its length; a letter that none of the languages has
costs them all the same. A foreign word costs no more than one such letter, unless most letters of the text are foreign.

No language at all: keys hit at random, codes, ciphers. A text of `LEAST_KNOWN` characters and more has none when each
character costs more nats under the best of the languages, on average, than another limit, which also depends on length.

Both limits are fitted on training data. The first: on the training text, words drawn afresh, and words of the lists
that were never drawn, in equal parts, since the models were trained on the first. The second: on words never drawn
alone, the least likely of what is in the languages; without a list of words there is no such limit.

No letters, or low confidence: a text without letters, and one whose likeliest language is less probable than a
threshold. A threshold of 0 answers every text with a letter, whatever the limits say.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_sealed, write_sealed
from textlstm.core.odds import highest, posterior
from textlstm.detection.evidence import Evidence
from textlstm.language.scoring import Floats

REASONS = (
    NO_LETTERS,
    OUT_OF_SET,
    NO_LANGUAGE,
    LOW_CONFIDENCE,
) = (  # for an answer without a language: the first that applies
    "no letters",
    "out of set",
    "no language",
    "low confidence",
)

LEAST_KNOWN = 10  # characters that the languages know, the spaces around a text with them

Blocks = Sequence[tuple[Evidence, int]]  # windows of one kind of text and one language, and which


@dataclass(frozen=True)
class Abstention:
    """The fitted numbers that decide whether a text is in one of the languages at all."""

    foreign: float  # log-probability of a letter that none of the languages has, under each of them
    lengths: list[int]  # where the limit is known; between them it is interpolated, beyond them it stays
    limits: list[float]  # nats
    costs: list[float]  # at the first of the lengths, nats per known character: more is no language; [] = no such limit

    @cached_property
    def _limits(self) -> list[float]:
        """The limit of each number of characters that are read, up to the last length."""
        return self._between(self.limits)

    @cached_property
    def _costs(self) -> list[float]:
        """The same of the costs; infinite where there is no limit."""
        costs = self._between(self.costs) if self.costs else [math.inf]
        return [math.inf] * LEAST_KNOWN + (costs[LEAST_KNOWN:] or costs[-1:])

    def _between(self, values: list[float]) -> list[float]:
        lengths = self.lengths[: len(values)]
        return [float(value) for value in np.interp(range(lengths[-1] + 1), lengths, values)]

    def out_of_set_scores(self, evidence: Evidence) -> Floats:
        """Log-likelihood under the background less that under the best language, less the limit: above 0 is out of set. (n,)."""
        limits = np.array(self._limits)
        read = np.minimum(evidence.known + evidence.foreign, len(limits) - 1)
        return np.asarray(against_languages(evidence, self.foreign) - limits[read])

    def is_no_language(self, evidence: Evidence) -> npt.NDArray[np.bool_]:
        """Whether even the best language finds the characters less likely than it finds words that it never saw. (n,)."""
        costs = np.array(self._costs)
        return np.asarray(cost_per_character(evidence) > costs[np.minimum(evidence.known, len(costs) - 1)])

    def of_one(
        self, background: float, best: float, known: int, foreign: int, foreign_words: int, letters: int
    ) -> tuple[float, bool]:
        """The out-of-set score of one text, and whether it is no language, to the last bit as above; see `Evidence`.

        `best` is the log-likelihood under the best language.
        """
        limit = self._limits[min(known + foreign, len(self._limits) - 1)]
        costly = foreign if 2 * foreign > letters else foreign_words
        dear = -best / max(known, 1) > self._costs[min(known, len(self._costs) - 1)]
        return background - best - self.foreign * costly - limit, dear

    def reasons(self, evidence: Evidence, threshold: float) -> npt.NDArray[np.object_]:
        """Why each text gets no language, None where it gets its likeliest; see `decide`."""
        confidence = highest(posterior(evidence.log_likelihoods))
        found, _ = self.decide(evidence, confidence, threshold)
        return np.asarray(np.array([*REASONS, None], dtype=object)[found])

    def decide(self, evidence: Evidence, confidence: Floats, threshold: float) -> tuple[npt.NDArray[np.int64], Floats]:
        """Which of the `REASONS` applies to each text, their number if none does, and the out-of-set scores.

        With a threshold of 0 every text with a letter is answered.

        Args:
            evidence: about n texts.
            confidence: probability of the likeliest language, (n,).
            threshold: the least that is answered.
        """
        scores = self.out_of_set_scores(evidence)
        found = np.full(len(confidence), len(REASONS))
        if threshold:
            found[confidence < threshold] = REASONS.index(LOW_CONFIDENCE)
            found[self.is_no_language(evidence)] = REASONS.index(NO_LANGUAGE)
            found[scores > 0] = REASONS.index(OUT_OF_SET)
        found[evidence.letters == 0] = REASONS.index(NO_LETTERS)
        return found, scores

    def save(self, path: Path) -> None:
        """Write the numbers."""
        write_sealed(path, self)

    @classmethod
    def load(cls, path: Path) -> "Abstention":
        """Read what `save` wrote; a missing or broken file is a TextLSTMError."""
        return read_sealed(path, cls)


def against_languages(evidence: Evidence, foreign: float) -> Floats:
    """Log-likelihood under the background less that under the best language, shape (n,)."""
    mostly = 2 * evidence.foreign > evidence.letters
    costly = np.where(mostly, evidence.foreign, evidence.foreign_words)
    return np.asarray(evidence.background - highest(evidence.log_likelihoods) - foreign * costly)


def cost_per_character(evidence: Evidence) -> Floats:
    """Nats per known character under the best language, 0 for texts without any, shape (n,)."""
    return np.asarray(-highest(evidence.log_likelihoods) / np.maximum(evidence.known, 1))


def foreign_log_probability(blocks: Blocks) -> float:
    """Logarithm of the share of letters that none of the languages has in their own texts, with one such letter added."""
    foreign = sum(int(evidence.foreign.sum()) for evidence, _ in blocks)
    letters = sum(int(evidence.letters.sum()) for evidence, _ in blocks)
    return float(np.log((foreign + 1) / (letters + 1)))


def fit_limit(values: Sequence[Floats], share: float) -> float:
    """The limit above which `share` of the values lie, every block of values counting the same."""
    joined = np.concatenate(values)
    weights = np.concatenate([np.full(len(block), 1.0 / len(block)) for block in values])
    order = np.argsort(joined, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    place = min(int(np.searchsorted(reached, 1.0 - share - 1e-12)), len(joined) - 1)
    return float(joined[order][place])


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
        false_out_of_set: share of the windows of the languages' own texts that may be taken for out of set, and of the
            words never drawn that may be taken for no language.

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
    limits, costs = [], []
    for length in lengths:
        values = [against_languages(evidence, foreign) for evidence, _ in blocks(length, *kinds)]
        never = [cost_per_character(evidence) for evidence, _ in blocks(length, unseen_words)]
        least = -np.inf if never else 0.0  # the learnt text alone knows nothing of other texts
        limits.append(max(fit_limit(values, false_out_of_set), least))
        costs += [fit_limit(never, false_out_of_set)] if never else []
    return Abstention(foreign, lengths, limits, costs)
