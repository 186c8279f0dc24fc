"""Reviews as tables: how they are split, and how they are stored. How words become ids is in `textlstm.tokenizer`."""

import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from textlstm.datasets import LABELS, UNLABELLED, Review
from textlstm.errors import TextLSTMError
from textlstm.files import atomic, how_to_make, require
from textlstm.tokenizer import Tokenizer


def reviews_table(reviews: Sequence[Review]) -> pd.DataFrame:
    """Columns part, label and text, in an order that does not depend on the archive that the reviews came in."""
    table = pd.DataFrame(reviews, columns=["part", "label", "text"])
    return table.sort_values(["part", "label", "text"], ignore_index=True)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def read_table(path: Path) -> pd.DataFrame:
    """Read what `write_table` wrote; a missing or broken file is a TextLSTMError."""
    require(path)
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise TextLSTMError(f"{path}: expected Parquet, got a broken file ({error}). {how_to_make(path)}") from None


def split_reviews(table: pd.DataFrame, *, protocol: str, learn: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reviews to learn from and the reviews to test on.

    Args:
        table: see `reviews_table`.
        protocol: "official" takes the two halves as they are; "holdout" cuts the train half, each label by itself.
        learn: share of each label that is learnt from, under "holdout". A text that stands there twice stays on one side.
        seed: of the shuffle.
    """
    train = table[table["part"] == "train"]
    if protocol == "official":
        return train.reset_index(drop=True), table[table["part"] == "test"].reset_index(drop=True)
    held_out: list[Hashable] = []
    for label, rows in train.groupby("label"):
        copies = defaultdict(list)
        for row, text in rows["text"].items():
            copies[text].append(row)
        room = len(rows) - round(len(rows) * learn)
        groups = list(copies.values())
        random.Random(f"{seed} {label}").shuffle(groups)
        for group in groups:
            if len(group) <= room:
                held_out += group
                room -= len(group)
    test = train.index.isin(held_out)
    return train[~test].reset_index(drop=True), train[test].reset_index(drop=True)


def unlabelled_reviews(table: pd.DataFrame) -> pd.DataFrame:
    """The reviews that nobody labelled: the package index's copy has none, the official archive 50,000."""
    return table[table["part"] == LABELS[UNLABELLED]].reset_index(drop=True)


def limit_reviews(table: pd.DataFrame, most: int, *, seed: int) -> pd.DataFrame:
    """At most `most` reviews of each label, drawn by `seed`; all of them if `most` is 0."""
    if not most:
        return table
    chosen = [rows.sample(min(most, len(rows)), random_state=seed) for _, rows in table.groupby("label")]
    return pd.concat(chosen).sort_index().reset_index(drop=True)


def check_labels(table: pd.DataFrame, where: Path) -> None:
    """Raise TextLSTMError unless both labels occur."""
    found = sorted(int(label) for label in np.unique(table["label"]))
    if not {0, 1} <= set(found):
        names = ", ".join(LABELS[label] for label in found) or "none"
        raise TextLSTMError(f"{where}: expected reviews of both labels, got {names}. {how_to_make(where)}")


def encode_reviews(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Word ids of all reviews end to end, two bytes each where they fit, and where each review begins and ends.

    Returns:
        ids of shape (total,), and offsets of shape (n + 1,): review i is ids[offsets[i] : offsets[i + 1]].

    Raises:
        TextLSTMError: a review has no word.
    """
    reviews = []
    for number, text in enumerate(texts, start=1):
        reviews.append(tokenizer.encode(text))
        if len(reviews[-1]) < 2:
            raise TextLSTMError(
                f"review {number} of those to learn from: expected words, got none in {text[:40]!r}. Remove it from the data"
            )
    offsets = np.cumsum([0, *map(len, reviews)], dtype=np.int64)
    return np.concatenate([np.zeros(0, dtype=np.int32), *reviews]).astype(
        np.uint16 if tokenizer.size <= 2**16 else np.int32
    ), offsets
