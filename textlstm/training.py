"""What the two kinds of training share: optimizers, seeded shuffling, and progress that suits a terminal or a log."""

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Batch = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def make_optimizer(name: str, learning_rate: float) -> keras.optimizers.Optimizer:
    """The optimizer of that name, gradients clipped to a global norm of 1 (Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063)."""
    optimizers = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    return optimizers[name](learning_rate=learning_rate, global_clipnorm=1.0)


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches made on demand, in an order that depends on the seed and the epoch alone.

    Args:
        count: number of batches in an epoch.
        make: the batch of an epoch and an index.
    """

    def __init__(self, count: int, make: Callable[[int, int], Batch]) -> None:
        super().__init__()
        self._count, self._make, self._epoch = count, make, 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Batch:
        return self._make(self._epoch, index)

    def on_epoch_end(self) -> None:
        """Keras calls this between epochs."""
        self._epoch += 1


def permutation(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order of `count` things in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def fit(model: keras.Model, batches: Batches, epochs: int, *, extra: dict[str, Any] | None = None) -> list[float]:
    """Train a compiled model and return the mean loss of each epoch: a bar on a terminal, a line an epoch in a log."""
    verbose = 1 if sys.stdout.isatty() else 2
    history = model.fit(batches, epochs=epochs, shuffle=False, verbose=verbose, **(extra or {}))
    return [float(loss) for loss in history.history["loss"]]
