"""What is fitted on training data, against truths that are known, and the three kinds of answer."""

import math
from pathlib import Path

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.detection.abstention import (
    LOW_CONFIDENCE,
    NO_LETTERS,
    OUT_OF_SET,
    Abstention,
    against_languages,
    fit_abstention,
    fit_limit,
    foreign_log_probability,
)
from textlstm.detection.evidence import Evidence

ABSTENTION = Abstention(foreign=-8.0, lengths=[2, 4], limits=[1.0, 3.0])


def evidence(
    likelihoods: list[list[float]], background: float = -99.0, known: int = 4, foreign: int = 0, letters: int = 4
) -> Evidence:
    count = len(likelihoods)
    return Evidence(np.array(likelihoods), *(np.full(count, value) for value in (background, known, foreign, letters)))


def windows(length: int, count: int = 500) -> list[tuple[Evidence, int]]:
    """Windows of two languages, drawn at random."""
    random = np.random.default_rng(length)
    return [(evidence(random.normal(size=(count, 2)).tolist(), known=length), label) for label in range(2)]


def test_a_foreign_letter_costs_every_language_the_same() -> None:
    assert against_languages(evidence([[-2.0, -3.0]], background=-4.0), -8.0).tolist() == [-2.0]
    assert against_languages(evidence([[-2.0, -3.0]], background=-4.0, foreign=1), -8.0).tolist() == [6.0]


def test_the_share_of_foreign_letters_is_counted_with_one_more() -> None:
    blocks = [(evidence([[0.0]] * 10, foreign=0, letters=5), 0), (evidence([[0.0]] * 10, foreign=1, letters=5), 1)]
    assert foreign_log_probability(blocks) == pytest.approx(math.log(11 / 101))


def test_no_more_than_the_share_lies_above_the_limit() -> None:
    blocks = [(evidence([[-float(number)]], background=0.0), 0) for number in range(100)]  # 0 to 99
    assert fit_limit(blocks, -8.0, 0.01) == 98.0
    assert fit_limit(blocks, -8.0, 0.25) == 74.0
    assert fit_limit(blocks, -8.0, 0.25, least=80.0) == 80.0


def test_blocks_count_the_same_whatever_their_size() -> None:
    many = (evidence([[0.0]] * 98, background=-5.0), 0)
    few = (evidence([[0.0], [-9.0]], background=0.0), 1)  # 0 and 9
    assert fit_limit([many, few], -8.0, 0.25) == 0.0  # a half at -5, a quarter each at 0 and 9


def test_the_limit_is_interpolated_and_stays_beyond_the_lengths() -> None:
    for read, limit in ((1, 1.0), (2, 1.0), (3, 2.0), (4, 3.0), (50, 3.0)):
        assert ABSTENTION.out_of_set_scores(evidence([[-5.0, -7.0]], background=-4.0, known=read)).tolist() == [
            pytest.approx(1.0 - limit)
        ]


def test_the_reasons() -> None:
    assert ABSTENTION.reasons(evidence([[-2.0, -6.0]]), 0.6) == [None]
    assert ABSTENTION.reasons(evidence([[-2.0, -6.0]], letters=0), 0.6) == [NO_LETTERS]
    assert ABSTENTION.reasons(evidence([[-9.0, -9.5]], background=-5.9), 0.6) == [
        OUT_OF_SET
    ]  # 3.1 above the limit of 4 characters, 3
    assert ABSTENTION.reasons(evidence([[-9.0, -12.0]], background=-6.1), 0.6) == [None]
    assert ABSTENTION.reasons(evidence([[-2.0, -2.0 - math.log(1.49)]]), 0.6) == [
        LOW_CONFIDENCE
    ]  # odds of 1.5 are a probability of 0.6
    assert ABSTENTION.reasons(evidence([[-2.0, -2.0 - math.log(1.51)]]), 0.6) == [None]


def test_everything_is_fitted_together() -> None:
    text = {length: windows(length) for length in (1, 5)} | {50: []}
    unseen = {length: [(evidence([[-9.0, -9.0]] * 10, background=-5.0), 0)] for length in (1, 5)}
    abstention = fit_abstention(text, {}, unseen, false_out_of_set=0.1)
    assert abstention.lengths == [1, 5]
    assert abstention.limits == [4.0, 4.0]  # more than a tenth of the weight lies there
    assert fit_abstention(text, {}, {}, false_out_of_set=0.1).limits == [
        0.0,
        0.0,
    ]  # the learnt text alone does not lower it


def test_texts_shorter_than_every_window_are_told() -> None:
    with pytest.raises(
        TextLSTMError, match=r"abstention: expected training texts of at least one of score.lengths characters"
    ):
        fit_abstention({5: []}, {}, {}, false_out_of_set=0.01)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    ABSTENTION.save(tmp_path / "abstention.json")
    assert Abstention.load(tmp_path / "abstention.json") == ABSTENTION
    with pytest.raises(TextLSTMError, match=r"none/abstention.json: no such file"):
        Abstention.load(tmp_path / "none/abstention.json")
