"""The evidence about texts from the table: of many at once with numpy, of one in plain Python, with equal results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.text import DIGIT, MARK, PLAIN, SPACE, SPECIAL, as_whole, clean, kind_of
from textlstm.detection.background import FOREIGN, fold
from textlstm.detection.evidence import Evidence
from textlstm.language.table import BITS, BackoffTable, Codes
from textlstm.language.vocabulary import START, UNKNOWN

_AT_ONCE = 16_384  # characters: their arrays stay in the processor's cache
_CODE_POINTS = 0x110000
_UNSEEN = 2**16 - 1
_TRANSITIONS = 50_000  # that are kept, about 20 MB

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TableReader:
    """Reads whole texts as they come. Gives what `textlstm.detection.evidence.text_evidence` gives of the table's models.

    What it learns about code points on the way is kept. Threads may share it.
    """

    table: BackoffTable

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table,)  # a pickle without what can be made again

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """The evidence about each text, which its neighbours do not influence."""
        parts = [self._evidence(chunk) for chunk in _chunks(texts)]
        return Evidence(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _evidence(self, texts: Sequence[str]) -> Evidence:
        ids = self.ids(texts)
        begins = np.flatnonzero(ids == START)
        columns = len(self.table.columns)
        if not len(begins):
            return Evidence(np.zeros((0, columns - 1)), np.zeros(0), *np.zeros((3, 0), np.int64))
        sums = np.add.reduceat(self.table.scores(ids)[:, :columns], begins, axis=0, dtype=np.int64) / self.table.steps
        counts = [np.add.reduceat(flags.take(ids), begins, dtype=np.int64) for flags in self._flags]
        return Evidence(sums[:, :-1].copy(), sums[:, -1].copy(), *counts)

    def ids(self, texts: Sequence[str]) -> Codes:
        """The ids of each text after a `<start>`: cleaned, between spaces, without letters that the table does not know."""
        joined, begins = _joined(texts)
        kinds = self._look_up(self._kinds, joined)
        if len(places := _uncleaned(joined, kinds)):
            texts = list(texts)
            for index in np.unique(np.searchsorted(begins, places, side="right") - 1).tolist():
                texts[index] = clean(texts[index])
            joined, begins = _joined(texts)
        ids = self._look_up(self._ids, joined).astype(np.int64)
        ids[begins] = START
        space = self._ids[ord(" ")]
        kept = ids != space
        kept[1:] |= ids[:-1] != space  # the first of several spaces
        ids = ids[kept]
        begins = np.flatnonzero(ids == START)
        empty = begins[np.diff(begins, append=len(ids)) == 2]
        if len(empty):
            empty = empty[ids[empty + 1] == space]
            ids = np.delete(ids, empty + 1)
        return np.where(ids >= self.table.size, UNKNOWN, ids) if space >= self.table.size else ids

    def one(self, text: str) -> list[int]:
        """The same for one text: the sum of each column, in steps, then the counts of `Evidence`.

        Texts are walked through an automaton that is built on the way: what a character adds after a context is looked
        up in the table once, and then known.
        """
        state, rows = self._automaton.start, []
        for index in map(self._ids_of.__getitem__, as_whole(clean(text))):
            row, state = state[index]
            rows.append(row)
        return [*map(sum, zip(*rows, strict=True))] if rows else [0] * (len(self.table.columns) + len(self._flags))

    @cached_property
    def _automaton(self) -> "_Automaton":
        return _Automaton(self.table, np.stack(self._flags).astype(int).T.tolist())

    @cached_property
    def _kinds(self) -> npt.NDArray[np.uint16]:
        return np.full(_CODE_POINTS, _UNSEEN, np.uint16)

    @cached_property
    def _ids(self) -> npt.NDArray[np.uint16]:
        """Of code points; white space has an id, beyond all others, also where the vocabulary has none."""
        ids = np.full(_CODE_POINTS, _UNSEEN, np.uint16)
        space = int(self.table.vocabulary.encode(" ")[0])
        ids[ord(" ")] = self.table.size if space == UNKNOWN else space
        return ids

    @cached_property
    def _ids_of(self) -> "_IdsOf":
        return _IdsOf(self)

    def id_of(self, character: str) -> int:
        """The id of a character of a cleaned text."""
        folded = fold(character, self.table.vocabulary)
        return self.table.foreign if folded == FOREIGN else int(self.table.vocabulary.encode(folded)[0])

    def _look_up(self, table: npt.NDArray[np.uint16], codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint16]:
        found = table.take(codes)
        if (unseen := found == _UNSEEN).any():
            for code in np.unique(codes[unseen]).tolist():
                character = chr(code)
                self._kinds[code] = kind_of(character)
                if character.isspace():
                    self._ids[code] = self._ids[ord(" ")]
                else:
                    lower = character.lower().replace("’", "'")
                    self._ids[code] = self.id_of(lower) if len(lower) == 1 else UNKNOWN  # else it is cleaned away
            found = table.take(codes)
        return found

    @cached_property
    def _flags(self) -> tuple[npt.NDArray[np.bool_], ...]:
        """For each id, whether it counts as known, foreign, a letter."""
        vocabulary, size = self.table.vocabulary, self.table.size
        known, foreign, letters = np.zeros((3, size), bool)
        known[UNKNOWN + 1 : self.table.foreign] = True
        foreign[self.table.foreign] = True
        letters[UNKNOWN + 1 : self.table.foreign] = [character.isalpha() for character in vocabulary.characters]
        return known, foreign, letters | foreign


Row = tuple[int, ...]


class _Automaton:
    """States of the table: a state is what the table knows of the characters before."""

    def __init__(self, table: BackoffTable, counts: Sequence[Sequence[int]]) -> None:
        self.table, self.counts = table, counts
        self.links = memoryview(table.links)
        self.columns = range(len(table.columns))
        self.values, self.weights = memoryview(table.values), memoryview(table.weights)
        self.start = _State(self, [], START)
        self.states: dict[int, _State] = {}
        self.transitions = 0

    def state(self, contexts: list[int], previous: int) -> "_State":
        """The state after a character; the same one wherever the contexts are the same."""
        if not contexts:
            return _State(self, contexts, previous)
        found = self.states.get(contexts[-1])
        if found is None:
            found = self.states[contexts[-1]] = _State(self, contexts, previous)
        return found

    def forget_if_large(self) -> None:
        """Begin anew; who walks along old states may go on."""
        self.transitions += 1
        if self.transitions > _TRANSITIONS:
            self.states, self.start, self.transitions = {}, _State(self, [], START), 0


class _State(dict[int, tuple[Row, "_State"]]):
    """For each id that follows: what it adds to each column and count, and the next state. Filled when it is asked for."""

    __slots__ = ("automaton", "contexts", "previous")

    def __init__(self, automaton: _Automaton, contexts: list[int], previous: int) -> None:
        super().__init__()
        self.automaton, self.contexts, self.previous = automaton, contexts, previous

    def __missing__(self, index: int) -> tuple[Row, "_State"]:
        automaton = self.automaton
        table = automaton.table
        word, bit = divmod(index - 1, BITS)
        node = self.previous * table.size + index
        found, backed_off = [node], []
        for place, context in enumerate(self.contexts):
            bitmap = automaton.links[context * table.words + word, 0]
            if not bitmap >> bit & 1:
                if UNKNOWN < index < table.foreign:
                    backed_off = self.contexts[place:]
                break
            node = automaton.links[context * table.words + word, 1] + (bitmap & ((1 << bit) - 1)).bit_count()
            found.append(node)
        sums = [
            automaton.values[node, column] + sum(automaton.weights[context, column] for context in backed_off)
            for column in automaton.columns
        ]
        contexts = found[: table.order - 2] if self.previous != START else []
        answer = self[index] = ((*sums, *automaton.counts[index]), automaton.state(contexts, index))
        automaton.forget_if_large()
        return answer


class _IdsOf(dict[str, int]):
    """Ids of characters, found when they are asked for first."""

    def __init__(self, reader: TableReader) -> None:
        super().__init__()
        self._reader = reader

    def __missing__(self, character: str) -> int:
        found = self[character] = self._reader.id_of(character)
        return found


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts, so many at a time that they have about `_AT_ONCE` characters; at least one chunk."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 3)
    begin = 0
    while True:
        before = ends[begin - 1] if begin else 0
        end = max(int(np.searchsorted(ends, before + _AT_ONCE)), begin + 1)
        yield texts[begin:end]
        begin = end
        if begin >= len(texts):
            return


def _joined(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint32], Counts]:
    """The code points of all texts, each between two line ends and after a third, and where the third ones are."""
    together = "\n\n" + "\n\n\n".join(texts) + "\n"
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    begins = np.cumsum(lengths + 3) - lengths - 3
    return np.frombuffer(together.encode("utf-32-le", "surrogatepass"), np.uint32), begins


def _uncleaned(codes: npt.NDArray[np.uint32], kinds: npt.NDArray[np.uint16]) -> Counts:
    """Places in texts that `kind_of` does not rule out to need more cleaning than single characters do."""
    marks = np.flatnonzero(kinds == MARK)
    read = np.cumsum(kinds != SPACE)[marks]  # characters up to here that are no white space
    www = marks[(codes[marks] == ord(".")) & ((codes[marks - 1] | 32) == ord("w"))]
    return np.concatenate(
        [
            np.flatnonzero(kinds == SPECIAL),
            np.flatnonzero((kinds[:-1] == DIGIT) & (kinds[1:] == PLAIN)),
            marks[1:][np.diff(read) == 1],
            marks[:-1][np.diff(read) == 1],
            www,
        ]
    )
