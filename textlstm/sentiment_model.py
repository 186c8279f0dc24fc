"""An LSTM that reads a review and says how likely it is to be positive.

With pooling "last" it is the tutorials' classifier: the state after the last word decides. With "mean_max" a review is chopped into
pieces that are read side by side, and the mean and the maximum over the states after all words decide, so that nothing has to be
remembered to the end (Johnson and Zhang 2016, arXiv 1602.02373), and beside them the mean over the end, where people sum up.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm import keras_files
from textlstm.adversarial import AdversarialTraining
from textlstm.backend import POLICIES, keras
from textlstm.datasets import LABELS, NEGATIVE, POSITIVE
from textlstm.errors import TextLSTMError
from textlstm.files import atomic_folder, read_record, write_json
from textlstm.params import Imdb as Settings
from textlstm.pretraining import DIRECTIONS, Pretrained
from textlstm.tokenizer import PAD, Tokenizer
from textlstm.training import Batch, fit, make_optimizer, permutation
from textlstm.unrolled_lstm import UnrolledLSTM
from textlstm.word_vectors import counted_vectors

layers, ops = keras.layers, keras.ops

_BUCKET = 50  # batches whose reviews are sorted by length together
_PREDICTED_AT_ONCE = 24_000  # words

Review = npt.NDArray[np.int32]  # ids of one review, shape (its number of words + 1,)


@keras.saving.register_keras_serializable("textlstm")
class ReviewPooling(layers.Layer):  # type: ignore[misc,name-defined]
    """Mean and maximum over the states of all words of a review that are not padding, and the mean over those of its end.

    Args:
        ending: words of the end; 0 = it counts no more than the rest.
    """

    def __init__(self, ending: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.ending = ending

    def call(self, states: Any, words: Any) -> Any:
        """States (B * P, T, H) and words (B, P, T) to (B, 2 H), or (B, 3 H) with an end."""
        reviews = ops.shape(words)[0]
        real = ops.reshape(words, (reviews, -1, 1)) != PAD  # (B, P * T, 1)
        states = ops.reshape(states, (reviews, -1, states.shape[-1]))  # (B, P * T, H)
        mask = ops.cast(real, states.dtype)
        highest = ops.max(states * mask - 2.0 * (1.0 - mask), axis=1)  # states lie between -1 and 1
        pooled = [highest, _mean(states, mask)]
        if self.ending:
            still = ops.flip(ops.cumsum(ops.flip(ops.cast(real, "int32"), 1), axis=1), 1)  # words from here to the end
            pooled.append(_mean(states, mask * ops.cast(still <= self.ending, states.dtype)))
        return ops.concatenate(pooled, axis=-1)

    def compute_output_shape(self, states_shape: Any, words_shape: Any) -> Any:
        """Keras asks for it."""
        return (words_shape[0], (3 if self.ending else 2) * states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """What a saved file must say to make the layer again."""
        return {**super().get_config(), "ending": self.ending}


def _mean(states: Any, mask: Any) -> Any:
    """Mean over the states (B, N, H) where the mask (B, N, 1) is one."""
    return ops.sum(states * mask, axis=1) / ops.sum(mask, axis=1)


def build_sentiment_model(
    size: int,
    *,
    embedding: int,
    units: int,
    bidirectional: bool,
    pooling: str,
    masked: bool,
    piece: int,
    word_dropout: float,
    dropout: float,
    ending: int = 0,
    unrolled: bool = False,
    policy: str = "float32",
    vectors: npt.NDArray[np.float32] | None = None,
) -> keras.Model:
    """The network: word ids in, the log-odds that the review is positive out, shape (B, 1).

    Args:
        size: number of word ids.
        embedding: numbers a word is given.
        units: cells in the LSTM, in each direction.
        bidirectional: also read from the end.
        pooling: "last": input (B, T), padded at the left; "mean_max": input (B, P, piece), padded at the right.
        masked: under "last", skip the padding instead of reading it, so that its amount does not matter.
        piece: words in a piece.
        word_dropout: share of the words blanked in training.
        dropout: share of what goes into the output layer dropped in training.
        ending: last words of a review whose states are averaged once more under "mean_max"; 0 = none.
        unrolled: read with `textlstm.unrolled_lstm` (the same function, faster for many units or in bfloat16); needs "mean_max".
        policy: Keras's name of the precision, for all but the pooling and the output.
        vectors: where the word vectors start, shape (size, embedding); by default at random.
    """
    pieces = pooling == "mean_max"
    words = keras.Input((None, piece) if pieces else (None,), dtype="int32", name="words")  # (B, P, T) or (B, T)
    rows = ops.reshape(words, (-1, piece)) if pieces else words
    start = "uniform" if vectors is None else "zeros"  # a constant would be written into the saved file, number by number
    table = layers.Embedding(size, embedding, embeddings_initializer=start, name="embedding", dtype=policy)
    x = table(rows)  # (B * P, T, E)
    if word_dropout:
        x = layers.Dropout(word_dropout, noise_shape=(None, None, 1), name="word_dropout", dtype=policy)(x)
    if unrolled:
        ways = DIRECTIONS[: 1 + bidirectional]
        read = [UnrolledLSTM(units, reverse=way == "backward", name=f"lstm_{way}", dtype=policy)(x) for way in ways]
        x = ops.concatenate(read, axis=-1)  # (B * P, T, H)
    else:
        lstm: Any = layers.LSTM(units, return_sequences=pieces, name="lstm", dtype=policy)
        if bidirectional:
            lstm = layers.Bidirectional(lstm, name="both_ways", dtype=policy)
        x = lstm(x, mask=ops.not_equal(words, PAD)) if masked and not pieces else lstm(x)  # (B * P, T, H) or (B, H)
    if pieces:
        x = ReviewPooling(ending, name="mean_max")(x, words)  # (B, 2 H) or (B, 3 H)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    network = keras.Model(words, layers.Dense(1, name="log_odds")(x), name="sentiment_model")
    if vectors is not None:
        table.set_weights([vectors])
    return network


def directions_at_once(settings: Settings) -> int:
    """How many directions of reading may run beside each other, each on threads of its own (see `reproducible.set_up`).

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
        tail = review[-width:]
        row[width - len(tail) :] = tail
    return padded


