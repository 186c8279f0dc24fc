"""Which language is this? The models of all languages together, loaded from the files that the pipeline leaves."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import find_models, read_record
from textlstm.core.odds import posterior
from textlstm.core.text import as_whole, normalise
from textlstm.detection.abstention import NO_LETTERS, OUT_OF_SET, Abstention
from textlstm.detection.background import FOREIGN, Background
from textlstm.detection.evidence import Evidence, text_evidence
from textlstm.language.lstm import LanguageModel
from textlstm.language.mixture import NgramMixture
from textlstm.language.scoring import CharacterModel, Floats


class LanguagePrediction(NamedTuple):
    """The answer for one text.

    Without a language there is a reason, one of those in `textlstm.detection.abstention`. Margin and probability are
    missing where a text is out of set.
    """

    language: str | None
    reason: str | None
    margin: float | None  # log-odds (natural) of the likeliest language against the runner-up
    probability: float | None  # of the likeliest language, all equally likely beforehand
    log_likelihoods: dict[str, float]
    out_of_set_score: float  # nats, above 0 is out of set: see `Abstention.out_of_set_scores`


class LanguageAnswers(NamedTuple):
    """The answers for n texts as arrays, shape (n,); see `LanguagePrediction`."""

    language: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]
    margin: Floats  # NaN where a record has None
    probability: Floats


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
        whole = [as_whole(normalise(text)) for text in texts]
        return text_evidence(list(self.models.values()), self.background, whole)

    @property
    def languages(self) -> list[str]:
        """Those that it knows."""
        return list(self.models)

    def predict(
        self, texts: Sequence[str], *, languages: Sequence[str] | None = None, threshold: float | None = None
    ) -> list[LanguagePrediction]:
        """The language of each text; white space, case, kinds of apostrophe and digits do not matter.

        Args:
            texts: read as whole texts.
            languages: the candidates, by default all.
            threshold: least probability of a language that is answered, by default that of params.yaml.

        Raises:
            TextLSTMError: a language is unknown.
        """
        if unknown := set(languages or ()) - set(self.models):
            raise TextLSTMError(f"languages: expected some of {', '.join(self.models)}, got {', '.join(unknown)}")
        if languages is not None:
            chosen = {name: model for name, model in self.models.items() if name in languages}
            return dataclasses.replace(self, models=chosen).predict(texts, threshold=threshold)
        names, evidence = list(self.models), self.evidence(texts)
        reasons = self.abstention.reasons(evidence, self.threshold if threshold is None else threshold)
        scores = self.abstention.out_of_set_scores(evidence)
        predictions = []
        for row, chances, score, reason in zip(
            evidence.log_likelihoods, posterior(evidence.log_likelihoods), scores, reasons, strict=True
        ):
            second, best = np.argsort(row, kind="stable")[-2:]
            odds: tuple[float | None, float | None] = (float(row[best] - row[second]), float(chances[best]))
            if reason == NO_LETTERS:  # punctuation has no influence
                odds = (0.0, 1.0 / len(names))
            elif reason == OUT_OF_SET:  # the odds between the languages mean nothing
                odds = (None, None)
            likelihoods = dict(zip(names, row.tolist(), strict=True))
            predictions.append(
                LanguagePrediction(None if reason else names[best], reason, *odds, likelihoods, float(score))
            )
        return predictions

    def answers(
        self, texts: Sequence[str], *, languages: Sequence[str] | None = None, threshold: float | None = None
    ) -> LanguageAnswers:
        """The same as arrays."""
        rows = [record[:4] for record in self.predict(texts, languages=languages, threshold=threshold)]
        language, reason, margin, probability = np.array(rows, dtype=object).reshape(-1, 4).T
        return LanguageAnswers(language, reason, margin.astype(np.float64), probability.astype(np.float64))


def load_detector(models: Path | None = None, *, exact: bool = False) -> Detector:  # noqa: ARG001 - it is always exact
    """The detector of the folder `models`; by default of the installed wheel, or else of the current folder's `models`.

    Raises:
        TextLSTMError: a model is missing or broken, or was trained with other characters than the rest.
    """
    models = find_models(models, paths.DETECTION_SETTINGS)
    settings = read_record(models / paths.DETECTION_SETTINGS.name, DetectionSettings)
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
