"""Is a model better than another by more than chance? Both have answered the same held-out items, so the comparison is paired.

Items are drawn with replacement, and both models are asked about the same draw: what makes an item hard for both then
cancels out, and the interval of the difference is far narrower than the intervals of the two figures (Efron and
Tibshirani 1993, chapter 8).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.odds import Floats
from textlstm.evaluation.metrics import accuracy, bootstrap_intervals, language_auc, language_scores


@dataclass(frozen=True)
class Answers:
    """What a model said about the held-out items."""

    labels: npt.NDArray[np.int64]  # index of the true class, shape (n,)
    scores: Floats  # log-likelihood of each class up to a constant, shape (n, classes)

    @property
    def auc(self) -> float:
        """See `textlstm.evaluation.metrics.language_auc`; with two classes it does not matter which is the positive one."""
        return language_auc(self.labels, self.scores)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each item was answered correctly, shape (n,)."""
        return np.asarray(self.scores.argmax(axis=1) == self.labels)

    @property
    def accuracy(self) -> float:
        """Share of correct answers."""
        return accuracy(self.labels, self.scores.argmax(axis=1))


@dataclass(frozen=True)
class Difference:
    """By how much the figures of a model exceed those of another, with 95 % intervals."""

    auc: float
    auc_low: float
    auc_high: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float

    @property
    def better(self) -> bool:
        """Whether the interval of the AUC's difference lies above 0, and that of the accuracy's not below 0."""
        return self.auc_low > 0 and self.accuracy_high >= 0

    def __str__(self) -> str:
        return (
            f"AUC {self.auc:+z.4f} (95 % interval {self.auc_low:+z.4f} to {self.auc_high:+z.4f}), "
            f"accuracy {self.accuracy:+z.4f} ({self.accuracy_low:+z.4f} to {self.accuracy_high:+z.4f})"
        )


def difference(new: Answers, old: Answers, *, rounds: int, block: int, seed: int) -> Difference:
    """By how much `new` is better than `old`.

    The AUC of the old one with its classes swapped is 1 - AUC, so the mean of that and the AUC of the new one is half
    the difference plus one half, and the bootstrap of a single model's figures serves for the difference too.

    Args:
        new: answers of one model.
        old: answers of the other about the same items, in the same order.
        rounds: number of draws.
        block: neighbouring items that are drawn together.
        seed: of the draws.
    """
    swapped = [(~positive, scores) for positive, scores in language_scores(old.labels, old.scores)]
    gained: npt.NDArray[Any] = new.correct.astype(np.int64) - old.correct.astype(np.int64)
    drawn = bootstrap_intervals(
        new.labels, language_scores(new.labels, new.scores) + swapped, gained, rounds=rounds, block=block, seed=seed
    )
    return Difference(
        auc=new.auc - old.auc,
        auc_low=2 * drawn["auc_low"] - 1,
        auc_high=2 * drawn["auc_high"] - 1,
        accuracy=new.accuracy - old.accuracy,
        accuracy_low=drawn["accuracy_low"],
        accuracy_high=drawn["accuracy_high"],
    )
