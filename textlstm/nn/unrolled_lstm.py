"""The LSTM layer for large networks on a CPU: the function of `keras.layers.LSTM`, computed in another order.

All steps of a row share one multiplication by the input weights, the loop over the steps is unrolled, and weights are
converted to the layer's precision once per batch instead of at every step, which in bfloat16 makes it about twice as
fast. Does not know masks or a changing number of steps.
"""

from typing import Any

from textlstm.nn.backend import keras

layers, ops = keras.layers, keras.ops


def _open_forget_gate(shape: Any, dtype: Any = None) -> Any:
    zeros = ops.zeros(shape[0] // 4, dtype)
    return ops.concatenate([zeros, zeros + 1, zeros, zeros])


class UnrolledLSTM(layers.Layer):  # type: ignore[misc,name-defined]
    """States after every step: (B, T, E) to (B, T, H), for a fixed T; gates in the order i, f, g, o.

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

    Args:
        units: H, the number of cells.
        reverse: read each row from its end; the states still stand where their words do.
    """

    def __init__(self, units: int, *, reverse: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.reverse = units, reverse

    def build(self, input_shape: Any) -> None:
        """Weights as `keras.layers.LSTM` has them; the forget gate starts open."""
        units = self.units
        self.kernel = self.add_weight(shape=(input_shape[-1], 4 * units), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(units, 4 * units), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(4 * units,), initializer=_open_forget_gate, name="bias")

    def call(self, inputs: Any) -> Any:
        """See the class."""
        steps, width = inputs.shape[1:]
        rows = ops.transpose(ops.flip(inputs, 1) if self.reverse else inputs, (1, 0, 2))  # (T, B, E)
        kernel, recurrent = ops.cast(self.kernel, rows.dtype), ops.cast(self.recurrent_kernel, rows.dtype)
        given = ops.matmul(ops.reshape(rows, (-1, width)), kernel) + ops.cast(self.bias, rows.dtype)  # (T * B, 4 H)
        state = memory = ops.zeros((ops.shape(inputs)[0], self.units), rows.dtype)
        states = []
        for step in ops.unstack(ops.reshape(given, (steps, -1, 4 * self.units)), steps):  # (B, 4 H)
            i, f, g, o = ops.split(step + ops.matmul(state, recurrent), 4, axis=1)
            memory = ops.sigmoid(f) * memory + ops.sigmoid(i) * ops.tanh(g)
            state = ops.sigmoid(o) * ops.tanh(memory)
            states.append(state)
        read = ops.stack(states[::-1] if self.reverse else states)
        return ops.transpose(read, (1, 0, 2))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Keras asks for it."""
        return (*input_shape[:-1], self.units)
