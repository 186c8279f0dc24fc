"""The input in parts: pieces of a few megabytes that begin and end between rows, the same at every call.

A part says where it is, so that any process can read it. Parts of compressed files are unpacked beside the output.
"""

import itertools
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from textlstm.core.errors import TextLSTMError
from textlstm.core.text import TOO_LONG
from textlstm.score.files import CSV, PARQUET, TEXT, arrow_of, format_of, opened
from textlstm.score.layout import Layout
from textlstm.score.records import records_of_csv
from textlstm.score.rows import Batch, batches_of_lines, batches_of_table

PART = 8 << 20  # bytes, about
ROWS = 131_072  # of Parquet, at most
_LONGEST_RECORD = 64 << 20  # bytes of CSV; beyond it a quotation mark is taken to be missing
_LONGEST_LINE = 64 << 20  # bytes; a longer one is never held, and its row has only its beginning
_BEGINNING = 1_000  # characters, at most four bytes each


@dataclass(frozen=True)
class Part:
    """Where some of the rows are."""

    number: int
    source: Path
    begin: int  # of files of lines a byte, of Parquet a row of the group
    length: int
    group: int = 0  # of Parquet
    unpacked: Path | None = None  # its bytes, if they do not stand in the source as they are
    size: int = 0  # bytes that it takes on the disk, about
    cut: bool = False  # whether it is the beginning of one line that is too long


def parts_of(sources: list[tuple[Path, Layout]], folder: Path, done: Container[int]) -> Iterator[Part]:
    """All parts, in order.

    Args:
        sources: files, and how they are to be read.
        folder: where parts of compressed files are unpacked.
        done: the numbers of those that need not be unpacked any more.
    """
    found = _all_parts(sources, folder, done)
    first = next(found, None)
    yield first or Part(0, sources[0][0], 0, 0)  # an output of nothing is made of something
    yield from found


def _all_parts(sources: list[tuple[Path, Layout]], folder: Path, done: Container[int]) -> Iterator[Part]:
    numbers = itertools.count()
    for path, layout in sources:
        if layout.format == PARQUET:
            yield from _groups(path, numbers)
            continue
        packed = bool(format_of(path)[1])
        before = 0
        with opened(path) as (stream, file):
            for begin, data, cut in _pieces(stream, layout):
                number = next(numbers)
                unpacked = folder / f"{number:08}.in" if packed else None
                if unpacked and number not in done:
                    unpacked.write_bytes(data)
                size, before = file.tell() - before, file.tell()
                yield Part(number, path, begin, len(data), 0, unpacked, size if packed else cut or len(data), cut > 0)


def _groups(path: Path, numbers: Iterator[int]) -> Iterator[Part]:
    _, pq = arrow_of(str(path))
    size, parquet = path.stat().st_size, pq.ParquetFile(path)
    total = max(parquet.metadata.num_rows, 1)
    for group in range(parquet.num_row_groups):
        about = parquet.metadata.row_group(group)
        most = max(1, min(ROWS, about.num_rows * 2 * PART // max(about.total_byte_size, 1)))
        for begin in range(0, about.num_rows, most):
            length = min(most, about.num_rows - begin)
            yield Part(next(numbers), path, begin, length, group, None, size * length // total)


def _pieces(stream: IO[bytes], layout: Layout) -> Iterator[tuple[int, bytes, int]]:
    """Pieces of a file of lines of about `PART` bytes, where they begin, and 0.

    Of a line that is too long to be held the beginning, where it is, and its length.
    """
    rest, begin = b"", layout.begin
    left = layout.begin
    while left and (passed := stream.read(left)):
        left -= len(passed)
    while block := stream.read(max(PART, len(rest))):
        rest += block
        line = rest.find(b"\n") + 1
        if (line or len(rest)) > _LONGEST_LINE:
            length, beginning, rest = line or len(rest), rest[: 4 * _BEGINNING], rest[line:] if line else b""
            while not line and (block := stream.read(PART)):
                line = block.find(b"\n") + 1
                length, rest = length + (line or len(block)), block[line:] if line else b""
            yield begin, beginning, length
            begin += length
            continue
        end = _end_of_rows(rest, layout)
        if end:
            yield begin, rest[:end], 0
            begin, rest = begin + end, rest[end:]
    if rest:
        yield begin, rest, 0


def _end_of_rows(data: bytes, layout: Layout) -> int:
    """The end of the last row that is certain to end in the data; 0 if none is."""
    end = data.rfind(b"\n") + 1
    if layout.format != CSV or b'"' not in data:
        return end
    text = data[:end].decode("utf-8", "surrogateescape")
    records = records_of_csv(text, layout.delimiter, len(layout.fields), complete=False)
    certain = sum(len(line.encode("utf-8", "surrogateescape")) for line, _ in records)
    return certain or (end if len(data) > _LONGEST_RECORD else 0)


def read_part(part: Part, layout: Layout) -> Iterator[Batch]:
    """The rows of a part.

    Raises:
        TextLSTMError: the file is another than when the parts were made.
    """
    if not part.length:
        table = layout.schema.empty_table() if layout.schema is not None else None
        yield Batch([], {}, [], [], table)
        return
    if layout.format == PARQUET:
        yield from _read_group(part, layout)
        return
    with (part.unpacked or part.source).open("rb") as file:
        file.seek(0 if part.unpacked else part.begin)
        data = file.read(part.length)
    if len(data) != part.length:
        raise TextLSTMError(f"{part.source}: expected it to stay as it is while it is read, got a shorter file")
    if part.cut:
        line = data.decode("utf-8", "replace")[:_BEGINNING]
        yield Batch([None], {0: TOO_LONG}, [line], [line if layout.format == TEXT else None])
        return
    yield from batches_of_lines(data, layout)


def _read_group(part: Part, layout: Layout) -> Iterator[Batch]:
    pa, pq = arrow_of(str(part.source))
    try:
        with pq.ParquetFile(part.source, buffer_size=1 << 20, pre_buffer=False) as parquet:
            before, end = 0, part.begin + part.length
            for batch in parquet.iter_batches(min(part.length, 16_384), row_groups=[part.group]):
                first, before = before, before + batch.num_rows
                if before > part.begin:
                    table = pa.Table.from_batches([batch]).slice(max(part.begin - first, 0))
                    yield from batches_of_table(table.slice(0, end - max(first, part.begin)), layout)
                if before >= end:
                    return
    except pa.ArrowException as error:
        raise TextLSTMError(f"{part.source}: expected Parquet, got a damaged file ({error})") from None
