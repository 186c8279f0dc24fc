"""Log-likelihoods, checked by hand on models whose tables fit on paper."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.language.scoring import (
    Floats,
    Remembering,
    conditional_probabilities,
    finish_table,
    reading,
    text_log_likelihood,
    window_log_likelihoods,
)
from textlstm.language.vocabulary import UNKNOWN, Vocabulary

ABC = Vocabulary(("a", "b", "c"))


class Uniform:
    """Every character of V is as likely as any other."""

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        self.vocabulary, self.width = vocabulary, width

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        return finish_table(np.full((len(ids), self.width), -math.log(len(self.vocabulary.characters))), ids)


class Bigram:
    """P(first) and P(next | one before), from two tables; W is 2."""

    def __init__(self, first: dict[str, float], after: dict[str, float]) -> None:
        self.vocabulary, self.first, self.after = ABC, first, after

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        text = self.vocabulary.decode(ids)
        assert all(character in "abc" for character in text)
        table = np.zeros((len(text), 2))
        for index, character in enumerate(text):
            table[index, 0] = math.log(self.first[character])
            if index + 1 < len(text):
                table[index, 1] = math.log(self.after[text[index : index + 2]])
        return finish_table(table, ids)


LEFT = Bigram({"a": 0.5, "b": 0.25, "c": 0.25}, {"ab": 0.5, "bc": 0.25, "ca": 0.125, "ac": 0.25, "aa": 0.25})
RIGHT = Bigram({"a": 0.25, "b": 0.5, "c": 0.25}, {"ab": 0.125, "bc": 0.5, "ca": 0.5, "ac": 0.5, "aa": 0.375})


def _table(count: int, width: int, seed: int = 1) -> Floats:
    ids = np.full(count, 2, dtype=np.uint8)
    return finish_table(-np.random.default_rng(seed).random((count, width)), ids)


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("text", ["", "a", "abc", "abcabcabca"])
def test_uniform_probabilities_give_n_log_v(text: str, width: int) -> None:
    table = Uniform(ABC, width).log_probabilities(ABC.encode(text))
    assert text_log_likelihood(table) == pytest.approx(-len(text) * math.log(3))


def test_sums_done_on_paper() -> None:
    # LEFT of "abca": P(a) P(b|a) P(c|b) P(a|c) = 1/2 1/2 1/4 1/8 = 1/128;  RIGHT: 1/4 1/8 1/2 1/2 = 1/128
    # windows of 2 under LEFT: ab 1/2 1/2, bc 1/4 1/4, ca 1/4 1/8;  under RIGHT: ab 1/4 1/8, bc 1/2 1/2, ca 1/4 1/2
    ids = ABC.encode("abca")
    left, right = LEFT.log_probabilities(ids), RIGHT.log_probabilities(ids)
    assert text_log_likelihood(left) == pytest.approx(math.log(1 / 128))
    assert text_log_likelihood(right) == pytest.approx(math.log(1 / 128))
    np.testing.assert_allclose(np.exp(window_log_likelihoods(left, 2)), [1 / 4, 1 / 16, 1 / 32])
    np.testing.assert_allclose(np.exp(window_log_likelihoods(right, 2)), [1 / 32, 1 / 4, 1 / 8])
    np.testing.assert_allclose(np.exp(window_log_likelihoods(left, 1)), [1 / 2, 1 / 4, 1 / 4, 1 / 2])


def test_windows_longer_than_w_go_on_with_the_last_w_minus_one_characters() -> None:
    # windows of 3 of "abca" under LEFT, whose W is 2: abc 1/2 1/2 1/4, bca 1/4 1/4 1/8
    table = LEFT.log_probabilities(ABC.encode("abca"))
    np.testing.assert_allclose(np.exp(window_log_likelihoods(table, 3)), [1 / 16, 1 / 128])
    np.testing.assert_allclose(np.exp(reading(table)), [1 / 2, 1 / 2, 1 / 4, 1 / 8])


@given(st.integers(1, 30), st.integers(1, 6), st.data())
def test_a_window_is_the_sum_of_its_characters(count: int, width: int, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, count))
    table = _table(count, width)
    expected = []
    for begin in range(count - length + 1):
        terms = [table[begin, k] if k < width else table[begin + k - width + 1, width - 1] for k in range(length)]
        expected.append(sum(terms))
    np.testing.assert_allclose(window_log_likelihoods(table, length), expected, atol=1e-12)


@given(st.integers(1, 30), st.integers(1, 6))
def test_one_reading_sums_to_the_log_likelihood_of_the_text(count: int, width: int) -> None:
    table = _table(count, width)
    assert reading(table).sum() == pytest.approx(text_log_likelihood(table))
    assert len(reading(table)) == count


@given(st.integers(0, 12), st.integers(1, 15), st.data())
def test_a_table_says_nothing_beyond_the_end_and_about_unknown_characters(
    count: int, width: int, data: st.DataObject
) -> None:
    ids = np.array(data.draw(st.lists(st.integers(1, 4), min_size=count, max_size=count)), dtype=np.uint8)
    table = finish_table(np.full((count, width), -1.0), ids)
    for row in range(count):
        for column in range(width):
            about = row + column
            assert table[row, column] == (-1.0 if about < count and ids[about] != UNKNOWN else 0.0)


def test_unknown_characters_count_nothing() -> None:
    model = Uniform(ABC, 2)
    ids = ABC.encode("a?b")
    assert text_log_likelihood(model.log_probabilities(ids)) == pytest.approx(-2 * math.log(3))
    assert text_log_likelihood(model.log_probabilities(ABC.encode("???"))) == 0.0


def test_a_text_shorter_than_the_window_is_named() -> None:
    with pytest.raises(
        TextLSTMError, match="the text has 3 characters, expected at least 4, the longest window asked for"
    ):
        window_log_likelihoods(_table(3, 2), 4)


def test_conditional_probabilities_name_what_is_given() -> None:
    rows = conditional_probabilities({"left": LEFT, "right": RIGHT}, ["ab", "c"])
    given = [("ab", "<start>", "a"), ("ab", "<start>a", "b")]
    assert [row[:4] for row in rows[:4]] == [(*row, name) for name in ("left", "right") for row in given]
    assert rows[4][:4] == ("c", "<start>", "c", "left")
    np.testing.assert_allclose([row[4] for row in rows], [1 / 2, 1 / 2, 1 / 4, 1 / 8, 1 / 4, 1 / 4])


def test_a_text_is_read_once_however_often_it_is_asked_about() -> None:
    asked = []

    class Counted(Uniform):
        def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
            asked.append(len(ids))
            return super().log_probabilities(ids)

    model = Remembering(Counted(ABC, 2))
    for text in ("ab", "ab", "abc", "ab"):
        expected = Uniform(ABC, 2).log_probabilities(ABC.encode(text))
        np.testing.assert_array_equal(model.log_probabilities(ABC.encode(text)), expected)
    assert asked == [2, 3, 2]
    assert model.vocabulary == ABC
