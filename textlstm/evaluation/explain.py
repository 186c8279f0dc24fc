"""What moves the models: how much each character of a string, or each word of a review, speaks for one side. Rows of plots."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from textlstm.language.scoring import CharacterModel, Floats, reading

CHARACTERS = ("string", "given", "character", "series", "log_odds")
WORDS = ("word", "series", "log_odds")

LogOdds = TypeVar("LogOdds", bound=tuple[Floats, ...])


def character_log_odds(
    models: Mapping[str, CharacterModel], strings: Sequence[str]
) -> list[tuple[str, str, str, str, float]]:
    """How much each character of a string speaks for the first language, against the likeliest of the others.

    The log-odds of the characters of a string sum to the log-odds of the string.

    Returns:
        Rows of `CHARACTERS`: string, what is given, the character, the language that it speaks for, log-odds of the
        first language.
    """
    names, rows = list(models), []
    for string in strings:
        first, *others = (
            reading(model.log_probabilities(model.vocabulary.encode(string))) for model in models.values()
        )
        best = int(np.argmax([other.sum() for other in others]))
        for index, (character, odds) in enumerate(zip(string, first - others[best], strict=True)):
            rows.append(
                (string, f"<start>{string[:index]}", character, names[0 if odds > 0 else 1 + best], float(odds))
            )
    return rows


def outermost_words(words: Sequence[str], log_odds: Mapping[str, Floats], *, most: int) -> list[tuple[str, str, float]]:
    """The words that speak most for and most against, by the first of several log-odds.

    Args:
        words: n of them.
        log_odds: by the name of who gives them, each of shape (n,).
        most: how many words of each side.

    Returns:
        Rows of `WORDS`, the highest first.
    """
    order = np.argsort(-next(iter(log_odds.values())), kind="stable")
    rank = np.arange(len(order))
    kept = order[(rank < most) | (rank >= len(order) - most)]
    return [(words[index], name, float(odds[index])) for index in kept for name, odds in log_odds.items()]


def word_contributions(
    ask: Callable[[Sequence[Sequence[str]]], LogOdds], words: Sequence[str], *, most: int
) -> tuple[LogOdds, LogOdds]:
    """What each of the first `most` words of a text adds (occlusion, Zeiler and Fergus 2014, arXiv 1311.2901).

    Args:
        ask: the log-odds of texts of words, some arrays of shape (n,) in a named tuple.
        words: of one text.
        most: how many words are asked about.

    Returns:
        The log-odds of the text, (1,) each, and by how much those without each word are less, (words,) each.
    """
    without = [[*words[:place], *words[place + 1 :]] for place in range(min(len(words), most))]
    found = ask([words, *without])
    return type(found)(*(odds[:1] for odds in found)), type(found)(*(odds[0] - odds[1:] for odds in found))
