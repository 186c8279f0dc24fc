"""The paired bootstrap: its bounds follow from figures that are known, and pairing makes it sharper than two intervals."""

import numpy as np
import pytest

from textlstm.evaluation.comparison import Answers, Difference, difference
from textlstm.evaluation.metrics import bootstrap_intervals, language_scores


def answers(skill: float, noise_seed: int = 1, *, items: int = 400, classes: int = 2) -> Answers:
    """Scores of items in which the true class is ahead by `skill`, with the same hard and easy items for every skill."""
    labels = np.repeat(np.arange(classes), items // classes)
    scores = np.random.default_rng(noise_seed).normal(size=(len(labels), classes))
    scores[np.arange(len(labels)), labels] += skill
    return Answers(labels, scores)


def compare(new: Answers, old: Answers, block: int = 1) -> Difference:
    return difference(new, old, rounds=200, block=block, seed=7)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("block", [1, 20])
def test_a_model_does_not_differ_from_itself(classes: int, block: int) -> None:
    same = compare(answers(1.0, classes=classes), answers(1.0, classes=classes), block)
    assert [same.auc, same.auc_low, same.auc_high] == pytest.approx([0, 0, 0], abs=1e-12)
    assert [same.accuracy, same.accuracy_low, same.accuracy_high] == [0, 0, 0]
    assert not same.better


@pytest.mark.parametrize("classes", [2, 3])
def test_swapping_the_models_swaps_the_signs(classes: int) -> None:
    new, old = answers(1.5, classes=classes), answers(1.0, classes=classes)
    there, back = compare(new, old), compare(old, new)
    assert there.better
    assert not back.better
    assert there.auc == pytest.approx(-back.auc)
    assert (there.auc_low, there.auc_high) == pytest.approx((-back.auc_high, -back.auc_low), abs=1e-9)
    assert there.auc_low < there.auc < there.auc_high


def test_against_a_model_without_errors_the_interval_is_that_of_the_other_alone() -> None:
    old = answers(1.0)
    perfect = Answers(old.labels, np.eye(2)[old.labels])
    drawn = bootstrap_intervals(
        old.labels, language_scores(old.labels, old.scores), old.correct, rounds=200, block=1, seed=7
    )
    gain = compare(perfect, old)
    assert (gain.auc_low, gain.auc_high) == pytest.approx((1 - drawn["auc_high"], 1 - drawn["auc_low"]))
    assert (gain.accuracy_low, gain.accuracy_high) == pytest.approx(
        (1 - drawn["accuracy_high"], 1 - drawn["accuracy_low"])
    )


def test_pairing_finds_what_two_intervals_would_hide() -> None:
    new, old = answers(1.15), answers(1.0)
    gain = compare(new, old)
    alone = bootstrap_intervals(
        old.labels, language_scores(old.labels, old.scores), old.correct, rounds=200, block=1, seed=7
    )
    assert new.auc < alone["auc_high"], "the interval of the old one alone holds the new one"
    assert gain.better


def test_models_that_differ_by_chance_are_not_better() -> None:
    verdicts = [compare(answers(1.0, seed), answers(1.0, seed + 100)).better for seed in range(20)]
    assert sum(verdicts) <= 2


def test_a_better_auc_at_the_price_of_accuracy_is_not_better() -> None:
    labels = np.repeat([0, 1], 100)
    ahead = np.where(labels == 0, 1.0, -1.0) + np.where(np.arange(200) % 10 == 0, -3.0, 0.0) * np.where(
        labels == 0, 1.0, -1.0
    )
    old = Answers(labels, np.stack([ahead, np.zeros(200)], axis=1))
    ranked = np.where(labels == 0, 2.0, 1.0)  # perfect order, but everything is called the first class
    new = Answers(labels, np.stack([ranked, np.zeros(200)], axis=1))
    gain = compare(new, old)
    assert gain.auc_low > 0
    assert gain.accuracy_high < 0
    assert not gain.better


def test_text_names_both_figures_and_their_intervals() -> None:
    text = str(Difference(0.01, 0.002, 0.018, -0.001, -0.003, 0.001))
    assert text == "AUC +0.0100 (95 % interval +0.0020 to +0.0180), accuracy -0.0010 (-0.0030 to +0.0010)"
