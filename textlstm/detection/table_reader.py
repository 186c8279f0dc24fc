"""The evidence about texts from the table: of many at once with numpy, of one in plain Python, with equal results."""

import struct
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.text import DIGIT, MARK, PLAIN, SPACE, SPECIAL, as_whole, clean, kind_of
from textlstm.detection.background import FOREIGN, SILENT, fold
from textlstm.detection.evidence import Evidence
from textlstm.detection.table import BITS, BackoffTable, Codes
from textlstm.language.vocabulary import START, UNKNOWN

_AT_ONCE = 16_384  # characters: their arrays stay in the processor's cache
_CODE_POINTS = 0x110000
_UNSEEN = 2**16 - 1
_EXTRA = 3  # ids beyond the table's
_BIAS = 2**20  # more than any number of a column with all its back-off weights
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
        table, columns = self.table, len(self.table.columns)
        ids = self.ids(texts)
        begins = np.flatnonzero(ids == START)
        if not len(begins):
            return Evidence(np.zeros((0, columns - 1)), np.zeros(0), *np.zeros((4, 0), np.int64))
        scores = table.scores(np.where(ids < table.size, ids, UNKNOWN))
        sums = np.add.reduceat(scores[:, :columns], begins, axis=0, dtype=np.int64) / table.steps
        known, foreign, letters, joins = (flags.take(ids) for flags in self._flags)
        begun = foreign.copy()
        begun[1:] &= ~joins[:-1]
        counts = (np.add.reduceat(flags, begins, dtype=np.int64) for flags in (known, foreign, begun, letters))
        return Evidence(sums[:, :-1].copy(), sums[:, -1].copy(), *counts)

    def ids(self, texts: Sequence[str]) -> Codes:
        """The ids of each text, cleaned and as a whole, after a `<start>`.

        Characters that say nothing have the id `<unknown>`, but for white space, apostrophes and combining marks that
        the vocabulary does not have: those have ids beyond the table's.
        """
        joined, begins = _joined(texts)
        kinds = self._look_up(self._kinds, joined)
        if len(places := _uncleaned(joined, kinds)):
            texts = list(texts)
            for index in np.unique(np.searchsorted(begins, places, side="right") - 1).tolist():
                texts[index] = clean(texts[index])
            joined, begins = _joined(texts)
        ids = self._look_up(self._ids, joined).astype(np.int64)
        ids[begins] = START
        space, apostrophe = self._ids[[ord(" "), ord("'")]]
        kept = ids != space
        kept[1:] |= ids[:-1] != space  # the first of several spaces
        ids = ids[kept]
        last = np.flatnonzero(ids == START)[1:] - 1
        last = np.append(last, len(ids) - 1) if len(begins) else last
        needless = last[(ids[last] == space) & ((ids[last - 1] == START) | (ids[last - 1] == apostrophe))]
        return np.delete(ids, needless) if len(needless) else ids

    def one(self, text: str) -> list[int]:
        """The same for one text: the sum of each column, in steps, then known, foreign, foreign words and letters.

        Texts are walked through an automaton that is built on the way: what a character adds after a context is looked
        up in the table once, and then known.
        """
        automaton, total, whole = self._automaton, 0, as_whole(clean(text))
        state = automaton.start
        for index in map(self._ids_of.__getitem__, whole):
            row, state = state[index]
            total += row
        return automaton.unpacked(total, len(whole))

    @cached_property
    def _automaton(self) -> "_Automaton":
        return _Automaton(self.table, np.stack(self._flags).astype(int).T.tolist())

    @cached_property
    def _kinds(self) -> npt.NDArray[np.uint16]:
        return np.full(_CODE_POINTS, _UNSEEN, np.uint16)

    @cached_property
    def _ids(self) -> npt.NDArray[np.uint16]:
        """Ids of code points, found when they are asked for first."""
        ids = np.full(_CODE_POINTS, _UNSEEN, np.uint16)
        for extra, character in enumerate(" '"):
            found = int(self.table.vocabulary.encode(character)[0])
            ids[ord(character)] = self.table.size + extra if found == UNKNOWN else found
        return ids

    @cached_property
    def _ids_of(self) -> "_IdsOf":
        return _IdsOf(self)

    def id_of(self, character: str) -> int:
        """The id of a character of a cleaned text: see `ids`."""
        if character in " '":
            return int(self._ids[ord(character)])
        folded = fold(character, self.table.vocabulary)
        if folded == SILENT and unicodedata.category(character)[0] == "M":
            return self.table.size + _EXTRA - 1
        return self.table.foreign if folded == FOREIGN else int(self.table.vocabulary.encode(folded)[0])

    def _look_up(self, table: npt.NDArray[np.uint16], codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint16]:
        found = table.take(codes)
        if (unseen := found == _UNSEEN).any():
            for code in np.unique(codes[unseen]).tolist():
                character = chr(code)
                self._kinds[code] = kind_of(character)
                lower = " " if character.isspace() else character.lower().replace("’", "'")
                self._ids[code] = self.id_of(lower) if len(lower) == 1 else UNKNOWN  # else it is cleaned away
            found = table.take(codes)
        return found

    @cached_property
    def _flags(self) -> tuple[npt.NDArray[np.bool_], ...]:
        """For each id, whether it is known, foreign, a letter, and goes on with a foreign word: a foreign letter or a combining mark."""
        table = self.table
        known, foreign, letters, joins = np.zeros((4, table.size + _EXTRA), bool)
        own = slice(UNKNOWN + 1, table.foreign)
        known[own] = True
        foreign[table.foreign] = True
        letters[own] = [character.isalpha() for character in table.vocabulary.characters]
        joins[own] = [unicodedata.category(character)[0] == "M" for character in table.vocabulary.characters]
        joins[-1] = True
        return known, foreign, letters | foreign, joins | foreign


