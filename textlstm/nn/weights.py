"""The weights of Keras networks as named arrays: what training leaves, and what asking reads without Keras.

A name is that of a layer and of one of its weights, such as "lstm_1/kernel".
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.nn.backend import keras
from textlstm.nn.inference import Weights


def named_weights(network: keras.Model) -> Weights:
    """The weights of a network by name, in float32 whatever its precision; copies."""
    arrays = zip(network.weights, network.get_weights(), strict=True)
    return {_name(weight): array.astype(np.float32) for weight, array in arrays}


def set_named_weights(network: keras.Model, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put weights into a network that was built like the one that they come from.

    Raises:
        TextLSTMError: the network has weights of other names or shapes.
    """
    expected = {_name(weight): tuple(weight.shape) for weight in network.weights}
    got = {name: array.shape for name, array in weights.items()}
    if others := sorted(name for name in expected | got if expected.get(name) != got.get(name)):
        name = others[0]
        raise TextLSTMError(
            f"{network.name}: expected weights of the shape {expected.get(name, 'of none')} under {name!r}, got "
            f"{got.get(name, 'none')}. Build the network with the parameters that it was trained with"
        )
    network.set_weights([weights[_name(weight)] for weight in network.weights])


def _name(weight: Any) -> str:
    """The last two parts of a weight's path, without the cell that Keras's own LSTM keeps its weights in."""
    return "/".join([part for part in weight.path.split("/") if part != "lstm_cell"][-2:])
