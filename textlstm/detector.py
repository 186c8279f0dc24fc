"""Which language is this? The models of all languages together, loaded from the files that the pipeline leaves."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textlstm.errors import TextLSTMError
from textlstm.language_model import LanguageModel
from textlstm.metrics import posterior
from textlstm.mixture import Counting
from textlstm.scoring import CharacterModel, text_log_likelihood
from textlstm.text import normalise
from textlstm.vocabulary import UNKNOWN


class Guess(NamedTuple):
    """The answer for one text."""

    language: str | None  # None: no character of the text is known
    log_odds: float  # natural logarithm of the odds of this language against the next best
    probability: float  # all languages equally likely beforehand
    log_likelihoods: dict[str, float]


def load_detector(models: Path, languages: Sequence[str] | None = None) -> dict[str, CharacterModel]:
    """One model for each language: its LSTM mixed with its n-gram models.

    Args:
        models: the folder `models` of a checkout.
        languages: which; by default, all that are there.

    Raises:
        TextLSTMError: a model is missing or broken.
    """
    folder = models / "language"
    names = languages or sorted(path.name for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
    if len(names) < 2:
        got = ", ".join(names) or "none"
        raise TextLSTMError(f"{folder}: expected the models of at least two languages, got {got}. Run 'make repro' to train them")
    detector: dict[str, CharacterModel] = {}
    for name in names:
        detector[name] = Counting.load(models / "ngram" / name).beside(LanguageModel.load(folder / name))
    return detector


def detect(detector: dict[str, CharacterModel], texts: Sequence[str]) -> list[Guess]:
    """Guess the language of each text; white space, case and kinds of apostrophe do not matter."""
    guesses = []
    names = list(detector)
    for text in map(normalise, texts):
        log_likelihoods, known = [], False
        for model in detector.values():
            ids = model.vocabulary.encode(text)
            known = known or bool((ids != UNKNOWN).any())
            log_likelihoods.append(text_log_likelihood(model.log_probabilities(ids)))
        chances = posterior(np.array([log_likelihoods]))[0]
        second, best = np.argsort(log_likelihoods, kind="stable")[-2:]
        guesses.append(
            Guess(
                names[best] if known else None,
                float(log_likelihoods[best] - log_likelihoods[second]),
                float(chances[best]),
                dict(zip(names, log_likelihoods, strict=True)),
            )
        )
    return guesses
