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
from textlstm.nn.checkpoint import Checkpoint
from textlstm.nn.training import Batch, fit, make_optimizer, permutation
from textlstm.nn.unrolled_lstm import UnrolledLSTM
from textlstm.nn.weights import named_weights
from textlstm.sentiment.adversarial import AdversarialTraining
from textlstm.sentiment.lstm import ModelConfig, Review, SentimentModel, pad_left, split_into_chunks
from textlstm.sentiment.pretraining import DIRECTIONS, Pretrained
from textlstm.sentiment.tokenizer import PAD, SENTENCE_ENDS, START, UNKNOWN, Tokenizer, draw_sentences, sentences_of
from textlstm.sentiment.word_vectors import counted_vectors

layers, ops = keras.layers, keras.ops

_LABELS = {LABELS[NEGATIVE]: NEGATIVE, LABELS[POSITIVE]: POSITIVE}
_BUCKET = 50  # batches whose reviews are sorted by length together


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


def _mean(states: Any, mask: Any) -> Any:
    """Mean over the states (B, N, H) where the mask (B, N, 1) is one."""
    return ops.sum(states * mask, axis=1) / ops.sum(mask, axis=1)


def parallel_directions(settings: Settings) -> int:
    """How many directions of reading may run in parallel: the `inter_op_threads` of `reproducible.set_up`.

    Unrolled networks do; Keras's own layer has all threads for one direction at a time.
    """
    return 1 + (settings.vectors == "pretrained" and settings.bidirectional)


def arrange(reviews: Sequence[Review], config: ModelConfig) -> npt.NDArray[np.int32]:
    """Reviews as the network's input: (B, P, chunk) under the pooling "mean_max", padded with chunks of nothing, else (B, T)."""
    longest = max(len(review) for review in reviews)
    if config.pooling == "last":
        return pad_left(reviews, longest if config.bucketed else config.length)
    words = np.full((len(reviews), -(-longest // config.chunk), config.chunk), PAD, dtype=np.int32)
    for row, review in zip(words, reviews, strict=True):
        chunks = split_into_chunks(review, config.chunk)
        row[: len(chunks)] = chunks
    return words


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
    checkpoint: Checkpoint | None = None,
) -> tuple["SentimentModel", list[float]]:
    """Train a model on reviews.

    Args:
        reviews: word ids, one array per review.
        labels: POSITIVE or NEGATIVE, shape (n,).
        tokenizer: what the ids stand for.
        settings: the section `imdb` of the parameters.
        seed: for the weights, the order of the reviews and dropout.
        pretrained: where word vectors and LSTM start, if `settings.vectors` says so.
        checkpoint: where the state is kept; the training goes on from it if it is there.

    Returns:
        The model, and the loss of each epoch (binary cross-entropy, nats).
    """
    reviews = [review[-settings.length :] for review in reviews]
    network = _untrained(reviews, labels, tokenizer.size, settings, pretrained)
    config = ModelConfig(settings.length, settings.pooling, settings.chunk, settings.tail, settings.bucketed, _LABELS)
    lengths = np.array([len(review) for review in reviews])
    orders = [_order(lengths, settings, seed, epoch) for epoch in range(settings.epochs)]
    drawn = [_drawn_sentences(reviews, tokenizer, settings, seed, epoch) for epoch in range(settings.epochs)]
    if settings.sentences:  # a batch of sentences after each batch of reviews
        orders = [
            [
                rows
                for pair in zip(order, np.array_split(_shuffled(of, seed, epoch), len(order)), strict=True)
                for rows in pair
            ]
            for epoch, (order, of) in enumerate(zip(orders, drawn, strict=True))
        ]

    def batch(epoch: int, index: int) -> Batch:
        chosen = orders[epoch][index]
        if chosen.ndim == 1:
            texts, rows, weight = [reviews[row] for row in chosen], chosen, 1.0
        else:
            rows, weight = chosen[:, 0], settings.sentence_weight
            texts = [np.append(np.int32(START), reviews[row][begin:end]) for row, begin, end in chosen]
        targets = labels[rows].astype(np.float32)[:, None]
        if settings.sentences:
            targets = np.concatenate([targets, np.full_like(targets, weight)], axis=1)
        return arrange(texts, config), targets

    steps = sum(map(len, orders))
    optimizer = make_optimizer(settings.optimizer, settings.learning_rate, settings.schedule, settings.clip, steps)
    training = AdversarialTraining(network, settings.adversarial) if settings.adversarial else network
    loss = weighted_loss if settings.sentences else keras.losses.BinaryCrossentropy(from_logits=True)
    training.compile(optimizer, loss=loss, jit_compile=False)
    losses = fit(training, [len(batches) for batches in orders], batch, checkpoint=checkpoint)
    return SentimentModel(named_weights(network), tokenizer, config), losses


def weighted_loss(targets: Any, log_odds: Any) -> Any:
    """Mean cross-entropy of log-odds (B, 1), each times its weight; targets are labels and weights, (B, 2)."""
    labels, weights = targets[:, :1], targets[:, 1]
    return ops.mean(weights * keras.losses.binary_crossentropy(labels, log_odds, from_logits=True))


def _drawn_sentences(
    reviews: Sequence[Review], tokenizer: Tokenizer, settings: Settings, seed: int, epoch: int
) -> npt.NDArray[np.int64]:
    """The sentences of an epoch: the row of a review, and where one of its sentences begins and ends; (n, 3)."""
    if not settings.sentences:
        return np.zeros((0, 3), dtype=np.int64)
    random, ends = np.random.default_rng([seed, epoch]), tokenizer.ids_of(sorted(SENTENCE_ENDS))[1:]
    ends, found = ends[ends != UNKNOWN], []
    for row, review in enumerate(reviews):
        spans = sentences_of(
            np.isin(review[1:], ends)
        )  # the first id is `<start>`, or the word before those that are read
        for place in draw_sentences(len(spans), settings.sentences, random):
            begin, end = spans[place]
            found.append((row, begin + 1, min(end + 1, begin + settings.chunk)))  # with `<start>`, one chunk at most
    return np.array(found, dtype=np.int64)


def _shuffled(rows: npt.NDArray[np.int64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    return rows[permutation(len(rows), seed + 2, epoch)]


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
