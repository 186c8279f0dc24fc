"""Which language is this? The models of all languages together, loaded from the files that the pipeline leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_record, require
from textlstm.core.odds import posterior
from textlstm.core.text import as_whole, clean
from textlstm.detection.abstention import NO_LANGUAGE, NO_LETTERS, OUT_OF_SET, Abstention
from textlstm.detection.background import FOREIGN, Background
from textlstm.detection.evidence import Evidence, text_evidence
from textlstm.language.lstm import LanguageModel
from textlstm.language.mixture import NgramMixture
from textlstm.language.scoring import CharacterModel


class LanguagePrediction(NamedTuple):
    """The answer for one text.

    Without a language there is a reason, one of those in `textlstm.detection.abstention`. Margin and probability are
    missing where a text is out of set or no language.
    """

    language: str | None
    reason: str | None
    margin: float | None  # log-odds (natural) of the likeliest language against the runner-up
    probability: float | None  # of the likeliest language, all equally likely beforehand
    log_likelihoods: dict[str, float]
    out_of_set_score: float  # nats, above 0 is out of set: see `Abstention.out_of_set_scores`


@dataclass(frozen=True)
class DetectionSettings:
    """What decides answers and is set in params.yaml, not trained or fitted (models/detection.json)."""

    languages: list[str]  # the first of two is the positive class
    ngram_weight: float  # share of the n-grams beside the LSTM
    threshold: float  # least probability of a language that is answered


class Parts(NamedTuple):
    """The two models of one language."""

    lstm: LanguageModel
    ngrams: NgramMixture


@dataclass(frozen=True)
class Detector:
    """Everything that an answer needs."""

    models: dict[str, CharacterModel]  # one per language
    background: Background
    abstention: Abstention
    threshold: float

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """What the answers are made from. A text is taken to be whole: it begins and ends where words do."""
        whole = [as_whole(clean(text)) for text in texts]
        return text_evidence(list(self.models.values()), self.background, whole)

    def predict(self, texts: Sequence[str]) -> list[LanguagePrediction]:
        """The language of each text; what `textlstm.core.text.clean` makes the same, and digits, do not matter."""
        names, evidence = list(self.models), self.evidence(texts)
        reasons = self.abstention.reasons(evidence, self.threshold)
        scores = self.abstention.out_of_set_scores(evidence)
        predictions = []
        for row, chances, score, reason in zip(
            evidence.log_likelihoods, posterior(evidence.log_likelihoods), scores, reasons, strict=True
        ):
            second, best = np.argsort(row, kind="stable")[-2:]
            odds: tuple[float | None, float | None] = (float(row[best] - row[second]), float(chances[best]))
            if reason == NO_LETTERS:  # punctuation has no influence
                odds = (0.0, 1.0 / len(names))
            elif reason in (OUT_OF_SET, NO_LANGUAGE):  # the odds between the languages mean nothing
                odds = (None, None)
            likelihoods = dict(zip(names, row.tolist(), strict=True))
            predictions.append(
                LanguagePrediction(None if reason else names[best], reason, *odds, likelihoods, float(score))
            )
        return predictions


def load_detector(models: Path) -> Detector:
    """The detector of the folder `models` of a checkout.

    Raises:
        TextLSTMError: a model is missing or broken, or was trained with other characters than the rest.
    """
    place = models / paths.DETECTION_SETTINGS.name
    require(place, hint="Run 'make repro' to train the models, or name the folder that holds them")
    settings = read_record(place, DetectionSettings)
    parts = load_parts(models, settings.languages)
    background = load_background(models, parts)
    return Detector(
        {name: part.ngrams.beside(part.lstm, settings.ngram_weight) for name, part in parts.items()},
        background,
        Abstention.load(models / paths.ABSTENTION.name),
        settings.threshold,
    )


def load_parts(models: Path, languages: Sequence[str]) -> dict[str, Parts]:
    """The LSTM and the n-grams of each language.

    Raises:
        TextLSTMError: a model is missing or broken, or was trained with other characters than the rest.
    """
    loaded: dict[str, Parts] = {}
    for name in languages:
        folders = [models / folder.name / name for folder in (paths.LANGUAGE_MODELS, paths.NGRAM_MODELS)]
        loaded[name] = Parts(LanguageModel.load(folders[0]), NgramMixture.load(folders[1]))
        known = loaded[languages[0]].lstm.vocabulary
        vocabularies = (loaded[name].lstm.vocabulary, loaded[name].ngrams.vocabulary)
        for folder, vocabulary in zip(folders, vocabularies, strict=True):
            if vocabulary != known:
                raise TextLSTMError(
                    f"{folder}: expected the {len(known.characters)} characters that {languages[0]}'s LSTM knows, got "
                    f"{len(vocabulary.characters)}, not the same ones. The models come from different runs: "
                    "run 'dvc checkout' or 'dvc repro'"
                )
    return loaded


def load_background(models: Path, parts: dict[str, Parts]) -> Background:
    """The background that belongs to the models; another one, a missing or a broken one is a TextLSTMError."""
    folder = models / paths.BACKGROUND_MODEL.name
    background = Background.load(folder)
    if background.model.vocabulary.characters != (*next(iter(parts.values())).lstm.vocabulary.characters, FOREIGN):
        raise TextLSTMError(
            f"{folder}: expected the characters that the languages' LSTMs know and one more, got others. "
            "The models come from different runs: run 'dvc checkout' or 'dvc repro'"
        )
    return background
