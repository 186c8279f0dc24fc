"""The word language model: it learns what comes next, read both ways, and hands over weights of the right shape."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.labels import NEGATIVE, POSITIVE
from textlstm.core.params import Imdb, Pretrain
from textlstm.nn import reproducible
from textlstm.sentiment.lstm_training import train_sentiment_model
from textlstm.sentiment.pretraining import Pretrained, build_word_language_model, pretrain
from textlstm.sentiment.tokenizer import PAD, Tokenizer

SIZE = 12
SIZES: dict[str, Any] = {"embedding": 6, "units": 8, "chunk": 5, "bidirectional": False, "policy": "float32"}
STREAM = np.tile(np.arange(3, SIZE), 80)  # every word tells the next, and the one before


@pytest.fixture(scope="session")
def section(settings: Callable[..., Any]) -> Callable[..., Pretrain]:
    def make(**changes: Any) -> Pretrain:
        values: dict[str, Any] = {"epochs": 12, "batch": 10, "sampled": SIZE, "dropout": 0.0, "learning_rate": 0.05}
        made: Pretrain = settings("pretrain", **(values | changes))
        return made

    return make


def run(section: Pretrain, stream: Any = STREAM, **changes: Any) -> tuple[Pretrained, list[float]]:
    reproducible.set_up(7, 1)
    return pretrain(stream, SIZE, section, **(SIZES | changes), seed=7)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_can_be_known_is_learnt(section: Callable[..., Pretrain], bidirectional: bool) -> None:
    _, losses = run(section(), bidirectional=bidirectional)
    assert losses[0] > 1.5
    assert losses[-1] < 0.2


def test_without_order_there_is_nothing_to_learn(section: Callable[..., Pretrain]) -> None:
    random = np.random.default_rng(7).integers(3, SIZE, 720)
    _, losses = run(section(epochs=3), random)
    assert losses[-1] > 1.9  # the entropy of nine equally likely words is log 9 = 2.197


def test_every_word_but_the_first_is_asked_about(section: Callable[..., Pretrain]) -> None:
    reproducible.set_up(7, 1)
    for bidirectional, answers in ((False, 5), (True, 10)):
        network = build_word_language_model(SIZE, section(), **(SIZES | {"bidirectional": bidirectional}), seed=7)
        assert network(np.zeros((3, 6), dtype=np.int32)).shape == (3, answers)


def test_equal_seeds_give_equal_weights_and_other_seeds_others(section: Callable[..., Pretrain]) -> None:
    few = section(epochs=1, dropout=0.3, sampled=4)
    (one, losses), (again, same), (other, _) = run(few), run(few), pretrain(STREAM, SIZE, few, **SIZES, seed=8)
    assert losses == same
    assert one.vectors.tobytes() == again.vectors.tobytes()
    assert [array.tobytes() for array in one.lstm["forward"]] == [array.tobytes() for array in again.lstm["forward"]]
    assert one.vectors.tobytes() != other.vectors.tobytes()


def test_too_few_words_are_told(section: Callable[..., Pretrain]) -> None:
    with pytest.raises(
        TextLSTMError, match=r"pre-training: expected at least 65 words .* got 64. Give more reviews, or lower"
    ):
        run(section(), STREAM[:64])
    assert run(section(epochs=1), STREAM[:65])[1]


def test_weights_come_back_and_other_sizes_are_told(
    section: Callable[..., Pretrain], settings: Callable[..., Any], tmp_path: Path
) -> None:
    pretrained, _ = run(section(epochs=1), bidirectional=True)
    pretrained.save(tmp_path / "weights.npz")
    imdb: Imdb = settings("imdb", embedding=6, units=8, bidirectional=True)
    back = Pretrained.load(tmp_path / "weights.npz", imdb, SIZE)
    assert back.vectors.tolist() == pretrained.vectors.tolist()
    assert not back.vectors[PAD].any()
    for direction in ("forward", "backward"):
        assert [array.shape for array in back.lstm[direction]] == [(6, 32), (8, 32), (32,)]
        assert [array.tolist() for array in back.lstm[direction]] == [
            array.tolist() for array in pretrained.lstm[direction]
        ]
    with pytest.raises(TextLSTMError, match=r"expected 12 word ids, vectors of 6 numbers and 9 cells, got 12, 6 and 8"):
        Pretrained.load(tmp_path / "weights.npz", settings("imdb", embedding=6, units=9), SIZE)
    with pytest.raises(TextLSTMError, match=r"nothing.npz"):
        Pretrained.load(tmp_path / "nothing.npz", imdb, SIZE)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_sentiment_model_starts_from_them(
    section: Callable[..., Pretrain], settings: Callable[..., Any], bidirectional: bool, tmp_path: Path
) -> None:
    tokenizer = Tokenizer.learn(["a b c d e f g h i"], SIZE)
    pretrained, _ = run(section(epochs=1), bidirectional=bidirectional)
    imdb = settings(
        "imdb", vectors="pretrained", embedding=6, units=8, bidirectional=bidirectional, chunk=5, learning_rate=1e-12, epochs=1,
        precision="bfloat16", pooling="mean_max",
    )  # fmt: skip
    reviews, labels = [tokenizer.encode("a b c"), tokenizer.encode("d e f g h i")], np.array([NEGATIVE, POSITIVE])
    model, _ = train_sentiment_model(reviews, labels, tokenizer, imdb, seed=7, pretrained=pretrained)
    np.testing.assert_allclose(model.weights["embedding/embeddings"], pretrained.vectors, atol=1e-6)
    for direction, arrays in pretrained.lstm.items():
        for name, theirs in zip(("kernel", "recurrent_kernel", "bias"), arrays, strict=True):
            np.testing.assert_allclose(model.weights[f"lstm_{direction}/{name}"], theirs, atol=1e-6)
    model.save(tmp_path / "imdb")
    assert type(model).load(tmp_path / "imdb").log_odds(["a b"]).tolist() == model.log_odds(["a b"]).tolist()
