"""The normal form of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.text import normalise


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("L’Homme\n\tEST  né ", "l'homme est né"),
        ("e\u0301", "é"),  # an accent of its own is composed
        ("J\u030c", "\u01f0"),  # has a composed form in lower case only
        ("a\u00a0b\u2028c", "a b c"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert normalise(text) == normal


@given(st.text(max_size=60))
def test_a_normal_form_is_its_own(text: str) -> None:
    normal = normalise(text)
    assert normalise(normal) == normal
    assert normal == normal.strip()
    assert "  " not in normal
