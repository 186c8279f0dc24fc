"""From the models of all languages to the table that answers in their place."""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from textlstm.detection.background import Background
from textlstm.detection.detector import BACKGROUND, Parts
from textlstm.language.distillation import distil
from textlstm.language.ngram import NgramModel
from textlstm.language.table import BackoffTable


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
        order: see `textlstm.language.distillation.distil`.
        min_count: likewise.
        steps: likewise.
    """
    counted = [
        part.ngrams.with_words or NgramModel.learn(learnt(language), part.ngrams.vocabulary, order)
        for language, part in parts.items()
    ]
    mixtures = {language: part.mixture(ngram_weight) for language, part in parts.items()}
    return distil(mixtures, counted, (BACKGROUND, background.model), order=order, min_count=min_count, steps=steps)
