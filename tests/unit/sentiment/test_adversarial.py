"""Adversarial training: the perturbation is as long as asked, leaves padding alone and raises the loss; training with it learns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textlstm.nn import reproducible
from textlstm.nn.backend import keras, tf
from textlstm.nn.training import make_optimizer
from textlstm.sentiment.adversarial import AdversarialTraining, adversarial_perturbation
from textlstm.sentiment.lstm_training import build_sentiment_model, build_tutorial_sentiment_model

reproducible.set_up(7, 1)
RANDOM = np.random.default_rng(7)
WORDS = RANDOM.integers(1, 20, (6, 2, 5)).astype(np.int32)  # (B, P, T)
WORDS[:, 1, 3:] = 0
LABELS = (WORDS == 7).any(axis=(1, 2)).astype(np.float32)[:, None]
LOSS = keras.losses.BinaryCrossentropy(from_logits=True)


@pytest.fixture(scope="session")
def network(settings: Callable[..., Any]) -> Callable[..., keras.Model]:
    def make(pooling: str = "mean_max", precision: str = "float32") -> keras.Model:
        sizes: dict[str, Any] = {
            "embedding": 4,
            "units": 8,
            "chunk": 5,
            "word_dropout": 0.0,
            "dropout": 0.0,
            "sentences": 0,
        }
        if pooling == "last":
            section = settings("imdb", pooling="last", vectors="random", bidirectional=False, **sizes)
            return build_tutorial_sentiment_model(20, section)
        return build_sentiment_model(20, settings("imdb", vectors="pretrained", precision=precision, **sizes))

    return make


def test_the_perturbation_is_as_long_as_asked_for_each_review_and_leaves_padding_alone() -> None:
    gradient = RANDOM.normal(size=(12, 5, 4)).astype(np.float32) * 1e-25  # squares of such gradients are 0 in float32
    perturbation = np.array(adversarial_perturbation(gradient, WORDS, 3.0)).reshape(6, -1, 4)
    np.testing.assert_allclose(np.linalg.norm(perturbation.reshape(6, -1), axis=1), 3.0, rtol=1e-4)
    assert not perturbation[WORDS.reshape(6, -1) == 0].any()
    real = WORDS.reshape(6, -1) != 0
    along = (perturbation * gradient.reshape(6, -1, 4))[real].reshape(6, -1).sum(axis=1)
    lengths = np.linalg.norm((gradient.reshape(6, -1, 4) / 1e-25)[real].reshape(6, -1), axis=1) * 1e-25
    np.testing.assert_allclose(along / lengths, 3.0, rtol=1e-3)  # the direction is that of the gradient
    assert not np.array(adversarial_perturbation(np.zeros_like(gradient), WORDS, 3.0)).any()


@pytest.mark.parametrize("pooling", ["mean_max", "last"])
def test_the_perturbation_raises_the_loss_more_than_a_random_one_of_its_length(
    network: Callable[..., keras.Model], pooling: str
) -> None:
    words = tf.constant(WORDS if pooling == "mean_max" else WORDS.reshape(6, -1))
    training = AdversarialTraining(network(pooling), 1.0)
    vectors = training.look_up(words)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        plain = LOSS(LABELS, training.judge([vectors, words]))
    perturbation = adversarial_perturbation(tape.gradient(plain, vectors), words, 0.05)
    losses = [float(LOSS(LABELS, training.judge([vectors + move, words]))) for move in (0 * perturbation, perturbation)]
    assert float(plain) == pytest.approx(losses[0])
    for _ in range(20):
        other = adversarial_perturbation(RANDOM.normal(size=perturbation.shape).astype(np.float32), words, 0.05)
        assert losses[0] < losses[1] > float(LOSS(LABELS, training.judge([vectors + other, words])))


def trained(kept: keras.Model, length: float, optimizer: str = "adam") -> tuple[list[float], list[np.ndarray]]:
    training = AdversarialTraining(kept, length)
    training.compile(make_optimizer(optimizer, 0.02, "constant", 0.0, 60), loss=LOSS, jit_compile=False)
    losses = [float(training.train_on_batch(WORDS, LABELS)) for _ in range(60)]
    assert np.array(training(WORDS)).tolist() == np.array(kept(WORDS)).tolist()
    return losses, kept.get_weights()


def test_a_network_learns_with_it_in_bfloat16_the_same_again_and_otherwise_than_without(
    network: Callable[..., keras.Model],
) -> None:
    def run(length: float) -> tuple[list[float], list[np.ndarray]]:
        reproducible.set_up(7, 1)
        return trained(network(precision="bfloat16"), length)

    losses, weights = run(1.0)
    assert losses[-1] < 0.1 < 0.5 < losses[0]
    again, same = run(1.0)
    assert again == losses
    assert all((one == other).all() for one, other in zip(weights, same, strict=True))
    assert losses[-1] != run(0.5)[0][-1]


def test_without_a_perturbation_it_is_plain_training(network: Callable[..., keras.Model]) -> None:
    reproducible.set_up(7, 1)
    plain = network()
    plain.compile(make_optimizer("sgd", 0.02, "constant", 0.0, 10), loss=LOSS, jit_compile=False)
    losses = [float(plain.train_on_batch(WORDS, LABELS)) for _ in range(10)]
    reproducible.set_up(7, 1)
    assert trained(network(), 0.0, "sgd")[0][:10] == pytest.approx(losses, rel=1e-4)
