"""Which language is this? The models of all languages together, loaded from the files that the pipeline leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import find_models, read_sealed
from textlstm.core.odds import highest, posterior
from textlstm.core.settings import DetectionSettings
from textlstm.core.text import check_list
from textlstm.detection.abstention import LOW_CONFIDENCE, NO_LANGUAGE, NO_LETTERS, OUT_OF_SET, REASONS, Abstention
from textlstm.detection.background import FOREIGN, Background
from textlstm.detection.evidence import EvidenceReader, ModelReader, evidence_of
from textlstm.detection.spans import Span, spans_of
from textlstm.detection.table import BackoffTable
from textlstm.detection.table_reader import TableReader
from textlstm.language.lstm import LanguageModel
from textlstm.language.mixture import InterpolatedModel, NgramMixture
from textlstm.language.scoring import CharacterModel, Floats
from textlstm.language.vocabulary import Vocabulary

BACKGROUND = "background"  # column of the table
_FEW, _SHORT = 16, 150  # texts, and characters of them all: of so few, each is answered by itself
_NOWHERE = (OUT_OF_SET, NO_LANGUAGE)  # the odds between the languages mean nothing


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


class LanguageAnswers(NamedTuple):
    """The answers for n texts as arrays; see `LanguagePrediction`."""

    language: npt.NDArray[np.object_]  # (n,): names, or None
    reason: npt.NDArray[np.object_]  # (n,): a reason, or None
    margin: Floats  # (n,): NaN where it is missing
    probability: Floats  # (n,): NaN where it is missing
    log_likelihoods: Floats  # (n, candidates)
    out_of_set_score: Floats  # (n,)


class Parts(NamedTuple):
    """The two models of one language."""

    lstm: LanguageModel
    ngrams: NgramMixture

    def mixture(self, ngram_weight: float) -> InterpolatedModel:
        """Both together; `ngram_weight` is the share of the n-grams."""
        return self.ngrams.beside(self.lstm, ngram_weight)


@dataclass(frozen=True)
class Detector:
    """Everything that an answer needs. Threads may share it, and it can be pickled."""

    languages: Sequence[str]
    reader: EvidenceReader
    abstention: Abstention
    threshold: float

    def answers(
        self, texts: Sequence[str], *, languages: Sequence[str] | None = None, threshold: float | None = None
    ) -> LanguageAnswers:
        """The language of each text, as arrays: the way to ask about many. The arguments are those of `predict`."""
        check_list(texts)
        names, columns, threshold = self._candidates(languages, threshold)
        evidence = evidence_of(self.reader, texts)
        if languages is not None:
            evidence = evidence._replace(log_likelihoods=evidence.log_likelihoods[:, columns])
        top, second, best = _best_two(evidence.log_likelihoods)
        probability = highest(posterior(evidence.log_likelihoods))
        found, scores = self.abstention.decide(evidence, probability, threshold)
        margin = top - second
        for reason, of_margin, of_probability in (
            (NO_LETTERS, 0.0, 1.0 / len(names)),  # punctuation has no influence
            (OUT_OF_SET, np.nan, np.nan),  # the odds between the languages mean nothing
            (NO_LANGUAGE, np.nan, np.nan),
        ):
            rows = found == REASONS.index(reason)
            margin[rows], probability[rows] = of_margin, of_probability
        language = np.array([*names, None], dtype=object)[np.where(found == len(REASONS), best, len(names))]
        reasons = np.array([*REASONS, None], dtype=object)[found]
        return LanguageAnswers(language, reasons, margin, probability, evidence.log_likelihoods, scores)

    def predict(
        self, texts: Sequence[str], *, languages: Sequence[str] | None = None, threshold: float | None = None
    ) -> list[LanguagePrediction]:
        """The language of each text, as records.

        Args:
            texts: as they come, each as a whole; see `textlstm.core.text.clean` for what does not matter in them.
            languages: the candidates, by default all.
            threshold: least probability of a language that is answered, 0 to 1; 0 answers every text with a letter. By
                default that of params.yaml.

        Raises:
            TextLSTMError: a string in place of a list, fewer than two languages, an unknown one, or a threshold that is
                no probability.
        """
        check_list(texts)
        names, columns, least = self._candidates(languages, threshold)
        if isinstance(self.reader, TableReader) and len(texts) <= _FEW and len("".join(texts)) <= _SHORT:
            return [self._predict_one(self.reader, text, names, columns, least) for text in texts]
        answers = self.answers(texts, languages=languages, threshold=threshold)
        return [
            LanguagePrediction(
                language,
                reason,
                None if reason in _NOWHERE else margin,
                None if reason in _NOWHERE else probability,
                dict(zip(names, likelihoods, strict=True)),
                score,
            )
            for language, reason, margin, probability, likelihoods, score in zip(
                *(column.tolist() for column in answers), strict=True
            )
        ]

    def spans(self, texts: Sequence[str], *, languages: Sequence[str] | None = None) -> list[list[Span]]:
        """Which parts of each text are in which language: see `textlstm.detection.spans`.

        Args:
            texts: as they come.
            languages: the candidates, by default all.

        Raises:
            TextLSTMError: a string in place of a list, fewer than two languages, or an unknown one.
        """
        check_list(texts)
        names, columns, _ = self._candidates(languages, None)
        return [spans_of(self.reader, self.abstention, text, names, columns) for text in texts]

    def _candidates(
        self, languages: Sequence[str] | None, threshold: float | None
    ) -> tuple[Sequence[str], Sequence[int], float]:
        """Names and columns of the candidates, and the threshold."""
        threshold = self.threshold if threshold is None else threshold
        if not 0.0 <= threshold <= 1.0:
            raise TextLSTMError(f"threshold: expected a probability, 0 to 1, got {threshold}")
        if languages is None:
            return self.languages, range(len(self.languages)), threshold
        names = list(dict.fromkeys(languages))
        if unknown := [name for name in names if name not in self.languages]:
            raise TextLSTMError(f"languages: expected some of {', '.join(self.languages)}, got {', '.join(unknown)}")
        if len(names) < 2:
            raise TextLSTMError(
                f"languages: expected two or more of {', '.join(self.languages)}, got {', '.join(names) or 'none'}"
            )
        return names, [self.languages.index(name) for name in names], threshold

    def _predict_one(
        self, reader: TableReader, text: str, names: Sequence[str], columns: Sequence[int], threshold: float
    ) -> LanguagePrediction:
        """What `answers` says of one text, to the last bit, in a fraction of the time that numpy takes for one."""
        *sums, background, known, foreign, foreign_words, letters = reader.one(text)
        steps, chances = reader.table.steps, reader.chances
        likelihoods = [sums[column] for column in columns]
        *_, second, top = sorted(likelihoods)
        best = likelihoods.index(top)
        total, last = 0.0, len(chances) - 1
        for likelihood in likelihoods:
            below = top - likelihood
            total += chances[below if below < last else last]
        probability = 1.0 / total
        score, dear = self.abstention.of_one(background / steps, top / steps, known, foreign, foreign_words, letters)
        reason: str | None = None
        odds: tuple[float | None, float | None] = ((top - second) / steps, probability)
        if not letters:
            reason, odds = NO_LETTERS, (0.0, 1.0 / len(names))  # punctuation has no influence
        elif threshold and (score > 0 or dear):
            reason, odds = OUT_OF_SET if score > 0 else NO_LANGUAGE, (None, None)
        elif probability < threshold:
            reason = LOW_CONFIDENCE
        nats = dict(zip(names, [likelihood / steps for likelihood in likelihoods], strict=True))
        return LanguagePrediction(None if reason else names[best], reason, *odds, nats, score)


def _best_two(likelihoods: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Of each row (n, languages) the highest and the second highest number, and the first place of the highest, (n,) each."""
    top, second = likelihoods[:, 0].copy(), np.full(len(likelihoods), -np.inf)
    best = np.zeros(len(likelihoods), np.int64)
    for place in range(1, likelihoods.shape[1]):
        column = likelihoods[:, place]
        second = np.maximum(second, np.minimum(top, column))
        best[column > top] = place
        top = np.maximum(top, column)
    return top, second, best


