"""Witten-Bell probabilities: by hand, as a distribution, and against a slow reference that keeps its counts in dicts."""

import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import write_arrays
from textlstm.language import ngram
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import finish_table, text_log_likelihood
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary

AB = Vocabulary(("a", "b"))


class Reference:
    """The recursion of the textbook, one character at a time."""

    def __init__(self, ids: list[int], size: int, order: int) -> None:
        self.size = size
        self.after: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for length in range(order):
            for end in range(length, len(ids)):
                self.after[tuple(ids[end - length : end])][ids[end]] += 1

    def probability(self, character: int, context: tuple[int, ...]) -> float:
        shorter = self.probability(character, context[1:]) if context else 1 / (self.size - 1)
        seen = self.after.get(context)
        return (seen[character] + len(seen) * shorter) / (seen.total() + len(seen)) if seen else shorter


def _probabilities(model: NgramModel, text: list[int]) -> np.ndarray:
    return np.exp(model.log_probabilities(np.array(text, dtype=np.uint8)))


def test_by_hand() -> None:
    # "aab" with the ids <start>, <unknown>, a, b: three characters can follow, each 1/3 to begin with. one character:
    # P(a) = (2 + 2/3) / (3 + 2) = 8/15, P(b) = (1 + 2/3) / 5 = 1/3, P(?) = (0 + 2/3) / 5 = 2/15 after a (a, b):  P(a|a)
    # = (1 + 2 8/15) / (2 + 2) = 31/60, P(b|a) = (1 + 2/3) / 4 = 5/12, P(?|a) = (2 2/15) / 4 = 1/15 after b: never seen,
    # so P(a|b) = P(a) = 8/15
    model = NgramModel.learn(AB.encode("aab"), AB, 2)
    np.testing.assert_allclose(_probabilities(model, [2, 2]), [[8 / 15, 31 / 60], [8 / 15, 1]])
    np.testing.assert_allclose(_probabilities(model, [2, 3]), [[8 / 15, 5 / 12], [1 / 3, 1]])
    np.testing.assert_allclose(_probabilities(model, [3, 2]), [[1 / 3, 8 / 15], [8 / 15, 1]])
    assert text_log_likelihood(model.log_probabilities(AB.encode("ba"))) == pytest.approx(math.log(1 / 3 * 8 / 15))


IDS = st.lists(st.integers(1, 4), max_size=25)


@given(IDS, IDS, st.integers(1, 4))
def test_against_the_reference(learn: list[int], text: list[int], order: int) -> None:
    vocabulary = Vocabulary(("a", "b", "c"))
    model = NgramModel.learn(np.array(learn, dtype=np.uint8), vocabulary, order)
    reference = Reference(learn, vocabulary.size, order)
    ids = np.array(text, dtype=np.uint8)
    expected = np.zeros((len(text), order))
    for row in range(len(text)):
        for column in range(min(order, len(text) - row)):
            expected[row, column] = math.log(reference.probability(text[row + column], tuple(text[row : row + column])))
    np.testing.assert_allclose(model.log_probabilities(ids), finish_table(expected, ids), atol=1e-12)


@given(IDS, st.integers(1, 4), st.integers(1, 6))
def test_counts_are_those_of_the_whole_text_however_much_is_counted_at_a_time(
    learn: list[int], order: int, at_once: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram, "_AT_ONCE", at_once)
        model = NgramModel.learn(np.array(learn, dtype=np.uint8), Vocabulary(("a", "b", "c")), order)
    for length in range(1, order + 1):
        codes = [
            sum(ids * model.vocabulary.size**place for place, ids in enumerate(reversed(learn[begin : begin + length])))
            for begin in range(len(learn) - length + 1)
        ]
        expected = sorted(Counter(codes).items())
        assert list(zip(model.codes[length - 1], model.counts[length - 1], strict=True)) == expected
    shorter = model.up_to(order - 1)
    assert shorter.order == order - 1
    assert shorter.codes == model.codes[:-1]


