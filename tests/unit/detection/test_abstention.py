"""What is fitted on training data, against truths that are known, and the three kinds of answer."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.detection.abstention import (
    LOW_CONFIDENCE,
    NO_LANGUAGE,
    NO_LETTERS,
    OUT_OF_SET,
    Abstention,
    against_languages,
    cost_per_character,
    fit_abstention,
    fit_limit,
    foreign_log_probability,
)
from textlstm.detection.evidence import Evidence

ABSTENTION = Abstention(foreign=-8.0, lengths=[2, 4], limits=[1.0, 3.0], costs=[9.0, 5.0])


def evidence(
    likelihoods: list[list[float]],
    background: float = -99.0,
    known: int = 4,
    foreign: int = 0,
    foreign_words: int | None = None,
    letters: int = 4,
) -> Evidence:
    count = len(likelihoods)
    counts = (background, known, foreign, foreign if foreign_words is None else foreign_words, letters)
    return Evidence(np.array(likelihoods), *(np.full(count, value) for value in counts))


def windows(length: int, count: int = 500) -> list[tuple[Evidence, int]]:
    """Windows of two languages, drawn at random."""
    random = np.random.default_rng(length)
    return [(evidence(random.normal(size=(count, 2)).tolist(), known=length), label) for label in range(2)]


def test_a_foreign_letter_costs_every_language_the_same() -> None:
    assert against_languages(evidence([[-2.0, -3.0]], background=-4.0), -8.0).tolist() == [-2.0]
    assert against_languages(evidence([[-2.0, -3.0]], background=-4.0, foreign=1), -8.0).tolist() == [6.0]


def test_a_foreign_word_costs_as_much_as_a_letter_unless_most_letters_are_foreign() -> None:
    for foreign, letters, costly in ((5, 12, 1), (6, 12, 1), (7, 12, 7), (3, 3, 3)):
        found = evidence([[-2.0, -3.0]], background=-4.0, foreign=foreign, foreign_words=1, letters=letters)
        assert against_languages(found, -8.0).tolist() == [-2.0 + 8.0 * costly]


def test_what_costs_the_best_language_more_than_any_text_is_no_language() -> None:
    assert cost_per_character(evidence([[-60.0, -24.0]], known=12)).tolist() == [2.0]
    assert cost_per_character(evidence([[0.0, 0.0]], known=0)).tolist() == [0.0]
    for known, cost, told in ((10, 5.1, True), (10, 4.9, False), (50, 5.1, True), (9, 99.0, False)):  # 5.0 from 4 on
        found = evidence([[-cost * known, -999.0]], background=-9999.0, known=known)
        assert ABSTENTION.is_no_language(found).tolist() == [told]
        assert ABSTENTION.reasons(found, 0.6) == [NO_LANGUAGE if told else None]
        assert not dataclasses.replace(ABSTENTION, costs=[]).is_no_language(found).any()


def test_the_share_of_foreign_letters_is_counted_with_one_more() -> None:
    blocks = [(evidence([[0.0]] * 10, foreign=0, letters=5), 0), (evidence([[0.0]] * 10, foreign=1, letters=5), 1)]
    assert foreign_log_probability(blocks) == pytest.approx(math.log(11 / 101))


def test_no_more_than_the_share_lies_above_the_limit() -> None:
    blocks = [np.array([float(number)]) for number in range(100)]  # 0 to 99
    assert fit_limit(blocks, 0.01) == 98.0
    assert fit_limit(blocks, 0.25) == 74.0


def test_blocks_count_the_same_whatever_their_size() -> None:
    many, few = np.full(98, -5.0), np.array([0.0, 9.0])
    assert fit_limit([many, few], 0.25) == 0.0  # a half at -5, a quarter each at 0 and 9


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
    assert abstention.costs == [9.0 / 4, 9.0 / 4]
    alone = fit_abstention(text, {}, {1: []}, false_out_of_set=0.1)
    assert (alone.limits, alone.costs) == ([0.0, 0.0], [])  # the learnt text alone does not say what else there is


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
