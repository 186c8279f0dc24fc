"""What the sentiment LSTM learns before it sees a label: the next word of every review, the unlabelled ones too.

A network that has learnt what comes next starts from word vectors and LSTM weights that know the language of reviews,
and needs few labels (Dai and Le 2015, arXiv 1511.01432). Read both ways it learns the words before, too, from the same
word vectors. The output layer is the table of the word vectors (Press and Wolf 2017, arXiv 1608.05859), and its
cross-entropy is estimated from a sample of the words (Jean et al. 2015, arXiv 1412.2007): the loss says whether
training goes on, and is no perplexity.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, write_arrays
from textlstm.core.params import Imdb, Pretrain
from textlstm.nn.backend import keras, tf
from textlstm.nn.checkpoint import Checkpoint
from textlstm.nn.training import Batch, fit, make_optimizer, permutation
from textlstm.nn.unrolled_lstm import UnrolledLSTM
from textlstm.sentiment.tokenizer import PAD

layers, ops = keras.layers, keras.ops

DIRECTIONS = ("forward", "backward")
_LSTM = ("kernel", "recurrent", "bias")
_SPREAD = 0.1  # standard deviation of word vectors at the start

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pretrained:
    """Where the sentiment LSTM starts.

    `vectors` has a row for each word id, (V, E); `lstm` holds for each direction kernel (E, 4 H), recurrent (H, 4 H)
    and bias (4 H,).
    """

    vectors: Floats
    lstm: dict[str, tuple[Floats, ...]]

    def save(self, path: Path) -> None:
        """Write all arrays to one file."""
        arrays = {
            f"{direction}_{name}": array
            for direction, of in self.lstm.items()
            for name, array in zip(_LSTM, of, strict=True)
        }
        write_arrays(path, vectors=self.vectors, **arrays)

    @classmethod
    def load(cls, path: Path, settings: Imdb, size: int) -> "Pretrained":
        """Read what `save` wrote; a missing or broken file, or one of other shapes than `settings` say, is a TextLSTMError."""
        directions = DIRECTIONS if settings.bidirectional else DIRECTIONS[:1]
        arrays = read_arrays(path, "vectors", *(f"{direction}_{name}" for direction in directions for name in _LSTM))
        expected, got = (
            (size, settings.embedding, settings.units),
            (*arrays["vectors"].shape, len(arrays["forward_recurrent"])),
        )
        if expected != got:
            raise TextLSTMError(
                f"{path}: expected {expected[0]} word ids, vectors of {expected[1]} numbers and {expected[2]} cells, "
                f"got {got[0]}, {got[1]} "
                f"and {got[2]}. Run 'dvc repro' to pre-train with the present parameters"
            )
        return cls(
            arrays["vectors"],
            {direction: tuple(arrays[f"{direction}_{name}"] for name in _LSTM) for direction in directions},
        )


class SampledCrossEntropy(layers.Layer):  # type: ignore[misc,name-defined]
    """Cross-entropy of the next words, estimated from a sample of all, in float32: (B, T, E) and ids (B, T) to (B, T).

    The words of the sample are drawn by their rank r, counted from 0, with P(r) = log((r + 2) / (r + 1)) / log(V + 1),
    so ids must be ordered by falling frequency. They differ from each other: those whose exponential waiting times with
    the rates P(r) are shortest (Efraimidis and Spirakis 2006, https://doi.org/10.1016/j.ipl.2005.11.003), each of which
    is drawn with about 1 - exp(-P(r) t), where t makes these sum to the number of words. The seed of the next sample is
    a variable, as that of dropout: a training that goes on draws what it would have drawn.
    """

    def __init__(self, table: Any, sampled: int, seed: int, **options: Any) -> None:
        super().__init__(dtype="float32", autocast=False, **options)
        self.table, self.sampled, self.seeds = table, sampled, keras.random.SeedGenerator(seed)

    def build(self, *_: Any) -> None:
        """A bias for each word."""
        self.bias = self.add_weight(shape=(self.table.input_dim,), initializer="zeros", name="bias")

    def call(self, answers: Any, wanted: Any) -> Any:
        """See the class."""
        size, width = self.table.embeddings.shape
        count = min(self.sampled, size)
        rates, expected = _sampling(size, count)
        waits = tf.random.stateless_uniform((size,), self.seeds.next(), minval=1e-7)
        sample = ops.cast(ops.top_k(ops.log(waits) / rates, count, sorted=False)[1], "int64")  # the shortest waits
        wanted_words = ops.cast(ops.reshape(wanted, (-1, 1)), "int64")
        lost = tf.nn.sampled_softmax_loss(
            self.table.embeddings,
            self.bias,
            wanted_words,
            ops.reshape(ops.cast(answers, "float32"), (-1, width)),
            num_sampled=count,
            num_classes=size,
            sampled_values=(sample, ops.take(expected, wanted_words), ops.take(expected, sample)),
        )
        return ops.reshape(lost, ops.shape(wanted))


def _sampling(size: int, count: int) -> tuple[Floats, Floats]:
    """The rates that words are drawn with, and how often each is among `count` different ones, (size,) each."""
    rank = np.arange(size)
    rates = np.log((rank + 2) / (rank + 1)) / np.log(size + 1)
    low, high = 0.0, 1e9
    for _ in range(100):  # bisection
        time = (low + high) / 2
        low, high = (time, high) if np.sum(-np.expm1(-rates * time)) < count else (low, time)
    return rates.astype(np.float32), -np.expm1(-rates * low).astype(np.float32)


def build_word_language_model(
    size: int,
    settings: Pretrain,
    *,
    embedding: int,
    units: int,
    chunk: int,
    bidirectional: bool,
    policy: str,
    seed: int,
) -> keras.Model:
    """The network: runs of word ids in, how unexpected each word is out.

    It answers with the cross-entropy of each word given those before it and, read both ways, of each given those after
    it: (B, chunk + 1) to (B, chunk) or (B, 2 * chunk). The arguments are those of `pretrain`.
    """
    words = keras.Input((chunk + 1,), dtype="int32", name="words")  # (B, T + 1)
    start = keras.initializers.RandomNormal(stddev=_SPREAD, seed=seed)
    table = layers.Embedding(size, embedding, embeddings_initializer=start, name="embedding", dtype=policy)
    losses = []
    for number, direction in enumerate(DIRECTIONS[: 1 + bidirectional]):
        row = ops.flip(words, 1) if direction == "backward" else words
        x = table(row[:, :-1])  # (B, T, E)
        x = layers.Dropout(settings.dropout, noise_shape=(None, None, 1), dtype=policy)(x)
        x = UnrolledLSTM(units, name=f"lstm_{direction}", dtype=policy)(x)  # (B, T, H)
        x = layers.Dropout(settings.dropout, dtype=policy)(x)
        x = layers.Dense(embedding, name=f"project_{direction}", dtype=policy)(x)  # (B, T, E)
        losses.append(
            SampledCrossEntropy(table, settings.sampled, seed + number, name=f"next_{direction}")(x, row[:, 1:])
        )
    return keras.Model(words, ops.concatenate(losses, axis=1), name="word_language_model")


def pretrain(
    stream: npt.NDArray[Any],
    size: int,
    settings: Pretrain,
    *,
    embedding: int,
    units: int,
    chunk: int,
    bidirectional: bool,
    policy: str,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> tuple[Pretrained, list[float]]:
    """Train the word language model.

    Args:
        stream: word ids of all reviews end to end, shape (n,).
        size: number of word ids.
        settings: the section `pretrain` of the parameters.
        embedding: E, numbers per word.
        units: H, cells of the LSTM in each direction.
        chunk: T, words that are read at once.
        bidirectional: also learn to predict the word before.
        policy: Keras's name of the precision.
        seed: of weights, order, dropout and samples.
        checkpoint: where the state is kept; the training goes on from it if it is there.

    Returns:
        Where the sentiment LSTM starts, and the loss of each epoch (nats per word, estimated).

    Raises:
        TextLSTMError: there are too few words for one step.
    """
    run = chunk + 1
    count = (len(stream) - chunk) // run // settings.batch
    if count < 1:
        raise TextLSTMError(
            f"pre-training: expected at least {run * settings.batch + chunk:,} words (pretrain.batch runs of imdb.chunk + 1 words), got "
            f"{len(stream):,}. Give more reviews, or lower pretrain.batch"
        )
    network = build_word_language_model(
        size,
        settings,
        embedding=embedding,
        units=units,
        chunk=chunk,
        bidirectional=bidirectional,
        policy=policy,
        seed=seed,
    )

    def batch(epoch: int, index: int) -> Batch:
        shift = int(np.random.default_rng([seed, epoch]).integers(run))  # other runs in each epoch
        chosen = permutation((len(stream) - shift) // run, seed, epoch)[
            index * settings.batch : (index + 1) * settings.batch
        ]
        rows = stream[(shift + chosen * run)[:, None] + np.arange(run)].astype(np.int32)
        return rows, np.zeros((len(rows), 1), dtype=np.float32)

    optimizer = make_optimizer("adam", settings.learning_rate, "one_cycle", 1.0, count * settings.epochs)
    network.compile(optimizer, loss=lambda _, lost: ops.mean(lost), jit_compile=False)
    losses = fit(network, [count] * settings.epochs, batch, checkpoint=checkpoint)
    vectors = np.array(network.get_layer("embedding").embeddings)
    vectors[PAD] = 0
    directions = DIRECTIONS[: 1 + bidirectional]
    return Pretrained(
        vectors, {one: tuple(network.get_layer(f"lstm_{one}").get_weights()) for one in directions}
    ), losses
