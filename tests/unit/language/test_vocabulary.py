"""Characters and their ids."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary

TEXTS = st.lists(st.text(max_size=40), max_size=4)


def test_ids_follow_code_points_after_the_two_special_ones() -> None:
    vocabulary = Vocabulary.learn(["ça", "ab"])
    assert vocabulary.characters == ("a", "b", "ç")
    assert vocabulary.size == 5
    assert vocabulary.encode("çab?").tolist() == [4, 2, 3, UNKNOWN]


def test_rare_characters_are_unknown() -> None:
    vocabulary = Vocabulary.learn(["aab", "bac"], min_count=2)
    assert vocabulary.encode("abc").tolist() == [2, 3, UNKNOWN]


@given(TEXTS)
def test_decoding_gives_back_what_was_encoded(texts: list[str]) -> None:
    vocabulary = Vocabulary.learn(texts)
    for text in texts:
        ids = vocabulary.encode(text)
        assert len(ids) == len(text)
        assert not np.isin(ids, [START, UNKNOWN]).any()
        assert vocabulary.decode(ids) == text


@given(TEXTS)
def test_the_order_of_the_texts_does_not_matter(texts: list[str]) -> None:
    assert Vocabulary.learn(texts) == Vocabulary.learn(reversed(texts))


@given(TEXTS, st.text(max_size=40))
def test_only_foreign_characters_are_unknown(texts: list[str], other: str) -> None:
    vocabulary = Vocabulary.learn(texts)
    for character, index in zip(other, vocabulary.encode(other), strict=True):
        assert (index == UNKNOWN) == all(character not in text for text in texts)
        assert START < index < vocabulary.size


@pytest.mark.parametrize(("count", "kind"), [(254, np.uint8), (255, np.uint16)])
def test_one_byte_a_character_as_long_as_ids_fit(count: int, kind: type) -> None:
    text = "".join(chr(0x4E00 + index) for index in range(count))
    ids = Vocabulary.learn([text]).encode(text)
    assert ids.dtype == kind
    assert ids.tolist() == list(range(2, count + 2))


def test_special_ids_show_under_their_names_and_others_are_refused() -> None:
    vocabulary = Vocabulary.learn(["ab"])
    assert vocabulary.decode([START, 2, UNKNOWN]) == "<start>a<unknown>"
    with pytest.raises(ValueError, match="id 4: expected 0 to 3"):
        vocabulary.decode([4])


@given(TEXTS)
def test_a_saved_vocabulary_is_the_same(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("vocabulary") / "characters.json"
    vocabulary = Vocabulary.learn(texts)
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "expected JSON, got something else at line 1"),
        ('["a"]', "expected a file of the format 'textlstm characters 1', got None"),
        (
            '{"format": "textlstm words 1", "words": []}',
            "expected a file of the format 'textlstm characters 1', got 'textlstm words 1'",
        ),
        ('{"format": "textlstm characters 1"}', "'characters'"),
        ('{"format": "textlstm characters 1", "characters": 5}', "'characters'"),
        ('{"format": "textlstm characters 1", "characters": ["a", 5]}', "'characters'"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "characters.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TextLSTMError, match=message) as caught:
        Vocabulary.load(path)
    assert str(path) in str(caught.value)


def test_the_file_is_readable_json(tmp_path: Path) -> None:
    path = tmp_path / "characters.json"
    Vocabulary.learn(["é"]).save(path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"format": "textlstm characters 1", "characters": ["é"]}
    assert "é" in path.read_text(encoding="utf-8")
