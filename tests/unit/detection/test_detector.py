"""The detector on models whose sums can be done on paper."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.params import load_params
from textlstm.detection.background import Background
from textlstm.detection.calibration import Doubt
from textlstm.detection.detector import Detector, detect, load_detector, text_log_likelihoods
from textlstm.language.lstm import LanguageModel, ModelConfig
from textlstm.language.lstm_training import build_language_model
from textlstm.language.mixture import Counting
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import CharacterModel, Floats, text_log_likelihood
from textlstm.language.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]
ABC = Vocabulary(("a", "b", "c"))
LEFT = NgramModel.learn(ABC.encode("aabacaab"), ABC, 3)
RIGHT = NgramModel.learn(ABC.encode("ccbcaccb"), ABC, 3)
OTHERS = Background.learn(["bbbb", "жжж жжж"], ABC, order=2, characters=100)
DOUBT = Doubt(scale=0.5, exponent=0.0, foreign=-8.0, lengths=[1], margins=[1.0], threshold=0.6)
DETECTOR = Detector({"left": LEFT, "right": RIGHT}, OTHERS, DOUBT)
TEXTS = ["a", "", "abcabc", "?", "bb", "c?ab", "жж", "1 2"]


class Counted:
    """Another model, which counts how often it is asked."""

    def __init__(self, model: CharacterModel) -> None:
        self.model, self.vocabulary, self.asked = model, model.vocabulary, 0

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        self.asked += 1
        return self.model.log_probabilities(ids)


@pytest.mark.parametrize("texts", [TEXTS, [""], []])
def test_texts_read_in_one_go_do_not_influence_each_other(texts: list[str]) -> None:
    model = Counted(LEFT)
    together = text_log_likelihoods(model, texts)
    assert model.asked == bool(texts)
    assert together.tolist() == [text_log_likelihood(LEFT.log_probabilities(ABC.encode(text))) for text in texts]


def test_guesses_are_those_of_each_text_alone() -> None:
    assert detect(DETECTOR, TEXTS) == [detect(DETECTOR, [text])[0] for text in TEXTS]
    assert detect(DETECTOR, []) == []


def test_log_odds_and_probability_are_those_of_the_likelihoods_divided_by_the_temperature() -> None:
    guess = detect(DETECTOR, ["aab"])[0]
    left, right = guess.log_likelihoods["left"], guess.log_likelihoods["right"]
    assert left == text_log_likelihood(LEFT.log_probabilities(ABC.encode(" aab ")))  # a whole text stands between spaces
    assert guess.language == "left"
    assert guess.log_odds == pytest.approx((left - right) / 2)
    assert guess.probability == pytest.approx(1 / (1 + math.exp((right - left) / 2)))


@pytest.mark.parametrize("text", ["???", "", "1 2 3", "¡!"])
def test_a_text_without_letters_has_no_language(text: str) -> None:
    (guess,) = detect(DETECTOR, [text])
    assert (guess.language, guess.reason, guess.log_odds, guess.probability) == (None, "no letters", 0.0, 0.5)


def test_a_text_that_the_background_likes_better_is_in_neither_language() -> None:
    for text in ("жж", "Ж", "bbbbbb"):
        (guess,) = detect(DETECTOR, [text])
        assert (guess.language, guess.reason, guess.log_odds, guess.probability) == (None, "neither", None, None)
        assert guess.excess > 0


def test_languages_that_are_about_as_likely_cannot_be_told_apart() -> None:
    even = detect(Detector({"left": LEFT, "right": LEFT}, OTHERS, DOUBT), ["aa"])[0]
    assert (even.language, even.reason, even.log_odds, even.probability) == (None, "too close", 0.0, 0.5)
    sure = detect(Detector(DETECTOR.models, OTHERS, dataclasses.replace(DOUBT, threshold=0.999)), ["aab"])[0]
    assert (sure.language, sure.reason) == (None, "too close")
    assert detect(DETECTOR, ["aab"])[0].reason is None


def test_digits_change_nothing() -> None:
    with_digits = Vocabulary(("1", "a", "b", "c"))
    models: dict[str, CharacterModel] = {
        name: NgramModel.learn(with_digits.encode(text), with_digits, 2)
        for name, text in (("left", "a1a1a1b"), ("right", "bcbcab"))
    }
    detector = Detector(models, Background.learn(["cc"], with_digits, order=1, characters=9), DOUBT)
    plain, numbered = detect(detector, ["a", "1a1"])
    assert plain.log_odds == numbered.log_odds


def _save(models: Path, language: str, lstm: Vocabulary, counted: Vocabulary) -> None:
    settings = load_params(ROOT / "params.yaml").language_model.model_copy(update={"window": 2, "units": 2, "ensemble_size": 1})
    network = build_language_model(lstm.size, settings)
    LanguageModel(network, lstm, ModelConfig("every_position", 2, "softmax")).save(models / "language" / language)
    Counting(NgramModel.learn(counted.encode("aab"), counted, 2), None, 0.5).save(models / "ngram" / language)
    OTHERS.save(models / "background")
    DOUBT.save(models / "doubt")


def test_models_of_different_runs_are_refused(tmp_path: Path) -> None:
    _save(tmp_path, "left", ABC, ABC)
    _save(tmp_path, "right", ABC, ABC)
    (guess,) = detect(load_detector(tmp_path), ["ab"])
    assert guess.log_odds is not None
    assert guess.log_odds >= 0
    Background.learn(["abc"], Vocabulary(("a", "b")), order=2, characters=9).save(tmp_path / "background")
    with pytest.raises(TextLSTMError, match=r"background: expected the characters that .*left knows and one more, got others"):
        load_detector(tmp_path)
    _save(tmp_path, "right", ABC, Vocabulary(("a", "b")))
    with pytest.raises(
        TextLSTMError, match=r"ngram/right: expected the 3 characters that .*left knows, got 2, not the same ones"
    ):
        load_detector(tmp_path)


def test_one_language_is_not_enough(tmp_path: Path) -> None:
    _save(tmp_path, "left", ABC, ABC)
    with pytest.raises(TextLSTMError, match="expected the models of at least two languages, got left"):
        load_detector(tmp_path)


def test_likelihoods_are_finite() -> None:
    assert np.isfinite(text_log_likelihoods(RIGHT, ["abc" * 20])).all()
