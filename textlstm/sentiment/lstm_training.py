"""An LSTM that reads a review and says how likely it is to be positive.

With pooling "last" it is the tutorials' classifier: the state after the last word decides. With "mean_max" a review is chopped into
pieces that are read side by side, and the mean and the maximum over the states after all words decide, so that nothing has to be
remembered to the end (Johnson and Zhang 2016, arXiv 1602.02373), and beside them the mean over the end, where people sum up.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.labels import LABELS, NEGATIVE, POSITIVE
from textlstm.core.params import Imdb as Settings
from textlstm.nn.backend import POLICIES, keras
from textlstm.nn.training import Batch, fit, make_optimizer, permutation
from textlstm.nn.unrolled_lstm import UnrolledLSTM
from textlstm.sentiment.adversarial import AdversarialTraining
from textlstm.sentiment.lstm import About, Review, ReviewPooling, SentimentModel, bucketed_order
from textlstm.sentiment.pretraining import DIRECTIONS, Pretrained
from textlstm.sentiment.tokenizer import PAD, Tokenizer
from textlstm.sentiment.word_vectors import counted_vectors

layers, ops = keras.layers, keras.ops

_LABELS = {LABELS[NEGATIVE]: NEGATIVE, LABELS[POSITIVE]: POSITIVE}


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
        unrolled: read with `textlstm.nn.unrolled_lstm` (the same function, faster for many units or in bfloat16); needs "mean_max".
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
