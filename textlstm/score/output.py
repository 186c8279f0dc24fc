"""Rows and their answers, as they are written: in the format of the input line by line, in others as tables."""

import contextlib
import csv
import io
import itertools
import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from textlstm.core.errors import TextLSTMError
from textlstm.score.files import CSV, JSON_LINES, PARQUET, TEXT, arrow_of, compressed
from textlstm.score.layout import Layout
from textlstm.score.rows import Batch, as_cells, readable, table_of

Columns = dict[str, list[Any]]  # the answers to a batch, by the name of the column

_CELLS_KEPT = 2**16
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=lambda value: _said(value))  # noqa: PLW0108


class _Cells(dict[Any, str]):
    """Values as they are written, each made once: probabilities of short texts are few."""

    def __init__(self, write: Callable[[Any], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, value: Any) -> str:
        if len(self) >= _CELLS_KEPT:
            self.clear()
        cell = self[value] = self._write(value)
        return cell


class LineWriter:
    """Writes files of lines, without a heading."""

    def __init__(self, file: IO[bytes], source: Layout, target: Layout) -> None:
        self._file, self._source, self._target = file, source, target
        self._as_read = _as_read(source, target)
        self._cells = _Cells(_json_of if target.format == JSON_LINES else _cell_of)

    def write(self, batch: Batch, answers: Columns) -> None:
        """Write a prepared batch."""
        rows = self._rows_as_read(batch, answers) if self._as_read else self._converted(batch, answers)
        self._file.write("".join(rows).encode("utf-8", "surrogateescape"))

    def _rows_as_read(self, batch: Batch, answers: Columns) -> Iterable[str]:
        target = self._target
        cells = [map(self._cells.__getitem__, column) for column in answers.values()]
        if target.format == TEXT:
            return _joined(map("\t".join, zip(*cells, batch.lines, strict=True)), "\n")
        if target.format == CSV:
            rows = zip(self._csv_lines(batch), *cells, strict=True)
            return _joined(map(target.delimiter.join, rows), target.line_end)
        names = [f"{json.dumps(name, ensure_ascii=False)}: " for name in answers]
        return (
            f"{line[:-1]}{'' if row == {} else ', '}{', '.join(map(str.__add__, names, found))}}}\n"
            for line, row, *found in zip(self._json_lines(batch), batch.rows, *cells, strict=True)
        )

    def _csv_lines(self, batch: Batch) -> Sequence[str]:
        if None not in batch.rows:
            return batch.lines
        layout, lines = self._source, list(batch.lines)
        for number, row in enumerate(batch.rows):
            if row is None:  # as it is written, in place of its text
                cells = [lines[number] if name == layout.column else "" for name in layout.fields]
                lines[number] = csv_lines([cells], layout)[0].removesuffix("\n").removesuffix("\r")
        return lines

    def _json_lines(self, batch: Batch) -> Sequence[str]:
        column = self._source.column
        return [
            _json_of({column: readable(line)}) if row is None else line
            for line, row in zip(batch.lines, batch.rows, strict=True)
        ]

    def _converted(self, batch: Batch, answers: Columns) -> Iterable[str]:
        rows, found = _cells_of(batch), zip(*answers.values(), strict=True)
        if self._target.format == JSON_LINES:
            names = [*self._source.fields, *answers]
            whole = ([*row, *of_row] for row, of_row in zip(rows, found, strict=True))
            return [_json_of(dict(zip(names, cells, strict=True))) + "\n" for cells in whole]
        if not set(map(type, itertools.chain(*rows))) <= {str, int}:
            rows = [[_cell_of(cell) for cell in row] for row in rows]
        if self._target.format == CSV:
            return csv_lines([[*row, *of_row] for row, of_row in zip(rows, found, strict=True)], self._target)
        return [
            "\t".join([*map(_cell_of, of_row), text.replace("\n", " ")]) + "\n"
            for (text,), of_row in zip(rows, found, strict=True)
        ]


class ParquetWriter:
    """Writes Parquet; the rows of all batches are one group."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._tables = file, list[Any]()
        self._arrow, self._parquet = arrow_of("Parquet")

    def write(self, batch: Batch, answers: Columns) -> None:
        """Take a prepared batch."""
        pa, table = self._arrow, batch.table
        for name, values in answers.items():
            kind = pa.float64() if name.endswith("probability") else pa.string()
            table = table.append_column(name, pa.array(values, kind))
        self._tables.append(table)

    def close(self) -> None:
        """Write what was taken."""
        table = self._arrow.concat_tables(self._tables)
        self._parquet.write_table(table, self._file, compression="zstd", row_group_size=max(table.num_rows, 1))


def _joined(rows: Iterable[str], end: str) -> list[str]:
    """The rows, each with its end, in one string."""
    joined = end.join(rows)
    return [joined, end] if joined else []


def _cells_of(batch: Batch) -> Sequence[Sequence[Any]]:
    """The cells of each row of a prepared batch."""
    if batch.table is None:
        return batch.rows
    return [*zip(*(column.to_pylist() for column in batch.table.columns), strict=True)]


def csv_lines(rows: Sequence[Sequence[Any]], target: Layout) -> list[str]:
    """Records of CSV, in one string or in several."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=target.delimiter, lineterminator="\r\n").writerows(rows)  # which are quoted in cells
    written = text.getvalue()
    if target.line_end == "\r\n":
        return [written]
    if written.count("\r") == len(rows):
        return [written.replace("\r\n", "\n")]
    return (
        [written.removesuffix("\r\n") + "\n"]
        if len(rows) == 1
        else [line for row in rows for line in csv_lines([row], target)]
    )


def heading(names: Sequence[str], target: Layout) -> bytes:
    """What stands before the first row of a file."""
    if target.format != CSV:
        return b""
    return csv_lines([names], target)[0].encode("utf-8", "surrogateescape")


def merge(parts: Sequence[Path], path: Path, compression: str, first: bytes, parquet: bool) -> None:
    """Write the parts of a file one after the other.

    Args:
        parts: at least one.
        path: the whole file.
        compression: see `textlstm.score.files`.
        first: what stands before the first row.
        parquet: whether it is Parquet, or lines.
    """
    if parquet:
        _, pq = arrow_of("Parquet")
        with pq.ParquetWriter(path, pq.read_schema(parts[0]), compression="zstd") as writer:
            for part in parts:
                table = pq.read_table(part)
                writer.write_table(table, row_group_size=max(table.num_rows, 1))
        return
    with compressed(path, compression) as stream:
        stream.write(first)
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, stream, 1 << 20)


