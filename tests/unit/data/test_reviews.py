"""Reviews as tables: the split, and ids end to end."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core import parquet
from textlstm.core.errors import TextLSTMError
from textlstm.core.labels import NEGATIVE, POSITIVE, UNLABELLED, Review
from textlstm.core.parquet import read_batches, read_column, read_parquet, read_rows, write_batches, write_parquet
from textlstm.data.reviews import (
    check_labels,
    limit_reviews,
    read_digests,
    reviews_table,
    split_reviews,
    unlabelled_reviews,
)
from textlstm.sentiment.tokenizer import START, Tokenizer, encode_reviews


def _table(positive: list[str], negative: list[str]) -> pd.DataFrame:
    reviews = [Review(part="train", label=POSITIVE, text=text) for text in positive]
    return reviews_table([*reviews, *(Review(part="train", label=NEGATIVE, text=text) for text in negative)])


def _different(count: int) -> list[str]:
    return [f"review {number}" for number in range(count)]


def test_the_order_of_the_archive_does_not_matter() -> None:
    reviews = [Review(part="train", label=label, text=text) for label in (0, 1) for text in ("b", "a")]
    pd.testing.assert_frame_equal(reviews_table(reviews), reviews_table(reviews[::-1]))


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.5, 0.95), st.integers(0, 5))
def test_each_label_is_cut_by_itself_and_exactly(positive: int, negative: int, learn: float, seed: int) -> None:
    table = _table(_different(positive), _different(negative))
    train, test = split_reviews(table, protocol="holdout", learn=learn, seed=seed)
    for label, count in ((POSITIVE, positive), (NEGATIVE, negative)):
        assert (train["label"] == label).sum() == round(count * learn)
        assert (test["label"] == label).sum() == count - round(count * learn)
    pd.testing.assert_frame_equal(reviews_table(pd.concat([train, test]).to_dict("records")), table)


@given(st.lists(st.integers(0, 8), min_size=12, max_size=60), st.integers(0, 5))
def test_copies_stay_on_one_side(numbers: list[int], seed: int) -> None:
    texts = [f"review {number}" for number in numbers]
    train, test = split_reviews(_table(texts, _different(10)), protocol="holdout", learn=0.8, seed=seed)
    for label in (POSITIVE, NEGATIVE):
        sides = [set(part.loc[part["label"] == label, "text"]) for part in (train, test)]
        assert not sides[0] & sides[1]
    assert len(train) + len(test) == len(texts) + 10


def test_copies_do_not_change_the_counts_where_single_reviews_can_fill_up() -> None:
    texts = [*_different(95), *["copied"] * 5]
    train, test = split_reviews(_table(texts, texts), protocol="holdout", learn=0.8, seed=7)
    assert (len(train), len(test)) == (160, 40)


def test_the_seed_decides() -> None:
    table = _table(_different(50), _different(50))
    one, same, other = (split_reviews(table, protocol="holdout", learn=0.8, seed=seed)[1] for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(one, same)
    assert set(one["text"]) != set(other["text"])


def test_the_official_halves_are_taken_as_they_are() -> None:
    parts = ("train", "test", "unlabelled")
    reviews = [
        Review(part=part, label=UNLABELLED if part == "unlabelled" else 1, text=f"{part} {n}")
        for part in parts
        for n in range(3)
    ]
    train, test = split_reviews(reviews_table(reviews), protocol="official", learn=0.8, seed=7)
    assert train["text"].tolist() == ["train 0", "train 1", "train 2"]
    assert test["text"].tolist() == ["test 0", "test 1", "test 2"]


def test_holdout_never_touches_the_official_test_half() -> None:
    reviews = [
        Review(part=part, label=label, text=f"{part} {label} {n}")
        for part in ("train", "test")
        for label in (0, 1)
        for n in range(9)
    ]
    train, test = split_reviews(reviews_table(reviews), protocol="holdout", learn=0.8, seed=7)
    assert set(train["part"]) == set(test["part"]) == {"train"}


@pytest.mark.parametrize(
    ("positive", "negative", "got"), [(["a"], [], "positive"), ([], ["a"], "negative"), ([], [], "none")]
)
def test_a_missing_label_is_named(positive: list[str], negative: list[str], got: str) -> None:
    with pytest.raises(
        TextLSTMError, match=f"data/x.parquet: expected reviews of both labels, got {got}. Run 'dvc repro'"
    ):
        check_labels(_table(positive, negative), Path("data/x.parquet"))
    check_labels(_table(["a"], ["b"]), Path("data/x.parquet"))


@pytest.mark.parametrize("protocol", ["holdout", "official"])
@pytest.mark.parametrize("most", [0, 9])
def test_digests_are_split_row_for_row_as_the_texts_are(tmp_path: Path, protocol: str, most: int) -> None:
    random = np.random.default_rng(0)
    reviews = [
        Review(part=part, label=label, text=f"review {number}")
        for part, label in (("train", 0), ("train", 1), ("test", 0), ("test", 1), ("unlabelled", UNLABELLED))
        for number in random.integers(0, 40, 60)
    ]
    table = reviews_table(reviews)
    write_parquet(tmp_path / "a.parquet", table)
    parts = []
    for known in (table, read_digests(tmp_path / "a.parquet")):
        train, test = split_reviews(known, protocol=protocol, learn=0.8, seed=7)
        parts.append([limit_reviews(train, most, seed=7), test, unlabelled_reviews(known)])
    for of_texts, of_digests in zip(*parts, strict=True):
        assert len(of_texts)
        assert of_texts.index.tolist() == of_digests.index.tolist()
        rows = table.index.isin(of_digests.index)
        write_batches(tmp_path / "b.parquet", read_rows(tmp_path / "a.parquet", rows))
        pd.testing.assert_frame_equal(read_parquet(tmp_path / "b.parquet"), of_texts.reset_index(drop=True))


WORDS = st.lists(st.sampled_from(["good", "bad", "film", "!"]), min_size=1, max_size=9)


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_offsets_cut_the_ids_into_the_reviews(reviews: list[list[str]]) -> None:
    texts = [" ".join(words) for words in reviews]
    tokenizer = Tokenizer.learn(texts, 100)
    ids, offsets = encode_reviews(tokenizer, texts)
    assert offsets[0] == 0
    assert offsets[-1] == len(ids)
    for number, text in enumerate(texts):
        review = ids[offsets[number] : offsets[number + 1]]
        assert review[0] == START
        assert review.tolist() == tokenizer.encode(text).tolist()


@pytest.mark.parametrize(("words", "kind"), [(2**16 - 3, np.uint16), (2**16 - 2, np.int32)])
def test_ids_take_two_bytes_where_they_fit(words: int, kind: type) -> None:
    tokenizer = Tokenizer(tuple(f"w{number}" for number in range(words)))
    ids, _ = encode_reviews(tokenizer, [f"w{words - 1}"])
    assert ids.dtype == kind
    assert ids.tolist() == [START, words + 2]


def test_a_review_without_words_is_named() -> None:
    with pytest.raises(
        TextLSTMError, match=r"review 2 of those to learn from: expected words, got none in '\.\.\.'\. Remove it"
    ):
        encode_reviews(Tokenizer(("good",), punctuation=False), ["good", "...", ""])


def test_a_table_comes_back_and_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    table = _table(["très\ngood"], ["bad"])
    for name in ("one.parquet", "two.parquet"):
        write_parquet(tmp_path / name, table)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "one.parquet"), table)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_a_table_is_read_and_written_some_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(parquet, "ROWS", rows)
    table, one, two = _table(_different(20), _different(5)), tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_parquet(one, table)
    assert [batch.num_rows for batch in read_batches(one)][:-1] == [rows] * (-(-25 // rows) - 1)
    assert list(read_column(one, "text")) == table["text"].tolist()
    for chosen in (np.arange(25) % 3 == 0, np.arange(25) > 20, np.zeros(25, dtype=np.bool_)):
        write_batches(two, read_rows(one, chosen))
        pd.testing.assert_frame_equal(read_parquet(two), table[chosen].reset_index(drop=True))


def test_batches_that_end_in_an_error_leave_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, _table(["good"], ["bad"]))
    before = path.read_bytes()

    def batches() -> Iterator[pa.RecordBatch]:
        yield from read_batches(path)
        raise TextLSTMError("no more")

    with pytest.raises(TextLSTMError, match="no more"):
        write_batches(path, batches())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kept", [0, 4, 200, -20])
def test_a_broken_table_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, _table(["good"], ["bad"]))
    path.write_bytes(path.read_bytes()[:kept])
    for read in (read_parquet, lambda path: list(read_batches(path))):
        with pytest.raises(TextLSTMError, match=r"a.parquet: expected Parquet, got a broken file"):
            read(path)


def test_a_table_that_breaks_off_while_it_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 10)
    path = tmp_path / "a.parquet"
    write_parquet(path, _table(_different(20), _different(20)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(TextLSTMError, match=r"a.parquet: expected Parquet, got a broken file"):
        list(read_column(path, "text"))


def test_a_missing_table_is_named() -> None:
    for read in (read_parquet, lambda path: list(read_batches(path))):
        with pytest.raises(TextLSTMError, match=r"data/none.parquet: no such file. Run 'dvc repro'"):
            read(Path("data/none.parquet"))
