"""Text in more than one language: which words are in which, by a hidden Markov model over words.

The state of a word is its language, or none of them. What a word says for a language is the log-probability of its
characters after those of the word before, or afresh where the language changes. A change has a small probability. The
likeliest sequence of states is found by the algorithm of Viterbi (1967, https://doi.org/10.1109/TIT.1967.1054010), and
the probability of each state of each word by the forward-backward algorithm (Rabiner 1989,
https://doi.org/10.1109/5.18626).

Words stand between white space, dashes and slashes; a span never begins or ends within one. What has no letters says
nothing, and belongs to a span beside it.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.core.text import clean
from textlstm.detection.abstention import Abstention
from textlstm.detection.evidence import Evidence, EvidenceReader, evidence_of
from textlstm.language.scoring import Floats

_WORD = re.compile(r"<[^<>]*>|\S*(?:://|www\.|@)\S*|[^\s/—–]+")
_CHANGE = 0.02  # probability that the next word is in another language
_NONE = 0.00001  # that it is in none of them


class Span(NamedTuple):
    """A part of a text in one language."""

    begin: int  # of its first character in the text
    end: int  # after its last one
    language: str | None  # None: in none of the languages
    probability: (
        float | None
    )  # of the language, the mean over the characters of the span; None where no word has a letter


def word_places(text: str) -> list[tuple[int, int]]:
    """Where each word of a text begins and ends.

    >>> word_places("bonjour, my friend")
    [(0, 8), (9, 11), (12, 18)]
    """
    return [match.span() for match in _WORD.finditer(text)]


def spans_of(
    reader: EvidenceReader, abstention: Abstention, text: str, names: Sequence[str], columns: Sequence[int]
) -> list[Span]:
    """The spans of a text, which together cover it; an empty text has none.

    Args:
        reader: what the evidence about words comes from.
        abstention: what a letter costs that none of the languages has.
        text: as it comes.
        names: of the candidates.
        columns: of the candidates in the evidence.
    """
    if not text:
        return []
    cleaned = [(place, clean(text[slice(*place)])) for place in word_places(text)]
    places, words = (
        [place for place, word in cleaned if _has_letter(word)],
        [word for _, word in cleaned if _has_letter(word)],
    )
    if not words:
        return [Span(0, len(text), None, None)]
    pairs = [f"{before} {word}" for before, word in pairwise(words)]
    scores = _scores(evidence_of(reader, [*words, *pairs]), abstention.foreign, columns)
    afresh = scores[: len(words)]
    after = np.concatenate([afresh[:1], scores[len(words) :] - afresh[:-1]])
    path, chances = decode(afresh, after)
    return _joined(text, places, path, chances, [*names, None])


def _has_letter(word: str) -> bool:
    return any(character.isalpha() for character in word)


def _scores(evidence: Evidence, foreign: float, columns: Sequence[int]) -> Floats:
    """Log-likelihood of each text in each of the languages and in none of them, (n, languages + 1)."""
    mostly = 2 * evidence.foreign > evidence.letters
    costly = np.where(mostly, evidence.foreign, evidence.foreign_words)
    languages = evidence.log_likelihoods[:, columns] + foreign * costly[:, None]
    return np.concatenate([languages, evidence.background[:, None]], axis=1)


def decode(afresh: Floats, after: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """The likeliest states of n words, (n,), and the probability of each state of each word, (n, states).

    Args:
        afresh: log-likelihood of each word in each state where the state changes, (n, states); the last state is none.
        after: the same where the state is that of the word before.
    """
    count, states = afresh.shape
    begin = np.full(states, np.log1p(-_NONE) - np.log(states - 1))
    begin[-1] = np.log(_NONE)
    change = np.full((states, states), np.log(_CHANGE / max(states - 2, 1)))  # [from, to]
    change[:, -1], change[-1] = np.log(_NONE), np.log(_CHANGE / (states - 1))
    stay = np.full(states, np.log1p(-_CHANGE - _NONE))
    stay[-1] = np.log1p(-_CHANGE)
    np.fill_diagonal(change, -np.inf)

    best, forward = begin + afresh[0], np.zeros((count, states))
    forward[0] = best
    origins = np.zeros((count, states), np.int64)
    for word in range(1, count):
        moved, stayed = best[:, None] + change, best + stay + after[word]
        origin = moved.argmax(axis=0)
        reached = moved[origin, np.arange(states)] + afresh[word]
        origins[word] = np.where(stayed >= reached, np.arange(states), origin)
        best = np.maximum(stayed, reached)
        forward[word] = np.logaddexp(
            forward[word - 1] + stay + after[word],
            np.logaddexp.reduce(forward[word - 1][:, None] + change, axis=0) + afresh[word],
        )
    path = np.zeros(count, np.int64)
    path[-1] = best.argmax()
    for word in range(count - 1, 0, -1):
        path[word - 1] = origins[word, path[word]]
    backward = np.zeros((count, states))
    for word in range(count - 1, 0, -1):
        backward[word - 1] = np.logaddexp(
            backward[word] + stay + after[word],
            np.logaddexp.reduce(change + (backward[word] + afresh[word]), axis=1),
        )
    chances = forward + backward
    return path, np.exp(chances - np.logaddexp.reduce(chances, axis=1)[:, None])


def _joined(
    text: str,
    places: Sequence[tuple[int, int]],
    path: npt.NDArray[np.int64],
    chances: Floats,
    names: Sequence[str | None],
) -> list[Span]:
    """Words of one state that follow each other are one span, with what stands after them."""
    firsts = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    sizes = np.array([end - begin for begin, end in places])
    found = []
    for first, last in pairwise(firsts):
        begin = places[first][0] if first else 0
        end = places[last][0] if last < len(path) else len(text)
        probability = np.average(chances[first:last, path[first]], weights=sizes[first:last])
        found.append(Span(begin, end, names[path[first]], float(probability)))
    return found
