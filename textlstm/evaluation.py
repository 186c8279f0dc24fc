"""What the evaluate stages write: the metrics of each dataset, and the points of their plots.

Pure functions: scores in; nested numbers and rows out. Only what is the same on every run belongs here: no times, no run ids.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.datasets import LABELS, POSITIVE
from textlstm.errors import TextLSTMError
from textlstm.metrics import (
    Floats,
    accuracy,
    auc,
    binary_metrics,
    bootstrap_intervals,
    histogram,
    language_auc,
    language_scores,
    probability_of,
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
    labels, detector = scores[f"label_{settings.length}"], scores[f"mixed_{settings.length}"]
    if detector.shape[1] != len(languages):
        raise TextLSTMError(
            f"the scores are of {detector.shape[1]} languages, expected {len(languages)}: {', '.join(languages)}. "
            "Run 'dvc repro' to score again"
        )
    chosen = _protocol_windows(labels, len(languages), settings.protocol_windows, seed)

    def alone(kind: str) -> dict[str, Any]:
        return {
            **_with_intervals(labels, scores[f"{kind}_{settings.length}"], settings, seed),
            "bits_per_character": dict(zip(languages, scores[f"bits_{kind}"].tolist(), strict=True)),
            "by_length": {str(length): _both(scores[f"label_{length}"], scores[f"{kind}_{length}"]) for length in lengths},
        }

    return rounded(
        {
            **alone("mixed"),
            "windows": len(labels),
            "seed_protocol": _both(labels[chosen], detector[chosen]),
            "lstm": alone("lstm"),
            "baselines": {"ngram": alone("ngram"), "ngram_with_words": alone("counting")},
        }
    )


def _with_intervals(labels: npt.NDArray[np.int64], log_likelihoods: Floats, settings: Evaluate, seed: int) -> dict[str, float]:
    return _both(labels, log_likelihoods) | bootstrap_intervals(
        labels,
        language_scores(labels, log_likelihoods),
        log_likelihoods.argmax(axis=1) == labels,
        rounds=settings.bootstrap,
        block=settings.block,
        seed=seed,
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
    for kind, name in (("mixed", "detector"), ("lstm", "LSTM"), ("ngram", "n-gram")):
        log_likelihoods = scores[f"{kind}_{length}"]
        for language, (positive, answers) in zip(languages, language_scores(labels, log_likelihoods), strict=False):
            roc += _curve(positive, answers, name if len(languages) == 2 else f"{name}, {language}")
    log_likelihoods = scores[f"mixed_{length}"]
    margin = log_likelihoods[:, 0] - log_likelihoods[:, 1:].max(axis=1)
    return {
        "roc_language": (_ROC, roc),
        "confusion_language": (_CONFUSION, _confusion(labels, log_likelihoods.argmax(axis=1), languages)),
        "histogram_language": (_HISTOGRAM, _histograms(margin, labels, languages, np.linspace(-15.0, 15.0, 61))),
    }


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
        return binary_metrics(labels, probability_of(log_odds)) | bootstrap_intervals(
            labels,
            [(labels == POSITIVE, log_odds)],
            (log_odds > 0) == (labels == POSITIVE),
            rounds=settings.bootstrap,
            block=1,
            seed=seed,
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
    roc = [point for name, log_odds in answers.items() for point in _curve(labels == POSITIVE, log_odds, name)]
    return {
        "roc_imdb": (_ROC, roc),
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
