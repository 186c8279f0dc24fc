"""What a file of lines is made of: lines, records of CSV, objects of JSON."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

_READ_AGAIN = 4  # times the lines that were read, and some: as often lines are read again before each is taken alone
_SOME = 10_000

csv.field_size_limit(2**31 - 1)  # what is too long is told in `textlstm.score.rows`


def decoded(data: bytes) -> str:
    """UTF-8, without the mark at its beginning (BOM). What is not UTF-8 becomes lone surrogates (PEP 383)."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def lines_of(text: str) -> Iterator[str]:
    r"""Each line with its "\n"; nothing else ends one."""
    return io.StringIO(text, newline="\n")


def object_of(line: str) -> dict[str, Any] | None:
    """A line of JSON Lines; None where it is no object."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def is_plain(text: str) -> bool:
    """Whether each line of CSV is a record: there is no quotation mark, and no line end but "\\n" and "\\r\\n"."""
    return '"' not in text and ("\r" not in text or "\r" not in text.replace("\r\n", "\n"))


def records_of_csv(
    text: str, delimiter: str, columns: int = 0, *, complete: bool = True
) -> Iterator[tuple[str, list[str] | None]]:
    r"""The records of CSV (RFC 4180), each as it is written and its fields; None for one that cannot be read.

    Of several lines that are no record together, because a quotation mark is missing, the first is one by itself. A blank
    line is a record without fields.

    Args:
        text: whole lines.
        delimiter: between fields.
        columns: how many fields a record has; 0: any number.
        complete: whether the last line is the last of the file. If not, a record that goes on beyond it is left out.

    >>> list(records_of_csv('a,"b\nc"\n"d,e\nf,g\n', ",", 2))
    [('a,"b\nc"\n', ['a', 'b\nc']), ('"d,e\n', None), ('f,g\n', ['f', 'g'])]
    """
    if is_plain(text):
        for line, fields in zip(lines_of(text), csv.reader(lines_of(text), delimiter=delimiter), strict=True):
            yield line, fields if len(fields) in (0, columns or len(fields)) else None
        return
    waiting: list[str] = []  # lines to be read again, the next one last
    taken: list[str] = []  # lines of the record
    lines, ended = lines_of(text), False
    read = again = 0

    def feed() -> Iterator[str]:
        nonlocal ended, read
        while line := waiting.pop() if waiting else next(lines, ""):
            read += 1
            taken.append(line)
            yield line
        ended = True

    while True:
        reader = csv.reader(feed(), delimiter=delimiter)  # a new one has forgotten the quotation mark
        for record in _without_errors(reader):
            together, taken[:] = taken[:], []
            if ended and not complete:
                return
            right = record is not None and len(record) in (0, columns or len(record))
            if not right and len(together) > 1:
                again += len(together)
                if again > _READ_AGAIN * (read - again) + _SOME:  # else it takes the square of their number
                    for line in together:
                        alone = next(_without_errors(csv.reader([line], delimiter=delimiter)), None)
                        yield line, alone if alone is not None and len(alone) in (0, columns or len(alone)) else None
                    break
                waiting += reversed(together[1:])
                yield together[0], None
                break
            yield "".join(together), record if right else None
        else:
            return


def _without_errors(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """The records of a reader, None for one that it refuses."""
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