def chop(reviews: Sequence[Review], piece: int) -> npt.NDArray[np.int32]:
    """Reviews as one array (B, P, piece), each cut into pieces; the last ones are padded at the right.

    >>> chop([np.array([1, 5, 6]), np.array([1, 7])], 2).tolist()
    [[[1, 5], [6, 0]], [[1, 7], [0, 0]]]
    """
    pieces = -(-max(len(review) for review in reviews) // piece)
    padded = np.full((len(reviews), pieces * piece), PAD, dtype=np.int32)
    for row, review in zip(padded, reviews, strict=True):
        row[: len(review)] = review
    return padded.reshape(len(reviews), pieces, piece)


def bucketed_order(lengths: npt.NDArray[np.int64], words: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """The reviews of each batch of an epoch: about `words` words with padding, neighbours in length together, in random order.

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


def train_sentiment_model(
    reviews: Sequence[Review],
    labels: npt.NDArray[np.int64],
    tokenizer: Tokenizer,
    settings: Settings,
    *,
    seed: int,
    pretrained: Pretrained | None = None,
) -> tuple["SentimentModel", list[float]]:
    """Train a model on reviews.

    Args:
        reviews: word ids, one array a review.
        labels: POSITIVE or NEGATIVE, shape (n,).
        tokenizer: what the ids stand for.
        settings: the section `imdb` of the parameters.
        seed: for the weights, the order of the reviews and dropout.
        pretrained: where word vectors and LSTM start, if `settings.vectors` says so.

    Returns:
        The model, and the loss of each epoch (binary cross-entropy, nats).
    """
    cut = [review[-settings.length :] for review in reviews]
    vectors = pretrained.vectors if pretrained is not None else None
    if settings.vectors == "counted":
        vectors = counted_vectors(cut, labels, tokenizer.size, settings.embedding)
    network = build_sentiment_model(
        tokenizer.size,
        embedding=settings.embedding,
        units=settings.units,
        bidirectional=settings.bidirectional,
        pooling=settings.pooling,
        masked=settings.bucketed,
        piece=settings.piece,
        word_dropout=settings.word_dropout,
        dropout=settings.dropout,
        ending=settings.ending,
        unrolled=pretrained is not None,
        policy=POLICIES[settings.precision],
        vectors=vectors,
    )
    if pretrained is not None:
        for way, weights in pretrained.lstm.items():
            network.get_layer(f"lstm_{way}").set_weights(weights)
    about = About(settings.length, settings.pooling, settings.piece, settings.bucketed, _LABELS)
    lengths = np.array([len(review) for review in cut])

    def order(epoch: int) -> list[npt.NDArray[np.int64]]:
        if settings.bucketed:
            return bucketed_order(lengths, int(settings.batch * lengths.mean()), seed, epoch)
        shuffled = permutation(len(cut), seed, epoch)
        return [shuffled[begin : begin + settings.batch] for begin in range(0, len(cut), settings.batch)]

    orders = [order(epoch) for epoch in range(settings.epochs)]

    def batch(epoch: int, index: int) -> Batch:
        chosen = orders[epoch][index]
        return about.arrange([cut[row] for row in chosen]), labels[chosen].astype(np.float32)[:, None]

    steps = sum(map(len, orders))
    optimizer = make_optimizer(settings.optimizer, settings.learning_rate, settings.schedule, settings.clip, steps)
    training = AdversarialTraining(network, settings.adversarial) if settings.adversarial else network
    training.compile(optimizer, loss=keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    losses = fit(training, [len(batches) for batches in orders], batch)
    return SentimentModel(network, tokenizer, about), losses


_LABELS = {LABELS[NEGATIVE]: NEGATIVE, LABELS[POSITIVE]: POSITIVE}


@dataclass(frozen=True)
class About:
    """What one must know to ask a saved network."""

    length: int  # ids of a review that are read, its last ones
    pooling: str
    piece: int
    bucketed: bool  # whether shorter reviews are read as they are, or padded to `length`
    labels: dict[str, int]  # the output is the log-odds of the label with the number 1

    def arrange(self, reviews: Sequence[Review]) -> npt.NDArray[np.int32]:
        """Reviews as the network's input."""
        if self.pooling == "mean_max":
            return chop(reviews, self.piece)
        return pad_left(reviews, max(len(review) for review in reviews) if self.bucketed else self.length)


@dataclass(frozen=True)
class SentimentModel:
    """A network with its tokenizer: reviews in, log-odds out."""

    network: keras.Model
    tokenizer: Tokenizer
    about: About

    def log_odds(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Natural logarithm of the odds that each review is positive, shape (n,).

        Raises:
            TextLSTMError: a review has no word at all.
        """
        reviews = [self.tokenizer.encode(text)[-self.about.length :] for text in texts]
        for number, (review, text) in enumerate(zip(reviews, texts, strict=True), start=1):
            if len(review) < 2:
                raise TextLSTMError(f"review {number}: expected words, got none in {text[:40]!r}. Give at least one word")
        answers = np.empty(len(texts))
        for chosen in bucketed_order(np.array([len(review) for review in reviews]), _PREDICTED_AT_ONCE, 0, 0):
            answers[chosen] = self.network.predict_on_batch(self.about.arrange([reviews[row] for row in chosen]))[:, 0]
        return answers

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
        network = keras_files.load(folder / "model.keras")
        size = network.get_layer("embedding").input_dim
        if size != tokenizer.size:
            raise TextLSTMError(
                f"{folder}: the network has {size} word ids, expected {tokenizer.size}, one for each word of its list. "
                "Its files do not belong together: run 'dvc repro' to make them again"
            )
        return cls(network, tokenizer, about)
