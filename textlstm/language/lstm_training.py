"""A character LSTM: what comes next, given what came before.

The model reads `<start>` and a window's characters and is trained at every position, so P(first | <start>) … P(last | all before it) are
all learnt, and any string of up to `window` characters can be scored with contexts that the model knows. This is the language model of
Mikolov et al. (2010) with the cell of Hochreiter and Schmidhuber (1997).

Where noise is asked for, some of the characters read are replaced by `<unknown>`: the one regulariser that helps much on so little text
(Xie et al. 2017, arXiv 1703.02573), and it teaches the model to go on after a character that it does not know.

Several networks of other random weights know more together than one of their size; they are trained side by side in one, and their
probabilities averaged (Hansen and Salamon 1990).

The target "after_window" is the other way, kept to show what it costs: trained only on the character after a full window, then asked
about prefixes that are padded with zeros at the right, which it has never seen.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.params import LanguageModel as Settings
from textlstm.language.lstm import About, LanguageModel, after_start, windows_of
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary
from textlstm.nn.backend import keras
from textlstm.nn.training import Batch, fit, make_optimizer, permutation

layers = keras.layers

_LONGEST_UNROLLED = 16  # time steps; up to here an unrolled LSTM is several times as fast as a loop on a CPU
_STEPS_PER_CALL = 16


def build_language_model(
    size: int, *, window: int, target: str, embedding: int, units: int, layers_: int, dropout: float, members: int = 1
) -> keras.Model:
    """The network: ids in, logits of the next character out.

    Several members stand side by side in it, each with weights of its own, so that each has a thread to itself in training. Their
    outputs follow one another along the second axis.

    Args:
        size: number of character ids; `size` itself stands for "nothing", a row of zeros.
        window: T, the characters that the model reads.
        target: "every_position": output (B, members * T, size); "after_window": output (B, members, size).
        embedding: numbers a character is given; 0 feeds one-hot characters.
        units: cells in each LSTM layer.
        layers_: number of LSTM layers.
        dropout: share of the outputs of each LSTM that are dropped in training.
        members: networks side by side.
    """
    everywhere = target == "every_position"
    ids = keras.Input((window,), dtype="int32", name="characters")  # (B, T)
    outputs = []
    for mark in ("", *(f"_{member}" for member in range(2, members + 1))):
        if embedding:
            x = layers.Embedding(size + 1, embedding, name=f"embedding{mark}")(ids)  # (B, T, E)
        else:  # rows of the identity; the row for "nothing" is zeros
            one_hot = layers.Embedding(size + 1, size, embeddings_initializer="identity", trainable=False, name=f"one_hot{mark}")
            x = one_hot(ids)  # (B, T, V)
        for number in range(1, layers_ + 1):
            last = number == layers_
            lstm = layers.LSTM(
                units, return_sequences=everywhere or not last, unroll=window <= _LONGEST_UNROLLED, name=f"lstm_{number}{mark}"
            )
            x = lstm(x)  # (B, T, H), or (B, H) after a whole window
            if dropout:
                x = layers.Dropout(dropout, name=f"dropout_{number}{mark}")(x)
        logits = layers.Dense(size, name=f"logits{mark}")(x)  # (B, T, V) or (B, V)
        outputs.append(logits if everywhere else layers.Reshape((1, size), name=f"last{mark}")(logits))
    joined = outputs[0] if members == 1 else layers.Concatenate(axis=1, name="members")(outputs)
    return keras.Model(ids, joined, name="language_model")


def train_language_model(
    text: npt.NDArray[Any], words: npt.NDArray[Any], vocabulary: Vocabulary, settings: Settings, *, seed: int, name: str
) -> tuple["LanguageModel", list[float]]:
    """Train a model on a text, and on words drawn by their frequency.

    Args:
        text: character ids of the text, shape (n,).
        words: character ids of the drawn words, shape (m,); may be empty.
        vocabulary: what the ids stand for.
        settings: the section `language_model` of the parameters.
        seed: for the weights, the order of the windows, noise and dropout.
        name: of the language, for messages.

    Returns:
        The model, and the loss of each epoch: nats per character, or the sum over outputs of binary cross-entropies for sigmoids.

    Raises:
        TextLSTMError: the text is shorter than one window and the character after it.
    """
    everywhere = settings.target == "every_position"
    if len(text) <= settings.window:
        raise TextLSTMError(
            f"{name}: the text to learn from has {len(text)} characters, expected more than language_model.window = {settings.window}. "
            "Give a longer text or a shorter window"
        )
    network = build_language_model(
        vocabulary.size,
        window=settings.window,
        target=settings.target,
        embedding=settings.embedding,
        units=settings.units,
        layers_=settings.layers,
        dropout=settings.dropout,
        members=settings.members,
    )
    length = settings.window if everywhere else settings.window + 1
    windows = windows_of(text, length)
    drawn = windows_of(words, length) if settings.words_share and len(words) >= length else windows[:0]
    of_text = round(settings.batch * (1 - settings.words_share)) if len(drawn) else settings.batch
    count = -(-len(windows) // of_text)

    orders = [permutation(len(windows), seed, epoch) for epoch in range(settings.epochs)]

    def batch(epoch: int, index: int) -> Batch:
        order = orders[epoch][index * of_text : (index + 1) * of_text]
        random = np.random.default_rng([seed, epoch, index])
        chosen = windows[order].astype(np.int32)
        if len(drawn):
            chosen = np.concatenate([chosen, drawn[random.integers(len(drawn), size=settings.batch - of_text)]])
        read, wanted = (after_start(chosen), chosen) if everywhere else (chosen[:, :-1], chosen[:, -1:])
        if settings.noise:
            read = np.where((random.random(read.shape) < settings.noise) & (read != START), UNKNOWN, read)
        return read, np.tile(wanted, settings.members)

    steps = count * settings.epochs
    optimizer = make_optimizer(settings.optimizer, settings.learning_rate, settings.schedule, settings.clip, steps)
    network.compile(optimizer, loss=_loss(settings.output, vocabulary.size), jit_compile=False)
    losses = fit(network, [count] * settings.epochs, batch, steps_per_call=_STEPS_PER_CALL)
    return LanguageModel(network, vocabulary, About(settings.target, settings.window, settings.output, settings.members)), losses


def _loss(output: str, size: int) -> Any:
    """Cross-entropy that fits the output: of one character among all (softmax), or of each character by itself (sigmoid)."""
    if output == "softmax":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def sum_of_binary_crossentropies(target: Any, logits: Any) -> Any:
        one_hot = keras.ops.one_hot(keras.ops.cast(target, "int32"), size)
        return keras.ops.mean(keras.ops.sum(keras.ops.softplus(logits) - one_hot * logits, axis=-1))

    return sum_of_binary_crossentropies
