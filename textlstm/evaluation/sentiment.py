"""What `evaluate_imdb` writes: the contents of metrics/imdb.json and the points of its plots, from the scores alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.labels import LABELS, POSITIVE
from textlstm.core.odds import Floats, probability_of
from textlstm.core.params import Evaluate
from textlstm.evaluation.metrics import accuracy, auc, binary_metrics, bootstrap_intervals, calibration_error, rounded
from textlstm.evaluation.tables import (
    CONFUSION,
    HISTOGRAM,
    RELIABILITY,
    ROC,
    SYSTEM_INTERVALS,
    Scores,
    Table,
    confusion_rows,
    histogram_rows,
    reliability_rows,
    roc_rows,
)

# The shipped mixture, its two parts, and TF-IDF with a linear SVM, a baseline whose scores are no log-odds.
SYSTEMS = CLASSIFIER, LSTM, NBSVM, LINEAR_SVM = ("classifier", "lstm", "nbsvm", "linear_svm")


def sentiment_metrics(scores: Scores, protocol: str, settings: Evaluate, *, seed: int) -> dict[str, Any]:
    """All figures of metrics/imdb.json.

    Args:
        scores: of each of the `SYSTEMS`, above 0 where a review is positive, and `label`, of the reviews to test on.
        protocol: "holdout" or "official".
        settings: the section `evaluate` of the parameters.
        seed: of the bootstrap.
    """
    labels, log_odds = scores["label"], scores[CLASSIFIER]
    return rounded(
        {
            **_with_intervals(labels, log_odds, settings, seed),
            "log_loss": binary_metrics(labels, probability_of(log_odds))["log_loss"],
            "ece": calibration_error(*_confidence(labels, log_odds)),
            "reviews": len(labels),
            "protocol": protocol,
            **{system: _part(labels, scores[system], settings, seed) for system in (LSTM, NBSVM)},
            LINEAR_SVM: _figures(labels, scores[LINEAR_SVM]),
        }
    )


def sentiment_tables(scores: Scores, settings: Evaluate, *, seed: int) -> dict[str, Table]:
    """Header and rows of each plot, by the name of its file; the arguments are those of `sentiment_metrics`."""
    labels, probability = scores["label"], probability_of(scores[CLASSIFIER])
    names = [LABELS[label] for label in sorted(set(labels.tolist()))]
    rows = []
    for system in SYSTEMS:
        figures = _with_intervals(labels, scores[system], settings, seed)
        rows.append((system, *(float(figures[name]) for name in SYSTEM_INTERVALS[1:])))
    reliable = [
        row
        for system in (CLASSIFIER, LSTM, NBSVM)
        for row in reliability_rows(*_confidence(labels, scores[system]), system)
    ]
    return {
        "roc_imdb": (ROC, [row for system in SYSTEMS for row in roc_rows(labels == POSITIVE, scores[system], system)]),
        "confusion_imdb": (CONFUSION, confusion_rows(labels, (probability > 0.5).astype(np.int64), names)),
        "histogram_imdb": (HISTOGRAM, histogram_rows(probability, labels, names, 0.025)),
        "reliability_imdb": (RELIABILITY, reliable),
        "systems_imdb": (SYSTEM_INTERVALS, rows),
    }


def _figures(labels: npt.NDArray[np.int64], scores: Floats) -> dict[str, float]:
    return {"accuracy": accuracy(labels == POSITIVE, scores > 0), "auc": auc(labels, scores)}


def _with_intervals(labels: npt.NDArray[np.int64], scores: Floats, settings: Evaluate, seed: int) -> dict[str, float]:
    """Reviews do not overlap, so each is drawn by itself."""
    positive = labels == POSITIVE
    intervals = bootstrap_intervals(
        labels, [(positive, scores)], (scores > 0) == positive, rounds=settings.bootstrap, block=1, seed=seed
    )
    return _figures(labels, scores) | intervals


def _part(labels: npt.NDArray[np.int64], log_odds: Floats, settings: Evaluate, seed: int) -> dict[str, float]:
    """Figures of a part of the classifier, with the interval of the accuracy."""
    figures = _with_intervals(labels, log_odds, settings, seed)
    kept = ("accuracy", "accuracy_low", "accuracy_high", "auc")
    return {name: figures[name] for name in kept} | {"ece": calibration_error(*_confidence(labels, log_odds))}


def _confidence(labels: npt.NDArray[np.int64], log_odds: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Probability of the likelier label, and whether it is the true one."""
    return probability_of(np.abs(log_odds)), (log_odds > 0) == (labels == POSITIVE)