def prepared(batch: Batch, source: Layout, target: Layout) -> Batch:
    """The batch with its rows as a table where the target needs one. Rows that do not fit it have become broken ones."""
    if PARQUET in (source.format, target.format):
        return batch._replace(table=table_of(batch, source))
    return batch if _as_read(source, target) else batch._replace(rows=as_cells(batch, source))


def _as_read(source: Layout, target: Layout) -> bool:
    """Whether rows are written as they were read."""
    return (source.format, source.delimiter) == (target.format, target.delimiter) and source.format != PARQUET


@contextlib.contextmanager
def writer(path: Path, source: Layout, target: Layout, first: bytes = b"") -> Iterator[LineWriter | ParquetWriter]:
    """What writes rows of a source to a file of the target's format."""
    with path.open("wb") as file:
        if target.format == PARQUET:
            tables = ParquetWriter(file)
            yield tables
            tables.close()
        else:
            file.write(first)
            yield LineWriter(file, source, target)


def check_answers_fit(source: Layout, target: Layout, names: Sequence[str], path: Path) -> None:
    """Raise TextLSTMError if a file has a column already that is to be appended, or more columns than the output can hold."""
    if taken := [name for name in names if name in source.fields]:
        raise TextLSTMError(
            f"{path}: expected no column {taken[0]!r} yet, got one. Give those that are appended another name, such as --prefix textlstm_"
        )
    if target.format == TEXT and len(source.fields) > 1:
        raise TextLSTMError(
            f"{path}: expected one column, which is all that a text file can hold, got {len(source.fields)}. "
            "Write CSV, JSON Lines or Parquet"
        )


def _cell_of(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else _json_of(value) if isinstance(value, dict | list) else str(value)


def _json_of(value: Any) -> str:
    try:
        return _ENCODER.encode(value)
    except ValueError:  # NaN
        return _ENCODER.encode(_plain(value))


def _plain(value: Any) -> Any:
    """The value with null in place of what JSON cannot say."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _said(value: Any) -> str:
    """What JSON has no word for: bytes, dates, decimals."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
