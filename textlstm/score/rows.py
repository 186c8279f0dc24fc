"""Rows, a batch at a time.

In files of lines a row is kept as it is written, so that where input and output have one format, the answers are
appended to it and nothing else changes. Between formats rows become Arrow tables.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from textlstm.score.files import CSV, JSON_LINES, TEXT, arrow_of
from textlstm.score.layout import Layout
from textlstm.score.records import lines_of, object_of, records_of_csv

if TYPE_CHECKING:
    import pyarrow as pa

MISSING, NOT_UTF8, TOO_LONG, BROKEN = "missing", "not UTF-8", "too long", "broken row"  # why a row is not asked about
LONGEST = 1_000_000  # characters of a text that is asked about

_ROWS = 16_384  # of a batch, at most
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_SURROGATES = re.compile("[\ud800-\udfff]")

Row = Any  # text: the line; CSV: its fields; JSON Lines: an object; None: it cannot be read


class Batch(NamedTuple):
    """Some rows: of files of lines as they are written and as they were read, of Parquet as a table."""

    texts: list[str | None]  # what is asked about; None for a row with a problem
    problems: dict[int, str]  # by the number of the row in the batch
    lines: list[str]  # without their line ends
    rows: list[Row]
    table: Any = None  # pyarrow.Table


def batches_of_lines(data: bytes, layout: Layout) -> Iterator[Batch]:
    """The rows in a piece of a file of lines, which begins and ends between rows."""
    try:
        text, valid = data.decode("utf-8"), True
    except UnicodeDecodeError:
        text, valid = data.decode("utf-8", "surrogateescape"), False
    read: Iterator[Any] = {TEXT: _lines_of_text, CSV: _records_of_csv, JSON_LINES: _objects}[layout.format](
        text, layout
    )
    text_of = _text_of(layout)
    while some := list(itertools.islice(read, _ROWS)):
        lines, parsed = (
            (some, some) if layout.format == TEXT else ([line for line, _ in some], [row for _, row in some])
        )
        texts = [*map(text_of, parsed)]
        problems: dict[int, str] = {}
        if not valid or set(map(type, texts)) != {str} or max(map(len, texts)) > LONGEST:
            for number, (row, one) in enumerate(zip(parsed, texts, strict=True)):
                if problem := _problem(row, one):
                    problems[number], texts[number] = problem, None
        yield Batch(texts, problems, lines, parsed)


def _text_of(layout: Layout) -> Callable[[Row], Any]:
    """What gives the text of a row."""
    if layout.format == TEXT:
        return str
    if layout.format == CSV:
        place = layout.fields.index(layout.column)
        return lambda row: row and row[place]
    return lambda row: None if row is None else row.get(layout.column)


def _lines_of_text(text: str, _: Layout) -> Iterator[str]:
    return (line.removesuffix("\n") for line in lines_of(text))


def _records_of_csv(text: str, layout: Layout) -> Iterator[tuple[str, Row]]:
    for line, fields in records_of_csv(text, layout.delimiter, len(layout.fields)):
        if fields != []:
            yield line.removesuffix("\n").removesuffix("\r"), fields


def _objects(text: str, _: Layout) -> Iterator[tuple[str, Row]]:
    lines = (line.strip("\ufeff \t\r\n") for line in lines_of(text))
    return ((line, object_of(line)) for line in lines if line)


def _problem(row: Row, text: Any) -> str | None:
    """Why a row of a file of lines cannot be asked about, if so."""
    if row is None or (text is not None and not isinstance(text, str)):
        return BROKEN
    if text is None:
        return MISSING
    if len(text) > LONGEST:
        return TOO_LONG
    return NOT_UTF8 if _NOT_UTF8.search(text) else None


def batches_of_table(table: "pa.Table", layout: Layout) -> Iterator[Batch]:
    """The rows of a table of a Parquet file."""
    for begin in range(0, table.num_rows, _ROWS):
        some = table.slice(begin, _ROWS)
        texts: list[str | None] = []
        problems: dict[int, str] = {}
        for number, value in enumerate(some.column(layout.column).to_pylist()):
            try:
                one = value.decode() if isinstance(value, bytes) else value
            except UnicodeDecodeError:
                one, problems[number] = None, NOT_UTF8
            if one is None:
                problems.setdefault(number, MISSING)
            elif len(one) > LONGEST:
                one, problems[number] = None, TOO_LONG
            texts.append(one)
        yield Batch(texts, problems, [], [], some)


def as_cells(batch: Batch, layout: Layout) -> list[list[Any]]:
    """The rows of a file of lines, each as the cells of the layout's columns. A row with other columns becomes a broken one."""
    names = set(layout.fields)
    if layout.format == TEXT:
        return [[readable(line)] for line in batch.lines]
    cells: list[list[Any]] = []
    for number, row in enumerate(batch.rows):
        if row is None or (layout.format == JSON_LINES and not row.keys() <= names):
            cells.append(_broken(batch, number, layout))
        else:
            found = row if layout.format == CSV else [row.get(name) for name in layout.fields]
            cells.append([readable(cell) if isinstance(cell, str) else cell for cell in found])
    return cells


def table_of(batch: Batch, layout: Layout) -> "pa.Table":
    """A batch as a table, with the columns and types of the layout. A row that does not fit them becomes a broken one."""
    if batch.table is not None:
        return batch.table
    cells, misfits = (
        as_cells(batch, layout),
        (arrow_of("a table")[0].ArrowException, TypeError, ValueError, OverflowError),
    )
    try:
        return _table(cells, layout)
    except misfits:
        pass
    for number, row in enumerate(cells):
        try:
            _table([row], layout)
        except misfits:
            cells[number] = _broken(batch, number, layout)
    return _table(cells, layout)


def _table(cells: list[list[Any]], layout: Layout) -> "pa.Table":
    pa, _ = arrow_of("a table")
    columns = zip(*cells, strict=True) if cells else [()] * len(layout.fields)
    schema: Any = layout.schema
    return pa.Table.from_arrays([pa.array(*one) for one in zip(columns, schema.types, strict=True)], schema=schema)


def _broken(batch: Batch, number: int, layout: Layout) -> list[Any]:
    """What is left of a row that cannot be read: as it is written, in place of its text."""
    batch.problems[number], batch.texts[number] = BROKEN, None
    return [readable(batch.lines[number]) if name == layout.column else None for name in layout.fields]


def readable(text: str) -> str:
    """A text without lone surrogates, which stand for bytes that are not UTF-8: a table and JSON hold nothing else."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
