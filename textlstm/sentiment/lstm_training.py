"""An LSTM that reads a review and says how likely it is to be positive.

A review is split into chunks that are read in parallel, and the mean and the maximum over the states after all words
decide, so that nothing has to be remembered to the end (Johnson and Zhang 2016, arXiv 1602.02373), and beside them the
mean over the tail of the review, where people sum up. With pooling "last" it is the tutorials' classifier: the state
after the last word decides.
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
from textlstm.sentiment.lstm import ModelConfig, Review, ReviewPooling, SentimentModel, bucketed_order
from textlstm.sentiment.pretraining import DIRECTIONS, Pretrained
from textlstm.sentiment.tokenizer import PAD, Tokenizer
from textlstm.sentiment.word_vectors import counted_vectors

layers, ops = keras.layers, keras.ops

_LABELS = {LABELS[NEGATIVE]: NEGATIVE, LABELS[POSITIVE]: POSITIVE}


def build_sentiment_model(size: int, settings: Settings, vectors: npt.NDArray[np.float32] | None = None) -> keras.Model:
    """The network: word ids (B, P, T) in, padded at the right, the log-odds of a positive review out, (B, 1).

    Args:
        size: number of word ids.
        settings: the section `imdb` of the parameters, with the pooling "mean_max".
        vectors: where the word vectors start, shape (size, E); by default at random.
    """
    policy = POLICIES[settings.precision]  # of all but the pooling and the output
    words = keras.Input((None, settings.chunk), dtype="int32", name="words")
    start = "uniform" if vectors is None else "zeros"  # an initializer that holds vectors would be saved with the model
    table = layers.Embedding(size, settings.embedding, embeddings_initializer=start, name="embedding", dtype=policy)
    x = table(ops.reshape(words, (-1, settings.chunk)))  # (B * P, T, E)
    if settings.word_dropout:
        x = layers.Dropout(settings.word_dropout, noise_shape=(None, None, 1), name="word_dropout", dtype=policy)(x)
    if settings.vectors == "pretrained":
        x = _unrolled(settings, policy, x)
    else:
        lstm = layers.LSTM(settings.units, return_sequences=True, name="lstm", dtype=policy)
        x = (layers.Bidirectional(lstm, name="both_ways", dtype=policy) if settings.bidirectional else lstm)(x)
    x = ReviewPooling(settings.tail, name="mean_max")(x, words)  # (B * P, T, H) to (B, 2 H) or (B, 3 H)
    if settings.dropout:
        x = layers.Dropout(settings.dropout, name="dropout")(x)
    network = keras.Model(words, layers.Dense(1, name="log_odds")(x), name="sentiment_model")
    if vectors is not None:
        table.set_weights([vectors])
    return network


def _unrolled(settings: Settings, policy: str, rows: Any) -> Any:
    """The states of the layers that pre-training trains, one per direction, side by side."""
    states = [
        UnrolledLSTM(settings.units, reverse=direction == "backward", name=f"lstm_{direction}", dtype=policy)(rows)
        for direction in DIRECTIONS[: 1 + settings.bidirectional]
    ]
    return ops.concatenate(states, axis=-1)


def build_tutorial_sentiment_model(size: int, settings: Settings) -> keras.Model:
    """The tutorials' network: word ids (B, T) in, padded at the left, the log-odds of a positive review out, (B, 1).

    Args:
        size: number of word ids.
        settings: the section `imdb` of the parameters, with the pooling "last". Bucketed, padding is masked, so that
            its amount does not matter; else it is read, as the tutorial has it.
    """
    words = keras.Input((None,), dtype="int32", name="words")
    x = layers.Embedding(size, settings.embedding, name="embedding")(words)  # (B, T, E)
    mask = ops.not_equal(words, PAD) if settings.bucketed else None
    x = layers.LSTM(settings.units, name="lstm")(x, mask=mask)  # (B, H)
    if settings.dropout:
        x = layers.Dropout(settings.dropout, name="dropout")(x)
    return keras.Model(words, layers.Dense(1, name="log_odds")(x), name="sentiment_model")


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
        reviews: word ids, one array per review.
        labels: POSITIVE or NEGATIVE, shape (n,).
        tokenizer: what the ids stand for.
        settings: the section `imdb` of the parameters.
        seed: for the weights, the order of the reviews and dropout.
        pretrained: where word vectors and LSTM start, if `settings.vectors` says so.

    Returns:
        The model, and the loss of each epoch (binary cross-entropy, nats).
    """
    reviews = [review[-settings.length :] for review in reviews]
    network = _untrained(reviews, labels, tokenizer.size, settings, pretrained)
    config = ModelConfig(settings.length, settings.pooling, settings.chunk, settings.bucketed, _LABELS)
    lengths = np.array([len(review) for review in reviews])
    orders = [_order(lengths, settings, seed, epoch) for epoch in range(settings.epochs)]

    def batch(epoch: int, index: int) -> Batch:
        chosen = orders[epoch][index]
        return config.arrange([reviews[row] for row in chosen]), labels[chosen].astype(np.float32)[:, None]

    steps = sum(map(len, orders))
    optimizer = make_optimizer(settings.optimizer, settings.learning_rate, settings.schedule, settings.clip, steps)
    training = AdversarialTraining(network, settings.adversarial) if settings.adversarial else network
    training.compile(optimizer, loss=keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    losses = fit(training, [len(batches) for batches in orders], batch)
    return SentimentModel(network, tokenizer, config), losses


def _untrained(
    reviews: Sequence[Review],
    labels: npt.NDArray[np.int64],
    size: int,
    settings: Settings,
    pretrained: Pretrained | None,
) -> keras.Model:
    """The network that `settings` ask for, with the weights that training starts from."""
    if settings.pooling == "last":
        return build_tutorial_sentiment_model(size, settings)
    if pretrained is not None:
        network = build_sentiment_model(size, settings, pretrained.vectors)
        for direction, weights in pretrained.lstm.items():
            network.get_layer(f"lstm_{direction}").set_weights(weights)
        return network
    vectors = counted_vectors(reviews, labels, size, settings.embedding) if settings.vectors == "counted" else None
    return build_sentiment_model(size, settings, vectors)


def _order(lengths: npt.NDArray[np.int64], settings: Settings, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """The reviews of each batch of an epoch."""
    if settings.bucketed:
        return bucketed_order(lengths, int(settings.batch * lengths.mean()), seed, epoch)
    shuffled = permutation(len(lengths), seed, epoch)
    return [shuffled[begin : begin + settings.batch] for begin in range(0, len(lengths), settings.batch)]
