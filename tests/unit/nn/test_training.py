"""How steps are taken: in one call or one by one, the weights and the losses are the same to the last bit."""

from typing import Any

import numpy as np
import pytest

from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.nn.training import Batch, fit, make_optimizer

ROWS = (8, 8, 8, 3)  # of the batches of an epoch


def batch(epoch: int, index: int) -> Batch:
    random = np.random.default_rng([epoch, index])
    inputs = random.integers(6, size=(ROWS[index], 4)).astype(np.int32)
    return inputs, inputs[:, ::-1]


def trained(steps_per_call: int, threads: int = 1) -> tuple[bytes, list[float], Any]:
    reproducible.set_up(7, threads)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            layers.Embedding(6, 5),
            layers.LSTM(7, return_sequences=True, unroll=True),
            layers.Dropout(0.3),
            layers.Dense(6),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(make_optimizer("adamw", 0.02, "cosine", 1.0, 3 * len(ROWS)), loss=loss, jit_compile=False)
    losses = fit(network, [len(ROWS)] * 3, batch, steps_per_call=steps_per_call)
    return b"".join(weight.tobytes() for weight in network.get_weights()), losses, network.optimizer.iterations


@pytest.mark.parametrize("steps_per_call", [2, 3, 100])
def test_steps_in_one_call_are_the_steps_one_by_one(steps_per_call: int) -> None:
    weights, losses, iterations = trained(steps_per_call)
    expected_weights, expected_losses, _ = trained(1)
    assert weights == expected_weights
    assert losses == expected_losses
    assert losses[-1] < losses[0]
    assert int(iterations) == 3 * len(ROWS)
