"""The cut of a text into two parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.data.splits import split_words

WORDS = st.lists(st.text("abc'é", min_size=1, max_size=6), min_size=1, max_size=80)


@given(WORDS, st.floats(0.5, 0.95))
def test_the_parts_joined_give_the_text(words: list[str], fraction: float) -> None:
    text = " ".join(words)
    try:
        learn, rest = split_words(text, fraction, least=1, name="example")
    except TextLSTMError:
        assert len(words) < 10
        return
    assert f"{learn} {rest}" == text  # so no word is in both, none is lost and none is cut
    assert len(learn.split(" ")) == round(len(words) // 10 * 10 * fraction)


def test_words_are_counted_in_tens() -> None:
    words = [f"w{number}" for number in range(29)]
    learn, rest = split_words(" ".join(words), 0.8, least=1, name="example")
    assert learn.split(" ") == words[:16]
    assert rest.split(" ") == words[16:]


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
def test_a_text_that_is_too_short_is_named(text: str, message: str | None) -> None:
    if message is None:
        assert split_words(text, 0.8, least=2, name="example") == ("a b c d e f g h", "i j")
        return
    with pytest.raises(TextLSTMError, match=message):
        split_words(text.strip(), 0.8, least=2, name="example")


def test_a_short_test_part_is_named() -> None:
    with pytest.raises(
        TextLSTMError, match=r"10 words leave 3 characters to test on, expected at least 5\. Give a longer text"
    ):
        split_words("a b c d e f g h i j", 0.8, least=5, name="example")
