"""What `evaluate_imdb` writes: the contents of metrics/imdb.json and the points of its plots, from the scores alone."""

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.core.labels import LABELS, POSITIVE
from textlstm.core.odds import Floats, probability_of
from textlstm.core.params import Evaluate
from textlstm.evaluation.comparison import Answers, difference
from textlstm.evaluation.metrics import accuracy, auc, binary_metrics, bootstrap_intervals, calibration_error, rounded
from textlstm.evaluation.tables import (
    CONFUSION,
    HISTOGRAM,
    RELIABILITY,
    ROC,
    SYSTEM_INTERVALS,
    Rows,
    Scores,
    Table,
    confusion_rows,
    histogram_rows,
    reliability_rows,
    roc_rows,
)

# The shipped mixture, its two parts, and TF-IDF with a linear SVM, a baseline whose scores are no log-odds.
SYSTEMS = CLASSIFIER, LSTM, NBSVM, LINEAR_SVM = ("classifier", "lstm", "nbsvm", "linear_svm")
PARTS = (CLASSIFIER, LSTM, NBSVM)  # that are asked about sentences too
LENGTHS = (5, 10, 20, 50, 100)  # words at most, of each class of length but the last
_CALIBRATED = {"ece_to_10_words": (0, 10), "ece_11_to_50_words": (10, 50), "ece_from_51_words": (50, np.inf)}
BY_LENGTH = ("words", "accuracy", "auc", "answered", "accuracy_of_answered", "texts", "series")


def sentiment_metrics(
    scores: Scores, protocol: str, settings: Evaluate, *, threshold: float, seed: int
) -> dict[str, Any]:
    """All figures of metrics/imdb.json.

    Args:
        scores: of each of the `SYSTEMS`, above 0 where a review is positive, `label` and number of `words`, of the
            reviews to test on; and of each of the `PARTS` the same of sentences of them, as `sentence_<name>`.
        protocol: "holdout" or "official".
        settings: the section `evaluate` of the parameters.
        threshold: least probability of a label that is answered.
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
            "gain_over_nbsvm": _gain(labels, log_odds, scores[NBSVM], settings, seed),
            "sentences": _of_sentences(scores, threshold),
        }
    )


def sentiment_tables(scores: Scores, settings: Evaluate, *, threshold: float, seed: int) -> dict[str, Table]:
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
        "by_words_imdb": (BY_LENGTH, [row for system in PARTS for row in _by_length(scores, system, threshold)]),
    }


def _gain(
    labels: npt.NDArray[np.int64], classifier: Floats, nbsvm: Floats, settings: Evaluate, seed: int
) -> dict[str, float]:
    """The 95 % intervals of how much the figures of the classifier exceed those of counting alone, on the same reviews."""
    both, alone = (Answers(labels, np.stack([np.zeros(len(labels)), scores], axis=1)) for scores in (classifier, nbsvm))
    found = asdict(difference(both, alone, rounds=settings.bootstrap, block=1, seed=seed))
    return {name: value for name, value in found.items() if name.endswith(("_low", "_high"))}


def _of_sentences(scores: Scores, threshold: float) -> dict[str, float]:
    """Figures of the classifier on sentences, and its calibration error on all texts by length; a class without texts is left out."""
    labels, log_odds = scores["sentence_label"], scores[f"sentence_{CLASSIFIER}"]
    figures = _figures(labels, log_odds) | {"answered": float(np.mean(_answered(log_odds, threshold)))}
    texts = _all_texts(scores, CLASSIFIER)
    for name, (above, most) in _CALIBRATED.items():
        inside = (texts.words > above) & (texts.words <= most)
        if inside.any():
            figures[name] = calibration_error(*_confidence(texts.labels[inside], texts.log_odds[inside]))
    return figures


class _Texts(NamedTuple):
    """Reviews and sentences together, (n,) each."""

    words: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    log_odds: Floats


def _all_texts(scores: Scores, system: str) -> _Texts:
    return _Texts(*(np.concatenate([scores[f"sentence_{name}"], scores[name]]) for name in ("words", "label", system)))


def _answered(log_odds: Floats, threshold: float) -> npt.NDArray[np.bool_]:
    return np.asarray(probability_of(np.abs(log_odds)) >= threshold)


def _by_length(scores: Scores, system: str, threshold: float) -> Rows:
    """Rows of `BY_LENGTH`: `words` is the median length of a class; one with a single label, or without an answer, is left out."""
    texts, rows = _all_texts(scores, system), []
    number = np.searchsorted(LENGTHS, texts.words)
    for place in range(len(LENGTHS) + 1):
        inside = number == place
        labels, log_odds = texts.labels[inside], texts.log_odds[inside]
        answered = _answered(log_odds, threshold)
        if len(np.unique(labels)) < 2 or not answered.any():
            continue
        figures, sure = _figures(labels, log_odds), accuracy(labels[answered] == POSITIVE, log_odds[answered] > 0)
        words = float(np.median(texts.words[inside]))
        rows.append((words, figures["accuracy"], figures["auc"], float(answered.mean()), sure, len(labels), system))
    return rows


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
