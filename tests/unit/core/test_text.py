"""The one form of a text."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core import text as module
from textlstm.core.text import clean

# Pieces out of which texts are made that need every step, whole and broken, one inside another.
PIECES = (
    "Été", "e\u0301", "J\u030c", "ΑΣ", "İ", "ŉ", "ﬁn", "Ｔｗｏ", "²", "…", "´", "’", "`", "\u200b",
    "\u00ad", "\ufe0f", "\u200d", "👩", "⭐", "\ud800", "\x00", "\x85", "\u00a0", " ", "\n", "&", "&amp;",
    "&lt;", "&#38;", "&#x3c;", "&#", "38;", "amp;", "eacute;", "<", ">", "<b", "</b>", "<br/>", "<a href=",
    "=", "/", "<!--", "-->", "http://", "www.", ".", "...", "?!", ";", ":", "@", "@@", "#", "a",
    "b9", "7", "com", "mailto:", "x@y.org", "＜", "＆", "＠",
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("L’Homme\n\tEST  né ", "l'homme est né"),
        ("", ""),
        (" \n ", ""),
        ("a\u00a0b\u2028c\x00d\x9fe", "a b c d e"),
        # accents
        ("e\u0301te\u0301", "été"),
        ("J\u030c", "\u01f0"),  # has a composed form in lower case only
        ("e\u200b\u0301", "é"),
        # apostrophes
        ("l´eau l`eau l＇eau lʼeau l\u0092eau l′eau", "l'eau " * 5 + "l'eau"),
        ("ŉ dag", "'n dag"),
        # compatibility forms
        ("Ｒｅｄ 𝐛𝐥𝐮𝐞 ⓖⓡⓔⓔⓝ", "red blue green"),
        ("ﬁn, ﬂot, eﬃcace", "fin, flot, efficace"),
        ("Acme™ Acme℠", "acme acme"),
        # invisible characters
        ("co\u00adop\u200ber\u2060ate\ufeff", "cooperate"),
        ("✌️ ❤️‍🔥", "✌ ❤🔥"),
        ("\ud83dhi\udc00", "hi"),
        # runs of marks
        ("wait... really?!?! yes!!! -- so: ***", "wait really yes so:"),
        ("wait . . . no. so", "wait no. so"),
        ("3.14, 1:2", "3.14, 1:2"),
        # tags and entities
        ("caf&eacute; &Agrave; table", "café à table"),
        ("R&amp;D, AT&T and Q&A; &unheard; & so", "r&d, at&t and q&a; &unheard; & so"),
        ("&amp;eacute; &#233; &#xE9; &#146; &nbsp;x", "é é é ' x"),
        ("<div class='a'>one<BR />two</div><!-- three -->", "one two"),
        ("&lt;p&gt;one", "one"),
        ("a < b and c > d, x<y and z>w, 3 <3 you <- here ->", "a < b and c > d, x<y and z>w, 3 <3 you <- here ->"),
        # addresses
        ("see HTTPS://example.org/a_b?c=d#e now", "see now"),
        ("(www.example.org/the-page)", "("),
        ("awww. www", "awww. www"),
        ("to a.b+c@mail.example.org.", "to ."),
        ("hi @jane_doe and @joe@example.social: #NoFilter #1 #2020vision", "hi and : #1"),
        ("C# and f#nny, b@d, un-#fair, me@ home", "c# and f#nny, b@d, un-#fair, me@ home"),
        # codes
        ("sha 9f86d081884c7d65 said", "sha said"),
        ("see abc1+d2/ef3g= here, 0d1f3c9e-7b1a-4e0e-9a51-2f6f0c7b8d3e", "see here,"),
        (
            "b2b, 1er, mp3, h2so4, r2d2, covid19, 12/10/2024, 2024-11-24, and/or, f-16-x",
            "b2b, 1er, mp3, h2so4, r2d2, covid19, 12/10/2024, 2024-11-24, and/or, f-16-x",
        ),
    ],
)
def test_what_becomes_of_what(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(("before", "after"), [("e", "x"), ("", ""), ("か", "。"), ("👩", " !?")])
def test_thirty_combining_marks_on_a_character_are_kept_and_no_more(before: str, after: str) -> None:
    for marks in (1, 2, 29, 30, 31, 100, 100_000):
        cleaned = clean(f"{before}{chr(0x0301) * marks}{after}", runs=True)
        assert cleaned == unicodedata.normalize("NFKC", f"{before}{chr(0x0301) * min(marks, 30)}{after}")
        assert clean(cleaned, runs=True) == cleaned


MARKS = "\u0301\u0323\u0344\u0345\u0307\u0f73\uff9e\u3099\u200b\u034f"


@given(st.sampled_from(["", "e", "ế", "İ", "か", "*"]), st.text(MARKS, min_size=20, max_size=99), st.booleans())
def test_a_text_of_many_marks_that_is_cleaned_stays_cleaned(before: str, marks: str, runs: bool) -> None:
    cleaned = clean(before + marks, runs=runs)
    assert clean(cleaned, runs=runs) == cleaned
    assert sum(map(bool, map(unicodedata.combining, cleaned))) <= 30


@given(st.text("ab \n", max_size=40), st.integers(1, 9))
def test_pieces_are_the_text_and_end_between_words_where_they_can(text: str, longest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST", longest)
        found = list(module.pieces(text))
        assert "".join(found) == text
        assert max(map(len, found)) <= longest
        assert all(piece[-1] in " \n" or not re.search("[ \n]", piece) for piece in found[:-1])
        together = list(module.portions(found))
        assert [piece for portion in together for piece in portion] == found
        assert all(sum(map(len, portion[:-1])) <= longest for portion in together)


def test_runs_of_marks_are_kept_for_who_counts_them() -> None:
    assert clean("Wow!!! Really ?! <b>no</b>...", runs=True) == "wow!!! really ?! no ..."


@given(TEXTS, st.booleans())
def test_a_cleaned_text_is_its_own(text: str, runs: bool) -> None:
    cleaned = clean(text, runs=runs)
    assert clean(cleaned, runs=runs) == cleaned
    assert cleaned == " ".join(cleaned.split()) == unicodedata.normalize("NFC", cleaned)


@given(TEXTS)
def test_cleaned_texts_can_be_written_and_hold_nothing_invisible(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not {unicodedata.category(character) for character in cleaned} & {"Cc", "Cf", "Cs"}


def test_every_format_character_vanishes_and_every_control_character_is_white_space() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        kind = unicodedata.category(character)
        if kind == "Cf":
            assert clean(f"a{character}b") == "ab", hex(code)
        elif kind in ("Cc", "Cs") and code not in (0x91, 0x92):  # quotation marks of Windows-1252
            assert clean(f"a{character}b") == "a b", hex(code)


@given(TEXTS)
def test_the_quick_ways_give_what_the_long_way_gives(text: str) -> None:
    lower = " ".join(text.lower().replace("’", "'").split())
    if not module._SPECIAL.search(text):
        assert module._cleaned_once(text, runs=False) == lower
    if module._PLAIN.fullmatch(text) and "www." not in text.lower():
        assert not module._SPECIAL.search(text)


@pytest.mark.timeout(60)  # what is quadratic takes hours
@pytest.mark.parametrize(
    "piece",
    [
        "<", "<a ", "<a b=", "<!--", "&", "&#", "&amp;", "&#38;", "@", "@a", "a@", "a.", "a@a.", "#a", "http:", "www. .", "a1", "1a1a ",
        ". ", "...", "`´", "a\u0301\u0323", "\u0301\u0323",
        "\u0344\u0323", "\uff9e\u0301", "\u0301\u200b\u0323", "\u0f73\u0f74", "\u200b", "\x00", "aé", " ",
    ],
)  # fmt: skip
def test_a_million_characters_are_cleaned_in_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert len(clean(text)) <= len(text)


def test_markup_in_markup_is_read_so_many_times_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """By counting: the number of passes does not grow with the depth."""
    once, passes = module._cleaned_once, []
    monkeypatch.setattr(module, "_cleaned_once", lambda text, runs: passes.append(text) or once(text, runs))
    for text in (
        "&amp;" * 500 + "lt;",
        "&" + "amp;" * 500,
        "&#" * 500 + "38;" * 500,
        "<b" * 500 + ">" * 500,
        "@a" * 500,
    ):
        passes.clear()
        assert not re.search("&amp;|<b>", clean(text))
        assert len(passes) <= module._PASSES + 3
