"""The forward passes in numpy are those of Keras: each step, both directions, masked or not."""

import numpy as np
import pytest

from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.nn.inference import Lstm

reproducible.set_up(7, 1)
INPUTS = np.random.default_rng(7).normal(size=(9, 5)).astype(np.float32)  # a table of what can be read
ROWS = np.random.default_rng(8).integers(0, 9, (4, 6))  # (n, T): what is read
MASK = np.array([[True] * 6, [False] * 2 + [True] * 4, [False] * 6, [True, False] * 3])


def layers(count: int) -> list[keras.layers.LSTM]:
    random = np.random.default_rng(count)
    made = []
    for backwards in [False, True][:count]:
        made.append(keras.layers.LSTM(3, return_sequences=True, go_backwards=backwards))
        made[-1].build((None, 6, 5))
        made[-1].set_weights([random.normal(size=shape) for shape in ((5, 12), (3, 12), (12,))])
    return made


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all read", "masked"])
def test_states_are_those_of_keras(count: int, mask: np.ndarray | None) -> None:
    theirs = layers(count)
    ours = Lstm.from_keras([tuple(layer.get_weights()) for layer in theirs])
    states = ours.read(ours.table(INPUTS), ROWS, mask)
    assert (states.shape, states.dtype) == ((4, 6, 3 * count), np.float32)
    for number, layer in enumerate(theirs):
        expected = np.array(layer(INPUTS[ROWS], mask=mask))
        expected = expected[:, ::-1] if number else expected
        got = states[:, :, 3 * number : 3 * number + 3]
        read = np.ones(ROWS.shape, bool) if mask is None else mask
        np.testing.assert_allclose(got[read], expected[read], atol=1e-6)
        end = 0 if number else -1
        np.testing.assert_allclose(got[:, end], expected[:, end], atol=1e-6)  # what is carried over what is not read


def test_a_step_is_one_place_of_a_sequence() -> None:
    ours = Lstm.from_keras([tuple(layer.get_weights()) for layer in layers(1)])
    table = ours.given(INPUTS)
    hidden = memory = np.zeros((1, 4, 3), np.float32)
    for place in range(6):
        hidden, memory = ours.step(table[:, ROWS[:, place]] + hidden @ ours.recurrent, memory)
        np.testing.assert_allclose(hidden[0], ours.read(table, ROWS)[:, place], atol=1e-6)


def test_large_numbers_saturate_and_no_warning_is_given() -> None:
    ours = Lstm.from_keras([tuple(1e4 * weight for weight in layer.get_weights()) for layer in layers(1)])
    assert (np.abs(ours.read(ours.given(INPUTS), ROWS)) <= 1).all()


@pytest.mark.parametrize("masked", [False, True])
def test_no_sequence_changes_a_bit_of_another(masked: bool) -> None:
    random = np.random.default_rng(7)
    weights = [random.normal(size=shape).astype(np.float32) for shape in ((50, 256), (64, 256), (256,))]
    ours, inputs = Lstm.from_keras([tuple(weights)] * 2), random.normal(size=(300, 50)).astype(np.float32)
    table, rows = ours.table(inputs), random.integers(0, 300, (70, 5))
    mask = random.random(rows.shape) < 0.7 if masked else None
    states = ours.read(table, rows, mask)
    np.testing.assert_allclose(table, ours.given(inputs), rtol=1e-4, atol=1e-4)
    for begin, end in ((0, 1), (3, 4), (5, 12), (17, 40), (40, 70)):
        alone = ours.read(
            ours.table(inputs[: rows.max() + 1]), rows[begin:end], mask if mask is None else mask[begin:end]
        )
        np.testing.assert_array_equal(alone, states[begin:end])
    np.testing.assert_array_equal(ours.table(inputs[7:10]), table[:, 7:10])
    assert ours.table(inputs[:0]).shape == (2, 0, 256)
