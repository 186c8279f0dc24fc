"""Tables of reviews as Parquet files."""

from pathlib import Path

import pandas as pd

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, how_to_make, require


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def read_parquet(path: Path) -> pd.DataFrame:
    """Read what `write_parquet` wrote; a missing or broken file is a TextLSTMError."""
    require(path)
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise TextLSTMError(f"{path}: expected Parquet, got a broken file ({error}). {how_to_make(path)}") from None
