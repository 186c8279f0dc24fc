"""Translations of the Universal Declaration into other languages: which of them are other languages, and how they are split."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from textlstm.core.params import Language
from textlstm.core.paths import RAW_UDHR
from textlstm.core.text import clean
from textlstm.data.splits import split_words

_PARTS = 5  # one part in so many of the other languages is kept for the test

# The codes under which translations stand, of the languages that there are lists of frequent words of.
_TRANSLATIONS = {
    "ar": ["arb"], "bg": ["bul"], "bn": ["ben"], "ca": ["cat"], "cs": ["ces"], "da": ["dan"], "de": ["deu"], "el": ["ell"],
    "en": ["eng"], "es": ["spa"], "fa": ["pes"], "fi": ["fin"], "fil": ["tgl"], "fr": ["fra"], "he": ["heb"], "hi": ["hin"],
    "hu": ["hun"], "id": ["ind"], "is": ["isl"], "it": ["ita"], "ja": ["jpn"], "ko": ["kor"], "lt": ["lit"], "lv": ["lav"],
    "mk": ["mkd"], "ms": ["mly"], "nb": ["nob"], "nl": ["nld"], "pl": ["pol"], "pt": ["por"], "ro": ["ron"], "ru": ["rus"],
    "sh": ["bos", "cnr", "hrv", "srp"], "sk": ["slk"], "sl": ["slv"], "sv": ["swe"], "ta": ["tam"], "tr": ["tur"], "uk": ["ukr"],
    "ur": ["urd"], "vi": ["vie"], "zh": ["cmn"],
}  # fmt: skip


def own_translations(languages: Collection[Language]) -> set[str]:
    """Translations, or codes of them, that are not other languages: those into the languages themselves, by text or list of words."""
    named = {Path(language.text).stem for language in languages if Path(language.text).parent == RAW_UDHR}
    return named | {code for language in languages for code in _TRANSLATIONS.get(language.words, [])}


class Others(NamedTuple):
    """Texts of other languages, by the name of the translation."""

    learn: dict[str, str]  # what the background counts
    heldout: dict[str, str]  # a passage further on of some of these
    unseen: dict[str, str]  # a passage of each language that the background never sees


def split_others(translations: Mapping[str, str], own: Iterable[str], *, fraction: float, passage: int) -> Others:
    """Choose from the translations what the background learns from and what it is tested on.

    Which languages are kept for the test depends on a digest of their names alone; all translations into one language
    stay together.

    Args:
        translations: texts by name; what stands before the first `_` of a name is the code of its language. A number is
            no code: such texts are left out, since some are in a language that others are in too.
        own: names, or codes, of the languages to leave out with all their translations.
        fraction: share of the words of each text that is learnt from.
        passage: characters tested on, from the words after these.
    """
    left_out = {_code(name) for name in own}
    others = Others({}, {}, {})
    for name, text in translations.items():
        part = int(hashlib.sha256(_code(name).encode()).hexdigest(), 16) % _PARTS
        if _code(name) in left_out or name.isdigit():
            continue
        train, rest = split_words(clean(text), fraction)
        if part:
            others.learn[name] = train
        if part in (0, 1):
            (others.heldout if part else others.unseen)[name] = rest[:passage].rstrip()
    return others


def _code(name: str) -> str:
    """The code of the language of a translation.

    >>> _code("deu_1996")
    'deu'
    """
    return name.partition("_")[0]
