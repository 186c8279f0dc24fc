"""Forward passes of LSTMs in numpy and float32: what asking a trained network takes, without Keras.

Layers of one size that do not depend on each other, the networks of an ensemble or the two directions of reading, are
computed side by side: arrays have a first axis of length D, one entry per layer.

The logistic function is (1 + tanh(x / 2)) / 2, since numpy's tanh is its fastest function of that kind; the halves are
in the weights.

How BLAS rounds a row of a product depends on the number of rows. Where an answer must not depend on what is asked
beside it, products are of `_BLOCK` rows each, the last ones padded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]  # by the name of the layer and of the weight, such as "lstm_1/kernel"

_BLOCK = 8


@dataclass(frozen=True)
class Lstm:
    """D LSTM layers of H cells side by side; the gates stand in the order i, f, o, g, the first three halved.

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
    """

    kernel: Floats  # (D, E, 4 H)
    recurrent: Floats  # (D, H, 4 H)
    bias: Floats  # (D, 1, 4 H)

    @classmethod
    def from_keras(cls, layers: Sequence[tuple[Floats, Floats, Floats]]) -> "Lstm":
        """From kernel (E, 4 H), recurrent kernel (H, 4 H) and bias (4 H,) per layer, as Keras has them: gates i, f, g, o."""
        kernels, recurrents, biases = zip(*layers, strict=True)
        return cls(_side_by_side(kernels), _side_by_side(recurrents), _side_by_side([bias[None] for bias in biases]))

    @property
    def units(self) -> int:
        """H."""
        return int(self.recurrent.shape[1])

    def given(self, inputs: Floats) -> Floats:
        """What inputs (n, E) or (D, n, E) contribute to the gates of a step, (D, n, 4 H).

        Where inputs are rows of a table, this once per row of the table saves it at every step.
        """
        return np.asarray(inputs @ self.kernel + self.bias)

    def step(self, gates: Floats, memory: Floats) -> tuple[Floats, Floats]:
        """Hidden state and memory, (D, n, H) each, after a step.

        Args:
            gates: `given` of the input plus `recurrent` times the hidden state before, (D, n, 4 H); overwritten.
            memory: before the step, (D, n, H).
        """
        units = self.units
        np.tanh(gates, out=gates)
        shares, candidate = gates[..., : 3 * units], gates[..., 3 * units :]
        shares += 1.0
        shares *= 0.5
        candidate *= shares[..., :units]
        memory = memory * shares[..., units : 2 * units]
        memory += candidate
        hidden = np.tanh(memory)
        hidden *= shares[..., 2 * units :]
        return hidden, memory

    def table(self, inputs: Floats) -> Floats:
        """`given` of inputs (n, E), (D, n, 4 H), where none of them influences how another's is rounded."""
        blocks = self.given(_in_blocks(inputs)[:, None])  # (blocks, D, _BLOCK, 4 H)
        return np.concatenate(blocks, axis=1)[:, : len(inputs)] if len(blocks) else self.given(inputs)

    def read(self, table: Floats, rows: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Hidden states at every place of sequences, the layers' side by side: (n, T, D * H).

        The first layer reads from the beginning; the second, if there is one, from the end. No sequence influences how
        the states of another are rounded.

        Args:
            table: what each possible input gives, (D, inputs, 4 H): see `table`.
            rows: indices into the table, (n, T).
            mask: (n, T); where it is false, the input is not read and the state stays. None: all is read.
        """
        count, length = rows.shape
        layers, units = len(self.kernel), self.units
        rows = _in_blocks(rows)
        masks = None if mask is None else _in_blocks(mask)
        states = np.empty((len(rows), _BLOCK, length, layers * units), dtype=np.float32)
        hidden = memory = np.zeros((len(rows), layers, _BLOCK, units), dtype=np.float32)
        order = [range(length), range(length - 1, -1, -1)][:layers]
        for places in zip(*order, strict=True):
            gates = hidden @ self.recurrent
            for layer, place in enumerate(places):
                gates[:, layer] += table[layer].take(rows[:, :, place], axis=0)
            new, kept = self.step(gates, memory)
            if masks is not None:
                read = np.stack([masks[:, :, place] for place in places], axis=1)[..., None]
                new, kept = np.where(read, new, hidden), np.where(read, kept, memory)
            hidden, memory = new, kept
            for layer, place in enumerate(places):
                states[:, :, place, layer * units : (layer + 1) * units] = hidden[:, layer]
        return states.reshape(-1, length, layers * units)[:count]


def _in_blocks(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows (n, K), padded with zeros, as (blocks, _BLOCK, K)."""
    blocks = np.zeros((-(-len(rows) // _BLOCK), _BLOCK, rows.shape[1]), dtype=rows.dtype)
    blocks.reshape(-1, rows.shape[1])[: len(rows)] = rows
    return blocks


def _side_by_side(weights: Sequence[Floats]) -> Floats:
    """Columns of the gates i, f, g, o of each layer as i, f, o, g, the first three halved: exact, a power of two."""
    i, f, g, o = np.split(np.stack(weights).astype(np.float32), 4, axis=-1)
    return np.concatenate([i / 2, f / 2, o / 2, g], axis=-1)
