"""Spans of languages: they cover a text, cut no word, and are the likeliest ones, by enumeration of all others."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.unit.detection.test_detector import DETECTOR
from textlstm.core.errors import TextLSTMError
from textlstm.detection import spans
from textlstm.detection.spans import Span, decode, word_places

TEXTS = st.text(st.sampled_from("ab c.,!1\n/-жé<>@"), max_size=40) | st.text(max_size=30)


@given(TEXTS)
def test_spans_cover_a_text_and_begin_and_end_between_words(text: str) -> None:
    (found,) = DETECTOR.spans([text])
    assert "".join(text[span.begin : span.end] for span in found) == text
    inside = {place for begin, end in word_places(text) for place in range(begin + 1, end)}
    assert not inside & {span.begin for span in found}
    for one, after in itertools.pairwise(found):
        assert one.language != after.language
    for span in found:
        assert span.language in ("left", "right", None)
        assert span.probability is None or 0.0 <= span.probability <= 1.0 + 1e-9


def test_a_change_of_language_is_found_between_words() -> None:
    text = "aab aa aabaacaab, ccb cc ccbcaccb ccb"
    (found,) = DETECTOR.spans([text])
    assert [(text[span.begin : span.end], span.language) for span in found] == [
        ("aab aa aabaacaab, ", "left"),
        ("ccb cc ccbcaccb ccb", "right"),
    ]
    assert all(0.9 < (span.probability or 0.0) < 1.0 for span in found)


def test_a_text_of_one_language_is_one_span_and_what_has_no_letter_is_none() -> None:
    (one,), (none,), empty = DETECTOR.spans(["aab, aab 12 aabaacaab?", " 12:30 ", ""])
    assert one[:3] == (0, 22, "left")
    assert none == Span(0, 7, None, None)
    assert empty == []


def test_foreign_words_are_in_none_of_the_languages() -> None:
    text = "aab aabaacaab жжж жжж жжж жжж aabaacaab aab"
    (found,) = DETECTOR.spans([text])
    assert [(text[span.begin : span.end].strip(), span.language) for span in found] == [
        ("aab aabaacaab", "left"),
        ("жжж жжж жжж жжж", None),
        ("aabaacaab aab", "left"),
    ]


def test_wrong_candidates_are_refused() -> None:
    with pytest.raises(TextLSTMError, match="expected some of left, right"):
        DETECTOR.spans(["a"], languages=["left", "klingon"])
    with pytest.raises(TextLSTMError, match="brackets"):
        DETECTOR.spans("aab")


SCORES = arrays.arrays(np.float64, (2, 4, 3), elements=st.floats(-9.0, 0.0))


@given(SCORES)
def test_the_path_is_the_likeliest_and_the_chances_are_its_marginals(scores: npt.NDArray[np.float64]) -> None:
    afresh, after = scores
    count, states = afresh.shape
    change = np.log(
        [
            [1 - spans._CHANGE - spans._NONE, spans._CHANGE, spans._NONE],
            [spans._CHANGE, 1 - spans._CHANGE - spans._NONE, spans._NONE],
            [spans._CHANGE / 2, spans._CHANGE / 2, 1 - spans._CHANGE],
        ]
    )
    begin = np.log([(1 - spans._NONE) / 2, (1 - spans._NONE) / 2, spans._NONE])
    totals = {}
    for path in itertools.product(range(states), repeat=count):
        total = begin[path[0]] + afresh[0, path[0]]
        for word in range(1, count):
            same = path[word] == path[word - 1]
            total += change[path[word - 1], path[word]] + (after if same else afresh)[word, path[word]]
        totals[path] = total
    path, chances = decode(afresh, after)
    assert totals[tuple(path.tolist())] == pytest.approx(max(totals.values()))
    weights = np.exp(np.array([*totals.values()]) - np.logaddexp.reduce([*totals.values()]))
    expected = np.zeros_like(afresh)
    for states_of, weight in zip(totals, weights, strict=True):
        expected[np.arange(count), states_of] += weight
    np.testing.assert_allclose(chances, expected, atol=1e-9)
