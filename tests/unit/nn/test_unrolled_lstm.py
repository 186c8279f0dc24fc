"""The unrolled LSTM is Keras's LSTM: same weights, same states, in both directions; bfloat16 is near it."""

import numpy as np
import pytest

from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.nn.unrolled_lstm import UnrolledLSTM

reproducible.set_up(7, 1)
ROWS = np.random.default_rng(7).normal(size=(4, 6, 5)).astype(np.float32)  # (B, T, E)


def weights(units: int) -> list[np.ndarray]:
    random = np.random.default_rng(units)
    return [random.normal(size=shape) for shape in ((5, 4 * units), (units, 4 * units), (4 * units,))]


@pytest.mark.parametrize("reverse", [False, True])
def test_it_is_the_lstm_of_keras(reverse: bool) -> None:
    ours, theirs = UnrolledLSTM(3, reverse=reverse), keras.layers.LSTM(3, return_sequences=True, go_backwards=reverse)
    for layer in (ours, theirs):
        layer.build(ROWS.shape)
        layer.set_weights(weights(3))
    expected = np.array(theirs(ROWS))
    np.testing.assert_allclose(np.array(ours(ROWS)), expected[:, ::-1] if reverse else expected, rtol=1e-5, atol=1e-6)


def test_it_starts_as_the_lstm_of_keras_does() -> None:
    ours, theirs = UnrolledLSTM(3), keras.layers.LSTM(3)
    ours.build(ROWS.shape)
    theirs.build(ROWS.shape)
    assert [array.shape for array in ours.get_weights()] == [array.shape for array in theirs.get_weights()]
    assert ours.get_weights()[2].tolist() == theirs.get_weights()[2].tolist() == [0] * 3 + [1] * 3 + [0] * 6


def test_bfloat16_rounds_and_keeps_weights_in_float32() -> None:
    exact, rounded = UnrolledLSTM(3), UnrolledLSTM(3, dtype="mixed_bfloat16")
    for layer in (exact, rounded):
        layer.build(ROWS.shape)
        layer.set_weights(weights(3))
    difference = np.abs(np.array(rounded(ROWS)).astype(np.float32) - np.array(exact(ROWS)))
    assert 0 < difference.max() < 0.1
    assert {str(variable.dtype) for variable in rounded.weights} == {"float32"}
