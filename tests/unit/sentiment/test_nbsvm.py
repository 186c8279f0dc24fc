"""Counted n-grams: which a review holds, what they weigh, and the model's file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.sentiment.nbsvm import NbsvmModel, feature_matrix, log_count_ratio, train_nbsvm
from textlstm.sentiment.tokenizer import words_of

TEXTS = ["good good film", "a good one", "great film", "bad film", "a bad one", "awful film"] * 4
LABELS = np.array([1, 1, 1, 0, 0, 0] * 4)


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), st.integers(1, 4))
def test_every_different_ngram_has_its_bucket(words: list[str], longest: int) -> None:
    text = " ".join(words)
    grams = {tuple(words[begin : begin + n]) for n in range(1, longest + 1) for begin in range(len(words) - n + 1)}
    matrix = feature_matrix([text], 2**26, longest=longest, skips=0, ending=0)
    assert matrix.nnz == len(grams)
    assert set(matrix.data.tolist()) <= {1.0}


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), st.integers(1, 3), st.integers(0, 3), st.integers(0, 4))
def test_skipped_pairs_and_the_end_have_buckets_of_their_own(words: list[str], longest: int, skips: int, ending: int) -> None:
    def ngrams(of: list[str]) -> set[tuple[str, ...]]:
        return {tuple(of[begin : begin + n]) for n in range(1, longest + 1) for begin in range(len(of) - n + 1)}

    pairs = {(words[at], words[at + apart], apart) for apart in range(2, skips + 2) for at in range(len(words) - apart)}
    end = ngrams(words[-ending:]) if ending else set()
    matrix = feature_matrix([" ".join(words)], 2**26, longest=longest, skips=skips, ending=ending)
    assert matrix.nnz == len(ngrams(words)) + len(pairs) + len(end)


def test_a_pair_counts_whatever_stands_between_and_the_end_is_no_other_place() -> None:
    def features(text: str, **options: int) -> set[int]:
        return set(feature_matrix([text], 2**26, longest=2, **options).indices.tolist())

    assert (
        len(features("not very good", skips=1, ending=0) & features("not so good", skips=1, ending=0)) == 3
    )  # not, good, the pair
    assert len(features("not very good", skips=0, ending=0) & features("not so good", skips=0, ending=0)) == 2
    early, late = features("good x y", skips=0, ending=1), features("x y good", skips=0, ending=1)
    assert len(early & late) == 4  # good, x, y, x y; the end is y here and good there


def test_the_order_of_words_matters_from_two_on() -> None:
    singles, pairs = (
        feature_matrix(["good not bad", "bad not good"], 2**16, longest=longest, skips=0, ending=0) for longest in (1, 2)
    )
    assert singles[0].indices.tolist() == singles[1].indices.tolist()
    assert pairs[0].indices.tolist() != pairs[1].indices.tolist()


def test_a_text_without_words_holds_nothing() -> None:
    assert words_of(" ") == []
    assert feature_matrix([" ", "good"], 256, longest=3, skips=2, ending=2).sum(axis=1).tolist() == [[0.0], [2.0]]
    assert feature_matrix([], 256, longest=3, skips=2, ending=2).shape == (0, 256)


def test_ratios_by_hand() -> None:
    # three columns; held by 2, 0, 1 positive and 0, 2, 1 negative reviews; with one added: 3, 1, 2 of 6 and 1, 3, 2 of 6
    presence = sp.csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 0]], dtype=np.float32))
    ratio = log_count_ratio(presence, np.array([1, 1, 0, 0]), least=1)
    np.testing.assert_allclose(ratio, [np.log(3), -np.log(3), 0.0], atol=1e-6)
    assert log_count_ratio(presence, np.array([1, 1, 0, 0]), least=3).tolist() == [0.0, 0.0, 0.0]


@pytest.fixture
def model(settings: Callable[..., Any]) -> NbsvmModel:
    section = settings("nbsvm", longest=2, skips=1, ending=2, bits=12, least_reviews=1, strength=1.0, weight=0.65)
    return train_nbsvm(TEXTS, LABELS, section, seed=7)


def test_a_tiny_model_learns_tiny_reviews_by_heart(model: NbsvmModel) -> None:
    assert ((model.log_odds(TEXTS) > 0) == (LABELS == 1)).all()
    good, nothing, bad = model.log_odds(["a good film", "", "a bad film"])
    assert good > nothing > bad
    assert nothing == pytest.approx(model.bias)


def test_a_saved_model_answers_the_same(model: NbsvmModel, tmp_path: Path) -> None:
    model.save(tmp_path / "one")
    loaded = NbsvmModel.load(tmp_path / "one")
    np.testing.assert_array_equal(loaded.log_odds(TEXTS), model.log_odds(TEXTS))
    loaded.save(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_broken_model_is_named(model: NbsvmModel, tmp_path: Path) -> None:
    with pytest.raises(TextLSTMError, match="no such file"):
        NbsvmModel.load(tmp_path / "none")
    model.save(tmp_path / "model")
    (tmp_path / "model/about.json").write_text("[]")
    with pytest.raises(TextLSTMError, match=r"about.json: expected the fields weight, got list"):
        NbsvmModel.load(tmp_path / "model")
    (tmp_path / "model/weights.npz").write_bytes(b"")
    with pytest.raises(TextLSTMError, match=r"weights.npz: expected arrays"):
        NbsvmModel.load(tmp_path / "model")
