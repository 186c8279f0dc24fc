"""Figures against their definitions."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.odds import combine, posterior, probability_of
from textlstm.evaluation.metrics import (
    accuracy,
    auc,
    binary_metrics,
    bootstrap_intervals,
    calibration_error,
    language_auc,
    reliability,
    roc_points,
    rounded,
)
from textlstm.evaluation.tables import histogram_rows

ANSWERS = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=30).filter(
    lambda pairs: len({positive for positive, _ in pairs}) == 2
)


@given(ANSWERS)
def test_auc_is_the_chance_that_a_positive_scores_higher(answers: list[tuple[bool, int]]) -> None:
    positives = [score for positive, score in answers if positive]
    negatives = [score for positive, score in answers if not positive]
    won = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    labels, scores = (np.array(column) for column in zip(*answers, strict=True))
    assert auc(labels, scores.astype(float)) == pytest.approx(won / len(positives) / len(negatives))


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert accuracy(np.array([0, 1, 2, 1]), np.array([0, 1, 1, 0])) == 0.5


def test_two_languages_are_scored_by_the_difference_and_the_first_is_positive() -> None:
    log_likelihoods = np.array([[-1.0, -2.0], [-5.0, -1.0], [-1.0, -1.5], [-2.0, -2.2]])
    labels = np.array([0, 1, 0, 1])  # differences 1, -4, 0.5, 0.2: both of the first language above both of the second
    assert language_auc(labels, log_likelihoods) == 1.0
    assert language_auc(1 - labels, log_likelihoods) == 0.0


def test_more_languages_are_scored_one_against_the_rest_and_averaged() -> None:
    random = np.random.default_rng(1)
    log_likelihoods, labels = random.normal(size=(60, 3)), np.arange(60) % 3
    chances = posterior(log_likelihoods)
    expected = np.mean([auc(labels == language, chances[:, language]) for language in range(3)])
    assert language_auc(labels, log_likelihoods) == pytest.approx(expected)
    log_likelihoods[np.arange(60), labels] += 50
    assert language_auc(labels, log_likelihoods) == 1.0


@given(st.lists(st.lists(st.floats(-2000, 0), min_size=3, max_size=3), min_size=1, max_size=5))
def test_posteriors_sum_to_one_however_unlikely_the_text(rows: list[list[float]]) -> None:
    chances = posterior(np.array(rows))
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    best = np.array(rows).argmax(axis=1)
    assert (chances[np.arange(len(rows)), best] == chances.max(axis=1)).all()


def test_texts_that_say_nothing_leave_every_language_as_likely() -> None:
    np.testing.assert_allclose(posterior(np.zeros((1, 4))), 0.25)


@given(st.floats(-800, 800))
def test_log_odds_and_probability_are_two_names_of_one_thing(log_odds: float) -> None:
    probability = float(probability_of(np.array([log_odds]))[0])
    assert 0 <= probability <= 1
    if abs(log_odds) < 30:
        assert math.log(probability) - math.log1p(-probability) == pytest.approx(log_odds, abs=1e-3)


def test_a_mixture_of_log_odds_is_their_weighted_mean() -> None:
    assert combine(np.array([4.0]), np.array([-2.0]), 0.25).tolist() == [2.5]


def _intervals(labels: Any, scores: Any, right: Any, **changes: Any) -> dict[str, float]:
    values = {"rounds": 300, "block": 5, "seed": 7} | changes
    return bootstrap_intervals(labels, [(labels == 1, scores)], right, **values)


def test_intervals_hold_the_estimate_and_narrow_with_more_items() -> None:
    random = np.random.default_rng(1)
    widths = []
    for count in (100, 2000):
        labels = np.repeat([0, 1], count // 2)
        scores = labels + random.normal(scale=1.5, size=count)
        right = (scores > 0.5) == labels
        found = _intervals(labels, scores, right)
        assert found["auc_low"] < auc(labels, scores) < found["auc_high"]
        assert found["accuracy_low"] < right.mean() < found["accuracy_high"]
        widths.append(found["auc_high"] - found["auc_low"])
    assert widths[1] < widths[0] / 2


def test_intervals_depend_on_the_seed_alone() -> None:
    labels = np.repeat([0, 1], 40)
    scores = labels + np.random.default_rng(1).normal(size=80)
    right = scores > 0.5
    assert _intervals(labels, scores, right) == _intervals(labels, scores, right)
    assert _intervals(labels, scores, right) != _intervals(labels, scores, right, seed=8)


def test_neighbours_that_go_together_make_the_interval_wider() -> None:
    labels = np.repeat([0, 1], 500)
    scores = labels + np.repeat(np.random.default_rng(1).normal(size=40), 25)  # 25 neighbours share one deviation
    one_by_one, in_blocks = (_intervals(labels, scores, scores > 0.5, block=block) for block in (1, 25))
    widths = [found["auc_high"] - found["auc_low"] for found in (one_by_one, in_blocks)]
    assert widths[1] > 2 * widths[0]


def test_a_perfect_answer_has_an_interval_of_no_width() -> None:
    labels = np.repeat([0, 1], 10)
    found = _intervals(labels, labels.astype(float), labels == labels, block=50)
    assert found == {"auc_low": 1.0, "auc_high": 1.0, "accuracy_low": 1.0, "accuracy_high": 1.0}


@given(ANSWERS, st.integers(0, 3))
def test_the_auc_of_a_draw_is_that_of_the_items_drawn(answers: list[tuple[bool, int]], seed: int) -> None:
    """One round, one block a group that holds it all: the draw is the sample itself."""
    labels, scores = (np.array(column) for column in zip(*answers, strict=True))
    found = _intervals(labels.astype(int), scores.astype(float), labels, rounds=1, block=100, seed=seed)
    assert found["auc_low"] == found["auc_high"] == pytest.approx(auc(labels, scores.astype(float)))


def test_binary_figures() -> None:
    figures = binary_metrics(np.array([0, 1, 1, 0]), np.array([0.5, 0.9, 0.4, 0.1]))
    log_loss = -(math.log(0.5) + math.log(0.9) + math.log(0.4) + math.log(0.9)) / 4
    assert figures == {"accuracy": 0.75, "auc": 0.75, "log_loss": pytest.approx(log_loss)}


FOUR = (
    np.array([0.61, 0.65, 0.93, 1.0]),
    np.array([True, False, True, True]),
)  # in the bins 0.6 to 0.667 and 0.933 to 1, and one between


def test_the_calibration_error_of_four_answers() -> None:
    points = reliability(*FOUR)
    assert [count for *_, count in points] == [2, 1, 1]  # 0.93 lies between 13 and 14 fifteenths
    assert [right for _, right, _ in points] == [0.5, 1.0, 1.0]
    assert [sure for sure, *_ in points] == pytest.approx([0.63, 0.93, 1.0])
    assert calibration_error(*FOUR) == pytest.approx((2 * 0.13 + 0.07 + 0.0) / 4)


def test_answers_that_are_right_as_often_as_they_are_sure_have_no_calibration_error() -> None:
    assert calibration_error(np.full(4, 0.75), np.array([True, True, True, False])) == pytest.approx(0.0)
    assert calibration_error(np.full(4, 1.0), np.zeros(4, dtype=bool)) == 1.0


def test_a_curve_goes_from_corner_to_corner_and_never_down() -> None:
    labels = np.repeat([True, False], 500)
    points = roc_points(labels, np.random.default_rng(1).normal(size=1000), most=50)
    assert len(points) <= 50
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (1.0, 1.0)
    assert points == sorted(points)


def test_the_bins_of_a_histogram_begin_at_multiples_of_their_width_and_hold_every_score() -> None:
    scores, labels = np.array([-9.0, 0.1, 0.6, 0.7, 1.0]), np.array([0, 1, 1, 0, 1])
    rows = histogram_rows(scores, labels, ["a", "b"], 0.5)
    assert rows[0] == (-9.0, 1, "a")
    assert [row for row in rows[1:] if row[1]] == [(0.5, 1, "a"), (0.0, 1, "b"), (0.5, 2, "b")]  # 1.0 ends the last bin
    assert [row for row in rows if row[0] == 1.0] == [(1.0, 0, "a"), (1.0, 0, "b")]  # where the last bin ends
    assert rows[-1][0] == 1.0


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=30), st.sampled_from([0.025, 0.1, 1.0]))
def test_no_score_is_left_out_of_a_histogram_or_put_far_from_where_it_is(scores: list[float], width: float) -> None:
    labels = np.zeros(len(scores), dtype=np.int64)
    rows = histogram_rows(np.array(scores), labels, ["a"], width)
    found = [edge for edge, count, _ in rows for _ in range(count)]
    assert len(found) == len(scores)
    assert all(edge - 1e-9 <= score <= edge + width + 1e-9 for edge, score in zip(found, sorted(scores), strict=True))


def test_every_figure_is_rounded_whatever_its_depth() -> None:
    figures = {"a": 1 / 3, "b": {"c": np.float64(2 / 3), "d": 5}, "e": "x"}
    assert rounded(figures, 3) == {"a": 0.333, "b": {"c": 0.667, "d": 5}, "e": "x"}
