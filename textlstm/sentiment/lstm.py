"""A sentiment LSTM that answers: the log-odds that a review is positive.

How it is built and trained is in `textlstm.sentiment.lstm_training`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic_folder, read_record, write_json
from textlstm.core.params import Imdb as Settings
from textlstm.nn import keras_files
from textlstm.nn.backend import keras
from textlstm.nn.training import permutation
from textlstm.sentiment.tokenizer import PAD, Tokenizer

layers, ops = keras.layers, keras.ops

_BUCKET = 50  # batches whose reviews are sorted by length together
_PREDICTED_AT_ONCE = 24_000  # words

Review = npt.NDArray[np.int32]  # ids of one review, shape (its number of words + 1,)


@keras.saving.register_keras_serializable("textlstm")
class ReviewPooling(layers.Layer):  # type: ignore[misc,name-defined]
    """Maximum and mean over the states of all words of a review, padding left out, and the mean over those of its tail.

    Args:
        tail: number of last words; 0 = no mean over them.
    """

    def __init__(self, tail: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.tail = tail

    def call(self, states: Any, words: Any) -> Any:
        """States (B * P, T, H) and words (B, P, T) to (B, 2 H), or (B, 3 H) with a tail."""
        reviews = ops.shape(words)[0]
        real = ops.reshape(words, (reviews, -1, 1)) != PAD  # (B, P * T, 1)
        states = ops.reshape(states, (reviews, -1, states.shape[-1]))  # (B, P * T, H)
        mask = ops.cast(real, states.dtype)
        highest = ops.max(states * mask - 2.0 * (1.0 - mask), axis=1)  # states lie between -1 and 1
        pooled = [highest, _mean(states, mask)]
        if self.tail:
            left = ops.flip(ops.cumsum(ops.flip(ops.cast(real, "int32"), 1), axis=1), 1)  # words from here to the end
            pooled.append(_mean(states, mask * ops.cast(left <= self.tail, states.dtype)))
        return ops.concatenate(pooled, axis=-1)

    def compute_output_shape(self, states_shape: Any, words_shape: Any) -> Any:
        """Keras asks for it."""
        return (words_shape[0], (3 if self.tail else 2) * states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """What a saved file must say to make the layer again."""
        return {**super().get_config(), "tail": self.tail}


def _mean(states: Any, mask: Any) -> Any:
    """Mean over the states (B, N, H) where the mask (B, N, 1) is one."""
    return ops.sum(states * mask, axis=1) / ops.sum(mask, axis=1)


def parallel_directions(settings: Settings) -> int:
    """How many directions of reading may run in parallel: the `inter_op_threads` of `reproducible.set_up`.

    Unrolled networks do; Keras's own layer has all threads for one direction at a time.
    """
    return 1 + (settings.vectors == "pretrained" and settings.bidirectional)


def pad_left(reviews: Sequence[Review], width: int) -> npt.NDArray[np.int32]:
    """Reviews as one array (B, width), padded at the left and cut to their last ids.

    >>> pad_left([np.array([1, 5, 6]), np.array([1, 7])], 3).tolist()
    [[1, 5, 6], [0, 1, 7]]
    """
    padded = np.full((len(reviews), width), PAD, dtype=np.int32)
    for row, review in zip(padded, reviews, strict=True):
        kept = review[-width:]
        row[width - len(kept) :] = kept
    return padded


def split_into_chunks(reviews: Sequence[Review], chunk: int) -> npt.NDArray[np.int32]:
    """Reviews as one array (B, P, chunk), each split into P chunks; the last ones are padded at the right.

    >>> split_into_chunks([np.array([1, 5, 6]), np.array([1, 7])], 2).tolist()
    [[[1, 5], [6, 0]], [[1, 7], [0, 0]]]
    """
    chunks = -(-max(len(review) for review in reviews) // chunk)
    padded = np.full((len(reviews), chunks * chunk), PAD, dtype=np.int32)
    for row, review in zip(padded, reviews, strict=True):
        row[: len(review)] = review
    return padded.reshape(len(reviews), chunks, chunk)


def bucketed_order(lengths: npt.NDArray[np.int64], words: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """The reviews of each batch of an epoch: about `words` words with padding, of like length, in random order.

    Args:
        lengths: of the reviews, shape (n,).
        words: that a batch may hold, padding included; a review that is longer makes a batch of its own.
        seed: of the shuffle.
        epoch: counts from 0.
    """
    if not len(lengths):
        return []
    order = permutation(len(lengths), seed, epoch)
    share = max(int(_BUCKET * words / max(lengths.mean(), 1.0)), 1)
    batches = []
    for begin in range(0, len(order), share):
        bucket = order[begin : begin + share]
        bucket = bucket[np.argsort(-lengths[bucket], kind="stable")]
        while len(bucket):
            size = max(words // int(lengths[bucket[0]]), 1)
            batches.append(bucket[:size])
            bucket = bucket[size:]
    return [batches[index] for index in permutation(len(batches), seed + 1, epoch)]


@dataclass(frozen=True)
class ModelConfig:
    """What asking a saved network takes: how a review is laid out for it, and what its output means."""

    length: int  # ids of a review that are read, its last ones
    pooling: str
    chunk: int
    bucketed: bool  # whether shorter reviews are read as they are, or padded to `length`
    labels: dict[str, int]  # the output is the log-odds of the label with the number 1

    def arrange(self, reviews: Sequence[Review]) -> npt.NDArray[np.int32]:
        """Reviews as the network's input."""
        if self.pooling == "mean_max":
            return split_into_chunks(reviews, self.chunk)
        return pad_left(reviews, max(len(review) for review in reviews) if self.bucketed else self.length)


@dataclass(frozen=True)
class SentimentModel:
    """A network with its tokenizer: reviews in, log-odds out."""

    network: keras.Model
    tokenizer: Tokenizer
    config: ModelConfig

    def log_odds(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Natural logarithm of the odds that each review is positive, shape (n,).

        Raises:
            TextLSTMError: a review has no word at all.
        """
        reviews = [self.tokenizer.encode(text)[-self.config.length :] for text in texts]
        for number, (review, text) in enumerate(zip(reviews, texts, strict=True), start=1):
            if len(review) < 2:
                raise TextLSTMError(
                    f"review {number}: expected words, got none in {text[:40]!r}. Give at least one word"
                )
        answers = np.empty(len(texts))
        for chosen in bucketed_order(np.array([len(review) for review in reviews]), _PREDICTED_AT_ONCE, 0, 0):
            answers[chosen] = self.network.predict_on_batch(self.config.arrange([reviews[row] for row in chosen]))[:, 0]
        return answers

    def save(self, folder: Path) -> None:
        """Write network, words and configuration to a folder that holds all that is needed to use the model."""
        with atomic_folder(folder) as temporary:
            keras_files.save(self.network, temporary / "model.keras")
            self.tokenizer.save(temporary / "words.json")
            write_json(temporary / "config.json", asdict(self.config))

    @classmethod
    def load(cls, folder: Path) -> "SentimentModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        config = read_record(folder / "config.json", ModelConfig)
        tokenizer = Tokenizer.load(folder / "words.json")
        network = keras_files.load(folder / "model.keras")
        size = network.get_layer("embedding").input_dim
        if size != tokenizer.size:
            raise TextLSTMError(
                f"{folder}: the network has {size} word ids, expected {tokenizer.size}, one for each word of its list. "
                "Its files do not belong together: run 'dvc repro' to make them again"
            )
        return cls(network, tokenizer, config)
