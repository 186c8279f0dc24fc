"""Reviews to word ids and back."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.core.text import clean
from textlstm.sentiment import tokenizer as module
from textlstm.sentiment.tokenizer import (
    PAD,
    SENTENCE_ENDS,
    START,
    UNKNOWN,
    Tokenizer,
    draw_sentences,
    split_sentences,
    words_of,
)

REVIEWS = st.lists(st.text(max_size=60), max_size=5)


@pytest.mark.parametrize(
    ("text", "words", "without_punctuation"),
    [
        ("It's GREAT!<br />Really?", ["it's", "great", "!", "really", "?"], ["it's", "great", "really"]),
        ("rock ’n’ roll", ["rock", "'", "n", "'", "roll"], ["rock", "n", "roll"]),
        ("10/10, don’t", ["10", "/", "10", ",", "don't"], ["10", "10", "don't"]),
        ("a<br>b<br/>é", ["a", "b", "é"], ["a", "b", "é"]),
        ("un cafe\u0301 tre\u0300s bon", ["un", "café", "très", "bon"], ["un", "café", "très", "bon"]),
        (
            "it&#39;s <i>ｆｕｎ</i>, don\u00b4t co\u00adop",
            ["it's", "fun", ",", "don't", "coop"],
            ["it's", "fun", "don't", "coop"],
        ),
        ("see www.example.org or me@example.org", ["see", "or"], ["see", "or"]),
        ("so... bad!!!", ["so", ".", ".", ".", "bad", "!", "!", "!"], ["so", "bad"]),
        (" \n ", [], []),
        ("", [], []),
    ],
)
def test_words(text: str, words: list[str], without_punctuation: list[str]) -> None:
    assert words_of(text) == words
    assert words_of(text, punctuation=False) == without_punctuation


def test_a_review_that_is_longer_than_any_is_cleaned_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "So bad!!! It's a film, and <br/> a film"
    expected = words_of(text)
    read: list[int] = []
    for name in ("core.text", "sentiment.tokenizer"):
        monkeypatch.setattr(f"textlstm.{name}.LONGEST", 12)
    monkeypatch.setattr(module, "clean", lambda piece, *, runs: read.append(len(piece)) or clean(piece, runs=runs))
    found = words_of(text)
    assert found == expected
    assert max(read) <= 12
    assert len({id(word) for word in found if word == "film"}) == 1


@given(st.text(max_size=80), st.booleans())
def test_words_are_words_of_themselves(text: str, punctuation: bool) -> None:
    words = words_of(text, punctuation=punctuation)
    for word in words:
        assert words_of(word, punctuation=punctuation) == [word]


def test_the_most_frequent_words_come_first_and_ties_by_alphabet() -> None:
    tokenizer = Tokenizer.learn(["b a c", "c b", "c d"], 6)
    assert tokenizer.words == ("c", "b", "a")
    assert tokenizer.size == 6
    assert tokenizer.encode("d c a b").tolist() == [START, UNKNOWN, 3, 5, 4]


@given(REVIEWS, st.booleans())
def test_decoding_gives_back_the_words(reviews: list[str], punctuation: bool) -> None:
    tokenizer = Tokenizer.learn(reviews, 10_000, punctuation=punctuation)
    for review in reviews:
        assert tokenizer.decode(tokenizer.encode(review)) == " ".join(
            ["<start>", *words_of(review, punctuation=punctuation)]
        )


@given(REVIEWS, st.text(max_size=60), st.integers(0, 12))
def test_ids_stay_below_the_size_and_off_the_reserved_ones(reviews: list[str], other: str, size: int) -> None:
    tokenizer = Tokenizer.learn(reviews, size)
    assert tokenizer.size <= max(size, 3)
    first, *rest = tokenizer.encode(other).tolist()
    assert first == START
    for word, index in zip(words_of(other), rest, strict=True):
        assert index not in (PAD, START)
        assert (index == UNKNOWN) == (word not in tokenizer.words)
        assert index < tokenizer.size


def test_reserved_ids_have_names() -> None:
    assert Tokenizer(("film",)).decode([PAD, START, UNKNOWN, 3]) == "<pad> <start> <unknown> film"


def test_a_text_without_words_is_start_alone() -> None:
    assert Tokenizer(("film",)).encode(" \n ").tolist() == [START]
    assert Tokenizer(("film",), punctuation=False).encode(" -- ").tolist() == [START]


def test_ids_are_numbers_of_32_bits() -> None:
    assert Tokenizer(("film",)).encode("film").dtype == np.int32


@given(REVIEWS, st.booleans())
def test_a_saved_tokenizer_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, reviews: list[str], punctuation: bool
) -> None:
    path = tmp_path_factory.mktemp("tokenizer") / "words.json"
    tokenizer = Tokenizer.learn(reviews, 100, punctuation=punctuation)
    tokenizer.save(path)
    assert Tokenizer.load(path) == tokenizer


def test_a_vocabulary_of_characters_is_not_a_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text('{"format": "textlstm characters 1", "characters": []}', encoding="utf-8")
    with pytest.raises(TextLSTMError, match="expected a file of the format 'textlstm words 2'"):
        Tokenizer.load(path)


@given(st.lists(st.sampled_from(["a", ".", "!", "?", "b"]), max_size=12))
def test_sentences_are_the_review_cut_after_runs_of_marks(words: list[str]) -> None:
    sentences = split_sentences(words)
    assert [word for sentence in sentences for word in sentence] == words
    for before, after in pairwise(sentences):
        assert before[-1] in SENTENCE_ENDS
        assert after[0] not in SENTENCE_ENDS
        assert not any(one in SENTENCE_ENDS and other not in SENTENCE_ENDS for one, other in pairwise(before))


@given(st.integers(0, 40), st.integers(1, 10), st.integers(0, 9))
def test_sentences_are_drawn_once_each_the_outermost_most_often(count: int, most: int, seed: int) -> None:
    drawn = draw_sentences(count, most, np.random.default_rng(seed)).tolist()
    assert len(drawn) == len(set(drawn)) == min(count, most)
    assert drawn == sorted(drawn)
    assert all(0 <= place < count for place in drawn)


def test_the_first_and_the_last_sentence_are_drawn_as_often_as_all_others() -> None:
    random = np.random.default_rng(7)
    places = [int(draw_sentences(20, 1, random)[0]) for _ in range(4000)]
    for place in (0, 19):
        assert 0.2 < places.count(place) / 4000 < 0.32
