"""The figures and plots of the language detector, from scores that are made up."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textlstm.core.config import flat
from textlstm.core.errors import TextLSTMError
from textlstm.detection.abstention import Abstention
from textlstm.detection.evidence import Evidence
from textlstm.detection.heldout import GROUPS, NOISE, NOISE_LENGTHS, SYSTEMS, evidence_arrays
from textlstm.evaluation.language import language_metrics, language_tables
from textlstm.evaluation.metrics import language_auc
from textlstm.evaluation.tables import Table

ABSTENTION = Abstention(foreign=-8.0, lengths=[5], limits=[0.0], costs=[2.0])
NAMES = ["one", "two", "three"]


def evidence(likelihoods: Any, background: Any) -> Evidence:
    known = np.full(len(likelihoods), 5)
    return Evidence(np.array(likelihoods, dtype=np.float64), np.array(background), known, 0 * known, 0 * known, known)


def random_scores(languages: int, count: int = 80) -> dict[str, Any]:
    random = np.random.default_rng(languages)
    labels = np.repeat(np.arange(languages), count)
    scores: dict[str, Any] = {f"bits_{system}": np.full(languages, 2.5) for system in SYSTEMS}
    for length in (1, 5):
        for system in SYSTEMS:
            answers = random.normal(size=(len(labels), languages)) + length * np.eye(languages)[labels] / 2
            scores[f"{system}_{length}"] = answers
        for group in GROUPS:
            own = scores[f"detector_{length}"] if group == "own" else random.normal(size=(len(labels), languages))
            scores |= evidence_arrays(group, length, (evidence(own, np.full(len(labels), -9.0)), labels))
            scores[f"{group}_names"] = np.array(NAMES[:languages])
    for length in NOISE_LENGTHS:
        answers = random.normal(size=(len(labels), languages))
        scores |= evidence_arrays(NOISE, length, (evidence(answers, np.full(len(labels), -9.0)), labels))
    scores["words_label"] = labels
    return scores | {f"words_{system}": scores[f"{system}_5"] for system in SYSTEMS}


@pytest.fixture
def section(settings: Callable[..., Any]) -> Any:
    return settings("evaluate", length=5, bootstrap=100, block=5, article_windows=30)


def tables(scores: dict[str, Any], languages: list[str], section: Any, threshold: float = 0.6) -> dict[str, Table]:
    return language_tables(scores, languages, ABSTENTION, threshold, section, lengths=[1, 5], seed=7)


@pytest.mark.parametrize("languages", [2, 3])
def test_figures(section: Any, languages: int) -> None:
    scores, names = random_scores(languages), NAMES[:languages]
    figures = language_metrics(scores, names, ABSTENTION, 0.6, section, seed=7)
    labels = scores["own_owner_5"]
    assert figures["auc"] == pytest.approx(language_auc(labels, scores["detector_5"]), abs=1e-6)
    assert figures["accuracy"] == pytest.approx((scores["detector_5"].argmax(axis=1) == labels).mean(), abs=1e-6)
    assert figures["auc_low"] <= figures["auc"] <= figures["auc_high"]
    assert figures["windows"] == 80 * languages
    assert figures["bits_per_character"] == 2.5
    for system in ("lstm", "ngrams", "text_ngrams"):
        assert figures[system]["auc"] == pytest.approx(language_auc(labels, scores[f"{system}_5"]), abs=1e-6)
    assert set(figures["article_test"]) == {"auc", "accuracy"}
    assert figures == language_metrics(scores, names, ABSTENTION, 0.6, section, seed=7)


def test_there_are_no_more_figures_than_people_can_compare(section: Any) -> None:
    figures = language_metrics(random_scores(2), NAMES[:2], ABSTENTION, 0.6, section, seed=7)
    assert len(flat(figures)) <= 32


@pytest.mark.parametrize("languages", [2, 3])
def test_plots(section: Any, languages: int) -> None:
    scores = random_scores(languages)
    found = tables(scores, NAMES[:languages], section)
    confusion = found["confusion_language"][1]
    assert sum(count for _, _, count in confusion) == 80 * languages
    correct = sum(count for actual, predicted, count in confusion if actual == predicted)
    assert correct == (scores["detector_5"].argmax(axis=1) == scores["own_owner_5"]).sum()
    assert sum(count for _, count, _ in found["histogram_language"][1]) == 80 * languages
    series = {row[2] for row in found["roc_language"][1]}
    assert series == ({"detector", "lstm", "text_ngrams"} if languages == 2 else set(NAMES))
    assert sum(count for _, _, count, _ in found["reliability_language"][1]) == 80 * languages
    assert all(len(row) == len(header) for header, rows in found.values() for row in rows)


def test_every_system_has_its_figures_by_length_and_its_intervals(section: Any) -> None:
    scores = random_scores(2)
    found, figures = (
        tables(scores, NAMES[:2], section),
        language_metrics(scores, NAMES[:2], ABSTENTION, 0.6, section, seed=7),
    )
    by_length = {(length, series): auc for length, series, _, auc, _ in found["by_length_language"][1]}
    assert set(by_length) == {(length, system) for length in (1, 5) for system in SYSTEMS}
    assert by_length[1, "detector"] < by_length[5, "detector"] == pytest.approx(figures["auc"], abs=1e-6)
    (detector, *_), header = found["systems_language"][1], found["systems_language"][0]
    assert detector[0] == "detector"
    for name, value in zip(header[1:], detector[1:], strict=True):
        assert value == pytest.approx(figures[name], abs=1e-6)
    assert found["bits_language"][1][0] == ("one", "detector", 2.5)


def test_the_margin_of_a_language_is_against_the_best_of_the_others(section: Any) -> None:
    scores = random_scores(3, count=1)
    likelihoods = [[-1.0, -4.0, -9.0], [-4.0, -1.0, -9.0], [-9.0, -4.0, -1.0]]  # margins 3, -3, -8
    scores |= evidence_arrays("own", 5, (evidence(likelihoods, [-9.0] * 3), np.arange(3)))
    found = [
        (score, name)
        for score, count, name in tables(scores, ["a", "b", "c"], section)["histogram_language"][1]
        if count
    ]
    assert found == [(2.0, "a"), (-3.0, "b"), (-8.0, "c")]


def test_scores_of_other_languages_are_told(section: Any) -> None:
    message = "the scores are of 3 languages, expected 2: english, french. Run 'dvc repro' to score again"
    with pytest.raises(TextLSTMError, match=message):
        language_metrics(random_scores(3), ["english", "french"], ABSTENTION, 0.6, section, seed=7)


def few_windows() -> dict[str, Any]:
    """Four windows of two languages: one correct, one wrong, one of low confidence, one taken for out of set; three of others."""
    scores = random_scores(2)
    own = evidence([[-1.0, -5.0], [-1.0, -5.0], [-2.0, -1.8], [-9.0, -5.0]], [-9.0, -9.0, -9.0, -4.0])
    unseen = evidence([[-9.0, -5.0], [-9.0, -9.1], [-1.0, -9.0]], [-4.0, -8.0, -8.0])._replace(
        foreign=np.array([1, 0, 0]), foreign_words=np.array([1, 0, 0])
    )
    for length in (1, 5):
        scores |= evidence_arrays("own", length, (own, np.array([0, 1, 1, 1])))
        scores |= evidence_arrays("unseen_languages", length, (unseen, np.array([0, 0, 1])))
        scores |= evidence_arrays("unseen_words", length, (evidence([[-1.0, -5.0]], [-9.0]), np.array([0])))
        none = evidence(np.zeros((0, 2)), [])
        scores |= evidence_arrays("seen_languages", length, (none, np.zeros(0, dtype=np.int64)))
        for system in SYSTEMS:
            scores[f"{system}_{length}"] = own.log_likelihoods
    return scores


def test_figures_of_answers_and_abstentions(section: Any) -> None:
    figures = language_metrics(few_windows(), NAMES[:2], ABSTENTION, 0.7, section, seed=7)
    four, near = 1 / (1 + math.exp(-4.0)), 1 / (1 + math.exp(-0.2))
    # in one bin the three that are sure, of which two are correct, in another the correct one that is not
    assert figures["calibration"]["ece"] == pytest.approx((abs(3 * four - 2) + abs(near - 1)) / 4, abs=1e-6)
    expected = -(2 * math.log(four) + math.log(1 - four) + math.log(near)) / 4
    assert figures["calibration"]["log_loss"] == pytest.approx(expected, abs=1e-6)
    assert figures["abstention"] == {"coverage": 0.5, "false_out_of_set": 0.25, "accuracy_of_answered": 0.5}


def test_noise_that_is_told_by_kind_and_in_the_mean(section: Any) -> None:
    scores = few_windows()
    for length, cost in ((10, 1.9), (20, 2.1)):  # nats per character; 2 is the limit
        noise = evidence([[-cost * length, -999.0], [-1.0, -1.0], [-1.0, -9.0]], [-999.0] * 3)
        known = np.full(3, length)
        scores |= evidence_arrays(NOISE, length, (noise._replace(known=known, letters=known), np.array([0, 0, 1])))
    scores["noise_names"] = np.array(["hex", "cipher"])
    found = tables(scores, NAMES[:2], section)["noise_language"][1]
    assert found == [
        ("hex", "10 characters", 0.5),
        ("cipher", "10 characters", 0.0),
        ("hex", "20 characters", 1.0),
        ("cipher", "20 characters", 0.0),
    ]
    figures = language_metrics(scores, NAMES[:2], ABSTENTION, 0.6, section, seed=7)
    assert figures["noise"] == {"told_10": 0.25, "told_20": 0.5}


def test_answers_by_length_and_by_kind_of_text(section: Any) -> None:
    header, rows = tables(few_windows(), NAMES[:2], section, threshold=0.7)["answers_by_length_language"]
    assert [row[:2] for row in rows] == [(n, kind) for kind in ("held-out text", "words never drawn") for n in (1, 5)]
    words = dict(zip(header, rows[3], strict=True))
    assert words["ece"] == pytest.approx(1 - 1 / (1 + math.exp(-4.0)))
    assert (words["coverage"], words["false_out_of_set"], words["accuracy_of_answered"]) == (1.0, 0.0, 1.0)


def test_other_languages_that_are_told_and_that_are_not(section: Any) -> None:
    found = tables(few_windows(), NAMES[:2], section, threshold=0.7)
    rows = [row for row in found["out_of_set_language"][1] if row[0] == 5]
    assert rows == [
        (5, "other languages", pytest.approx(2 / 3), pytest.approx(1 / 3)),
        (5, "other languages, without foreign letters", 0.5, 0.5),
    ]
    assert found["hardest_language"][1] == [("two", 0.0), ("one", 1.0)]
