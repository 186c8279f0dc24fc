"""Text as it comes, cleaned: the one form that models learn from, are measured on and are asked about.

Works on plain strings. Does not remove accents or single punctuation marks: they tell languages apart.
"""

import html
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from textlstm.core.errors import TextLSTMError

LONGEST = 1_000_000  # characters of a text that the commands answer; longer ones are read in pieces
NOT_UTF8, TOO_LONG = "not UTF-8", "too long"  # why a text is not asked about

_LETTERS = "A-Za-zÀ-ÖØ-öø-įıĴ-ľŁ-ňŊ-ž"  # Latin letters that NFKC leaves as they are
_MARKS = "!-/:-@\\[-`{-~¡¿«»“”·•–—"
_SENTENCE_MARKS = "!?.,;:"

# Most texts need lower case and single spaces, and an apostrophe for each "’". `_PLAIN` is a quick test that knows
# many of them (words with single marks between), `_SPECIAL` finds what needs more in the others.
_PLAIN = re.compile(
    rf"""[{_LETTERS} \n\xa0\u202f]*+(?:[!"'-),.:;?’-][ \n\xa0\u202f]?[{_LETTERS}][{_LETTERS} \n\xa0\u202f]*+)*+[!"'-),.:;?’-]?"""
)
_SPECIAL = re.compile(
    rf"[^ \t\n\r\xa0\u202f!-\x25'-;=>?A-_{{-~¡«»“”’¿·•–—{_LETTERS}]|[#@]|(?i:www)\.|([{_MARKS}])\1|['’]['’]"
    rf"|[{_SENTENCE_MARKS}]\s*[{_SENTENCE_MARKS}]|[0-9][{_LETTERS}_+/-]+[0-9]"
)

