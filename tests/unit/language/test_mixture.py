"""Mixtures of character models, and the two n-gram models of a language."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.language.mixture import InterpolatedModel, NgramMixture, mix
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import text_log_likelihood, widen
from textlstm.language.vocabulary import Vocabulary

AB = Vocabulary(("a", "b"))
IDS = AB.encode("abba?bab")
SHORT, LONG = NgramModel.learn(AB.encode("aab"), AB, 2), NgramModel.learn(AB.encode("abbabb"), AB, 4)


def test_by_hand() -> None:
    # P(a) of "aab" is 8/15 (see test_ngram); of "b" alone, of three characters 1/3 to begin with: (0 + 1/3) / (1 + 1) =
    # 1/6
    other = NgramModel.learn(AB.encode("b"), AB, 1)
    table = InterpolatedModel((SHORT, other), (0.25, 0.75)).log_probabilities(AB.encode("a"))
    assert np.exp(table[0, 0]) == pytest.approx(8 / 15 / 4 + 1 / 6 * 3 / 4)


@given(st.floats(0, 1))
def test_a_mixture_lies_between_its_parts_and_ends_in_them(weight: float) -> None:
    mixed = InterpolatedModel((SHORT, LONG), (1 - weight, weight)).log_probabilities(IDS)
    wide, long = widen(SHORT.log_probabilities(IDS), 4), LONG.log_probabilities(IDS)
    assert mixed.shape == long.shape
    assert (mixed >= np.minimum(wide, long) - 1e-9).all()
    assert (mixed <= np.maximum(wide, long) + 1e-9).all()
    if weight in (0.0, 1.0):
        np.testing.assert_allclose(mixed, long if weight else wide, atol=1e-12)


def test_a_widened_table_says_the_same_about_every_text() -> None:
    table = SHORT.log_probabilities(IDS)
    wide = widen(table, 6)
    assert wide.shape == (len(IDS), 6)
    np.testing.assert_array_equal(wide[:, :2], table)
    assert text_log_likelihood(wide) == pytest.approx(text_log_likelihood(table))


def test_unknown_characters_stay_at_zero() -> None:
    mixed = mix([SHORT.log_probabilities(IDS), LONG.log_probabilities(IDS)], [0.5, 0.5], IDS)
    assert (mixed[4] == 0.0)[0]
    assert mix([SHORT.log_probabilities(IDS[:0])], [1.0], IDS[:0]).shape == (0, 2)


@pytest.mark.parametrize("with_words", [LONG, None])
def test_saved_counts_answer_the_same(tmp_path: Path, with_words: NgramModel | None) -> None:
    ngrams = NgramMixture(SHORT, with_words)
    ngrams.save(tmp_path / "model")
    loaded = NgramMixture.load(tmp_path / "model")
    for one, other in ((ngrams, loaded), (ngrams.beside(LONG, 0.25), loaded.beside(LONG, 0.25))):
        np.testing.assert_array_equal(one.log_probabilities(IDS), other.log_probabilities(IDS))


def test_the_weights_of_the_detector_by_hand() -> None:
    lstm = NgramModel.learn(AB.encode("b"), AB, 1)  # stands for one: P(a) = 1/6, as above; 8/15 under SHORT
    chance = float(np.exp(LONG.log_probabilities(AB.encode("a"))[0, 0]))
    mixed = NgramMixture(SHORT, LONG).beside(lstm, 0.4).log_probabilities(AB.encode("a"))
    assert np.exp(mixed[0, 0]) == pytest.approx(0.6 / 6 + 0.4 * chance)
    without_words = NgramMixture(SHORT, None).beside(lstm, 0.4).log_probabilities(AB.encode("a"))
    assert np.exp(without_words[0, 0]) == pytest.approx(0.6 / 6 + 0.4 * 8 / 15)
    alone = NgramMixture(SHORT, LONG).log_probabilities(AB.encode("a"))
    assert np.exp(alone[0, 0]) == pytest.approx(0.3 * 8 / 15 + 0.7 * chance)


def test_missing_counts_are_named(tmp_path: Path) -> None:
    with pytest.raises(TextLSTMError, match=r"none/text/characters.json: no such file"):
        NgramMixture.load(tmp_path / "none")
