"""Rows, a batch at a time.

In files of lines a row is kept as it is written, so that where input and output have one format, the answers are
appended to it and nothing else changes. Between formats rows become Arrow tables.
"""

import csv
import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from textlstm.core.text import LONGEST, NOT_UTF8, TOO_LONG
from textlstm.score.files import CSV, JSON_LINES, TEXT, arrow_of
from textlstm.score.layout import Layout
from textlstm.score.records import is_plain, lines_of, object_of, records_of_csv

if TYPE_CHECKING:
    import pyarrow as pa

MISSING, BROKEN = "missing", "broken row"  # why a row is not asked about, beside `NOT_UTF8` and `TOO_LONG`

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
    read = {TEXT: _lines_of_text, CSV: _records, JSON_LINES: _objects}[layout.format]
    for lines, rows in read(text, layout):
        texts = _texts_of(rows, layout)
        problems: dict[int, str] = {}
        if not valid or set(map(type, texts)) != {str} or max(map(len, texts)) > LONGEST:
            for number, (row, one) in enumerate(zip(rows, texts, strict=True)):
                if problem := _problem(row, one):
                    problems[number], texts[number] = problem, None
        yield Batch(texts, problems, lines, rows)


def _texts_of(rows: list[Row], layout: Layout) -> list[Any]:
    if layout.format == TEXT:
        return rows.copy()
    if layout.format == JSON_LINES:
        return [None if row is None else row.get(layout.column) for row in rows]
    place = layout.fields.index(layout.column)
    return [row and row[place] for row in rows]


def _lines_of_text(text: str, _: Layout) -> Iterator[tuple[list[str], list[Row]]]:
    lines = lines_of(text)
    while some := [line.removesuffix("\n") for line in itertools.islice(lines, _ROWS)]:
        yield some, some


def _records(text: str, layout: Layout) -> Iterator[tuple[list[str], list[Row]]]:
    columns = len(layout.fields)
    if is_plain(text):  # a batch of lines is read in one call
        lines = lines_of(text)
        while some := list(itertools.islice(lines, _ROWS)):
            rows: list[Row] = list(csv.reader(some, delimiter=layout.delimiter))
            if set(map(len, rows)) != {columns}:
                some = [line for line, row in zip(some, rows, strict=True) if row]
                rows = [row if len(row) == columns else None for row in rows if row]
            if some:
                yield [line.rstrip("\r\n") for line in some], rows
        return
    found = (
        (line.removesuffix("\n").removesuffix("\r"), fields)
        for line, fields in records_of_csv(text, layout.delimiter, columns)
        if fields != []
    )
    yield from _in_lists(found)


def _objects(text: str, _: Layout) -> Iterator[tuple[list[str], list[Row]]]:
    lines = (line.strip("\ufeff \t\r\n") for line in lines_of(text))
    return _in_lists((line, object_of(line)) for line in lines if line)


def _in_lists(found: Iterator[tuple[str, Row]]) -> Iterator[tuple[list[str], list[Row]]]:
    while some := list(itertools.islice(found, _ROWS)):
        yield [line for line, _ in some], [row for _, row in some]


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
    misfits = (arrow_of("a table")[0].ArrowException, TypeError, ValueError, OverflowError)
    cells = as_cells(batch, layout)
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
    batch.problems[number] = TOO_LONG if batch.problems.get(number) == TOO_LONG else BROKEN
    batch.texts[number] = None
    return [readable(batch.lines[number]) if name == layout.column else None for name in layout.fields]


def readable(text: str) -> str:
    """A text without lone surrogates, which stand for bytes that are not UTF-8: a table and JSON hold nothing else."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
