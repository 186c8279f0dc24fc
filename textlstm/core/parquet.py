"""Tables of reviews as Parquet files, whole or some rows at a time."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, how_to_make, require

ROWS = 10_000  # in a row group, and in a batch: some 13 MB of reviews


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd", row_group_size=ROWS)


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read what `write_parquet` wrote, all columns or some; a missing or broken file is a TextLSTMError."""
    require(path)
    try:
        return pd.read_parquet(path, columns=columns)
    except (OSError, ValueError) as error:
        raise _broken(path, error) from None


def write_batches(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write batches of rows, at least one, which may be empty, as they come; the rows of a batch are a row group."""
    batches = iter(batches)
    first = next(batches)
    with atomic(path) as temporary, pq.ParquetWriter(temporary, first.schema, compression="zstd") as writer:
        for batch in itertools.chain([first], batches):
            if batch.num_rows:
                writer.write_batch(batch)


def read_batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Read a file at most `ROWS` rows at a time; a missing or broken one is a TextLSTMError, once a batch is asked for."""
    require(path)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # or it holds all that has been read of the file
            yield from file.iter_batches(ROWS, columns=columns)
    except (OSError, ValueError) as error:
        raise _broken(path, error) from None


def read_column(path: Path, name: str) -> Iterator[Any]:
    """The values of one column, read as `read_batches` does."""
    for batch in read_batches(path, [name]):
        yield from batch.column(0).to_pylist()


def read_rows(path: Path, chosen: npt.NDArray[np.bool_]) -> Iterator[pa.RecordBatch]:
    """The rows that are `chosen`, (rows of the file,), in batches as `read_batches` reads them; some may be empty."""
    begin = 0
    for batch in read_batches(path):
        yield batch.filter(pa.array(chosen[begin : begin + batch.num_rows]))
        begin += batch.num_rows


def _broken(path: Path, error: Exception) -> TextLSTMError:
    return TextLSTMError(f"{path}: expected Parquet, got a broken file ({error}). {how_to_make(path)}")
