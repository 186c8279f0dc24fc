"""What is fitted on training data, against truths that are known, and the three kinds of answer."""

import math
from pathlib import Path

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.odds import posterior
from textlstm.detection.calibration import (
    NEITHER,
    NO_LETTERS,
    TOO_CLOSE,
    Doubt,
    against_languages,
    fit_doubt,
    fit_margin,
    fit_temperature,
    foreign_log_probability,
    temper,
)
from textlstm.detection.evidence import Evidence

DOUBT = Doubt(scale=1.0, exponent=0.0, foreign=-8.0, lengths=[2, 4], margins=[1.0, 3.0], threshold=0.6)


def evidence(
    likelihoods: list[list[float]], background: float = -99.0, known: int = 4, foreign: int = 0, letters: int = 4
) -> Evidence:
    count = len(likelihoods)
    return Evidence(np.array(likelihoods), *(np.full(count, value) for value in (background, known, foreign, letters)))


def truth(scale: float, length: int, languages: int, count: int = 20_000) -> list[tuple[Evidence, int]]:
    """Log-likelihoods that are right once multiplied by `scale`, by the language that was drawn with these odds."""
    random = np.random.default_rng([languages, length])
    calibrated = random.normal(size=(count, languages)) * 2
    labels = (posterior(calibrated).cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return [(evidence((calibrated[labels == label] / scale).tolist(), known=length), label) for label in range(languages)]


@pytest.mark.parametrize("languages", [2, 4])
def test_a_known_temperature_is_found_again(languages: int) -> None:
    blocks = {length: truth(1.4 * length**-0.3, length, languages) for length in (1, 5, 20)}
    scale, exponent = fit_temperature([(1.0, blocks)])
    assert scale == pytest.approx(1.4, rel=0.04)
    assert exponent == pytest.approx(0.3, abs=0.02)


def test_the_exponent_never_makes_longer_texts_surer_than_they_are() -> None:
    _, exponent = fit_temperature([(1.0, {length: truth(length**0.5, length, 2, 2000) for length in (1, 20)})])
    assert exponent == 0.0


def test_kinds_count_by_their_weight() -> None:
    easy, hard = ({length: truth(scale, length, 2) for length in (1, 20)} for scale in (1.5, 0.5))
    alone, mostly, half = (
        fit_temperature(kinds)[0] for kinds in ([(1.0, easy)], [(0.9, easy), (0.1, hard)], [(1.0, easy), (1.0, hard)])
    )
    assert alone == pytest.approx(1.5, rel=0.05)
    assert alone > mostly > half > 0.5
    assert fit_temperature([(1.0, easy), (5.0, {1: [], 20: []})])[0] == alone  # a kind without windows weighs nothing


def test_texts_of_one_length_keep_their_order() -> None:
    some = evidence([[-1.0, -3.0], [-5.0, -2.0], [-4.0, -4.1]], known=9)
    tempered = temper(some, 0.8, 0.5)
    np.testing.assert_allclose(tempered, np.array(some.log_likelihoods) * 0.8 / 3)
    before, after = (np.argsort(one[:, 0] - one[:, 1]) for one in (some.log_likelihoods, tempered))
    assert before.tolist() == after.tolist()


def test_a_text_without_known_characters_has_no_odds() -> None:
    assert temper(evidence([[0.0, 0.0]], known=0), 2.0, 0.5).tolist() == [[0.0, 0.0]]


def test_a_foreign_letter_costs_every_language_the_same() -> None:
    assert against_languages(evidence([[-2.0, -3.0]], background=-4.0), -8.0).tolist() == [-2.0]
    assert against_languages(evidence([[-2.0, -3.0]], background=-4.0, foreign=1), -8.0).tolist() == [6.0]


def test_the_share_of_foreign_letters_is_counted_with_one_more() -> None:
    blocks = [(evidence([[0.0]] * 10, foreign=0, letters=5), 0), (evidence([[0.0]] * 10, foreign=1, letters=5), 1)]
    assert foreign_log_probability(blocks) == pytest.approx(math.log(11 / 101))


def test_no_more_than_the_share_lies_above_the_margin() -> None:
    blocks = [(evidence([[-float(number)]], background=0.0), 0) for number in range(100)]  # 0 to 99
    assert fit_margin(blocks, -8.0, 0.01) == 98.0
    assert fit_margin(blocks, -8.0, 0.25) == 74.0
    assert fit_margin(blocks, -8.0, 0.25, least=80.0) == 80.0


def test_blocks_count_the_same_whatever_their_size() -> None:
    many = (evidence([[0.0]] * 98, background=-5.0), 0)
    few = (evidence([[0.0], [-9.0]], background=0.0), 1)  # 0 and 9
    assert fit_margin([many, few], -8.0, 0.25) == 0.0  # a half at -5, a quarter each at 0 and 9


def test_the_margin_is_interpolated_and_stays_beyond_the_lengths() -> None:
    for read, margin in ((1, 1.0), (2, 1.0), (3, 2.0), (4, 3.0), (50, 3.0)):
        assert DOUBT.excess(evidence([[-5.0, -7.0]], background=-4.0, known=read)).tolist() == [pytest.approx(1.0 - margin)]


def test_the_reasons() -> None:
    assert DOUBT.reasons(evidence([[-2.0, -6.0]])) == [None]
    assert DOUBT.reasons(evidence([[-2.0, -6.0]], letters=0)) == [NO_LETTERS]
    assert DOUBT.reasons(evidence([[-9.0, -9.5]], background=-5.9)) == [NEITHER]  # 3.1 above the margin of 4 characters, 3
    assert DOUBT.reasons(evidence([[-9.0, -12.0]], background=-6.1)) == [None]
    assert DOUBT.reasons(evidence([[-2.0, -2.0 - math.log(1.49)]])) == [TOO_CLOSE]  # odds of 1.5 are a probability of 0.6
    assert DOUBT.reasons(evidence([[-2.0, -2.0 - math.log(1.51)]])) == [None]


def test_everything_is_fitted_together() -> None:
    text = {length: truth(1.0, length, 2, 500) for length in (1, 5)} | {50: []}
    undrawn = {length: [(evidence([[-9.0, -9.0]] * 10, background=-5.0), 0)] for length in (1, 5)}
    doubt = fit_doubt(text, {}, undrawn, share_undrawn=0.0, false_neither=0.1, threshold=0.7)
    assert (doubt.lengths, doubt.threshold) == ([1, 5], 0.7)
    assert doubt.margins == [4.0, 4.0]  # more than a tenth of the weight lies there
    assert fit_doubt(text, {}, {}, share_undrawn=0.0, false_neither=0.1, threshold=0.7).margins == [
        0.0,
        0.0,
    ]  # the learnt text alone does not lower it


def test_texts_shorter_than_every_window_are_told() -> None:
    with pytest.raises(TextLSTMError, match=r"doubt: expected training texts of at least one of score.lengths characters"):
        fit_doubt({5: []}, {}, {}, share_undrawn=0.0, false_neither=0.01, threshold=0.6)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    DOUBT.save(tmp_path / "doubt")
    assert Doubt.load(tmp_path / "doubt") == DOUBT
    with pytest.raises(TextLSTMError, match=r"none/doubt.json: no such file"):
        Doubt.load(tmp_path / "none")
