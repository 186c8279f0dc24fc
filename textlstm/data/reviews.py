"""Reviews as tables, and how they are split. How words become ids is in `textlstm.sentiment.tokenizer`."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import how_to_make
from textlstm.core.labels import LABELS, UNLABELLED, Review
from textlstm.core.parquet import read_column, read_parquet


def reviews_table(reviews: Sequence[Review]) -> pd.DataFrame:
    """Columns part, label and text, in an order that does not depend on the archive that the reviews came in."""
    table = pd.DataFrame(reviews, columns=["part", "label", "text"])
    return table.sort_values(["part", "label", "text"], ignore_index=True)


def read_digests(path: Path) -> pd.DataFrame:
    """The table of a file with a digest of 16 bytes in place of each text, which is all that a split has to know of it."""
    table = read_parquet(path, ["part", "label"])
    texts = read_column(path, "text")
    return table.assign(text=[hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts])


def split_reviews(table: pd.DataFrame, *, protocol: str, learn: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reviews to learn from and the reviews to test on, under their numbers in the table.

    Args:
        table: see `reviews_table`; digests in place of the texts do as well.
        protocol: "official" takes the two halves as they are; "holdout" cuts the train half, each label by itself.
        learn: share of each label that is learnt from, under "holdout". A text that stands there twice stays on one
            side.
        seed: of the shuffle.
    """
    train = table[table["part"] == "train"]
    if protocol == "official":
        return train, table[table["part"] == "test"]
    return hold_out(train, learn, seed=str(seed))


def hold_out(table: pd.DataFrame, learn: float, *, seed: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table cut in two, each label by itself: a share that is learnt from, and the rest. Copies of a text stay together."""
    held_out: list[Hashable] = []
    for label, rows in table.groupby("label"):
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
    test = table.index.isin(held_out)
    return table[~test], table[test]


def unlabelled_reviews(table: pd.DataFrame) -> pd.DataFrame:
    """The reviews that nobody labelled: the package index's copy has none, the official archive 50,000."""
    return table[table["part"] == LABELS[UNLABELLED]]


def limit_reviews(table: pd.DataFrame, most: int, *, seed: int) -> pd.DataFrame:
    """At most `most` reviews of each label, drawn by `seed`; all of them if `most` is 0."""
    if not most:
        return table
    chosen = [rows.sample(min(most, len(rows)), random_state=seed) for _, rows in table.groupby("label")]
    return pd.concat(chosen).sort_index()


def check_labels(table: pd.DataFrame, where: Path) -> None:
    """Raise TextLSTMError unless both labels occur."""
    found = sorted(int(label) for label in np.unique(table["label"]))
    if not {0, 1} <= set(found):
        names = ", ".join(LABELS[label] for label in found) or "none"
        raise TextLSTMError(f"{where}: expected reviews of both labels, got {names}. {how_to_make(where)}")
