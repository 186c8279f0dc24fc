"""The sentiment classifier with the detector beside it: what is in another language gets no sentiment."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.unit.detection.test_detector import ABC, compile_models, save_models
from tests.unit.sentiment.test_lstm import LABELS, TEXTS, tiny, untrained
from textlstm.core.files import write_sealed
from textlstm.core.settings import DetectionSettings, SentimentSettings
from textlstm.loading import Foreign, load_classifier
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm


def test_only_what_is_surely_another_language_is_foreign() -> None:
    class Detector:
        def answers(self, texts: list[str], *, threshold: float) -> Any:
            assert threshold == 0.9
            languages = ["english", "french", None, None, None]
            reasons = [None, None, "low confidence", "out of set", "no letters"]
            return SimpleNamespace(language=np.array(languages, dtype=object), reason=np.array(reasons, dtype=object))

    assert Foreign(Detector())(["a"] * 5) == [False, True, False, True, False]  # type: ignore[arg-type]


def test_a_detector_that_knows_english_comes_along(settings: Callable[..., Any], tmp_path: Path) -> None:
    untrained(tiny(settings)).save(tmp_path / "imdb")
    config = NbsvmConfig(2, 1, 2, 10, True)
    train_nbsvm(TEXTS, LABELS, config, min_reviews=1, strength=1.0, seed=7).save(tmp_path / "nbsvm")
    write_sealed(tmp_path / "sentiment.json", SentimentSettings(0.5, 0.5, 0.6, [3, 150], [2.0, 1.0], [0.5, 0.0]))
    alone = load_classifier(tmp_path)
    assert alone.foreign is None
    assert alone.threshold == 0.6
    assert alone.calibration is not None
    for languages in (("left", "right"), ("english", "french")):
        for language in languages:
            save_models(tmp_path, language, ABC, ABC)
        compile_models(tmp_path, languages)
        write_sealed(tmp_path / "detection.json", DetectionSettings(list(languages), 0.5, 0.6))
        foreign = load_classifier(tmp_path).foreign
        assert (foreign is None) == (languages[0] == "left")
    assert isinstance(foreign, Foreign)
    assert len(foreign(["ab", "жж"])) == 2
