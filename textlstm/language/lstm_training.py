"""A character LSTM: what comes next, given what came before.

The model reads `<start>` and a window's characters and is trained at every position, so P(first | <start>) … P(last |
all before it) are all learnt, and any string of up to `window` characters can be scored with contexts that the model
knows. This is the language model of Mikolov et al. (2010) with the cell of Hochreiter and Schmidhuber (1997).

Where noise is asked for, some of the characters read are replaced by `<unknown>`: the one regulariser that helps much
on so little text (Xie et al. 2017, arXiv 1703.02573), and it teaches the model to go on after a character that it does
not know.

An ensemble of networks that start from other random weights is better than one of their size; they are trained in
parallel as one model, and their probabilities averaged (Hansen and Salamon 1990).

The target "after_window" is the article's network, kept to show what it costs: trained only on the character after a
full window, then asked about prefixes that are padded with zeros at the right, which it has never seen.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.params import LanguageModel as Settings
from textlstm.language.lstm import LanguageModel, ModelConfig
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary
from textlstm.nn.backend import has_gpu, keras
from textlstm.nn.checkpoint import Checkpoint
from textlstm.nn.training import Batch, fit, make_optimizer, permutation
from textlstm.nn.weights import named_weights

layers = keras.layers

_LONGEST_UNROLLED = 16  # time steps; up to here an unrolled LSTM is several times as fast as a loop on a CPU
_STEPS_PER_CALL = 16


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


def build_language_model(size: int, settings: Settings) -> keras.Model:
    """The ensemble of N networks: ids (B, T) in, logits of the next character out, (B, N * T, V), network after network.

    Each network has weights of its own, and a thread to itself in training.

    Args:
        size: V, the number of character ids.
        settings: the section `language_model` of the parameters, with the target "every_position".
    """
    ids = keras.Input((settings.window,), dtype="int32", name="characters")
    outputs = []
    for suffix in ("", *(f"_{number}" for number in range(2, settings.ensemble_size + 1))):
        x = layers.Embedding(size + 1, settings.embedding, name=f"embedding{suffix}")(ids)  # (B, T, E)
        for number in range(1, settings.layers + 1):
            x = _lstm(settings, f"lstm_{number}{suffix}", return_sequences=True)(x)  # (B, T, H)
            if settings.dropout:
                x = layers.Dropout(settings.dropout, name=f"dropout_{number}{suffix}")(x)
        outputs.append(layers.Dense(size, name=f"logits{suffix}")(x))  # (B, T, V)
    joined = outputs[0] if len(outputs) == 1 else layers.Concatenate(axis=1, name="ensemble")(outputs)
    return keras.Model(ids, joined, name="language_model")


def build_article_language_model(size: int, settings: Settings) -> keras.Model:
    """The article's network: one-hot characters, one LSTM, logits of the character after the window, (B, T) to (B, V).

    Args:
        size: V, the number of character ids; the id V stands for nothing, a row of zeros.
        settings: the section `language_model` of the parameters, with the target "after_window".
    """
    ids = keras.Input((settings.window,), dtype="int32", name="characters")
    x = layers.Embedding(size + 1, size, embeddings_initializer="identity", trainable=False, name="one_hot")(
        ids
    )  # (B, T, V)
    x = _lstm(settings, "lstm_1")(x)  # (B, H)
    return keras.Model(ids, layers.Dense(size, name="logits")(x), name="language_model")


def _lstm(settings: Settings, name: str, **options: Any) -> keras.layers.LSTM:
    unroll = settings.window <= _LONGEST_UNROLLED and not has_gpu()
    return layers.LSTM(settings.units, unroll=unroll, name=name, **options)


def train_language_model(
    text: npt.NDArray[Any],
    words: npt.NDArray[Any],
    vocabulary: Vocabulary,
    settings: Settings,
    *,
    seed: int,
    name: str,
    checkpoint: Checkpoint | None = None,
) -> tuple["LanguageModel", list[float]]:
    """Train a model on a text, and on words drawn by their frequency.

    Args:
        text: character ids of the text, shape (n,).
        words: character ids of the drawn words, shape (m,); may be empty.
        vocabulary: what the ids stand for.
        settings: the section `language_model` of the parameters.
        seed: for the weights, the order of the windows, noise and dropout.
        name: of the language, for messages.
        checkpoint: where the state is kept; the training goes on from it if it is there.

    Returns:
        The model, and the loss of each epoch: nats per character, or the sum over outputs of binary cross-entropies for
        sigmoids.

    Raises:
        TextLSTMError: the text is shorter than one window and the character after it.
    """
    if len(text) <= settings.window:
        raise TextLSTMError(
            f"{name}: the text to learn from has {len(text)} characters, expected more than language_model.window = {settings.window}. "
            "Give a longer text or a shorter window"
        )
    build = build_language_model if settings.target == "every_position" else build_article_language_model
    network = build(vocabulary.size, settings)
    count, batch = _batches(text, words, settings, seed)
    steps = count * settings.epochs
    optimizer = make_optimizer(settings.optimizer, settings.learning_rate, settings.schedule, settings.clip, steps)
    network.compile(optimizer, loss=_loss(settings.output, vocabulary.size), jit_compile=False)
    losses = fit(network, [count] * settings.epochs, batch, steps_per_call=_STEPS_PER_CALL, checkpoint=checkpoint)
    config = ModelConfig(settings.target, settings.window, settings.output, settings.ensemble_size)
    return LanguageModel(named_weights(network), vocabulary, config), losses


def _batches(
    text: npt.NDArray[Any], words: npt.NDArray[Any], settings: Settings, seed: int
) -> tuple[int, Callable[[int, int], Batch]]:
    """The number of batches per epoch, and the function that makes the batch of an epoch and an index."""
    everywhere = settings.target == "every_position"
    length = settings.window if everywhere else settings.window + 1
    windows = windows_of(text, length)
    drawn = windows_of(words, length) if settings.words_share and len(words) >= length else windows[:0]
    of_text = round(settings.batch * (1 - settings.words_share)) if len(drawn) else settings.batch
    count = -(-len(windows) // of_text)
    epoch_windows = len(windows)
    if settings.steps and count * settings.epochs > settings.steps:
        count = settings.steps // settings.epochs
        epoch_windows = count * of_text
    order = _order(len(windows), epoch_windows * settings.epochs, seed)

    def batch(epoch: int, index: int) -> Batch:
        begin, end = epoch * epoch_windows + index * of_text, (epoch + 1) * epoch_windows
        random = np.random.default_rng([seed, epoch, index])
        chosen = windows[order[begin : min(begin + of_text, end)]].astype(np.int32)
        if len(drawn):
            chosen = np.concatenate([chosen, drawn[random.integers(len(drawn), size=settings.batch - of_text)]])
        read = after_start(chosen) if everywhere else chosen[:, :-1]
        wanted = np.tile(chosen, settings.ensemble_size) if everywhere else chosen[:, -1]  # (B, N * T) or (B,)
        if settings.noise:
            read = np.where((random.random(read.shape) < settings.noise) & (read != START), UNKNOWN, read)
        return read, wanted

    return count, batch


def _order(windows: int, wanted: int, seed: int) -> npt.NDArray[np.int64]:
    """Which of so many windows are learnt from, (wanted,): pass after pass, in each drawn without replacement."""
    passes = [permutation(windows, seed, number) for number in range(wanted // windows)]
    last = np.random.default_rng([seed, len(passes)]).choice(windows, wanted % windows, replace=False)
    return np.concatenate([*passes, last])


def _loss(output: str, size: int) -> Any:
    """Cross-entropy that fits the output: of one character among all (softmax), or of each by itself (sigmoid)."""
    if output == "softmax":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def sum_of_binary_crossentropies(target: Any, logits: Any) -> Any:
        one_hot = keras.ops.one_hot(keras.ops.cast(target, "int32"), size)
        return keras.ops.mean(keras.ops.sum(keras.ops.softplus(logits) - one_hot * logits, axis=-1))

    return sum_of_binary_crossentropies