_ENTITY = re.compile("&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});")
_APOSTROPHES = re.compile("[`´ʹʻʼʽˈˊˋ\u0091\u0092\u0374\u0384՚᾽᾿´\u2018-\u201b\u2032\u2035❛❜ꞌ\uff07\uff40]")
_INVISIBLE = re.compile(  # Default_Ignorable_Code_Point and category Cf
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NO_WORDS = re.compile("[\\W\uff9e\uff9f]{31,}")  # where more combining marks than `_MARKS_KEPT` may follow each other
_SPACE = re.compile("[\x00-\x1f\x7f-\x9f™℠\ud800-\udfff]")
_TAG = re.compile(r"</?[a-z][a-z0-9:-]*(?:\s[^<>=]*=[^<>]*|\s*/?)>|<!(?:--|doctype)[^<>]*>")
_ADDRESS = re.compile(r"""(?:https?|ftps?)://[^\s<>"]*|\bwww\.[^\s<>"]+""")
_NAME = re.compile(
    r"(?<![\w.+-])(?:mailto:)?[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w@#$%^&*+/=-])(?:@\w+(?:@\w+(?:[.-]\w+)*)?|#\d*[^\W\d]\w*)"
)
_CODE = re.compile(r"\d(?:[^\W\d]|[+/-])+\d")  # what every code holds
_WITH_DIGITS = re.compile(r"(?<![\w+/-])(?=[\w+/-]{8})(?:[^\W\d]|[+/-])*\d[\w+/-]*=*")
_SWITCH = re.compile(r"(?<=\d)[^\W\d]|(?<=[^\W\d])\d")
_RUN = re.compile(rf"([{_MARKS}])\1+|[{_SENTENCE_MARKS}](?: *[{_SENTENCE_MARKS}])+")
_INERT = str.maketrans("&<@#", "    ")
_MARKS_KEPT = 30  # on one character: no language has more, and normal forms take the square of their number (UAX #15)
_PASSES = 3  # so often markup that only shows when other markup has gone is read as such


def clean(text: str, *, runs: bool = False) -> str:
    """The one form of a text. A text that has been cleaned stays as it is when it is cleaned again.

    =========================================================  ====================================================
    what                                                       becomes
    =========================================================  ====================================================
    HTML entities with their semicolon: ``d&eacute;j&agrave;``  their character; of entities of entities too
    kinds of apostrophe and single quotation mark, ` and ´      '
    invisible characters: soft hyphens, zero-width characters,  nothing
    joiners, variation selectors, marks of direction (Cf)
    control characters, lone surrogates, ™ and ℠                a space
    full width, bold, circled letters, ligatures, ² and …       their plain form (NFKC)
    capitals                                                    lower case
    a letter and its accent                                     one character where there is one (NFC)
    more than 30 combining marks on one character               the first 30
    HTML tags and comments                                      a space
    http://…, https://…, ftp://…, www.…; mail addresses;        a space
    @handles and #hashtags where a word could begin
    codes, hexadecimal or base64: a word of 8 characters and    a space
    more that changes between letters and digits three times
    a mark again and again: --, !!!; several of ! ? . , ; :     a space; not if `runs` are kept
    with or without spaces between
    white space                                                 single spaces between words, none at the ends
    =========================================================  ====================================================

    Everything else stays: "a < b and c > d", "at&t" and "3 <3 you".

    Args:
        text: any string.
        runs: keep runs of marks, for who counts marks as words.

    >>> clean("Libert\u00e9...  \u00c9GALIT\u00c9 \\n l\u2019homme &amp; <b>www.example.org</b>")
    "libert\u00e9 \u00e9galit\u00e9 l'homme &"
    """
    lower = text.lower()
    if "www." in lower or not _PLAIN.fullmatch(text):
        for done in itertools.count():
            if not _SPECIAL.search(text):
                break
            before, text = text, _cleaned_once(text.translate(_INERT) if done >= _PASSES else text, runs)
            if text == before:
                return text
        lower = text.lower()
    return " ".join(lower.replace("’", "'").split())


def _cleaned_once(text: str, runs: bool) -> str:
    """The same, but for what only shows when other things have gone."""
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    text = _SPACE.sub(" ", _APOSTROPHES.sub("'", text))
    if text.isascii():
        text = text.lower()
    else:
        text = _NO_WORDS.sub(_with_few_marks, _INVISIBLE.sub("", text))
        text = unicodedata.normalize("NFKC", text).lower()
        text = unicodedata.normalize("NFC", text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "://" in text or "www." in text:
        text = _ADDRESS.sub(" ", text)
    if "@" in text or "#" in text:
        text = _NAME.sub(" ", text)
    if _CODE.search(text):
        text = _WITH_DIGITS.sub(_without_codes, text)
    text = " ".join(text.split())
    return text if runs else " ".join(_RUN.sub(" ", text).split())


def _with_few_marks(run: re.Match[str]) -> str:
    """The run, without the combining marks after the first `_MARKS_KEPT` in a row (UAX #15, stream-safe text)."""
    kept, marks = [], 0
    for character in run[0]:
        decomposed = unicodedata.normalize("NFKD", character)
        marks = marks + len(decomposed) if unicodedata.combining(decomposed[0]) else 0
        if marks <= _MARKS_KEPT:
            kept.append(character)
    return "".join(kept)


def _without_codes(word: re.Match[str]) -> str:
    """The word, or a space if it changes between letters and digits three times and more."""
    return " " if len(_SWITCH.findall(word[0])) >= 3 else word[0]


def printable(text: str) -> str:
    r"""A text with escapes in place of the characters that would steer a terminal: control, format and unassigned ones.

    >>> print(printable("red: \x1b[31m, backwards: \u202eabc"))
    red: \x1b[31m, backwards: \u202eabc
    """
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def check_list(texts: object) -> None:
    """Raise TextLSTMError if a single string stands where a list of texts should: it would be read as its characters."""
    if isinstance(texts, str | bytes):
        raise TextLSTMError(f"texts: expected a list of texts, got {texts[:40]!r}. Put it into brackets: [text]")


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most `LONGEST` characters, which end after a space or a line end where there is one."""
    begin = 0
    while len(text) - begin > LONGEST:
        end = max(text.rfind(space, begin, begin + LONGEST) for space in " \n") + 1 or begin + LONGEST
        yield text[begin:end]
        begin = end
    yield text[begin:]


def portions(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts, so many at a time that they have about `LONGEST` characters."""
    portion: list[str] = []
    size = 0
    for text in texts:
        if size > LONGEST:
            yield portion
            portion, size = [], 0
        portion.append(text)
        size += len(text)
    yield portion


PLAIN, SPACE, MARK, DIGIT, SPECIAL = range(5)  # kinds of characters


def kind_of(character: str) -> int:
    """What a character means for `clean`, of the five kinds above.

    A text needs no more than lower case, single spaces and an apostrophe for each "’" if it has no SPECIAL character, no
    two MARKs with nothing but white space between, no DIGIT before a PLAIN character or "-", and no "www.".

    >>> [kind_of(character) for character in "a .7@"] == [PLAIN, SPACE, MARK, DIGIT, SPECIAL]
    True
    """
    if _SPECIAL.match(character) or character in "_+/":
        return SPECIAL
    if character.isspace():
        return SPACE
    if character.isalpha():
        return PLAIN
    return DIGIT if character.isdigit() else MARK


def as_whole(text: str) -> str:
    """A cleaned text between spaces, as it stands in running text: where its first and last words begin and end speaks for a language.

    After an elided word stands no space. Only for texts that are whole, not for windows that cut words; an empty text
    stays empty.

    >>> as_whole("sage"), as_whole("l'")
    (' sage ', " l'")
    """
    return text and (f" {text}" if text.endswith("'") else f" {text} ")
