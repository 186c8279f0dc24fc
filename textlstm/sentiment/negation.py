"""Negation in what counts words: "good" after "not" is another word than "good".

As Das and Chen (2001) and Pang, Lee and Vaithyanathan (2002, https://aclanthology.org/W02-1011/) have it. Without
it, "never boring" is "never" and "boring", both of which stand in bad reviews more often than in good ones.
"""

from collections.abc import Sequence

_NEGATION, _MARK = "not", "not "  # no word has a space
_NEGATIONS = frozenset(
    {"not", "never", "no", "nobody", "nothing", "nowhere", "none", "neither", "nor", "without"}
    | {"hardly", "scarcely", "barely", "rarely", "seldom", "lack", "lacks"}
)
_ENDS = frozenset({".", "!", "?", ",", ";", ":", "(", ")", "but"})
_CONTRACTIONS = {"can't": "can", "cannot": "can", "won't": "will", "shan't": "shall", "ain't": "is"} | {
    "cant": "can", "wont": "will", "dont": "do", "didnt": "did", "doesnt": "does", "isnt": "is", "wasnt": "was",
    "couldnt": "could", "wouldnt": "would", "shouldnt": "should",
}  # fmt: skip


def mark_negation(words: Sequence[str], reach: int) -> list[str]:
    """Words, of which those after a negation are marked, up to `reach` of them or the next punctuation mark or "but".

    Contractions are taken apart, and all negations are one word.

    >>> mark_negation(["it", "couldn't", "be", "better", ",", "never", "boring"], 5)
    ['it', 'could', 'not', 'not be', 'not better', ',', 'not', 'not boring']
    """
    marked: list[str] = []
    left = 0  # words that the last negation still reaches
    for word in words:
        verb = _CONTRACTIONS.get(word) or (word[:-3] if word.endswith("n't") else "")
        if verb:
            marked.append(_MARK + verb if left else verb)
        if verb or word in _NEGATIONS or (word == "from" and marked[-1:] == ["far"]):
            marked.append(_NEGATION)
            left = reach
        elif word in _ENDS:
            marked.append(word)
            left = 0
        else:
            marked.append(_MARK + word if left else word)
            left = max(left - 1, 0)
    return marked
