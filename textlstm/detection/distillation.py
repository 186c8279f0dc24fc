"""Distil the models of all languages into the table that answers for them: which strings it holds, and what the models say of them."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.detection.background import Background
from textlstm.detection.detector import BACKGROUND, Parts
from textlstm.detection.table import BackoffTable, build_table
from textlstm.language.ngram import Codes, NgramModel
from textlstm.language.scoring import CompilableModel, Level
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary

_TRIPLES = 2**18  # where there are no more strings of three ids than so many, the table holds them all


def compile_table(
    parts: dict[str, Parts],
    background: Background,
    learnt: Callable[[str], npt.NDArray[Any]],
    *,
    ngram_weight: float,
    order: int,
    min_count: int,
    steps: int,
) -> BackoffTable:
    """The table of the mixtures, with the strings of what they learnt from.

    Args:
        parts: the models of each language.
        background: of other languages.
        learnt: gives the character ids of a language's text, (n,); asked about languages without drawn words, whose
            n-grams count shorter strings.
        ngram_weight: share of the n-grams in the mixtures.
        order: see `distil`.
        min_count: likewise.
        steps: likewise.
    """
    counted = [
        part.ngrams.with_words
        or NgramModel.learn(learnt(language), part.ngrams.vocabulary, order, parameter="table.order")
        for language, part in parts.items()
    ]
    mixtures = {language: part.mixture(ngram_weight) for language, part in parts.items()}
    return distil(mixtures, counted, (BACKGROUND, background.model), order=order, min_count=min_count, steps=steps)


def distil(
    languages: Mapping[str, CompilableModel],
    counted: Sequence[NgramModel],
    background: tuple[str, NgramModel],
    *,
    order: int,
    min_count: int,
    steps: int,
) -> BackoffTable:
    """One table of the models of all languages and of the background.

    Args:
        languages: by name; all have one vocabulary.
        counted: n-gram models of the languages, whose strings the table holds.
        background: its column's name, and a model with one id more, for letters that the languages do not have.
        order: characters of the longest string.
        min_count: a string that no model has counted so often is left out, but for those of one or two characters.
        steps: per nat, to which log-probabilities are rounded.

    Raises:
        TextLSTMError: the strings do not fit into 63 bits, or `steps` is no power of two.
    """
    vocabulary = next(iter(languages.values())).vocabulary
    if steps & (steps - 1):
        raise TextLSTMError(
            f"table.steps is {steps}, expected a power of two, which divides without rounding: take {1 << steps.bit_length()}"
        )
    fits = int(63 / np.log2(vocabulary.size + 1))
    if order > fits:
        raise TextLSTMError(
            f"table.order is {order}, expected at most {fits} for {vocabulary.size} different characters. Lower it, or raise "
            "vectorize.min_count, with which there are fewer characters"
        )
    name, others = background
    foreign = vocabulary.size
    levels = prefix_tree(vocabulary, [*counted, others], order=order, min_count=min_count)
    folded = [Level(level.parents, np.where(level.ids == foreign, UNKNOWN, level.ids)) for level in levels]
    columns = {}
    for language, model in languages.items():
        found = model.log_conditionals(folded)
        columns[language] = [
            np.where(level.ids == UNKNOWN, 0.0, of_level) for level, of_level in zip(folded, found, strict=True)
        ]
    columns[name] = [
        np.where(level.ids == UNKNOWN, 0.0, of_level)
        for level, of_level in zip(levels, others.log_conditionals(levels), strict=True)
    ]
    special = dict.fromkeys(languages, (UNKNOWN, foreign)) | {name: (UNKNOWN,)}
    return build_table(vocabulary, levels, columns, special=special, steps=steps)


def prefix_tree(vocabulary: Vocabulary, counted: Sequence[NgramModel], *, order: int, min_count: int) -> list[Level]:
    """The strings of a table, by their length.

    All of one and two ids without `<start>`, all of three if these are not many, and longer ones that one of the models
    has counted `min_count` times, without unknown characters. With a string, those without its first and without its
    last character were counted as often.
    """
    size = vocabulary.size + 1
    ids = np.arange(START + 1, size, dtype=np.int64)
    pairs = (ids[:, None] * size + ids).ravel()
    strings = [ids, pairs]
    for length in range(3, order + 1):
        if length == 3 and size**3 <= _TRIPLES:
            strings.append((pairs[:, None] * size + ids).ravel())
        else:
            strings.append(_counted(counted, length, size, min_count))
        if not len(strings[-1]):
            strings.pop()
            break
    levels = [Level(np.zeros(len(ids), np.int64), ids.astype(np.int32))]
    for shorter, codes in itertools.pairwise(strings):
        levels.append(Level(np.searchsorted(shorter, codes // size), (codes % size).astype(np.int32)))
    return levels


def _counted(models: Sequence[NgramModel], length: int, size: int, min_count: int) -> Codes:
    """Codes, in base `size`, of the strings that one of the models has counted often enough, ascending."""
    found = [np.zeros(0, np.int64)]
    for model in models:
        if model.order < length:
            continue
        rest, base = model.codes[length - 1][model.counts[length - 1] >= min_count], model.vocabulary.size
        codes, known = np.zeros(len(rest), np.int64), np.ones(len(rest), bool)
        for place in range(length):
            codes += rest % base * size**place
            known &= rest % base > UNKNOWN
            rest //= base
        found.append(codes[known])
    return np.unique(np.concatenate(found))
