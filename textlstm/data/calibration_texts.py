"""Text of a language on which the detector is calibrated, that is like what it will be asked about; and words to test it on."""

import numpy as np

from textlstm.data.words import draw_words

FITTED_ON = TEXT, FRESH_WORDS, UNSEEN_WORDS = ("text", "fresh_words", "unseen_words")
TEST_WORDS = "test_words"
KINDS = (*FITTED_ON, TEST_WORDS)
_TESTED = 2000  # words


def words_in(text: str) -> set[str]:
    """The words of a text, and the parts of those that hold an apostrophe.

    >>> sorted(words_in("l'homme est"))
    ['est', 'homme', 'l', "l'homme"]
    """
    return {*text.split(), *text.replace("'", " ").split()}


def calibration_texts(
    text: str, seen: set[str], shares: dict[str, float], *, characters: int, code: str, seed: int
) -> dict[str, str]:
    """Four kinds of text; those of words are empty where the language has no list of words.

    Args:
        text: of the training text.
        seen: the words of the list that stand in the training text, or among the drawn words that the models learnt from.
        shares: words and their frequencies.
        characters: how many of drawn words, each kind.
        code: of the language, for `textlstm.data.words.draw_words`.
        seed: of the drawing; not the one that the words to learn from were drawn with.

    Returns:
        "text": `text` itself; "fresh_words": words drawn afresh by frequency; "unseen_words": words drawn by
        frequency from those that stand neither in the text nor among the drawn words; "test_words": others of those, drawn
        evenly, each once, without words of one letter.
    """
    unseen = {word: share for word, share in shares.items() if word not in seen}
    drawn = draw_words(unseen, characters, code=code, seed=seed) if unseen else ""
    calibrated = words_in(drawn)
    others = [word for word in unseen if len(word) > 1 and word not in calibrated]
    tested = np.random.default_rng(seed).permutation(len(others))[:_TESTED]
    return {
        TEXT: text,
        FRESH_WORDS: draw_words(shares, characters, code=code, seed=seed) if shares else "",
        UNSEEN_WORDS: drawn,
        TEST_WORDS: " ".join(others[index] for index in tested),
    }
