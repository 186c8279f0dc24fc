"""A character LSTM that answers: what comes next, given what came before. In numpy: see `textlstm.nn.inference`.

How it is built and trained is in `textlstm.language.lstm_training`.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import check_digests, model_folder, read_arrays, read_record, write_arrays, write_json
from textlstm.language.scoring import Floats, Level, codes_of, finish_table
from textlstm.language.vocabulary import START, Vocabulary
from textlstm.nn.inference import Lstm, Weights
from textlstm.nn.one_thread import one_thread

_ROWS = 512  # strings read at once: their gates fit into a processor's cache


@dataclass(frozen=True)
class ModelConfig:
    """What asking saved weights takes: how they were trained, and what the outputs mean."""

    target: str
    window: int
    output: str
    ensemble_size: int = 1

    @property
    def longest(self) -> int:
        """Characters before the one that is asked about, at most; `<start>` is read beside them if the target is "every_position"."""
        return self.window - (self.target == "every_position")

    @property
    def embeddings(self) -> str:
        """The weights that stand for characters, under their name in the first network."""
        return f"{'embedding' if self.target == 'every_position' else 'one_hot'}/embeddings"

    def names(self, name: str) -> list[str]:
        """The names in all networks of what has a name in the first."""
        layer, weight = name.split("/")
        return [name, *(f"{layer}_{number}/{weight}" for number in range(2, self.ensemble_size + 1))]


@dataclass(frozen=True)
class States:
    """What N networks remember of n strings of one length."""

    hidden: tuple[npt.NDArray[np.float32], ...]  # one (N, n, H) per layer
    memory: tuple[npt.NDArray[np.float32], ...]  # the same
    read: int  # characters of each string

    @property
    def count(self) -> int:
        """How many strings, n."""
        return int(self.hidden[0].shape[1])

    def take(self, rows: npt.NDArray[Any] | slice) -> "States":
        """Those of some of the strings, which may be taken more than once."""
        return States(tuple(h[:, rows] for h in self.hidden), tuple(m[:, rows] for m in self.memory), self.read)


class _Networks(NamedTuple):
    """The weights of N networks side by side."""

    layers: list[Lstm]  # from the input to the output
    characters: npt.NDArray[np.float32]  # what each id gives to the gates of the first layer, (N, V + 1, 4 H)
    kernel: npt.NDArray[np.float32]  # of the outputs, (N, H, V)
    bias: npt.NDArray[np.float32]  # of the outputs, (N, 1, V)


@dataclass(frozen=True)
class LanguageModel:
    """Networks with the vocabulary that they were trained on. Answers as a `textlstm.language.scoring.CharacterModel`.

    With `start`, `advance` and `log_distribution` many strings are read one character at a time, each beginning of
    theirs once. An example, for a model of the target "every_position":

        states = model.start()  # of one string, the empty one
        states = model.advance(states, [5, 6], parents=[0, 0])  # of the strings [5] and [6]
        model.log_distribution(states)  # (2, V)
    """

    weights: Weights  # named as the layers of `textlstm.language.lstm_training`
    vocabulary: Vocabulary
    config: ModelConfig

    @cached_property
    def _networks(self) -> _Networks:
        def stacked(name: str) -> npt.NDArray[np.float32]:
            return np.stack([self.weights[of_network] for of_network in self.config.names(name)])

        layers: list[Lstm] = []
        while (name := f"lstm_{len(layers) + 1}") + "/kernel" in self.weights:
            parts = [stacked(f"{name}/{weight}") for weight in ("kernel", "recurrent_kernel", "bias")]
            layers.append(Lstm.from_keras(list(zip(*parts, strict=True))))
        given = layers[0].given(stacked(self.config.embeddings))
        return _Networks(layers, given, stacked("logits/kernel"), stacked("logits/bias")[:, None])

    def start(self) -> States:
        """The states of one string, the empty one; they have read `<start>` if the target is "every_position"."""
        zeros = tuple(np.zeros((len(one.kernel), 1, one.units), np.float32) for one in self._networks.layers)
        if self.config.target == "after_window":
            return States(zeros, zeros, 0)
        return self.advance(States(zeros, zeros, -1), np.array([START]))

    def advance(self, states: States, ids: npt.NDArray[Any], parents: npt.NDArray[Any] | slice | None = None) -> States:
        """The states of strings that are one character longer.

        Args:
            states: of m strings.
            ids: the character that is added to each, shape (n,).
            parents: which of the m strings each character is added to, shape (n,); by default n = m, and each has one.
                What is needed of a string is computed once, however many characters are added to it.
        """
        parents = slice(None) if parents is None else parents
        given = self._networks.characters.take(ids, axis=1)  # (N, n, 4 H)
        hidden: list[npt.NDArray[np.float32]] = []
        memory: list[npt.NDArray[np.float32]] = []
        for number, lstm in enumerate(self._networks.layers):
            if number:
                given = lstm.given(hidden[-1])
            given += (states.hidden[number] @ lstm.recurrent)[:, parents]
            new, kept = lstm.step(given, states.memory[number][:, parents])
            hidden.append(new)
            memory.append(kept)
        return States(tuple(hidden), tuple(memory), states.read + 1)

    def log_distribution(self, states: States) -> Floats:
        """Natural log-probabilities of the character that comes next, (n, V): the mean over the networks.

        Under the target "after_window" the networks first read zeros up to the end of the window, as in the article.
        """
        return np.asarray(np.log(self._distribution(states)))

    def _distribution(self, states: States) -> Floats:
        if self.config.target == "after_window":
            for _ in range(states.read, self.config.window):
                states = self.advance(states, np.full(states.count, self.vocabulary.size))
        logits = (states.hidden[-1] @ self._networks.kernel + self._networks.bias).astype(np.float64)  # (N, n, V)
        if self.config.output == "sigmoid":
            logits = -np.logaddexp(0.0, -logits)  # log sigmoid, then made to sum to one
        logits -= logits.max(axis=-1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=-1, keepdims=True)
        return np.asarray(chances.mean(axis=0))

    @one_thread()
    def log_distribution_after(self, ids: npt.NDArray[Any]) -> Floats:
        """Natural log-probabilities of what follows each row of `ids` (n, length), of which as many are read as the models know: (n, V)."""
        states = self.start().take(np.zeros(len(ids), np.intp))
        for characters in ids[:, max(ids.shape[1] - self.config.longest, 0) :].T:
            states = self.advance(states, characters)
        return self.log_distribution(states)

    @one_thread()
    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        """See `textlstm.language.scoring.CharacterModel`; W is the window, and one more under the target "after_window".

        Each different context is read once, its states carried on from those of its beginning. Contexts in
        lexicographic order, the longer ones after some of the shorter, so that few states are kept at a time: memory
        grows with the table, 12 bytes per entry.
        """
        table = np.zeros((len(ids), self.config.longest + 1))
        levels, places = _different_strings(ids, self.config.longest + 1, self.vocabulary.size)
        for column, (where, values) in enumerate(zip(places, self._log_conditionals(levels), strict=True)):
            table[: len(where), column] = values[where]
        return finish_table(table, ids)

    @one_thread()
    def log_conditionals(self, levels: Sequence[Level]) -> list[Floats]:
        """See `textlstm.language.scoring.CompilableModel`."""
        width = self.config.longest + 1
        found = self._log_conditionals(levels[:width])
        if len(levels) > width:
            codes = codes_of(levels, self.vocabulary.size)
            order = np.argsort(codes[width - 1], kind="stable")
            for longer in codes[width:]:
                last = longer % self.vocabulary.size**width
                found.append(found[width - 1][order[np.searchsorted(codes[width - 1], last, sorter=order)]])
        return found

    def _log_conditionals(self, levels: Sequence[Level]) -> list[Floats]:
        """Of strings that are no longer than the networks can read."""
        chances = [np.empty(len(level.ids)) for level in levels]
        waiting = self._answer(levels, chances, self.start(), 0) if levels else []
        while waiting:
            parents, first, begin, end = waiting.pop()
            level = levels[parents.read]
            rows = level.parents[begin:end] - first
            states = parents.take(slice(rows[0], rows[-1] + 1))
            states = self.advance(states, level.ids[begin:end], rows - rows[0])
            waiting += self._answer(levels, chances, states, begin)
        if levels and self.config.target == "after_window":  # the first character is read off the answer to itself
            states = self.advance(self.start(), levels[0].ids, levels[0].parents)
            chances[0] = self._distribution(states)[np.arange(len(chances[0])), levels[0].ids]
        return [np.asarray(np.log(values)) for values in chances]

    def _answer(
        self, levels: Sequence[Level], chances: list[Floats], states: States, first: int
    ) -> list[tuple[States, int, int, int]]:
        """Fill in the probabilities of the characters that follow some contexts.

        Args:
            levels: the strings.
            chances: of the last character of each, filled in.
            states: of the contexts, neighbours in their order.
            first: the number of the first of them.

        Returns:
            What is to be read next: the states of contexts, the number of the first, begin and end of the strings that
            are one character longer, in portions; the last of them first.
        """
        level, last = levels[states.read], first + states.count
        begin, end = np.searchsorted(level.parents, [first, last])
        characters = level.ids[begin:end]
        chances[states.read][begin:end] = self._distribution(states)[level.parents[begin:end] - first, characters]
        if states.read + 1 == len(levels) or begin == end:
            return []
        edges = np.linspace(begin, end, -(-(end - begin) // _ROWS) + 1).astype(int)
        return [(states, first, one, other) for one, other in itertools.pairwise(edges.tolist())][::-1]

    def save(self, folder: Path) -> None:
        """Write weights, vocabulary and configuration to a folder that holds all that is needed to use the model."""
        with model_folder(folder) as temporary:
            write_arrays(temporary / "weights.npz", **self.weights)
            self.vocabulary.save(temporary / "characters.json")
            write_json(temporary / "config.json", asdict(self.config))

    @classmethod
    def load(cls, folder: Path) -> "LanguageModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        config = read_record(folder / "config.json", ModelConfig)
        vocabulary = Vocabulary.load(folder / "characters.json")
        lstm = ("lstm_1/kernel", "lstm_1/recurrent_kernel", "lstm_1/bias")
        needed = (config.embeddings, *lstm, "logits/kernel", "logits/bias")
        weights = read_arrays(folder / "weights.npz", *(name for one in needed for name in config.names(one)))
        if len(weights["logits/bias"]) != vocabulary.size:
            raise TextLSTMError(
                f"{folder}: the network has {len(weights['logits/bias'])} outputs, expected {vocabulary.size}, one for each character id. "
                "Its files do not belong together: run 'dvc repro' to make them again"
            )
        check_digests(folder)
        return cls(weights, vocabulary, config)


def _different_strings(
    ids: npt.NDArray[Any], longest: int, size: int
) -> tuple[list[Level], list[npt.NDArray[np.int32]]]:
    """The different strings of 1 to `longest` characters of a text, less where the text is shorter.

    Returns:
        The strings, and for each length the number of the string at each place of the text where one begins.
    """
    levels, everywhere = [], []
    places = np.zeros(len(ids), dtype=np.int64)
    for length in range(1, min(longest, len(ids)) + 1):
        before = places[: len(ids) - length + 1]
        codes, places = np.unique(before * size + ids[length - 1 :], return_inverse=True)
        levels.append(Level(codes // size, (codes % size).astype(np.int32)))
        everywhere.append(places.astype(np.int32))
    return levels, everywhere
