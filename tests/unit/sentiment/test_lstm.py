"""The sentiment LSTM: padding and batches change nothing, and a saved model answers the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_json, write_json
from textlstm.core.labels import NEGATIVE, POSITIVE
from textlstm.core.params import Imdb as ImdbSettings
from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.nn.weights import named_weights, set_named_weights
from textlstm.sentiment.lstm import ModelConfig, SentimentModel, pad_left, split_into_chunks
from textlstm.sentiment.lstm_training import (
    ReviewPooling,
    arrange,
    bucketed_order,
    build_sentiment_model,
    build_tutorial_sentiment_model,
    train_sentiment_model,
)
from textlstm.sentiment.tokenizer import PAD, START, Tokenizer

TEXTS = ["good good film", "a good one", "great great", "bad film", "a bad bad one", "awful, bad"] * 8
LABELS = np.array([POSITIVE, POSITIVE, POSITIVE, NEGATIVE, NEGATIVE, NEGATIVE] * 8)
TOKENIZER = Tokenizer.learn(TEXTS, 50)
OF_MANY_LENGTHS = ["good", "bad film", "a good film and a bad one", "one " * 30]

reproducible.set_up(7, 1)


def tiny(settings: Callable[..., Any], **changes: Any) -> ImdbSettings:
    values: dict[str, Any] = {
        "length": 12,
        "embedding": 4,
        "units": 3,
        "bidirectional": False,
        "pooling": "mean_max",
        "chunk": 5,
        "tail": 3,
    }
    values |= {"dropout": 0.0, "word_dropout": 0.0, "vectors": "random", "optimizer": "adam", "learning_rate": 0.05}
    values |= {"schedule": "constant", "clip": 1.0, "batch": 8, "epochs": 1, "bucketed": True, "sentences": 0}
    section: ImdbSettings = settings("imdb", **(values | changes))
    return section


def untrained(section: ImdbSettings) -> SentimentModel:
    """A model with random weights, large enough to matter."""
    random = np.random.default_rng(7)
    shapes = {name: array.shape for name, array in named_weights(build(section)).items()}
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    config = ModelConfig(
        section.length, section.pooling, section.chunk, section.tail, section.bucketed, {"negative": 0, "positive": 1}
    )
    return SentimentModel(weights, TOKENIZER, config)


def build(section: ImdbSettings) -> keras.Model:
    """A network of Keras."""
    made = build_tutorial_sentiment_model if section.pooling == "last" else build_sentiment_model
    return made(TOKENIZER.size, section)


def network_of(section: ImdbSettings, model: SentimentModel) -> keras.Model:
    """The network of Keras that has the weights of a model."""
    network = build(section)
    set_named_weights(network, model.weights)
    return network


def train(section: ImdbSettings, *, seed: int = 7) -> tuple[SentimentModel, list[float]]:
    reproducible.set_up(seed, 1)
    return train_sentiment_model([TOKENIZER.encode(text) for text in TEXTS], LABELS, TOKENIZER, section, seed=seed)


REVIEWS = st.lists(
    st.lists(st.integers(2, 9), max_size=12).map(lambda ids: np.array([START, *ids], dtype=np.int32)),
    min_size=1,
    max_size=6,
)


@given(REVIEWS, st.integers(1, 20))
def test_padding_stands_at_the_left_and_the_last_ids_are_kept(reviews: Sequence[Any], width: int) -> None:
    padded = pad_left(reviews, width)
    assert padded.shape == (len(reviews), width)
    for row, review in zip(padded, reviews, strict=True):
        kept = review[-width:].tolist()
        assert row.tolist() == [PAD] * (width - len(kept)) + kept


@given(REVIEWS, st.integers(1, 20))
def test_chunks_joined_are_the_review_and_padding(reviews: Sequence[Any], chunk: int) -> None:
    words = arrange(reviews, ModelConfig(100, "mean_max", chunk, 0, True, {}))
    longest = max(len(review) for review in reviews)
    assert words.shape == (len(reviews), -(-longest // chunk), chunk)
    for row, review in zip(words, reviews, strict=True):
        assert row.ravel().tolist() == review.tolist() + [PAD] * (row.size - len(review))
        chunks = split_into_chunks(review, chunk)
        assert chunks.tolist() == row[: -(-len(review) // chunk)].tolist()


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=300), st.integers(1, 200), st.integers(0, 3), st.integers(0, 3)
)
def test_buckets_hold_every_review_once(lengths: list[int], words: int, seed: int, epoch: int) -> None:
    batches = bucketed_order(np.array(lengths), words, seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * max(lengths[row] for row in rows) <= words
    again = bucketed_order(np.array(lengths), words, seed, epoch)
    assert [rows.tolist() for rows in batches] == [rows.tolist() for rows in again]


def test_buckets_save_padding_and_differ_between_epochs() -> None:
    lengths = np.random.default_rng(1).integers(1, 400, size=2000)
    batches = bucketed_order(lengths, 32 * 200, 7, 0)
    padding = sum(int(lengths[rows].max()) * len(rows) - int(lengths[rows].sum()) for rows in batches)
    assert padding < 0.1 * lengths.sum()
    assert [rows.tolist() for rows in batches] != [rows.tolist() for rows in bucketed_order(lengths, 32 * 200, 7, 1)]


VARIANTS: list[dict[str, Any]] = [
    {},
    {"bidirectional": True},
    {"bidirectional": True, "tail": 0, "dropout": 0.1, "word_dropout": 0.1},
    {"vectors": "pretrained", "bidirectional": True},
    {"vectors": "pretrained", "tail": 7},
    {"pooling": "last"},
    {"pooling": "last", "bucketed": False, "length": 31},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_answers_are_those_of_keras(settings: Callable[..., Any], changes: dict[str, Any]) -> None:
    section = tiny(settings, **({"length": 40} | changes))
    model, random = untrained(section), np.random.default_rng(7)
    reviews = [
        np.array([START, *random.integers(2, TOKENIZER.size, length)], dtype=np.int32)
        for length in (1, 3, 4, 5, 9, 10, 24, 39, 50)
    ]
    words = arrange([review[-section.length :] for review in reviews], model.config)
    expected = np.asarray(network_of(section, model)(words, training=False))[:, 0]
    np.testing.assert_allclose(model.log_odds_of_ids(reviews), expected, atol=1e-4, rtol=0)
    assert expected.std() > 0.1


def test_what_was_trained_in_bfloat16_is_asked_in_float32(settings: Callable[..., Any]) -> None:
    sections = [tiny(settings, vectors="pretrained", bidirectional=True, precision=p) for p in ("float32", "bfloat16")]
    model = untrained(sections[1])
    words = arrange([TOKENIZER.encode("a good film and a bad one")], model.config)
    exact, rounded = (float(np.asarray(network_of(section, model)(words))[0, 0]) for section in sections)
    assert model.log_odds(["a good film and a bad one"])[0] == pytest.approx(exact, abs=1e-5)
    assert 1e-4 < abs(rounded - exact) < 0.1


@pytest.mark.parametrize("bidirectional", [True, False])
def test_chunks_of_nothing_but_padding_do_not_change_an_answer(
    settings: Callable[..., Any], bidirectional: bool
) -> None:
    section = tiny(settings, bidirectional=bidirectional)
    network = network_of(section, untrained(section))
    chunks = split_into_chunks(TOKENIZER.encode("a good film and a bad one"), 5)
    more = np.concatenate([chunks, np.full((3, 5), PAD, dtype=np.int32)])
    alone, padded = (float(np.asarray(network(words[None], training=False))[0, 0]) for words in (chunks, more))
    assert padded == pytest.approx(alone, rel=1e-5)


def test_pooling_by_hand() -> None:
    states = np.array(
        [[[0.1], [0.5]], [[-0.3], [0.9]], [[0.2], [-0.6]], [[0.0], [0.7]]], dtype=np.float32
    )  # two reviews of two chunks
    words = np.array([[[1, 5], [6, PAD]], [[1, 7], [PAD, PAD]]], dtype=np.int32)  # of three words and of two
    np.testing.assert_allclose(ReviewPooling()(states, words), [[0.5, 0.1], [0.2, -0.2]], atol=1e-6)
    np.testing.assert_allclose(ReviewPooling(2)(states, words), [[0.5, 0.1, 0.1], [0.2, -0.2, -0.2]], atol=1e-6)
    np.testing.assert_allclose(ReviewPooling(1)(states, words), [[0.5, 0.1, -0.3], [0.2, -0.2, -0.6]], atol=1e-6)


def test_masked_padding_does_not_change_an_answer(settings: Callable[..., Any]) -> None:
    section = tiny(settings, pooling="last")
    network = network_of(section, untrained(section))
    review = TOKENIZER.encode("a good film")
    alone, *padded = (
        float(np.asarray(network(pad_left([review], width), training=False))[0, 0]) for width in (4, 5, 12, 40)
    )
    assert padded == pytest.approx([alone] * 3, rel=1e-5)


@pytest.mark.parametrize(("pooling", "bucketed"), [("mean_max", True), ("last", True), ("last", False)])
def test_an_answer_does_not_depend_on_the_other_reviews(
    settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, pooling: str, bucketed: bool
) -> None:
    model = untrained(tiny(settings, length=20, bidirectional=pooling != "last", pooling=pooling, bucketed=bucketed))
    alone = [float(model.log_odds([text])[0]) for text in OF_MANY_LENGTHS]
    assert len({round(log_odds, 4) for log_odds in alone}) == 4
    assert model.log_odds(OF_MANY_LENGTHS).tolist() == alone  # to the last bit
    for rows in (1, 2, 3):
        monkeypatch.setattr("textlstm.sentiment.lstm._ROWS", rows)
        assert model.log_odds(OF_MANY_LENGTHS[::-1]).tolist() == alone[::-1]


def test_only_the_last_words_are_read(settings: Callable[..., Any]) -> None:
    model = untrained(tiny(settings, length=3))
    assert model.log_odds(["bad bad bad a good film"])[0] == pytest.approx(
        model.log_odds(["great a good film"])[0], rel=1e-5
    )


def test_a_tiny_model_learns_tiny_reviews_by_heart(settings: Callable[..., Any]) -> None:
    model, losses = train(tiny(settings, epochs=6))
    assert losses[-1] < losses[0] / 2
    assert ((model.log_odds(TEXTS) > 0) == (LABELS == POSITIVE)).all()
    good, bad = model.log_odds(["a good film", "a bad film"])
    assert good > 0 > bad


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(
    settings: Callable[..., Any], tmp_path: Path
) -> None:
    section = tiny(settings, dropout=0.3, word_dropout=0.2, bidirectional=True)
    for name, seed in (("one", 7), ("same", 7), ("other", 8)):
        train(section, seed=seed)[0].save(tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    contents = {
        folder: [(tmp_path / folder / name).read_bytes() for name in names] for folder in ("one", "same", "other")
    }
    assert contents["one"] == contents["same"]
    assert contents["one"] != contents["other"]


@pytest.mark.parametrize("bucketed", [True, False])
def test_batches_hold_every_review_once_an_epoch(
    settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, bucketed: bool
) -> None:
    epochs: list[list[tuple[list[int], float]]] = []

    def no_training(_: Any, counts: list[int], make: Any, **_options: Any) -> list[float]:
        for epoch, count in enumerate(counts):
            pairs = [make(epoch, index) for index in range(count)]
            rows = [
                (row, label[0])
                for ids, labels in pairs
                for row, label in zip(ids.tolist(), labels.tolist(), strict=True)
            ]
            epochs.append(rows)
        return [0.0]

    monkeypatch.setattr("textlstm.sentiment.lstm_training.fit", no_training)
    train(tiny(settings, batch=5, epochs=2, bucketed=bucketed, pooling="last"))
    expected = sorted(
        (TOKENIZER.encode(text).tolist(), float(label)) for text, label in zip(TEXTS, LABELS, strict=True)
    )
    for epoch in epochs:
        assert sorted(([index for index in row if index != PAD], label) for row, label in epoch) == expected
        assert all(bucketed or len(row) == 12 for row, _ in epoch)
    assert epochs[0] != epochs[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"vectors": "counted"}, {"schedule": "one_cycle"}, {"schedule": "cosine", "optimizer": "adamw"}]
)
def test_every_way_to_train_gives_a_model(settings: Callable[..., Any], changes: dict[str, Any]) -> None:
    model, losses = train(tiny(settings, **changes))
    assert np.isfinite(losses).all()
    assert np.isfinite(model.log_odds(["good"])).all()


def test_a_saved_model_answers_the_same(settings: Callable[..., Any], tmp_path: Path) -> None:
    model = untrained(tiny(settings))
    model.save(tmp_path / "model")
    loaded = SentimentModel.load(tmp_path / "model")
    assert loaded.config == model.config
    assert loaded.tokenizer == model.tokenizer
    np.testing.assert_array_equal(loaded.log_odds(OF_MANY_LENGTHS), model.log_odds(OF_MANY_LENGTHS))


def test_labels_travel_with_the_model(settings: Callable[..., Any], tmp_path: Path) -> None:
    untrained(tiny(settings)).save(tmp_path / "model")
    assert read_json(tmp_path / "model/config.json")["labels"] == {"negative": 0, "positive": 1}


def test_the_tutorials_network_has_its_213301_parameters(settings: Callable[..., Any]) -> None:
    network = build_tutorial_sentiment_model(
        5000, tiny(settings, pooling="last", embedding=32, units=100, bucketed=False)
    )
    assert network.count_params() == 213_301
    assert [layer.name for layer in network.layers] == ["words", "embedding", "lstm", "log_odds"]


@pytest.mark.parametrize("pooling", ["mean_max", "last"])
def test_a_review_without_words_is_named(settings: Callable[..., Any], pooling: str) -> None:
    model = untrained(tiny(settings, pooling=pooling))
    with pytest.raises(TextLSTMError, match=r"review 2: expected words, got none in ' \\n '. Give at least one word"):
        model.log_odds(["good", " \n "])
    assert model.log_odds([]).shape == (0,)


def test_unknown_words_are_words(settings: Callable[..., Any]) -> None:
    assert np.isfinite(untrained(tiny(settings)).log_odds(["zzz"])).all()


def test_broken_files_of_a_model_are_named(settings: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with pytest.raises(TextLSTMError, match="no such file"):
        SentimentModel.load(folder)
    untrained(tiny(settings)).save(folder)
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", config | {"colour": "red"})
    with pytest.raises(TextLSTMError, match=r"config.json: expected the fields .*labels.*, got .*colour"):
        SentimentModel.load(folder)
    write_json(folder / "config.json", config)
    Tokenizer(("good",)).save(folder / "words.json")
    with pytest.raises(TextLSTMError, match=rf"the network has {TOKENIZER.size} word ids, expected 4"):
        SentimentModel.load(folder)


def test_sentences_are_learnt_from_beside_the_reviews(
    settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = Tokenizer.learn(["good bad film . the plot and cast !"], 50)
    texts = ["good film . the plot and the cast", "bad film ! the cast and the plot"] * 6
    reviews, labels = [tokenizer.encode(text) for text in texts], np.array([POSITIVE, NEGATIVE] * 6)
    seen: list[tuple[list[str], list[float]]] = []
    original = keras.Model.train_on_batch

    def watched(self: Any, inputs: Any, targets: Any) -> Any:
        rows = inputs.reshape(len(inputs), -1)
        seen.extend(
            (tokenizer.decode(row[row != PAD]), target.tolist()) for row, target in zip(rows, targets, strict=True)
        )
        return original(self, inputs, targets)

    monkeypatch.setattr(keras.Model, "train_on_batch", watched)
    section = tiny(settings, sentences=2, sentence_weight=0.25, epochs=2)
    reproducible.set_up(7, 1)
    model, losses = train_sentiment_model(reviews, labels, tokenizer, section, seed=7)
    assert len(losses) == 2
    wholes = [(text, target) for text, target in seen if target[1] == 1.0]
    sentences = [(text, target) for text, target in seen if target[1] == 0.25]
    assert len(wholes) == len(texts) * 2
    assert len(sentences) == len(texts) * 2 * 2
    assert {text for text, _ in sentences} == {
        *("<start> good film .", "<start> bad film !", "<start> the plot and the", "<start> the cast and the")
    }
    assert all(target[0] == (POSITIVE if "good" in text else NEGATIVE) for text, target in seen if "film" in text)
    reproducible.set_up(7, 1)
    again, _ = train_sentiment_model(reviews, labels, tokenizer, section, seed=7)
    for name, array in model.weights.items():
        np.testing.assert_array_equal(array, again.weights[name])
