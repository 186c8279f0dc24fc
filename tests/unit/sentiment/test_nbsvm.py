"""Counted n-grams: which a review holds, what they weigh, and the model's file."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from textlstm.core.errors import TextLSTMError
from textlstm.sentiment import nbsvm
from textlstm.sentiment.nbsvm import BucketWeights, NbsvmConfig, NbsvmModel, review_buckets
from textlstm.sentiment.nbsvm_training import drawn_reviews, log_count_ratio, train_nbsvm
from textlstm.sentiment.tokenizer import words_of

TEXTS = ["good good film", "a good one", "great film", "bad film", "a bad one", "awful film"] * 4
LABELS = np.array([1, 1, 1, 0, 0, 0] * 4)


def feature_matrix(texts: list[str], config: NbsvmConfig) -> sp.csr_matrix:
    """Which buckets of features each review holds: ones in a sparse matrix of shape (n, 2 ** bits)."""
    held = list(review_buckets([words_of(text, punctuation=config.punctuation) for text in texts], config))
    indices = np.concatenate([np.zeros(0, dtype=np.int32), *held])
    entries = (np.ones(len(indices), dtype=np.float32), indices, np.cumsum([0, *map(len, held)]))
    return sp.csr_matrix(entries, shape=(len(texts), 2**config.bits))


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), st.integers(1, 4))
def test_every_different_ngram_has_its_bucket(words: list[str], longest: int) -> None:
    text = " ".join(words)
    grams = {tuple(words[begin : begin + n]) for n in range(1, longest + 1) for begin in range(len(words) - n + 1)}
    matrix = feature_matrix([text], NbsvmConfig(longest, 0, 0, 26, True))
    assert matrix.nnz == len(grams)
    assert set(matrix.data.tolist()) <= {1.0}


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), st.integers(1, 3), st.integers(0, 3), st.integers(0, 4))
def test_skipped_pairs_and_the_tail_have_buckets_of_their_own(
    words: list[str], longest: int, skips: int, tail: int
) -> None:
    def ngrams(of: list[str]) -> set[tuple[str, ...]]:
        return {tuple(of[begin : begin + n]) for n in range(1, longest + 1) for begin in range(len(of) - n + 1)}

    pairs = {(words[at], words[at + apart], apart) for apart in range(2, skips + 2) for at in range(len(words) - apart)}
    end = ngrams(words[-tail:]) if tail else set()
    matrix = feature_matrix([" ".join(words)], NbsvmConfig(longest, skips, tail, 26, True))
    assert matrix.nnz == len(ngrams(words)) + len(pairs) + len(end)


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(1, 8),
)
def test_a_long_review_in_parts_holds_what_it_holds_whole(
    words: list[str], longest: int, skips: int, tail: int, at_once: int
) -> None:
    config = NbsvmConfig(longest, skips, tail, 10, True)
    model = NbsvmModel(BucketWeights.from_all(np.arange(2**10, dtype=np.float32) / 7, 0.5), None, config)
    (expected,), odds = nbsvm.review_buckets([words], config), model.log_odds_of_words([words])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbsvm, "_AT_ONCE", at_once)
        patch.setattr(nbsvm, "_KNOWN", 2)
        (found,) = nbsvm.review_buckets([words], config)
        assert model.log_odds_of_words([words]) == odds
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_a_pair_counts_whatever_stands_between_and_the_end_is_no_other_place() -> None:
    def features(text: str, skips: int, tail: int = 0) -> set[int]:
        return set(feature_matrix([text], NbsvmConfig(2, skips, tail, 26, True)).indices.tolist())

    assert len(features("not very good", 1) & features("not so good", 1)) == 3  # not, good, the pair
    assert len(features("not very good", 0) & features("not so good", 0)) == 2
    early, late = features("good x y", 0, 1), features("x y good", 0, 1)
    assert len(early & late) == 4  # good, x, y, x y; the tail is y here and good there


def test_the_order_of_words_matters_from_two_on() -> None:
    texts = ["good not bad", "bad not good"]
    singles, pairs = (feature_matrix(texts, NbsvmConfig(longest, 0, 0, 16, True)) for longest in (1, 2))
    assert singles[0].indices.tolist() == singles[1].indices.tolist()
    assert pairs[0].indices.tolist() != pairs[1].indices.tolist()


def test_a_text_without_words_holds_nothing() -> None:
    assert words_of(" ") == []
    config = NbsvmConfig(3, 2, 2, 8, True)
    assert feature_matrix([" ", "good"], config).sum(axis=1).tolist() == [[0.0], [2.0]]
    assert feature_matrix([], config).shape == (0, 256)


def test_without_punctuation_marks_are_no_features() -> None:
    with_marks, without = (
        feature_matrix(["good!", "good", "!"], NbsvmConfig(1, 0, 0, 16, wanted)) for wanted in (True, False)
    )
    assert with_marks.sum(axis=1).tolist() == [[2.0], [1.0], [1.0]]
    assert without.sum(axis=1).tolist() == [[1.0], [1.0], [0.0]]


def test_ratios_by_hand() -> None:
    # three columns; held by 2, 0, 1 positive and 0, 2, 1 negative reviews; with one added: 3, 1, 2 of 6 and 1, 3, 2 of
    # 6
    presence = sp.csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 0]], dtype=np.float32))
    ratio = log_count_ratio(presence, np.array([1, 1, 0, 0]), min_reviews=1)
    np.testing.assert_allclose(ratio, [np.log(3), -np.log(3), 0.0], atol=1e-6)
    assert log_count_ratio(presence, np.array([1, 1, 0, 0]), min_reviews=3).tolist() == [0.0, 0.0, 0.0]


@pytest.fixture(scope="session", params=[True, False], ids=["punctuation", "words alone"])
def model(request: pytest.FixtureRequest) -> NbsvmModel:
    return train_nbsvm(TEXTS, LABELS, NbsvmConfig(2, 1, 2, 12, request.param), min_reviews=1, strength=1.0, seed=7)


@pytest.mark.parametrize("most", [0, 7, 24, 100])
@pytest.mark.parametrize("min_reviews", [1, 5])
def test_ngrams_of_all_reviews_are_counted_and_the_weights_fitted_on_those_drawn(most: int, min_reviews: int) -> None:
    config, texts = NbsvmConfig(2, 1, 2, 12, True), [f"{text} {number % 5}" for number, text in enumerate(TEXTS)]
    drawn = drawn_reviews(LABELS, most, seed=3)
    assert drawn.sum() == (6 if most == 7 else 24)
    presence = feature_matrix(texts, config)
    ratio = log_count_ratio(presence, LABELS, min_reviews=min_reviews)
    scaled = presence.multiply(ratio).tocsr()[drawn]
    solver = LogisticRegression(C=2.0, solver="liblinear", dual=True, random_state=3, max_iter=1000)
    used = np.unique(scaled[:, ratio != 0].nonzero()[1])
    columns = np.flatnonzero(ratio)[used]
    solver.fit(scaled[:, columns], LABELS[drawn])
    weights = np.zeros(2**12, dtype=np.float32)
    weights[columns] = solver.coef_[0] * ratio[columns]
    model = train_nbsvm(iter(texts), LABELS, config, min_reviews=min_reviews, strength=2.0, seed=3, most=most)
    np.testing.assert_array_equal(model.reviews.weights, weights[weights != 0])
    assert model.reviews.bias == solver.intercept_[0]
    assert model.sentences is None


@given(st.integers(1, 200), st.integers(1, 200), st.integers(2, 300), st.integers(0, 5))
def test_each_label_keeps_its_share_among_the_reviews_drawn(positive: int, negative: int, most: int, seed: int) -> None:
    labels = np.array([1] * positive + [0] * negative)
    drawn = drawn_reviews(labels, most, seed=seed)
    np.testing.assert_array_equal(drawn, drawn_reviews(labels, most, seed=seed))
    if len(labels) <= most:
        assert drawn.all()
        return
    assert most - 1 <= drawn.sum() <= most
    for label, count in ((1, positive), (0, negative)):
        assert abs((labels[drawn] == label).sum() - most * count / len(labels)) <= 1
        assert label in labels[drawn]


def test_the_seed_draws_other_reviews() -> None:
    assert drawn_reviews(LABELS, 6, seed=1).tolist() != drawn_reviews(LABELS, 6, seed=2).tolist()


def test_a_tiny_model_learns_tiny_reviews_by_heart(model: NbsvmModel) -> None:
    assert ((model.log_odds(TEXTS) > 0) == (LABELS == 1)).all()
    good, nothing, bad = model.log_odds(["a good film", "", "a bad film"])
    assert good > nothing > bad
    assert nothing == pytest.approx(model.reviews.bias)


@pytest.mark.parametrize("bits", [8, 12])
def test_an_answer_is_the_sum_of_the_weights_of_the_buckets_held(bits: int) -> None:
    random, config = np.random.default_rng(bits), NbsvmConfig(3, 2, 4, bits, True)
    weights = random.normal(size=2**bits).astype(np.float32) * (random.random(2**bits) < 0.4)
    weights[[0, 63, 64, -1]] = 1.0, 2.0, 3.0, 4.0  # the outermost bits of a word, and the last bucket
    buckets = BucketWeights.from_all(weights, 0.5)
    assert len(buckets.weights) == np.count_nonzero(weights)
    assert buckets._weights_of(np.arange(2**bits, dtype=np.int32)).tolist() == weights[weights != 0].tolist()
    for bucket in range(2**bits):
        found = buckets._weights_of(np.array([bucket], dtype=np.int32))
        assert found.tolist() == ([weights[bucket]] if weights[bucket] else [])
    texts = [" ".join(random.choice(list("abcdefgh"), length)) for length in (0, 1, 2, 3, 30)]
    expected = feature_matrix(texts, config) @ weights.astype(np.float64) + 0.5
    np.testing.assert_allclose(NbsvmModel(buckets, None, config).log_odds(texts), expected, atol=1e-5)


def test_a_saved_model_answers_the_same(model: NbsvmModel, tmp_path: Path) -> None:
    model.save(tmp_path / "one")
    loaded = NbsvmModel.load(tmp_path / "one")
    assert loaded.config == model.config
    texts = [*TEXTS, "good! bad?"]
    np.testing.assert_array_equal(loaded.log_odds(texts), model.log_odds(texts))
    loaded.save(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_broken_model_is_named(model: NbsvmModel, tmp_path: Path) -> None:
    with pytest.raises(TextLSTMError, match="no such file"):
        NbsvmModel.load(tmp_path / "none")
    model.save(tmp_path / "model")
    (tmp_path / "model/reviews.npz").write_bytes(b"")
    with pytest.raises(TextLSTMError, match=r"reviews.npz: expected arrays"):
        NbsvmModel.load(tmp_path / "model")
    config = (tmp_path / "model/config.json").read_text()
    model.save(tmp_path / "model")
    (tmp_path / "model/config.json").write_text(config.replace("12", "13"))
    message = (
        r"reviews.npz: expected a bit for each of 8,192 buckets and a weight for each bit that is set, got 4,096 bits"
    )
    with pytest.raises(TextLSTMError, match=message):
        NbsvmModel.load(tmp_path / "model")
    (tmp_path / "model/config.json").write_text("[]")
    with pytest.raises(
        TextLSTMError,
        match=r"config.json: expected the fields longest, skips, tail, bits, punctuation, negation, got list",
    ):
        NbsvmModel.load(tmp_path / "model")


def test_sentences_have_weights_of_their_own_and_lengths_between_take_both() -> None:
    config = NbsvmConfig(1, 0, 2, 10, True)
    texts = ["good film . the plot and the cast", "bad film . the cast and the plot"] * 6
    model = train_nbsvm(
        texts, np.array([1, 0] * 6), config, min_reviews=1, strength=1.0, seed=7, sentences=3, sentence_strength=2.0
    )
    assert model.sentences is not None
    few, many, some = (["good"] * count for count in (32, 128, 64))
    of_sentences = model.sentences.log_odds(review_buckets([few], config.of_sentences))[0]
    of_reviews = model.reviews.log_odds(review_buckets([few], config))[0]
    assert of_sentences != of_reviews
    assert model.log_odds_of_words([few, many, some]) == pytest.approx(
        [of_sentences, of_reviews, (of_sentences + of_reviews) / 2]
    )
    assert model.log_odds(["good"])[0] > 0 > model.log_odds(["bad"])[0]
    alone = train_nbsvm(texts, np.array([1, 0] * 6), config, min_reviews=1, strength=1.0, seed=7)
    np.testing.assert_array_equal(alone.reviews.weights, model.reviews.weights)


def test_a_model_with_and_one_without_sentences_survive_saving(tmp_path: Path) -> None:
    for sentences in (0, 3):
        model = train_nbsvm(
            TEXTS, LABELS, NbsvmConfig(2, 1, 2, 12, True), min_reviews=1, strength=1.0, seed=7, sentences=sentences
        )
        model.save(tmp_path / "model")
        loaded = NbsvmModel.load(tmp_path / "model")
        assert (loaded.sentences is None) == (sentences == 0)
        np.testing.assert_array_equal(loaded.log_odds(TEXTS), model.log_odds(TEXTS))
