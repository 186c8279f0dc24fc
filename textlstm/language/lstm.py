"""A character LSTM that answers: what comes next, given what came before.

How it is built and trained is in `textlstm.language.lstm_training`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic_folder, read_record, write_json
from textlstm.language.scoring import Floats, finish_table
from textlstm.language.vocabulary import START, Vocabulary
from textlstm.nn import keras_files
from textlstm.nn.backend import keras

_SCORED_AT_ONCE = 2048  # windows


def windows_of(ids: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """All windows of `length` ids, shape (n - length + 1, length): a view, nothing is copied.

    >>> windows_of(np.array([5, 6, 7]), 2).tolist()
    [[5, 6], [6, 7]]
    """
    return np.lib.stride_tricks.sliding_window_view(ids, length)


def after_start(windows: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """What the model reads when it has to predict `windows`: `<start>`, then all characters but the last. Both (B, T).

    >>> after_start(np.array([[5, 6, 7]])).tolist()
    [[0, 5, 6]]
    """
    read = np.full(windows.shape, START, dtype=np.int32)
    read[:, 1:] = windows[:, :-1]
    return read


@dataclass(frozen=True)
class ModelConfig:
    """What asking a saved network takes: how it was trained, and what its outputs mean."""

    target: str
    window: int
    output: str
    ensemble_size: int = 1


@dataclass(frozen=True)
class LanguageModel:
    """A network with the vocabulary that it was trained on. Answers as a `textlstm.language.scoring.CharacterModel`."""

    network: keras.Model
    vocabulary: Vocabulary
    config: ModelConfig

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """See `textlstm.language.scoring.CharacterModel`; W is the window."""
        if not len(ids):
            return np.zeros((0, self.config.window))
        table = self._every_position(ids) if self.config.target == "every_position" else self._after_window(ids)
        return finish_table(table, ids)

    def _every_position(self, ids: npt.NDArray[Any]) -> Floats:
        window = self.config.window
        windows = windows_of(np.concatenate([ids, np.full(window - 1, START, ids.dtype)]), window).astype(
            np.int64
        )  # (n, T)
        table = np.empty(windows.shape)
        for begin in range(0, len(windows), _SCORED_AT_ONCE):
            wanted = windows[begin : begin + _SCORED_AT_ONCE]
            answers = self.log_distribution(after_start(wanted))  # (b, T, V)
            table[begin : begin + len(wanted)] = np.take_along_axis(answers, wanted[:, :, None], axis=2)[:, :, 0]
        return table

    def _after_window(self, ids: npt.NDArray[Any]) -> Floats:
        """As the article has it: zeros after each prefix, and the first character is read off the answer to itself."""
        window, nothing = self.config.window, self.vocabulary.size
        windows = windows_of(np.concatenate([ids, np.full(window, START, ids.dtype)]), window + 1).astype(
            np.int32
        )  # (n, T + 1)
        table = np.empty(windows.shape)
        for prefix in range(1, window + 1):
            padded = np.full((len(windows), window), nothing, dtype=np.int32)
            padded[:, :prefix] = windows[:, :prefix]
            answers = self.log_distribution(padded)  # (n, V)
            table[:, prefix] = np.take_along_axis(answers, windows[:, prefix : prefix + 1], axis=1)[:, 0]
            if prefix == 1:
                table[:, 0] = np.take_along_axis(answers, windows[:, :1], axis=1)[:, 0]
        return table

    def log_distribution(self, read: npt.NDArray[np.int32]) -> Floats:
        """Log-probabilities over the last axis, which has one entry for each character id: the mean over the ensemble.

        Shape (B, T, V) under the target "every_position", (B, V) under "after_window".
        """
        logits = np.asarray(
            self.network(read, training=False), dtype=np.float64
        )  # (B, N * T, V) or (B, N, V), N networks
        if self.config.output == "sigmoid":
            logits = -np.logaddexp(0.0, -logits)  # log sigmoid, then made to sum to one
        logits -= logits.max(axis=-1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=-1, keepdims=True)
        by_network = chances.reshape(len(read), self.config.ensemble_size, -1, self.vocabulary.size)
        mean = by_network.mean(axis=1)  # (B, T, V) or (B, 1, V)
        return np.asarray(np.log(mean if self.config.target == "every_position" else mean[:, 0]))

    def save(self, folder: Path) -> None:
        """Write network, vocabulary and configuration to a folder that holds all that is needed to use the model."""
        with atomic_folder(folder) as temporary:
            keras_files.save(self.network, temporary / "model.keras")
            self.vocabulary.save(temporary / "characters.json")
            write_json(temporary / "config.json", asdict(self.config))

    @classmethod
    def load(cls, folder: Path) -> "LanguageModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        config = read_record(folder / "config.json", ModelConfig)
        vocabulary = Vocabulary.load(folder / "characters.json")
        network = keras_files.load(folder / "model.keras")
        if network.output_shape[-1] != vocabulary.size:
            raise TextLSTMError(
                f"{folder}: the network has {network.output_shape[-1]} outputs, expected {vocabulary.size}, one for each character id. "
                "Its files do not belong together: run 'dvc repro' to make them again"
            )
        return cls(network, vocabulary, config)
