"""The files that `textlstm score` reads and writes: what their names tell, and their bytes, compressed or not."""

import bz2
import contextlib
import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from textlstm.core.errors import TextLSTMError

TEXT, CSV, JSON_LINES, PARQUET = "text", "CSV", "JSON Lines", "Parquet"
FORMATS = {
    ".txt": TEXT,
    ".csv": CSV,
    ".tsv": CSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
}
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")

_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


def format_of(path: Path) -> tuple[str, str]:
    """The format and the compression ("" for none) that a file's name tells.

    >>> format_of(Path("reviews.csv.gz"))
    ('CSV', '.gz')
    """
    compression = path.suffix.lower() if path.suffix.lower() in COMPRESSIONS else ""
    ending = Path(path.stem).suffix.lower() if compression else path.suffix.lower()
    if ending not in FORMATS or (compression and FORMATS[ending] == PARQUET):
        raise TextLSTMError(
            f"{path}: expected a name that ends in {', '.join(FORMATS)}, all but the last also with {', '.join(COMPRESSIONS)} "
            "behind it. Rename the file"
        )
    return FORMATS[ending], compression


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A file to read, decompressed, and the file as it is on the disk, whose position says how far reading has come.

    Raises:
        TextLSTMError: what is read in the block is damaged.
    """
    compression = format_of(path)[1]
    with path.open("rb") as file:
        try:
            yield _decompressed(file, compression), file
        except _DAMAGED as error:
            raise TextLSTMError(
                f"{path}: expected a complete {compression} file, got a damaged one ({error})"
            ) from None


def _decompressed(file: IO[bytes], compression: str) -> IO[bytes]:
    if compression == ".zst":
        arrow, _ = arrow_of("zstd")
        return cast("IO[bytes]", arrow.CompressedInputStream(file, "zstd"))
    wrap = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}.get(compression)
    if wrap is gzip.GzipFile:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    return cast("IO[bytes]", wrap(file)) if wrap else file


@contextlib.contextmanager
def compressed(path: Path, compression: str) -> Iterator[IO[bytes]]:
    """A file to write, through a compression; equal content gives equal bytes."""
    with path.open("wb") as file:
        if compression == ".gz":
            stream: Any = gzip.GzipFile("", "wb", 6, file, mtime=0)
        elif compression == ".zst":
            stream = arrow_of("zstd")[0].CompressedOutputStream(file, "zstd")
        else:
            wrap: Any = {".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}.get(compression)
            stream = wrap(file, "wb") if wrap else contextlib.nullcontext(file)
        with stream as writable:
            yield writable


def arrow_of(purpose: str) -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`, which asking alone does not need."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise TextLSTMError(f"{purpose}: needs pyarrow. Install it: python -m pip install pyarrow") from None
    return pa, pq
