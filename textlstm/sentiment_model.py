"""An LSTM that reads a review and says how likely it is to be positive.

With pooling "last" it is the tutorials' classifier: the state after the last word decides. With "mean_max" the states after all words
are averaged and their maxima taken, so nothing has to be remembered to the end (Johnson and Zhang 2016, arXiv 1602.02373).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from textlstm import keras_files
from textlstm.datasets import LABELS, NEGATIVE, POSITIVE
from textlstm.errors import TextLSTMError
from textlstm.files import atomic_folder, read_record, write_json
from textlstm.params import Imdb as Settings
from textlstm.tokenizer import PAD, UNKNOWN, Tokenizer
from textlstm.training import Batch, Batches, fit, make_optimizer, permutation

_BUCKET = 50  # batches that are sorted by length together
_PREDICTED_AT_ONCE = 256  # reviews

Review = npt.NDArray[np.int32]  # ids of one review, shape (its number of words + 1,)


def build_sentiment_model(
    size: int, *, embedding: int, units: int, bidirectional: bool, pooling: str, dropout: float
) -> keras.Model:
    """The network: word ids in, the probability that the review is positive out.

    Args:
        size: number of word ids; reviews of one batch are padded at the left with `PAD`.
        embedding: numbers a word is given.
        units: cells in the LSTM, in each direction.
        bidirectional: also read from the end.
        pooling: "last" state, or "mean_max" over the states after real words.
        dropout: share of the LSTM's inputs and of the pooled states that are dropped in training.
    """
    ids = keras.Input((None,), dtype="int32", name="words")  # (B, T)
    x = layers.Embedding(size, embedding, name="embedding")(ids)  # (B, T, E)
    if dropout:
        x = layers.SpatialDropout1D(dropout, name="dropout_in")(x)
    lstm: Any = layers.LSTM(units, return_sequences=pooling == "mean_max", name="lstm")
    if bidirectional:
        lstm = layers.Bidirectional(lstm, name="both_ways")
    x = lstm(x)  # (B, T, H), or (B, H)
    if pooling == "mean_max":
        real = ops.expand_dims(ops.cast(ops.not_equal(ids, PAD), x.dtype), -1)  # (B, T, 1)
        mean = ops.sum(x * real, axis=1) / ops.sum(real, axis=1)  # (B, H)
        highest = ops.max(x - 2.0 * (1.0 - real), axis=1)  # (B, H); states lie between -1 and 1
        x = layers.Concatenate(name="mean_max")([mean, highest])  # (B, 2 H)
    if dropout:
        x = layers.Dropout(dropout, name="dropout_out")(x)
    return keras.Model(ids, layers.Dense(1, activation="sigmoid", name="positive")(x), name="sentiment_model")


def pad(reviews: Sequence[Review], length: int | None = None) -> npt.NDArray[np.int32]:
    """Reviews as one array, each padded at the left, and cut to its last `length` ids (default: of the longest).

    >>> pad([np.array([1, 5, 6]), np.array([1, 7])]).tolist()
    [[1, 5, 6], [0, 1, 7]]
    """
    width = max(len(review) for review in reviews) if length is None else length
    padded = np.full((len(reviews), width), PAD, dtype=np.int32)
    for row, review in zip(padded, reviews, strict=True):
        tail = review[-width:]
        row[width - len(tail) :] = tail
    return padded


def bucketed_order(lengths: npt.NDArray[np.int64], batch: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """The reviews of each batch of an epoch: shuffled, but with neighbours in length together, so that little is padding."""
    order = permutation(len(lengths), seed, epoch)
    batches = []
    for begin in range(0, len(order), batch * _BUCKET):
        bucket = order[begin : begin + batch * _BUCKET]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        batches += [bucket[index : index + batch] for index in range(0, len(bucket), batch)]
    return [batches[index] for index in permutation(len(batches), seed + 1, epoch)]


def train_sentiment_model(
    reviews: Sequence[Review], labels: npt.NDArray[np.int64], tokenizer: Tokenizer, settings: Settings, *, seed: int
) -> tuple["SentimentModel", list[float]]:
    """Train a model on reviews.

    Args:
        reviews: word ids, one array a review.
        labels: POSITIVE or NEGATIVE, shape (n,).
        tokenizer: what the ids stand for.
        settings: the section `imdb` of the parameters.
        seed: for the weights, the order of the reviews and dropout.

    Returns:
        The model, and the loss of each epoch (binary cross-entropy, nats).
    """
    network = build_sentiment_model(
        tokenizer.size,
        embedding=settings.embedding,
        units=settings.units,
        bidirectional=settings.bidirectional,
        pooling=settings.pooling,
        dropout=settings.dropout,
    )
    network.compile(make_optimizer(settings.optimizer, settings.learning_rate), loss="binary_crossentropy")
    cut = [review[-settings.length :] for review in reviews]
    lengths = np.array([len(review) for review in cut])
    count = -(-len(cut) // settings.batch)

    def batch(epoch: int, index: int) -> Batch:
        if settings.bucketed:
            chosen, width = bucketed_order(lengths, settings.batch, seed, epoch)[index], None
        else:
            order = permutation(len(cut), seed, epoch)
            chosen, width = order[index * settings.batch : (index + 1) * settings.batch], settings.length
        ids = pad([cut[row] for row in chosen], width)
        if settings.word_dropout:
            dropped = np.random.default_rng([seed, epoch, index]).random(ids.shape) < settings.word_dropout
            ids[dropped & (ids > UNKNOWN)] = UNKNOWN
        return ids, labels[chosen].astype(np.float32)[:, None]

    losses = fit(network, Batches(count, batch), settings.epochs)
    about = About(settings.length, settings.bucketed, {LABELS[NEGATIVE]: NEGATIVE, LABELS[POSITIVE]: POSITIVE})
    return SentimentModel(network, tokenizer, about), losses


@dataclass(frozen=True)
class About:
    """What one must know to ask a saved network."""

    length: int  # ids of a review that are read, its last ones
    bucketed: bool  # whether shorter reviews are read as they are, or padded to `length` as in training
    labels: dict[str, int]  # the output is the probability of the label with the number 1


@dataclass(frozen=True)
class SentimentModel:
    """A network with its tokenizer: reviews in, probabilities out."""

    network: keras.Model
    tokenizer: Tokenizer
    about: About

    def predict(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probability that each review is positive, shape (n,).

        Raises:
            TextLSTMError: a review has no word at all.
        """
        reviews = [self.tokenizer.encode(text)[-self.about.length :] for text in texts]
        for number, (review, text) in enumerate(zip(reviews, texts, strict=True), start=1):
            if len(review) < 2:
                raise TextLSTMError(f"review {number}: expected words, got none in {text[:40]!r}. Give at least one word")
        probabilities = np.empty(len(texts))
        order = np.argsort([len(review) for review in reviews], kind="stable")
        for begin in range(0, len(order), _PREDICTED_AT_ONCE):
            chosen = order[begin : begin + _PREDICTED_AT_ONCE]
            ids = pad([reviews[row] for row in chosen], None if self.about.bucketed else self.about.length)
            probabilities[chosen] = np.asarray(self.network(ids, training=False))[:, 0]
        return probabilities

    def save(self, folder: Path) -> None:
        """Write network, words and description to a folder that holds all that is needed to use the model."""
        with atomic_folder(folder) as temporary:
            keras_files.save(self.network, temporary / "model.keras")
            self.tokenizer.save(temporary / "words.json")
            write_json(temporary / "about.json", asdict(self.about))

    @classmethod
    def load(cls, folder: Path) -> "SentimentModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        about = read_record(folder / "about.json", About)
        tokenizer = Tokenizer.load(folder / "words.json")
        return cls(keras_files.load(folder / "model.keras"), tokenizer, about)
