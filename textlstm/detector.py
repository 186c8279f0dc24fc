"""Which language is this? The models of all languages together, loaded from the files that the pipeline leaves."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textlstm.errors import TextLSTMError
from textlstm.language_model import LanguageModel
from textlstm.metrics import posterior
from textlstm.mixture import Counting
from textlstm.scoring import CharacterModel, Floats, text_log_likelihood
from textlstm.text import as_whole, normalise
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
        TextLSTMError: a model is missing or broken, or was trained with other characters than the rest.
    """
    folder = models / "language"
    names = languages or sorted(path.name for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
    if len(names) < 2:
        got = ", ".join(names) or "none"
        raise TextLSTMError(f"{folder}: expected the models of at least two languages, got {got}. Run 'make repro' to train them")
    detector: dict[str, CharacterModel] = {}
    vocabulary = None
    for name in names:
        lstm, counting = LanguageModel.load(folder / name), Counting.load(models / "ngram" / name)
        vocabulary = vocabulary or lstm.vocabulary
        for where, part in ((folder, lstm.vocabulary), (models / "ngram", counting.text.vocabulary)):
            if part != vocabulary:
                raise TextLSTMError(
                    f"{where / name}: expected the {len(vocabulary.characters)} characters that {folder / names[0]} knows, got "
                    f"{len(part.characters)}, not the same ones. The models come from different runs: run 'dvc checkout' or 'dvc repro'"
                )
        detector[name] = counting.beside(lstm)
    return detector


def detect(detector: dict[str, CharacterModel], texts: Sequence[str]) -> list[Guess]:
    """Guess the language of each text; white space, case and kinds of apostrophe do not matter.

    A text is taken to be whole: it begins and ends where words do.
    """
    texts = [normalise(text) for text in texts]
    whole = [as_whole(text) for text in texts]
    names, vocabulary = list(detector), next(iter(detector.values())).vocabulary
    guesses = []
    log_likelihoods = np.stack([text_log_likelihoods(model, whole) for model in detector.values()], axis=1)  # (n, languages)
    for text, row, chances in zip(texts, log_likelihoods, posterior(log_likelihoods), strict=True):
        second, best = np.argsort(row, kind="stable")[-2:]
        guesses.append(
            Guess(
                names[best] if (vocabulary.encode(text) != UNKNOWN).any() else None,
                float(row[best] - row[second]),
                float(chances[best]),
                dict(zip(names, row.tolist(), strict=True)),
            )
        )
    return guesses


def text_log_likelihoods(model: CharacterModel, texts: Sequence[str]) -> Floats:
    """Log-likelihood of each text, shape (n,). All are read in one go, end to end: a network then answers many times as fast.

    No text is influenced by its neighbours, since the sum over a text's rows never reaches beyond its last character.
    """
    if not texts:
        return np.zeros(0)
    encoded = [model.vocabulary.encode(text) for text in texts]
    ends = np.cumsum([0, *map(len, encoded)])
    table = model.log_probabilities(np.concatenate(encoded))
    return np.array([text_log_likelihood(table[begin:end]) for begin, end in itertools.pairwise(ends)])
