"""What text looks like that is in none of the detector's languages: character n-grams counted on many other languages together.

The background knows the characters of the detector's languages and one more, which stands for any letter that none of them has: Cyrillic
and Chinese are evidence against all of them. Digits, and marks that none of them has, are evidence of nothing. One model of all other
languages together, and short strings, so that it has something to say about languages that it never saw.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.errors import TextLSTMError
from textlstm.files import atomic_folder
from textlstm.ngram import NgramModel
from textlstm.params import Language
from textlstm.paths import RAW_UDHR
from textlstm.scoring import CharacterModel, Floats, window_log_likelihoods
from textlstm.text import normalise, split_words
from textlstm.vocabulary import UNKNOWN, Vocabulary

FOREIGN = "\ufffd"  # stands for a letter that none of the languages has
SILENT = "\x00"  # stands for what says nothing: no vocabulary holds it

_PARTS = 5  # one part in so many of the other languages is kept for the test


def fold(text: str, vocabulary: Vocabulary) -> str:
    """The same text, character by character, as evidence: foreign letters and silent characters under one name each.

    >>> fold("abж 1.", Vocabulary((" ", "1", "a", "b")))
    'ab\ufffd \\x00\\x00'
    """
    known = set(vocabulary.characters)
    return "".join(_fold(character, known) for character in text)


def _fold(character: str, known: set[str]) -> str:
    kind = unicodedata.category(character)[0]
    if kind == "N":
        return SILENT
    if character in known:
        return character
    return FOREIGN if kind in "LM" else SILENT


@dataclass(frozen=True)
class Background:
    """The n-gram model of other languages, over the characters of the detector's languages and `FOREIGN`."""

    model: NgramModel

    @classmethod
    def learn(cls, texts: Iterable[str], vocabulary: Vocabulary, *, order: int, characters: int) -> "Background":
        """Count the first `characters` characters of each text.

        Raises:
            TextLSTMError: no text has a character that could be counted.
        """
        folded = [fold(text, vocabulary).replace(SILENT, "")[:characters] for text in texts]
        extended = Vocabulary((*vocabulary.characters, FOREIGN))
        ids = extended.encode(" ".join(folded))
        ids = ids[ids != UNKNOWN]
        if not len(ids):
            raise TextLSTMError(
                "background: expected texts of other languages, got none. Put some into data/raw/udhr, or raise background.characters"
            )
        return cls(NgramModel.learn(ids, extended, order))

    def save(self, folder: Path) -> None:
        """Write the model to a folder."""
        with atomic_folder(folder) as temporary:
            self.model.save(temporary)

    @classmethod
    def load(cls, folder: Path) -> "Background":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        return cls(NgramModel.load(folder))


class Evidence(NamedTuple):
    """All that an answer about n texts, or windows of texts, is made from."""

    log_likelihoods: Floats  # (n, languages): of the characters that the languages know
    background: Floats  # (n,): of these and of foreign letters
    known: npt.NDArray[np.int64]  # (n,): characters that the languages know
    foreign: npt.NDArray[np.int64]  # (n,): letters that none of them knows
    letters: npt.NDArray[np.int64]  # (n,): letters, known or foreign


def text_evidence(models: Sequence[CharacterModel], background: Background, texts: Sequence[str]) -> Evidence:
    """Evidence of normalised texts, each as a whole. All are read in one go, and none is influenced by its neighbours."""
    return _evidence(models, background, texts, [None])[0][0]


def window_evidence(
    models: Sequence[CharacterModel], background: Background, texts: Sequence[str], lengths: Sequence[int]
) -> dict[int, tuple[Evidence, npt.NDArray[np.int64]]]:
    """For each length, evidence of every window of so many characters, and the index of the text that it comes from.

    A text that is shorter than a window has none of that length.
    """
    return dict(zip(lengths, _evidence(models, background, texts, lengths), strict=True))


def _evidence(
    models: Sequence[CharacterModel], background: Background, texts: Sequence[str], lengths: Sequence[int | None]
) -> list[tuple[Evidence, npt.NDArray[np.int64]]]:
    """The same; the length None stands for the whole of each text."""
    vocabulary = models[0].vocabulary
    folded = [fold(text, vocabulary) for text in texts]
    ends = np.cumsum([0, *map(len, folded)])
    together = "".join(folded)
    tables = [model.log_probabilities(model.vocabulary.encode(together)) for model in (*models, background.model)]
    letter = np.array(
        [character.isalpha() or unicodedata.category(character)[0] == "M" for character in together], dtype=np.int64
    )
    foreign = np.array([character == FOREIGN for character in together], dtype=np.int64)
    known = (vocabulary.encode(together) != UNKNOWN).astype(np.int64)
    counts = [known, foreign, letter + foreign]
    found = []
    for length in lengths:
        columns: list[list[npt.NDArray[Any]]] = [[] for _ in range(len(tables) + len(counts))]
        owners = []
        for owner, text in enumerate(folded):
            size = len(text) if length is None else length
            windows = len(text) - size + 1
            if windows < 1:
                continue
            rows = slice(ends[owner], ends[owner + 1])
            for column, table in zip(columns, tables, strict=False):
                column.append(window_log_likelihoods(table[rows], size) if size else np.zeros(1))
            for column, count in zip(columns[len(tables) :], counts, strict=True):
                running = np.concatenate([[0], np.cumsum(count[rows])])
                column.append(running[size:] - running[: len(running) - size])
            owners.append(np.full(windows, owner))
        joined = [np.concatenate(column) if column else np.zeros(0) for column in columns]
        likelihoods, (n_known, n_foreign, n_letters) = (
            joined[: len(tables)],
            (column.astype(np.int64) for column in joined[len(tables) :]),
        )
        evidence = Evidence(np.stack(likelihoods[:-1], axis=1), likelihoods[-1], n_known, n_foreign, n_letters)
        found.append((evidence, np.concatenate(owners) if owners else np.zeros(0, dtype=np.int64)))
    return found


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

    Which languages are kept for the test depends on a digest of their names alone; all translations into one language stay together.

    Args:
        translations: texts by name; what stands before the first `_` of a name is the code of its language. A number is no code: such
            texts are left out, since some are in a language that others are in too.
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
        train, rest = split_words(normalise(text), fraction, least=0, name=name)
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