class _Automaton:
    """States of the table: a state is what the table knows of the characters before."""

    def __init__(self, table: BackoffTable, flags: Sequence[Sequence[int]]) -> None:
        self.table, self.flags = table, flags
        self.links = table.links
        self.fields = struct.Struct(f"<{len(table.columns) + 4}Q")
        self.start = _State(self, [], START)
        self.states: dict[tuple[int, int], _State] = {}
        self.transitions = 0

    def state(self, contexts: list[int], previous: int) -> "_State":
        """The state after a character; the same one wherever the contexts are the same."""
        if not contexts:
            return _State(self, contexts, previous)
        found = self.states.get((contexts[-1], previous))
        if found is None:
            found = self.states[contexts[-1], previous] = _State(self, contexts, previous)
        return found

    def packed(self, numbers: Sequence[int]) -> int:
        """What one character adds, as one number of 64 bits each: numbers of the columns are made positive first."""
        columns = len(self.table.columns)
        fields = [*(number + _BIAS for number in numbers[:columns]), *numbers[columns:]]
        return int.from_bytes(self.fields.pack(*fields), "little")

    def unpacked(self, total: int, count: int) -> list[int]:
        """The sums of the numbers of `count` characters."""
        columns = len(self.table.columns)
        fields = self.fields.unpack(total.to_bytes(self.fields.size, "little"))
        return [*(field - count * _BIAS for field in fields[:columns]), *fields[columns:]]

    def forget_if_large(self) -> None:
        """Begin anew; who walks along old states may go on."""
        self.transitions += 1
        if self.transitions > _TRANSITIONS:
            self.states, self.start, self.transitions = {}, _State(self, [], START), 0


class _State(dict[int, tuple[int, "_State"]]):
    """For each id that follows: what it adds, packed, and the next state. Filled when it is asked for."""

    __slots__ = ("automaton", "contexts", "previous")

    def __init__(self, automaton: _Automaton, contexts: list[int], previous: int) -> None:
        super().__init__()
        self.automaton, self.contexts, self.previous = automaton, contexts, previous

    def __missing__(self, index: int) -> tuple[int, "_State"]:
        automaton, table = self.automaton, self.automaton.table
        previous, current = (one if one < table.size else UNKNOWN for one in (self.previous, index))
        word, bit = divmod(current - 1, BITS)
        node = previous * table.size + current
        found, backed_off = [node], []
        for place, context in enumerate(self.contexts):
            bitmap, first = automaton.links[context * table.words + word].tolist()
            if not bitmap >> bit & 1:
                if UNKNOWN < current < table.foreign:
                    backed_off = self.contexts[place:]
                break
            node = first + (bitmap & ((1 << bit) - 1)).bit_count()
            found.append(node)
        sums = table.values[node].astype(int) + table.weights[backed_off].sum(axis=0, dtype=int)
        known, foreign, letter, _ = automaton.flags[index]
        begun = int(foreign and not automaton.flags[self.previous][-1])
        contexts = found[: table.order - 2] if self.previous != START else []
        row = automaton.packed([*sums[: len(table.columns)].tolist(), known, foreign, begun, letter])
        answer = self[index] = (row, automaton.state(contexts, index))
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
            np.flatnonzero((kinds[:-1] == DIGIT) & ((kinds[1:] == PLAIN) | (codes[1:] == ord("-")))),
            marks[1:][np.diff(read) == 1],
            marks[:-1][np.diff(read) == 1],
            www,
        ]
    )
