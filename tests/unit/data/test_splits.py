"""The cut of a text into two parts."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textlstm.core import files
from textlstm.core.errors import TextLSTMError
from textlstm.core.text import clean
from textlstm.data.splits import split_file, split_words

WORDS = st.lists(st.text("abc'é", min_size=1, max_size=6), min_size=1, max_size=80)


@given(WORDS, st.floats(0.5, 0.95))
def test_the_parts_joined_give_the_text(words: list[str], fraction: float) -> None:
    text = " ".join(words)
    learn, rest = split_words(text, fraction)
    assert f"{learn} {rest}".strip() == text  # so no word is in both, none is lost and none is cut
    assert len(learn.split()) == round(len(words) // 10 * 10 * fraction)


def test_words_are_counted_in_tens() -> None:
    words = [f"w{number}" for number in range(29)]
    learn, rest = split_words(" ".join(words), 0.8)
    assert learn.split(" ") == words[:16]
    assert rest.split(" ") == words[16:]


def _split(folder: Path, text: str, *, most: int = 0, least: int = 2) -> tuple[str, str]:
    source, train, heldout = (folder / name for name in ("text.txt", "train.txt", "heldout.txt"))
    source.write_text(text, encoding="utf-8")
    lengths = split_file(source, train, heldout, 0.8, most=most, least=least, name="example")
    parts = train.read_text(encoding="utf-8"), heldout.read_text(encoding="utf-8")
    assert lengths == tuple(map(len, parts))
    return parts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text("Abé!&", min_size=1, max_size=6), min_size=15, max_size=80), size=st.integers(8, 200))
def test_a_file_is_cut_like_its_text_whatever_the_size_of_the_pieces(
    words: list[str], size: int, tmp_path: Path
) -> None:
    text = " \n".join(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_PIECE", size)
        pieces = list(files.read_pieces(_written(tmp_path, text)))
        assert "".join(pieces) == text
        cleaned = " ".join(filter(None, map(clean, pieces)))
        if len(cleaned.split()) < 10:
            with pytest.raises(TextLSTMError, match="too short"):
                _split(tmp_path, text)
        else:
            assert _split(tmp_path, text) == split_words(cleaned, 0.8)


def _written(folder: Path, text: str) -> Path:
    path = folder / "written.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [8, 1 << 22])
@pytest.mark.parametrize("most", [1, 7, 10, 24, 100])
def test_only_the_first_characters_are_learnt_from(
    tmp_path: Path, most: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PIECE", size)
    text = "one two three four five six seven eight nine ten"
    learn, rest = split_words(text, 0.8)
    assert _split(tmp_path, text, most=most) == (learn[:most], rest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "example: the text is too short: 0 words leave 0 characters to learn from, expected at least 2"),
        (
            "one two three",
            "example: the text is too short: 3 words leave 0 characters to learn from, expected at least 2",
        ),
        ("a b c d e f g h i " + "j", None),
        (" ".join("abcdefghi") + " ", "0 characters to learn from"),
    ],
)
def test_a_text_that_is_too_short_is_named(tmp_path: Path, text: str, message: str | None) -> None:
    if message is None:
        assert _split(tmp_path, text) == ("a b c d e f g h", "i j")
        return
    with pytest.raises(TextLSTMError, match=message):
        _split(tmp_path, text)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]  # no half of a split


@pytest.mark.parametrize(
    "text", ["世界人权宣言。" * 50, "すべての人間は、\n" * 8 + "生まれながらにして自由であり、" * 20]
)
def test_a_text_without_spaces_is_told_why_it_cannot_be_cut(tmp_path: Path, text: str) -> None:
    words, characters = len(text.split()), len(text)
    told = (
        rf"example: expected ten words or more, with white space between them, got {words} in {characters} characters: "
    )
    with pytest.raises(TextLSTMError, match=told + r".* written without spaces\. Put a space or a line end after each"):
        _split(tmp_path, text)


def test_a_short_test_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        TextLSTMError, match=r"10 words leave 3 characters to test on, expected at least 5\. Give a longer text"
    ):
        _split(tmp_path, "a b c d e f g h i j", least=5)
