"""The rows of the plots that both tasks have: ROC curves, confusion matrices, histograms and reliability."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from textlstm.core.odds import Floats
from textlstm.evaluation.metrics import reliability, roc_points

Scores = dict[str, npt.NDArray[Any]]
Rows = list[tuple[Any, ...]]
Table = tuple[tuple[str, ...], Rows]  # header and rows

ROC = ("false_positive_rate", "true_positive_rate", "series")
CONFUSION = ("actual", "predicted", "count")
HISTOGRAM = ("score", "count", "series")
RELIABILITY = ("confidence", "accuracy", "count", "series")
SYSTEM_INTERVALS = ("series", "auc", "auc_low", "auc_high", "accuracy", "accuracy_low", "accuracy_high")


def reliability_rows(confidence: Floats, correct: npt.NDArray[np.bool_], series: str) -> Rows:
    """Rows of `RELIABILITY`."""
    return [(*point, series) for point in reliability(confidence, correct)]


def roc_rows(positive: npt.NDArray[np.bool_], scores: Floats, series: str) -> Rows:
    """Rows of `ROC`."""
    return [(*point, series) for point in roc_points(positive, scores)]


def confusion_rows(labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], names: list[str]) -> Rows:
    """Rows of `CONFUSION`: how often each label was answered with each."""
    counts = confusion_matrix(labels, predicted, labels=range(len(names)))
    return [
        (actual, answer, int(count))
        for actual, row in zip(names, counts, strict=True)
        for answer, count in zip(names, row, strict=True)
    ]


def histogram_rows(scores: Floats, labels: npt.NDArray[np.int64], names: list[str], width: float) -> Rows:
    """Rows of `HISTOGRAM`: how many scores lie in each bin, by true label.

    The bins begin at multiples of `width`, so that those of two revisions are the same, and hold every score. A row has
    the lower edge of its bin; the last row of a label has the upper edge of the last bin, and count 0.
    """
    first = int(np.floor(scores.min() / width))
    last = max(int(np.ceil(scores.max() / width)), first + 1)
    bins = np.minimum(np.floor(scores / width).astype(np.int64), last - 1) - first
    counts = [np.bincount(bins[labels == index], minlength=last - first + 1) for index in range(len(names))]
    return [
        ((first + place) * width, int(count), name)
        for name, of_label in zip(names, counts, strict=True)
        for place, count in enumerate(of_label)
    ]
