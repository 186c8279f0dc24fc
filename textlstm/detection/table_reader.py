"""The evidence about texts from the table: of many at once with numpy, of one in plain Python, with equal results."""

import itertools
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.core.text import DIGIT, MARK, PLAIN, SPACE, SPECIAL, as_whole, clean, kind_of
from textlstm.detection.background import FOREIGN, SILENT, fold
from textlstm.detection.evidence import Evidence
from textlstm.detection.table import BITS, BackoffTable, Codes
from textlstm.language.vocabulary import START, UNKNOWN

_AT_ONCE = 16_384  # characters: their arrays stay in the processor's cache
_PART = 2**20  # ids whose scores are held at once: cleaning makes much of some texts
_CODE_POINTS = 0x110000
_UNSEEN = 2**16 - 1
_NATS = 40  # exp(-40) added to 1 is 1
_EXTRA = 3  # ids beyond the table's
_BIAS = 2**20  # more than any number of a column with all its back-off weights
_KEPT = 2**16  # steps: with the older ones less than 40 MB

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
        sums = self._sums(ids, begins) / table.steps
        known, foreign, letters, joins = (flags.take(ids) for flags in self._flags)
        begun = foreign.copy()
        begun[1:] &= ~joins[:-1]
        counts = (np.add.reduceat(flags, begins, dtype=np.int64) for flags in (known, foreign, begun, letters))
        return Evidence(sums[:, :-1].copy(), sums[:, -1].copy(), *counts)

    def _sums(self, ids: Codes, begins: Counts) -> Counts:
        """The sum of each column over each text, in steps."""
        table, columns = self.table, len(self.table.columns)
        if len(ids) <= _PART:
            scores = table.scores(np.where(ids < table.size, ids, UNKNOWN))
            return np.add.reduceat(scores[:, :columns], begins, axis=0, dtype=np.int64)
        sums = np.zeros((len(begins), columns), np.int64)
        for begin in range(0, len(ids), _PART):
            first = max(begin - table.order, 0)  # no score depends on characters before it
            part = ids[first : begin + _PART]
            scores = table.scores(np.where(part < table.size, part, UNKNOWN))[begin - first :, :columns]
            within = begins[(begin < begins) & (begins < begin + _PART)]
            owners = np.searchsorted(begins, [begin, *within], side="right") - 1
            sums[owners] += np.add.reduceat(scores, [0, *(within - begin)], axis=0, dtype=np.int64)
        return sums

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

        What a character adds after a context is looked up once and kept for the next text.
        """
        ids = [*map(self._ids_of.__getitem__, as_whole(clean(text)))]
        walk, total, context = self._walk, 0, START
        span, steps = walk.span, walk.steps
        for index in ids:
            step = steps[context * span + index] or self._step(context, index)
            total += step[0]
            context = step[1]
        fields = walk.fields.unpack(total.to_bytes(walk.fields.size, "little"))
        *sums, known, away, letters = fields
        begun = 0
        if away:
            foreign = self.table.foreign
            begun = sum(
                index == foreign and not walk.joins[before] for before, index in itertools.pairwise([START, *ids])
            )
        return [*(one - len(ids) * _BIAS for one in sums), known, away, begun, letters]

    def _step(self, context: int, index: int) -> tuple[int, int]:
        """What a character adds, as one number, and the context of the next: the longest string of the table that ends here.

        It is found from the context before by one more character and, where the table lacks that, by fewer at the front
        (Aho and Corasick 1975, https://doi.org/10.1145/360825.360855).
        """
        table, walk = self.table, self._walk
        key = context * walk.span + index
        current = index if index < table.size else UNKNOWN
        word, bit = divmod(current - 1, BITS)
        previous, node, weights = context, -1, [0] * len(walk.columns)
        while context >= table.size:  # strings of two characters and more, none of them <start>
            bitmap, first = walk.links[0][context * table.words + word], walk.links[1][context * table.words + word]
            if bitmap >> bit & 1:
                node = first + (bitmap & ((1 << bit) - 1)).bit_count()
                break
            if UNKNOWN < current < table.foreign:
                weights = [
                    total + of_column[context] for total, (_, of_column) in zip(weights, walk.columns, strict=True)
                ]
            previous, context = context % table.size, walk.suffixes[context]
        if node < 0:
            node = previous * table.size + current
        sums = [values[node] + weight + _BIAS for (values, _), weight in zip(walk.columns, weights, strict=True)]
        added = int.from_bytes(walk.fields.pack(*sums, *walk.counts[index]), "little")
        step = walk.steps[key] = (added, walk.suffixes[node] if node >= len(table.weights) else node)
        return step

    @cached_property
    def chances(self) -> list[float]:
        """exp(-n / steps) for n = 0, 1, ...: of a language whose log-likelihood is n steps below the highest; the last is next to 0."""
        steps = self.table.steps
        return [float(chance) for chance in np.exp(-np.arange(_NATS * steps + 1) / steps)]

    @cached_property
    def _walk(self) -> "_Walk":
        table = self.table
        *flags, joins = (of_ids.astype(int).tolist() for of_ids in self._flags)
        return _Walk(
            table.size + _EXTRA,
            _Steps(),
            struct.Struct(f"<{len(table.columns) + len(flags)}Q"),
            [table.links[:, side].data for side in (0, 1)],
            table.suffixes.data,
            [(table.values[:, column].data, table.weights[:, column].data) for column in range(len(table.columns))],
            [*zip(*flags, strict=True)],
            joins,
        )

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
                cleaned = clean(character) or " "
                self._ids[code] = self.id_of(cleaned) if len(cleaned) == 1 else UNKNOWN  # else it is cleaned away
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


class _Steps(dict[int, tuple[int, int]]):
    """Steps by context * span + id. Those that were not needed while `_KEPT` others were found are forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self._older: dict[int, tuple[int, int]] = {}

    def __setitem__(self, key: int, step: tuple[int, int]) -> None:
        if len(self) >= _KEPT:
            self._older = dict(self)
            self.clear()
        super().__setitem__(key, step)

    def __missing__(self, key: int) -> tuple[int, int] | None:
        step = self._older.get(key)
        if step:
            self[key] = step
        return step


class _Walk(NamedTuple):
    """What a walk along one text reads, in the form that plain Python reads fastest."""

    span: int  # number of ids
    steps: _Steps  # see `TableReader._step`
    fields: struct.Struct  # of the first of a step: columns, made positive, then counts
    links: list[memoryview]  # bitmaps, first children
    suffixes: memoryview
    columns: list[tuple[memoryview, memoryview]]  # values, weights
    counts: list[tuple[int, ...]]  # of ids: whether known, foreign, a letter
    joins: list[int]  # whether a foreign letter after an id goes on with a word


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
