"""Words drawn by their frequency: a larger text of a language than we have, in all but the order of its words.

A text of a few thousand characters contains few of a language's words; a list of frequencies knows hundreds of
thousands. Drawn at random, joined by spaces, they make the windows of a few characters that occur in running text,
which is all that the detection of short strings asks for. Does not make sentences.
"""

import unicodedata

import numpy as np

from textlstm.core.errors import TextLSTMError
from textlstm.core.text import clean

# Words that lose a vowel before another: the lists have them without their apostrophe ("l", "homme" for "l'homme").
_ELIDED = {
    "ca": {"l", "d", "n", "s", "m", "t"},
    "fr": {"l", "d", "qu", "n", "s", "c", "j", "m", "t", "jusqu", "lorsqu", "puisqu", "quelqu"},
    "it": {"l", "d", "un", "all", "dell", "nell", "dall", "sull", "c", "quell", "quest"},
}


def read_list(text: str) -> dict[str, float]:
    """Words and their shares of all words, from lines of "<word><tab><centibels>"; numbers, symbols and emoji are left out.

    >>> read_list("the\\t100\\nof\\t200\\n")
    {'the': 0.1, 'of': 0.01}
    """
    shares: dict[str, float] = {}
    for line in text.splitlines():
        word, _, rank = line.partition("\t")
        cleaned = clean(word)
        if any(map(str.isalpha, cleaned)) and all(
            character in "'-" or unicodedata.category(character)[0] in "LM" for character in cleaned
        ):
            shares[cleaned] = shares.get(cleaned, 0.0) + 10.0 ** (-int(rank) / 100)
    return shares


def without_foreign(shares: dict[str, float], others: list[dict[str, float]], factor: float) -> dict[str, float]:
    """The words that are not `factor` times as frequent in another language: the list of each language holds words of the others.

    >>> without_foreign({"the": 0.001, "homme": 0.002}, [{"the": 0.05}], 3.0)
    {'homme': 0.002}
    """
    return {
        word: share for word, share in shares.items() if all(other.get(word, 0.0) < factor * share for other in others)
    }


def with_common_letters(shares: dict[str, float], least: float) -> dict[str, float]:
    """The words of which every letter makes up a share of at least `least` of all letters.

    Long lists hold words in other scripts, and names with letters that the language does not have.

    >>> with_common_letters({"the": 0.05, "and": 0.03, "žižek": 0.0000001}, 0.001)
    {'the': 0.05, 'and': 0.03}
    """
    letters: dict[str, float] = {}
    for word, share in shares.items():
        for letter in word:
            letters[letter] = letters.get(letter, 0.0) + share
    limit = least * sum(letters.values())
    rare = {letter for letter, share in letters.items() if share < limit}
    return {word: share for word, share in shares.items() if rare.isdisjoint(word)}


def own_words(
    shares: dict[str, float], others: list[dict[str, float]], *, foreign: float, rare_letter: float
) -> dict[str, float]:
    """The words of a list that belong to its language: see `without_foreign` and `with_common_letters`."""
    return with_common_letters(without_foreign(shares, others, foreign), rare_letter)


def flattened(shares: dict[str, float], power: float) -> dict[str, float]:
    """How often each word is drawn: the mean of its share and of share ** power, both made to sum to one.

    A power below 1 draws rare words more often: what is asked about may be any word, and the many rare ones show what
    words of the language look like. 1 draws by frequency alone.

    >>> flattened({"the": 0.09, "sage": 0.01}, 0.5)
    {'the': 0.825, 'sage': 0.175}
    """
    plain = np.array(list(shares.values()))
    flat = plain**power
    chances = (plain / plain.sum() + flat / flat.sum()) / 2
    return dict(zip(shares, chances.tolist(), strict=True))


def draw_words(shares: dict[str, float], characters: int, *, code: str, seed: int) -> str:
    """About `characters` characters of words drawn by frequency, joined by spaces, or by an apostrophe after an elided word.

    Args:
        shares: words and their frequencies, in any unit.
        characters: how long the text is to be.
        code: of the language; it says which words are elided.
        seed: of the drawing.

    Raises:
        TextLSTMError: there is no word to draw.
    """
    if not shares:
        raise TextLSTMError(
            f"words of {code!r}: expected words to draw from, got none. Raise words.foreign, or take another list"
        )
    words = list(shares)
    chances = np.array(list(shares.values()))
    chances /= chances.sum()
    random = np.random.default_rng(seed)
    count = max(int(characters / (chances @ np.array([len(word) + 1 for word in words]))), 1)
    drawn = random.choice(len(words), count, p=chances)
    elided = np.array([word in _ELIDED.get(code, ()) for word in words])
    vowel = np.flatnonzero([len(word) > 1 and _begins_with_vowel(word) for word in words])
    if not elided.any() or not len(vowel):
        return " ".join(words[index] for index in drawn)
    after = random.choice(vowel, count, p=chances[vowel] / chances[vowel].sum())
    parts, glued = [], False
    for index, instead in zip(drawn, after, strict=True):
        chosen = instead if glued else index
        glued = bool(elided[chosen])
        parts.append(words[chosen] + ("'" if glued else " "))
    return "".join(parts).strip()


def _begins_with_vowel(word: str) -> bool:
    return unicodedata.normalize("NFD", word)[0] in "aeiouyhœæ"
