"""What `evaluate_imdb` writes: the contents of metrics/imdb.json and the points of its plots, from the scores alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.labels import LABELS, POSITIVE
from textlstm.core.odds import Floats, probability_of
from textlstm.core.params import Evaluate
from textlstm.evaluation.metrics import (
    accuracy,
    auc,
    binary_metrics,
    bootstrap_intervals,
    calibration_error,
    rounded,
)
from textlstm.evaluation.tables import (
    CONFUSION,
    HISTOGRAM,
    RELIABILITY,
    ROC,
    Rows,
    Scores,
    confusion_rows,
    histogram_rows,
    reliability_rows,
    roc_rows,
)

_LINEAR = "linear"


def imdb_metrics(scores: Scores, linear: Scores, protocol: str, settings: Evaluate, *, seed: int) -> dict[str, Any]:
    """All figures of `metrics/imdb.json`.

    Args:
        scores: log-odds `both`, `lstm` and `ngrams`, and `label`, of the reviews to test on.
        linear: `score` of the baseline for the same reviews.
        protocol: "holdout" or "official".
        settings: the section `evaluate` of the parameters.
        seed: of the bootstrap.
    """
    labels = scores["label"]

    def figures(log_odds: Floats) -> dict[str, float]:
        error = calibration_error(*_sure(labels, log_odds))
        return (
            binary_metrics(labels, probability_of(log_odds))
            | {"ece": error}
            | bootstrap_intervals(
                labels,
                [(labels == POSITIVE, log_odds)],
                (log_odds > 0) == (labels == POSITIVE),
                rounds=settings.bootstrap,
                block=1,
                seed=seed,
            )
        )

    baseline = {"accuracy": accuracy(labels, (linear["score"] > 0).astype(np.int64)), "auc": auc(labels, linear["score"])}
    return rounded(
        {
            **figures(scores["both"]),
            "reviews": len(labels),
            "protocol": protocol,
            "lstm": figures(scores["lstm"]),
            "baselines": {"nbsvm": figures(scores["ngrams"]), _LINEAR: baseline},
        }
    )


def imdb_plots(scores: Scores, linear: Scores) -> dict[str, tuple[tuple[str, ...], Rows]]:
    """Header and rows of each plot about sentiment, by file name."""
    labels, probability = scores["label"], probability_of(scores["both"])
    names = [LABELS[label] for label in sorted(set(labels.tolist()))]
    answers = {"both": scores["both"], "LSTM": scores["lstm"], "NB-SVM": scores["ngrams"], _LINEAR: linear["score"]}
    odds = {name: log_odds for name, log_odds in answers.items() if name != _LINEAR}  # the linear model's scores are no log-odds
    reliable = [row for name, log_odds in odds.items() for row in reliability_rows(*_sure(labels, log_odds), name)]
    roc = [point for name, log_odds in answers.items() for point in roc_rows(labels == POSITIVE, log_odds, name)]
    return {
        "roc_imdb": (ROC, roc),
        "confusion_imdb": (CONFUSION, confusion_rows(labels, (probability > 0.5).astype(np.int64), names)),
        "histogram_imdb": (HISTOGRAM, histogram_rows(probability, labels, names, 0.025)),
        "reliability_imdb": (RELIABILITY, reliable),
    }


def _sure(labels: npt.NDArray[np.int64], log_odds: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Probability of the likelier label, and whether it is the true one."""
    return probability_of(np.abs(log_odds)), (log_odds > 0) == (labels == POSITIVE)
