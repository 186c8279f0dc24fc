"""The sentiment classifier with the language detector beside it, which tells it what is not English."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textlstm.core import paths
from textlstm.core.files import find_models, read_sealed
from textlstm.core.settings import DetectionSettings
from textlstm.detection.abstention import OUT_OF_SET
from textlstm.detection.detector import Detector, load_detector
from textlstm.sentiment.classifier import SentimentClassifier

_ENGLISH = "english"
_SURE = 0.9  # how probable another language must be


@dataclass(frozen=True)
class Foreign:
    """Which texts are not English, as a detector says for sure."""

    detector: Detector

    def __call__(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text is in another language of the detector, or in none of them."""
        found = self.detector.answers(texts, threshold=_SURE)
        return [
            language not in (None, _ENGLISH) or reason == OUT_OF_SET
            for language, reason in zip(found.language.tolist(), found.reason.tolist(), strict=True)
        ]


def load_classifier(models: Path | None = None) -> SentimentClassifier:
    """The classifier of the folder `models`; by default of the installed wheel, or else of the current folder's `models`.

    If the folder holds a language detector that knows English too, a text in another language gets no sentiment.

    Raises:
        TextLSTMError: a model is missing or broken.
    """
    folder = find_models(models, paths.SENTIMENT_SETTINGS, paths.IMDB_MODEL, paths.NBSVM_MODEL)
    classifier, settings = SentimentClassifier.load(folder), folder / paths.DETECTION_SETTINGS.name
    if not settings.exists() or _ENGLISH not in read_sealed(settings, DetectionSettings).languages:
        return classifier
    return dataclasses.replace(classifier, foreign=Foreign(load_detector(folder)))
