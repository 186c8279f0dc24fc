"""From scores to the numbers and curves that people compare. Pure functions on arrays; does not read or write files."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

Floats = npt.NDArray[np.float64]


def auc(labels: npt.NDArray[Any], scores: Floats) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative (Fawcett 2006).

    >>> auc(np.array([0, 1, 1]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    return float(roc_auc_score(labels, scores))


def accuracy(labels: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> float:
    """Share of right predictions."""
    return float(np.mean(labels == predicted))


def language_auc(labels: npt.NDArray[np.int64], log_likelihoods: Floats) -> float:
    """AUC of a language detector.

    For two languages the score is the difference of the log-likelihoods, positive for the first; for more it is the probability of each
    language against the rest (all equally likely beforehand), and the AUCs are averaged (macro).

    Args:
        labels: index of the true language, shape (n,).
        log_likelihoods: one column a language, shape (n, languages).
    """
    if log_likelihoods.shape[1] == 2:
        return auc(labels == 0, log_likelihoods[:, 0] - log_likelihoods[:, 1])
    chances = posterior(log_likelihoods)
    return float(np.mean([auc(labels == language, chances[:, language]) for language in range(chances.shape[1])]))


def posterior(log_likelihoods: Floats) -> Floats:
    """Probability of each language, all equally likely beforehand, shape (n, languages).

    >>> posterior(np.log([[0.3, 0.1]])).round(2).tolist()
    [[0.75, 0.25]]
    """
    shifted = np.exp(log_likelihoods - log_likelihoods.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def bootstrap_interval(
    labels: npt.NDArray[np.int64], log_likelihoods: Floats, *, rounds: int, block: int, seed: int
) -> tuple[float, float]:
    """A 95 % interval of `language_auc` by the block bootstrap (Künsch 1989).

    Neighbouring windows of a text overlap and are not independent, so whole blocks of neighbours are drawn, within each language, with
    replacement; an ordinary bootstrap would call the figure more certain than it is.

    Args:
        labels: index of the true language, shape (n,); the windows of a language stand in the order of the text.
        log_likelihoods: shape (n, languages).
        rounds: number of draws.
        block: windows in a block.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == language) for language in range(log_likelihoods.shape[1])]
    figures = []
    for _ in range(rounds):
        drawn = []
        for rows in members:
            size = min(block, len(rows))
            begins = random.integers(0, len(rows) - size + 1, size=-(-len(rows) // size))
            drawn.append(rows[(begins[:, None] + np.arange(size)).ravel()[: len(rows)]])
        chosen = np.concatenate(drawn)
        figures.append(language_auc(labels[chosen], log_likelihoods[chosen]))
    low, high = np.quantile(figures, [0.025, 0.975])
    return float(low), float(high)


def binary_metrics(labels: npt.NDArray[np.int64], probabilities: Floats) -> dict[str, float]:
    """Accuracy at one half, AUC, and log loss (nats) of probabilities of label 1."""
    return {
        "accuracy": accuracy(labels, (probabilities > 0.5).astype(np.int64)),
        "auc": auc(labels, probabilities),
        "log_loss": float(log_loss(labels, probabilities, labels=[0, 1])),
    }


def roc_points(positive: npt.NDArray[np.bool_], scores: Floats, *, most: int = 200) -> list[tuple[float, float]]:
    """(False positive rate, true positive rate) along the ROC curve, at most `most` points, the ends included."""
    false_rate, true_rate, _ = roc_curve(positive, scores)
    chosen = np.unique(np.linspace(0, len(false_rate) - 1, min(most, len(false_rate))).round().astype(int))
    return [(float(false_rate[index]), float(true_rate[index])) for index in chosen]


def histogram(scores: Floats, edges: Floats) -> list[int]:
    """Number of scores between neighbouring edges; what lies outside is counted in the outermost."""
    counts, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), bins=edges)
    return [int(count) for count in counts]


def rounded(figures: dict[str, Any], digits: int = 6) -> dict[str, Any]:
    """The same nested figures with every float rounded: more digits than anyone reads."""
    return {key: rounded(value, digits) if isinstance(value, dict) else _round(value, digits) for key, value in figures.items()}


def _round(value: Any, digits: int) -> Any:
    return round(value, digits) if isinstance(value, float) else value
