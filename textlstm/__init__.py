"""LSTMs on text: character language models that tell languages apart, and a sentiment model.

What a program that uses the trained models needs is here; it is imported when it is first named. Load once, ask a list
of texts, get one record per text in the same order:

    >>> import textlstm
    >>> detector = textlstm.load_detector()
    >>> [answer.language for answer in detector.predict(["bonjour tout le monde", "thank you very much", "?"])]
    ['french', 'english', None]
    >>> classifier = textlstm.load_classifier()
    >>> classifier.predict(["i really liked the movie and had fun"])[0].sentiment
    'positive'

Each package below says in its docstring what lives there and what it may import.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Detector": "textlstm.detection.detector",
    "LanguageAnswers": "textlstm.detection.detector",
    "LanguagePrediction": "textlstm.detection.detector",
    "SentimentClassifier": "textlstm.sentiment.classifier",
    "SentimentPrediction": "textlstm.sentiment.classifier",
    "TextLSTMError": "textlstm.core.errors",
    "load_classifier": "textlstm.loading",
    "load_detector": "textlstm.detection.detector",
}

if TYPE_CHECKING:
    from textlstm.core.errors import TextLSTMError
    from textlstm.detection.detector import Detector, LanguageAnswers, LanguagePrediction, load_detector
    from textlstm.loading import load_classifier
    from textlstm.sentiment.classifier import SentimentClassifier, SentimentPrediction
else:

    def __getattr__(name: str) -> Any:
        """Import a public name (PEP 562), so that `import textlstm` takes no time."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})


__all__ = [
    "Detector",
    "LanguageAnswers",
    "LanguagePrediction",
    "SentimentClassifier",
    "SentimentPrediction",
    "TextLSTMError",
    "__version__",
    "load_classifier",
    "load_detector",
]
