"""Which language is this? The models of all languages together, loaded from the files that the pipeline leaves."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textlstm.core.errors import TextLSTMError
from textlstm.core.odds import posterior
from textlstm.core.text import as_whole, normalise
from textlstm.detection.background import FOREIGN, Background
from textlstm.detection.calibration import NEITHER, NO_LETTERS, Doubt
from textlstm.detection.evidence import text_evidence
from textlstm.language.lstm import LanguageModel
from textlstm.language.mixture import Counting
from textlstm.language.scoring import CharacterModel, Floats, text_log_likelihood


class Guess(NamedTuple):
    """The answer for one text.

    Without a language there is a reason, one of those in `textlstm.detection.calibration`. Log-odds (natural, of the likeliest
    language against the next) and probability (all languages equally likely beforehand) are calibrated, and missing where a
    text is in neither language.
    """

    language: str | None
    reason: str | None
    log_odds: float | None
    probability: float | None
    log_likelihoods: dict[str, float]  # as the models give them
    excess: float  # how much likelier as other languages' text than as the likeliest language's, in nats, less the margin


@dataclass(frozen=True)
class Detector:
    """Everything that an answer needs."""

    models: dict[str, CharacterModel]  # one a language
    background: Background
    doubt: Doubt


def load_detector(models: Path, languages: Sequence[str] | None = None) -> Detector:
    """One model for each language, its LSTM mixed with its n-gram models, the background and the doubt.

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
    background, doubt = Background.load(models / "background"), Doubt.load(models / "doubt")
    if vocabulary and background.model.vocabulary.characters != (*vocabulary.characters, FOREIGN):
        raise TextLSTMError(
            f"{models / 'background'}: expected the characters that {folder / names[0]} knows and one more, got others. "
            "The models come from different runs: run 'dvc checkout' or 'dvc repro'"
        )
    return Detector(detector, background, doubt)


def detect(detector: Detector, texts: Sequence[str]) -> list[Guess]:
    """Guess the language of each text; white space, case, kinds of apostrophe and digits do not matter.

    A text is taken to be whole: it begins and ends where words do.
    """
    names, doubt = list(detector.models), detector.doubt
    evidence = text_evidence(list(detector.models.values()), detector.background, [as_whole(normalise(text)) for text in texts])
    calibrated, excesses, reasons = doubt.calibrated(evidence), doubt.excess(evidence), doubt.reasons(evidence)
    guesses = []
    for raw, row, chances, excess, reason in zip(
        evidence.log_likelihoods, calibrated, posterior(calibrated), excesses, reasons, strict=True
    ):
        second, best = np.argsort(row, kind="stable")[-2:]
        odds: tuple[float | None, float | None] = (float(row[best] - row[second]), float(chances[best]))
        if reason == NO_LETTERS:  # what marks there are say nothing
            odds = (0.0, 1.0 / len(names))
        elif reason == NEITHER:  # the odds between the languages mean nothing
            odds = (None, None)
        language = None if reason else names[best]
        guesses.append(Guess(language, reason, *odds, dict(zip(names, raw.tolist(), strict=True)), float(excess)))
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
