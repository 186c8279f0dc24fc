"""How the rows of a file are laid out: its columns, and where the text is."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textlstm.core.errors import TextLSTMError
from textlstm.score.files import CSV, JSON_LINES, PARQUET, TEXT, arrow_of, format_of, opened
from textlstm.score.records import decoded, lines_of, object_of, records_of_csv

if TYPE_CHECKING:
    import pyarrow as pa

_HEAD = 4_000_000  # bytes of a file from which its columns are known
_OBJECTS = 1_000  # of JSON Lines, the same


@dataclass(frozen=True)
class Layout:
    """How the rows of a file are to be read."""

    format: str
    column: str  # where the text is
    fields: tuple[str, ...] = ()  # all columns, where the file says which there are
    delimiter: str = ","
    begin: int = 0  # bytes before the first row
    line_end: str = "\n"
    schema: "pa.Schema | None" = field(default=None, compare=False)  # of Parquet, and what JSON Lines become


def layout_of(path: Path, column: str | None) -> Layout:
    """How a file is to be read.

    Args:
        path: its name tells its format.
        column: where the text is; by default `text`, or the only one.

    Raises:
        TextLSTMError: there is no such column, it holds no text, or the file is none of its format.
    """
    kind, _ = format_of(path)
    if kind == TEXT:
        return Layout(TEXT, column or "text", ("text",))
    if kind == PARQUET:
        return _layout_of_parquet(path, column)
    if kind == JSON_LINES:
        return _layout_of_objects(path, column)
    with opened(path) as (stream, _):
        head = stream.read(_HEAD)
    text = decoded(head)
    if not text.strip():
        raise TextLSTMError(f"{path}: expected a heading with the names of the columns, got an empty file")
    delimiters = "\t" if ".tsv" in path.suffixes else ",;\t|"
    line = next(records_of_csv(text, delimiters[0]))[0]
    readings = {each: tuple(next(records_of_csv(text, each))[1] or ()) for each in delimiters}
    wanted = column or "text"
    found = [delimiter for delimiter, names in readings.items() if wanted in names]
    if not found and not column and max(map(len, readings.values())) == 1:
        found = [delimiters[0]]  # the only column
    if not found:
        raise _no_column(path, wanted, max(readings.values(), key=len))
    delimiter, fields = found[0], readings[found[0]]
    if repeated := sorted({name for name in fields if fields.count(name) > 1}):
        raise TextLSTMError(f"{path}: expected columns of different names, got {', '.join(repeated)} twice")
    begin = len(line.encode("utf-8", "surrogateescape")) + (3 if head.startswith(b"\xef\xbb\xbf") else 0)
    line_end = "\r\n" if line.endswith("\r\n") else "\n"
    return Layout(CSV, wanted if wanted in fields else fields[0], fields, delimiter, begin, line_end)


def _layout_of_parquet(path: Path, column: str | None) -> Layout:
    pa, pq = arrow_of(str(path))
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TextLSTMError(f"{path}: expected Parquet, got something else ({error})") from None
    names = schema.names
    wanted = column or ("text" if "text" in names or len(names) != 1 else names[0])
    if wanted not in names:
        raise _no_column(path, wanted, names)
    kind = schema.field(wanted).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not any(is_text(kind) for is_text in _text_types(pa.types)):
        raise TextLSTMError(f"{path}: expected text in the column {wanted!r}, got {kind}. Name another with --column")
    return Layout(PARQUET, wanted, tuple(names), schema=schema)


def _text_types(types: Any) -> list[Callable[[Any], bool]]:
    return [
        *(types.is_string, types.is_large_string, types.is_string_view),
        *(types.is_binary, types.is_large_binary, types.is_binary_view, types.is_null),
    ]


def _layout_of_objects(path: Path, column: str | None) -> Layout:
    names = list(dict.fromkeys(name for row in _first_objects(path) for name in row))
    wanted = column or ("text" if "text" in names or len(names) != 1 else names[0])
    if wanted not in names:
        raise _no_column(path, wanted, names)
    return Layout(JSON_LINES, wanted, tuple(names))


def with_schema(layout: Layout, paths: Sequence[Path]) -> Layout:
    """The layout with the types of the columns, for rows that become tables. CSV has none: its cells stay text.

    Raises:
        TextLSTMError: the first objects of JSON Lines have fields of several types.
    """
    if layout.schema is not None:
        return layout
    pa, _ = arrow_of(str(paths[0]))
    kinds = dict.fromkeys(layout.fields, pa.string())
    rows = [row for path in paths for row in _first_objects(path)] if layout.format == JSON_LINES else []
    for name in set(layout.fields) - {layout.column}:
        try:
            kind = pa.array([row.get(name) for row in rows]).type
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise TextLSTMError(
                f"{paths[0]}: expected values of one type in the field {name!r}, which a table needs, got several ({error}). "
                "Write JSON Lines, which needs no types"
            ) from None
        kinds[name] = kinds[name] if pa.types.is_null(kind) else kind
    return replace(layout, schema=pa.schema(list(kinds.items())))


def _first_objects(path: Path) -> list[dict[str, Any]]:
    with opened(path) as (stream, _):
        text = stream.read(_HEAD).decode("utf-8-sig", "replace")
    lines = itertools.islice(lines_of(text), _OBJECTS)
    return [row for row in map(object_of, lines) if row is not None]


def _no_column(path: Path, wanted: str, names: Sequence[str]) -> TextLSTMError:
    shown = ", ".join(map(repr, names[:20]))
    return TextLSTMError(
        f"{path}: expected a column {wanted!r}, got {shown or 'none'}. Name the one that holds the text with --column"
    )