def load_detector(models: Path | None = None, *, exact: bool = False) -> Detector:
    """The detector of a folder of models.

    Args:
        models: the folder; by default the one inside an installed wheel, or else `models` of the current folder.
        exact: ask LSTMs and n-grams themselves, many hundred times as slow, in place of the table distilled from them.

    Raises:
        TextLSTMError: a model is missing or broken, or was trained with other characters than the rest.
    """
    models = find_models(models, paths.DETECTION_SETTINGS)
    settings = read_sealed(models / paths.DETECTION_SETTINGS.name, DetectionSettings)
    abstention = Abstention.load(models / paths.ABSTENTION.name)
    if exact:
        parts = load_parts(models, settings.languages)
        mixtures = [part.mixture(settings.ngram_weight) for part in parts.values()]
        reader: EvidenceReader = ModelReader(mixtures, load_background(models, parts).model)
    else:
        reader = TableReader(load_table(models, settings.languages))
    return Detector(tuple(settings.languages), reader, abstention, settings.threshold)


def load_table(models: Path, languages: Sequence[str]) -> BackoffTable:
    """The table of these languages; a missing or broken one, or one of others, is a TextLSTMError."""
    folder = models / paths.TABLE.name
    table = BackoffTable.load(folder)
    if table.columns != (*languages, BACKGROUND):
        raise TextLSTMError(
            f"{folder}: expected the models of {', '.join(languages)} and {BACKGROUND}, got {', '.join(table.columns)}. "
            "The models come from different runs: run 'dvc checkout' or 'dvc repro'"
        )
    return table


def table_models(table: BackoffTable) -> tuple[list[CharacterModel], CharacterModel]:
    """The models of a table: one per language, and the background's."""
    wider = Vocabulary((*table.vocabulary.characters, FOREIGN))
    return [table.model(language) for language in table.columns[:-1]], table.model(BACKGROUND, wider)


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
