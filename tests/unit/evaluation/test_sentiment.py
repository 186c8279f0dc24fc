"""The figures and plots of the sentiment model, from scores that are made up."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textlstm.core.config import flat
from textlstm.core.odds import probability_of
from textlstm.evaluation.metrics import auc, calibration_error
from textlstm.evaluation.sentiment import SYSTEMS, sentiment_metrics, sentiment_tables


def test_figures_and_plots(settings: Callable[..., Any]) -> None:
    labels = np.array([0, 1] * 20)
    random = np.random.default_rng(1)
    scores = {name: random.normal(size=40) + labels for name in SYSTEMS} | {"label": labels}
    section = settings("evaluate", bootstrap=100)
    figures = sentiment_metrics(scores, "holdout", section, seed=7)
    assert (figures["reviews"], figures["protocol"]) == (40, "holdout")
    assert figures["accuracy"] == ((scores["classifier"] > 0) == (labels == 1)).mean()
    assert figures["auc_low"] <= figures["auc"] <= figures["auc_high"]
    for system in ("lstm", "nbsvm", "linear_svm"):
        assert figures[system]["accuracy"] == ((scores[system] > 0) == (labels == 1)).mean()
        assert figures[system]["auc"] == pytest.approx(auc(labels, scores[system]), abs=1e-6)
    correct = (scores["classifier"] > 0) == (labels == 1)
    error = calibration_error(probability_of(np.abs(scores["classifier"])), correct)
    assert figures["ece"] == pytest.approx(error, abs=1e-6)
    assert len(flat(figures)) <= 25

    tables = sentiment_tables(scores, section, seed=7)
    assert [row[:2] for row in tables["confusion_imdb"][1]][1] == ("negative", "positive")
    assert sum(row[2] for row in tables["confusion_imdb"][1]) == 40
    # the linear SVM's scores are no odds
    assert {row[3] for row in tables["reliability_imdb"][1]} == {"classifier", "lstm", "nbsvm"}
    assert sum(row[2] for row in tables["reliability_imdb"][1]) == 3 * 40
    header, (classifier, *others) = tables["systems_imdb"]
    assert [row[0] for row in (classifier, *others)] == list(SYSTEMS)
    for name, value in zip(header[1:], classifier[1:], strict=True):
        assert value == pytest.approx(figures[name], abs=1e-6)
