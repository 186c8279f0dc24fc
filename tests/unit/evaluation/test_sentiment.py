"""The figures and plots of the sentiment model, from scores that are made up."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textlstm.core.config import flat
from textlstm.core.odds import probability_of
from textlstm.evaluation.metrics import auc, calibration_error
from textlstm.evaluation.sentiment import PARTS, SYSTEMS, sentiment_metrics, sentiment_tables


def test_figures_and_plots(settings: Callable[..., Any]) -> None:
    labels = np.array([0, 1] * 20)
    random = np.random.default_rng(1)
    scores = {name: random.normal(size=40) + labels for name in SYSTEMS} | {"label": labels}
    scores |= {"words": np.repeat([30, 300], 20), "sentence_words": np.repeat([4, 12], 20), "sentence_label": labels}
    scores |= {f"sentence_{name}": random.normal(size=40) + labels for name in PARTS}
    section = settings("evaluate", bootstrap=100)
    figures = sentiment_metrics(scores, "holdout", section, threshold=0.6, seed=7)
    assert (figures["reviews"], figures["protocol"]) == (40, "holdout")
    assert figures["accuracy"] == ((scores["classifier"] > 0) == (labels == 1)).mean()
    assert figures["auc_low"] <= figures["auc"] <= figures["auc_high"]
    for system in ("lstm", "nbsvm", "linear_svm"):
        assert figures[system]["accuracy"] == ((scores[system] > 0) == (labels == 1)).mean()
        assert figures[system]["auc"] == pytest.approx(auc(labels, scores[system]), abs=1e-6)
    correct = (scores["classifier"] > 0) == (labels == 1)
    error = calibration_error(probability_of(np.abs(scores["classifier"])), correct)
    assert figures["ece"] == pytest.approx(error, abs=1e-6)
    assert len(flat(figures)) <= 32
    gain = figures["gain_over_nbsvm"]
    for figure in ("auc", "accuracy"):
        assert gain[f"{figure}_low"] <= figures[figure] - figures["nbsvm"][figure] <= gain[f"{figure}_high"]
    sentences = figures["sentences"]
    odds = scores["sentence_classifier"]
    assert sentences["accuracy"] == ((odds > 0) == (labels == 1)).mean()
    assert sentences["answered"] == (probability_of(np.abs(odds)) >= 0.6).mean()
    assert sentences["ece_to_10_words"] == pytest.approx(
        calibration_error(probability_of(np.abs(odds[:20])), (odds[:20] > 0) == (labels[:20] == 1)), abs=1e-6
    )
    assert {"ece_11_to_50_words", "ece_from_51_words"} < set(sentences)

    tables = sentiment_tables(scores, section, threshold=0.6, seed=7)
    assert [row[:2] for row in tables["confusion_imdb"][1]][1] == ("negative", "positive")
    assert sum(row[2] for row in tables["confusion_imdb"][1]) == 40
    # the linear SVM's scores are no odds
    assert {row[3] for row in tables["reliability_imdb"][1]} == {"classifier", "lstm", "nbsvm"}
    assert sum(row[2] for row in tables["reliability_imdb"][1]) == 3 * 40
    header, (classifier, *others) = tables["systems_imdb"]
    assert [row[0] for row in (classifier, *others)] == list(SYSTEMS)
    for name, value in zip(header[1:], classifier[1:], strict=True):
        assert value == pytest.approx(figures[name], abs=1e-6)
    lengths = [row for row in tables["by_words_imdb"][1] if row[-1] == "classifier"]
    assert [(row[0], row[5]) for row in lengths] == [(4.0, 20), (12.0, 20), (30.0, 20), (300.0, 20)]
    for row in lengths:
        assert 0.0 < row[3] <= 1.0
        assert 0.0 <= row[4] <= 1.0
