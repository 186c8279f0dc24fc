"""Strings that are no language."""

import string

import pytest

from textlstm.data.noise import noise

TEXTS = ["the cat sat on the mat", "le chat est né"]


@pytest.mark.parametrize("length", [1, 10, 22])
def test_so_many_strings_of_six_kinds_and_of_the_length(length: int) -> None:
    made = noise(TEXTS, length, 5, seed=1)
    assert list(made) == ["keyboard", "letters", "consonants", "hex", "base64", "cipher"]
    for kind, strings in made.items():
        assert len(strings) == 5
        assert all(len(one) == length or (kind == "cipher" and length > 14) for one in strings)


def test_the_seed_decides() -> None:
    assert noise(TEXTS, 10, 3, seed=1) == noise(TEXTS, 10, 3, seed=1) != noise(TEXTS, 10, 3, seed=2)


def test_each_kind_is_of_its_characters() -> None:
    made = {kind: "".join(strings) for kind, strings in noise(TEXTS, 20, 50, seed=1).items()}
    assert set(made["hex"]) == set("0123456789abcdef")
    assert set(made["letters"]) == {*string.ascii_lowercase, " "}
    assert not set(made["consonants"]) & set("aeiouy")
    assert set(made["base64"]) <= {*string.ascii_letters, *string.digits, "+", "/"}
    rows = [set(row) for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")]
    words = [word for text in noise(TEXTS, 20, 50, seed=1)["keyboard"] for word in text.split()]
    assert all(any(set(word) <= row for row in rows) for word in words)


def test_a_cipher_keeps_the_pattern_of_a_passage() -> None:
    for text in noise(["né à"], 4, 20, seed=1)["cipher"]:
        assert text[2] == " "
        assert len(set(text) & set(string.ascii_lowercase)) == 3
    (text,) = noise(["abba"], 4, 1, seed=1)["cipher"]
    assert text[0] == text[3] != text[1] == text[2]
