"""Adversarial training: the step away is as long as asked, leaves padding alone and raises the loss; training with it learns."""

from typing import Any

import numpy as np
import pytest

from textlstm.nn import reproducible
from textlstm.nn.backend import keras, tf
from textlstm.nn.training import make_optimizer
from textlstm.sentiment.adversarial import AdversarialTraining, worst_step
from textlstm.sentiment.lstm_training import build_sentiment_model

reproducible.set_up(7, 1)
RANDOM = np.random.default_rng(7)
WORDS = RANDOM.integers(1, 20, (6, 2, 5)).astype(np.int32)  # (B, P, T)
WORDS[:, 1, 3:] = 0
LABELS = (WORDS == 7).any(axis=(1, 2)).astype(np.float32)[:, None]
LOSS = keras.losses.BinaryCrossentropy(from_logits=True)


def network(pooling: str = "mean_max", *, policy: str = "float32", **changes: Any) -> keras.Model:
    sizes: dict[str, Any] = {
        "embedding": 4,
        "units": 8,
        "bidirectional": True,
        "masked": True,
        "piece": 5,
        "unrolled": pooling != "last",
    }
    return build_sentiment_model(20, pooling=pooling, word_dropout=0.0, dropout=0.0, policy=policy, **(sizes | changes))


def test_the_step_is_as_long_as_asked_for_each_review_and_leaves_padding_alone() -> None:
    slope = RANDOM.normal(size=(12, 5, 4)).astype(np.float32) * 1e-25  # squares of such slopes are 0 in float32
    step = np.array(worst_step(slope, WORDS, 3.0)).reshape(6, -1, 4)
    np.testing.assert_allclose(np.linalg.norm(step.reshape(6, -1), axis=1), 3.0, rtol=1e-4)
    assert not step[WORDS.reshape(6, -1) == 0].any()
    real = WORDS.reshape(6, -1) != 0
    along = (step * slope.reshape(6, -1, 4))[real].reshape(6, -1).sum(axis=1)
    lengths = np.linalg.norm((slope.reshape(6, -1, 4) / 1e-25)[real].reshape(6, -1), axis=1) * 1e-25
    np.testing.assert_allclose(along / lengths, 3.0, rtol=1e-3)  # the direction is that of the slope
    assert not np.array(worst_step(np.zeros_like(slope), WORDS, 3.0)).any()


@pytest.mark.parametrize("pooling", ["mean_max", "last"])
def test_the_step_raises_the_loss_more_than_a_random_one_of_its_length(pooling: str) -> None:
    words = tf.constant(WORDS if pooling == "mean_max" else WORDS.reshape(6, -1))
    training = AdversarialTraining(network(pooling), 1.0)
    vectors = training.look_up(words)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        plain = LOSS(LABELS, training.judge([vectors, words]))
    step = worst_step(tape.gradient(plain, vectors), words, 0.05)
    losses = [float(LOSS(LABELS, training.judge([vectors + move, words]))) for move in (0 * step, step)]
    assert float(plain) == pytest.approx(losses[0])
    for _ in range(20):
        other = worst_step(RANDOM.normal(size=step.shape).astype(np.float32), words, 0.05)
        assert losses[0] < losses[1] > float(LOSS(LABELS, training.judge([vectors + other, words])))


def trained(distance: float, policy: str, optimizer: str = "adam") -> tuple[list[float], list[np.ndarray]]:
    reproducible.set_up(7, 1)
    kept = network(policy=policy)
    training = AdversarialTraining(kept, distance)
    training.compile(make_optimizer(optimizer, 0.02, "constant", 0.0, 60), loss=LOSS, jit_compile=False)
    losses = [float(training.train_on_batch(WORDS, LABELS)) for _ in range(60)]
    assert np.array(training(WORDS)).tolist() == np.array(kept(WORDS)).tolist()
    return losses, kept.get_weights()


def test_a_network_learns_with_it_in_bfloat16_the_same_again_and_otherwise_than_without() -> None:
    losses, weights = trained(1.0, "mixed_bfloat16")
    assert losses[-1] < 0.1 < 0.5 < losses[0]
    again, same = trained(1.0, "mixed_bfloat16")
    assert again == losses
    assert all((one == other).all() for one, other in zip(weights, same, strict=True))
    assert losses[-1] != trained(0.5, "mixed_bfloat16")[0][-1]


def test_without_a_step_it_is_plain_training() -> None:
    reproducible.set_up(7, 1)
    plain = network()
    plain.compile(make_optimizer("sgd", 0.02, "constant", 0.0, 10), loss=LOSS, jit_compile=False)
    losses = [float(plain.train_on_batch(WORDS, LABELS)) for _ in range(10)]
    assert trained(0.0, "float32", "sgd")[0][:10] == pytest.approx(losses, rel=1e-4)
