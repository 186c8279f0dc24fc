"""From scores to the numbers and curves that people compare. Pure functions on arrays; does not read or write files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from textlstm.core.odds import Floats, posterior


def auc(labels: npt.NDArray[Any], scores: Floats) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative (Fawcett 2006).

    >>> auc(np.array([0, 1, 1]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    return float(roc_auc_score(labels, scores))


def accuracy(labels: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> float:
    """Share of correct predictions."""
    return float(np.mean(labels == predicted))


def language_auc(labels: npt.NDArray[np.int64], log_likelihoods: Floats) -> float:
    """AUC of a language detector.

    For two languages the score is the difference of the log-likelihoods, positive for the first; for more it is the
    probability of each language against the rest (all equally likely beforehand), and the AUCs are averaged (macro).

    Args:
        labels: index of the true language, shape (n,).
        log_likelihoods: one column per language, shape (n, languages).
    """
    return float(np.mean([auc(positive, scores) for positive, scores in language_scores(labels, log_likelihoods)]))


def language_scores(
    labels: npt.NDArray[np.int64], log_likelihoods: Floats
) -> list[tuple[npt.NDArray[np.bool_], Floats]]:
    """For each AUC that `language_auc` averages, which items are positive, and the scores."""
    if log_likelihoods.shape[1] == 2:
        return [(labels == 0, log_likelihoods[:, 0] - log_likelihoods[:, 1])]
    chances = posterior(log_likelihoods)
    return [(labels == language, chances[:, language]) for language in range(chances.shape[1])]


def bootstrap_intervals(
    groups: npt.NDArray[Any],
    positives: Sequence[tuple[npt.NDArray[np.bool_], Floats]],
    correct: npt.NDArray[np.bool_],
    *,
    rounds: int,
    block: int,
    seed: int,
) -> dict[str, float]:
    """95 % intervals of AUC and accuracy by the block bootstrap (Künsch 1989).

    Neighbouring windows of a text overlap and are not independent, so whole blocks of neighbours are drawn, within each
    group, with replacement; an ordinary bootstrap (block 1) would call the figure more certain than it is.

    Args:
        groups: which text or label each item belongs to, shape (n,); the items of a group stand in their order in the
            text.
        positives: for each AUC that is averaged, which items are positive, and the scores; both of shape (n,).
        correct: whether each item was answered correctly, shape (n,).
        rounds: number of draws.
        block: items in a block.
        seed: of the draws.

    Returns:
        auc_low, auc_high, accuracy_low and accuracy_high.
    """
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    ranked = [(positive, np.unique(scores, return_inverse=True)[1]) for positive, scores in positives]
    aucs, accuracies = np.empty(rounds), np.empty(rounds)
    for index in range(rounds):
        counts = np.zeros(len(groups))  # how often each item is drawn
        for rows in members:
            size = min(block, len(rows))
            begins = random.integers(0, len(rows) - size + 1, size=-(-len(rows) // size))
            drawn = (begins[:, None] + np.arange(size)).ravel()[: len(rows)]
            counts[rows] = np.bincount(drawn, minlength=len(rows))
        aucs[index] = np.mean([_auc_of_counts(positive, ranks, counts) for positive, ranks in ranked])
        accuracies[index] = np.average(correct, weights=counts)
    low, high = np.quantile([aucs, accuracies], [0.025, 0.975], axis=1)
    return {"auc_low": low[0], "auc_high": high[0], "accuracy_low": low[1], "accuracy_high": high[1]}


def _auc_of_counts(positive: npt.NDArray[np.bool_], ranks: npt.NDArray[np.int64], counts: Floats) -> float:
    """AUC when each item stands `counts` times: pairs in which the positive ranks higher, ties by half, among all pairs."""
    above = np.bincount(ranks, weights=counts * positive)
    below = np.bincount(ranks, weights=counts * ~positive, minlength=len(above))
    above = np.pad(above, (0, len(below) - len(above)))
    won = np.sum(above * (np.cumsum(below) - below / 2))
    return float(won / (above.sum() * below.sum()))


def binary_metrics(labels: npt.NDArray[np.int64], probabilities: Floats) -> dict[str, float]:
    """Accuracy at one half, AUC, and log loss (nats) of probabilities of label 1."""
    return {
        "accuracy": accuracy(labels, (probabilities > 0.5).astype(np.int64)),
        "auc": auc(labels, probabilities),
        "log_loss": float(log_loss(labels, probabilities, labels=[0, 1])),
    }


def reliability(
    confidence: Floats, correct: npt.NDArray[np.bool_], *, bins: int = 15
) -> list[tuple[float, float, int]]:
    """Whether answers are correct as often as they are sure: bins of equal width between 0 and 1, those without items left out.

    Args:
        confidence: probability of the answer, shape (n,).
        correct: whether it was correct, shape (n,).
        bins: number of bins.

    Returns:
        Mean confidence, share of correct answers and number of items of each bin.

    >>> reliability(np.array([0.6, 0.8, 0.9]), np.array([True, False, True]), bins=2)
    [(0.7666666666666666, 0.6666666666666666, 3)]
    """
    places = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = [np.bincount(places, weights=values, minlength=bins) for values in (confidence, correct)]
    return [
        (float(sure / count), float(good / count), int(count))
        for sure, good, count in zip(*sums, counts, strict=True)
        if count
    ]


def calibration_error(confidence: Floats, correct: npt.NDArray[np.bool_], *, bins: int = 15) -> float:
    """Expected calibration error (Naeini et al. 2015): mean distance of confidence and share of correct answers over the bins.

    >>> round(calibration_error(np.array([0.6, 0.8, 0.9]), np.array([True, False, True]), bins=2), 3)
    0.1
    """
    return sum(abs(sure - good) * count for sure, good, count in reliability(confidence, correct, bins=bins)) / len(
        confidence
    )


def roc_points(positive: npt.NDArray[np.bool_], scores: Floats, *, most: int = 200) -> list[tuple[float, float]]:
    """(False positive rate, true positive rate) along the ROC curve, at most `most` points, the ends included."""
    false_rate, true_rate, _ = roc_curve(positive, scores)
    chosen = np.unique(np.linspace(0, len(false_rate) - 1, min(most, len(false_rate))).round().astype(int))
    return [(float(false_rate[index]), float(true_rate[index])) for index in chosen]


def rounded(figures: dict[str, Any], digits: int = 6) -> dict[str, Any]:
    """The same nested figures with every float rounded: more digits than anyone reads."""
    return {
        key: rounded(value, digits) if isinstance(value, dict) else _round(value, digits)
        for key, value in figures.items()
    }


def _round(value: Any, digits: int) -> Any:
    return round(float(value), digits) if isinstance(value, float | np.floating) else value
