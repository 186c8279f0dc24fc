"""What the evaluate stages write: the metrics of each dataset, and the points of their plots.

Pure functions: scores in; nested numbers and rows out. Only what is the same on every run belongs here: no times, no run ids.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.datasets import LABELS, POSITIVE
from textlstm.metrics import (
    Floats,
    accuracy,
    auc,
    binary_metrics,
    bootstrap_interval,
    histogram,
    language_auc,
    posterior,
    roc_points,
    rounded,
)
from textlstm.params import Evaluate

Scores = dict[str, npt.NDArray[Any]]
Rows = list[tuple[Any, ...]]

_LINEAR = "linear"


def language_metrics(
    scores: Scores, languages: list[str], settings: Evaluate, *, lengths: list[int], seed: int
) -> dict[str, Any]:
    """All figures of `metrics/language.json`.

    Args:
        scores: see `textlstm.scoring.score_texts`.
        languages: names, in the order of the columns.
        settings: the section `evaluate` of the parameters.
        lengths: window lengths that were scored.
        seed: of the bootstrap and of the choice of windows.
    """
    labels, log_likelihoods = scores[f"label_{settings.length}"], scores[f"lstm_{settings.length}"]
    low, high = bootstrap_interval(labels, log_likelihoods, rounds=settings.bootstrap, block=settings.block, seed=seed)
    chosen = _protocol_windows(labels, len(languages), settings.protocol_windows, seed)
    return rounded(
        {
            **_both(labels, log_likelihoods),
            "auc_low": low,
            "auc_high": high,
            "windows": len(labels),
            "bits_per_character": dict(zip(languages, scores["bits_lstm"].tolist(), strict=True)),
            "by_length": {str(length): _both(scores[f"label_{length}"], scores[f"lstm_{length}"]) for length in lengths},
            "seed_protocol": _both(labels[chosen], log_likelihoods[chosen]),
            "baselines": {"ngram": _both(labels, scores[f"ngram_{settings.length}"])},
        }
    )


def _both(labels: npt.NDArray[np.int64], log_likelihoods: Floats) -> dict[str, float]:
    return {"auc": language_auc(labels, log_likelihoods), "accuracy": accuracy(labels, log_likelihoods.argmax(axis=1))}


def _protocol_windows(labels: npt.NDArray[np.int64], languages: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Indices of `count` windows of each language, drawn with replacement, as the article draws its test strings."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.choice(np.flatnonzero(labels == language), count) for language in range(languages)])


def language_plots(scores: Scores, languages: list[str], length: int) -> dict[str, tuple[tuple[str, ...], Rows]]:
    """Header and rows of each plot about languages, by file name."""
    labels = scores[f"label_{length}"]
    roc: Rows = []
    for kind, name in (("lstm", "LSTM"), ("ngram", "n-gram")):
        log_likelihoods = scores[f"{kind}_{length}"]
        if len(languages) == 2:
            roc += _curve(labels == 0, log_likelihoods[:, 0] - log_likelihoods[:, 1], name)
        else:
            for index, language in enumerate(languages):
                roc += _curve(labels == index, posterior(log_likelihoods)[:, index], f"{name}, {language}")
    log_likelihoods = scores[f"lstm_{length}"]
    best_other = np.sort(log_likelihoods, axis=1)[:, -2]
    margin = log_likelihoods[:, 0] - (log_likelihoods[:, 1] if len(languages) == 2 else best_other)
    return {
        "roc_language": (_ROC, roc),
        "confusion_language": (_CONFUSION, _confusion(labels, log_likelihoods.argmax(axis=1), languages)),
        "histogram_language": (_HISTOGRAM, _histograms(margin, labels, languages, np.linspace(-15.0, 15.0, 61))),
    }


def imdb_metrics(scores: Scores, linear: Scores, protocol: str) -> dict[str, Any]:
    """All figures of `metrics/imdb.json`.

    Args:
        scores: `probability` and `label` of the reviews to test on.
        linear: `score` of the baseline for the same reviews.
        protocol: "holdout" or "official".
    """
    labels = scores["label"]
    baseline = {"accuracy": accuracy(labels, (linear["score"] > 0).astype(np.int64)), "auc": auc(labels, linear["score"])}
    return rounded(
        {
            **binary_metrics(labels, scores["probability"]),
            "reviews": len(labels),
            "protocol": protocol,
            "baselines": {_LINEAR: baseline},
        }
    )


def imdb_plots(scores: Scores, linear: Scores) -> dict[str, tuple[tuple[str, ...], Rows]]:
    """Header and rows of each plot about sentiment, by file name."""
    labels, probability = scores["label"], scores["probability"]
    names = [LABELS[label] for label in sorted(set(labels.tolist()))]
    positive = labels == POSITIVE
    return {
        "roc_imdb": (_ROC, _curve(positive, probability, "LSTM") + _curve(positive, linear["score"], _LINEAR)),
        "confusion_imdb": (_CONFUSION, _confusion(labels, (probability > 0.5).astype(np.int64), names)),
        "histogram_imdb": (_HISTOGRAM, _histograms(probability, labels, names, np.linspace(0.0, 1.0, 41))),
    }


_ROC = ("false_positive_rate", "true_positive_rate", "series")
_CONFUSION = ("actual", "predicted", "count")
_HISTOGRAM = ("score", "count", "series")


def _curve(positive: npt.NDArray[np.bool_], scores: Floats, series: str) -> Rows:
    return [(*point, series) for point in roc_points(positive, scores)]


def _confusion(labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], names: list[str]) -> Rows:
    return [
        (actual, answer, int(np.sum((labels == row) & (predicted == column))))
        for row, actual in enumerate(names)
        for column, answer in enumerate(names)
    ]


def _histograms(scores: Floats, labels: npt.NDArray[np.int64], names: list[str], edges: Floats) -> Rows:
    centres = (edges[:-1] + edges[1:]) / 2
    return [
        (float(centre), count, name)
        for index, name in enumerate(names)
        for centre, count in zip(centres, histogram(scores[labels == index], edges), strict=True)
    ]