@given(IDS, st.lists(st.integers(2, 4), min_size=0, max_size=3), st.integers(1, 4))
def test_the_probabilities_after_any_context_sum_to_one(learn: list[int], context: list[int], order: int) -> None:
    vocabulary = Vocabulary(("a", "b", "c"))
    context = context[: order - 1]
    model = NgramModel.learn(np.array(learn, dtype=np.uint8), vocabulary, order)
    reference = Reference(learn, vocabulary.size, order)
    known = sum(_probabilities(model, [*context, index])[0, len(context)] for index in range(2, vocabulary.size))
    assert known + reference.probability(UNKNOWN, tuple(context)) == pytest.approx(1.0)


def test_start_takes_no_share() -> None:
    model = NgramModel.learn(AB.encode("abab"), AB, 1)
    assert START not in model.codes[0]
    assert _probabilities(model, [2, 3])[:, 0].sum() < 1  # the rest is <unknown>'s


@given(IDS, IDS, st.integers(1, 4), st.integers(1, 3))
def test_counts_added_are_those_of_the_texts_together(one: list[int], other: list[int], order: int, times: int) -> None:
    vocabulary = Vocabulary(("a", "b", "c"))
    first, second = (NgramModel.learn(np.array(ids, dtype=np.uint8), vocabulary, order) for ids in (one, other))
    merged = first.plus(second, times)
    for length, (codes, counts) in enumerate(zip(merged.codes, merged.counts, strict=True), start=1):
        expected: Counter[int] = Counter()
        for ids, weight in ((one, 1), (other, times)):
            for end in range(length, len(ids) + 1):
                expected[
                    sum(
                        character * vocabulary.size ** (length - 1 - at)
                        for at, character in enumerate(ids[end - length : end])
                    )
                ] += weight
        assert dict(zip(codes.tolist(), counts.tolist(), strict=True)) == expected
        assert (np.diff(codes) > 0).all()


def test_a_longer_context_is_used_where_it_was_seen() -> None:
    vocabulary = Vocabulary(tuple("abc"))
    model = NgramModel.learn(vocabulary.encode("abc" * 20), vocabulary, 3)
    table = _probabilities(model, vocabulary.encode("abc").tolist())
    assert table[0, 0] < 0.4
    assert table[0, 2] > 0.9


@pytest.mark.parametrize("learn", ["", "a"])
def test_a_text_shorter_than_the_order_still_gives_a_model(learn: str) -> None:
    model = NgramModel.learn(AB.encode(learn), AB, 4)
    table = model.log_probabilities(AB.encode("ab"))
    assert table.shape == (2, 4)
    assert np.isfinite(table).all()
    assert model.log_probabilities(AB.encode("")).shape == (0, 4)


def test_strings_that_do_not_fit_into_63_bits_are_refused() -> None:
    vocabulary = Vocabulary(tuple(chr(200 + index) for index in range(254)))  # 256 ids: 8 bits each
    with pytest.raises(TextLSTMError, match=r"ngram.order is 8, expected at most 7 for 256 different characters"):
        NgramModel.learn(vocabulary.encode("é"), vocabulary, 8)
    with pytest.raises(TextLSTMError, match=r"^table.order is 8"):
        NgramModel.learn(vocabulary.encode("é"), vocabulary, 8, parameter="table.order")
    assert NgramModel.learn(vocabulary.encode("é"), vocabulary, 7).order == 7


def test_a_saved_model_gives_the_same_scores_and_equal_models_the_same_bytes(tmp_path: Path) -> None:
    model = NgramModel.learn(AB.encode("abbaab"), AB, 3)
    model.save(tmp_path / "one")
    loaded = NgramModel.load(tmp_path / "one")
    ids = AB.encode("baabab")
    np.testing.assert_array_equal(loaded.log_probabilities(ids), model.log_probabilities(ids))
    loaded.save(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_missing_or_broken_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextLSTMError, match=r"characters.json: no such file"):
        NgramModel.load(tmp_path / "none")
    NgramModel.learn(AB.encode("ab"), AB, 2).save(tmp_path / "model")
    write_arrays(tmp_path / "model/counts.npz", codes_1=[1])
    with pytest.raises(TextLSTMError, match=r"counts.npz"):
        NgramModel.load(tmp_path / "model")
