"""The detector on models whose sums can be done on paper."""

import dataclasses
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import write_json
from textlstm.core.params import load_params
from textlstm.detection.abstention import Abstention
from textlstm.detection.background import Background
from textlstm.detection.detector import Detector, load_detector
from textlstm.language.lstm import LanguageModel, ModelConfig
from textlstm.language.lstm_training import build_language_model
from textlstm.language.mixture import NgramMixture
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import CharacterModel, text_log_likelihood
from textlstm.language.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]
ABC = Vocabulary(("a", "b", "c"))
LEFT = NgramModel.learn(ABC.encode("aabacaab"), ABC, 3)
RIGHT = NgramModel.learn(ABC.encode("ccbcaccb"), ABC, 3)
OTHERS = Background.learn(["bbbb", "жжж жжж"], ABC, order=2, characters=100)
ABSTENTION = Abstention(foreign=-8.0, lengths=[1], limits=[1.0])
DETECTOR = Detector({"left": LEFT, "right": RIGHT}, OTHERS, ABSTENTION, 0.6)
TEXTS = ["a", "", "abcabc", "?", "bb", "c?ab", "жж", "1 2"]


def test_predictions_are_those_of_each_text_alone() -> None:
    assert DETECTOR.predict(TEXTS) == [DETECTOR.predict([text])[0] for text in TEXTS]
    assert DETECTOR.predict([]) == []


def test_margin_and_probability_are_those_of_the_likelihoods() -> None:
    prediction = DETECTOR.predict(["aab"])[0]
    left, right = prediction.log_likelihoods["left"], prediction.log_likelihoods["right"]
    assert left == text_log_likelihood(
        LEFT.log_probabilities(ABC.encode(" aab "))
    )  # a whole text stands between spaces
    assert prediction.language == "left"
    assert prediction.margin == pytest.approx(left - right)
    assert prediction.probability == pytest.approx(1 / (1 + math.exp(right - left)))


@pytest.mark.parametrize("text", ["???", "", "1 2 3", "¡!"])
def test_a_text_without_letters_has_no_language(text: str) -> None:
    (prediction,) = DETECTOR.predict([text])
    assert (prediction.language, prediction.reason, prediction.margin, prediction.probability) == (
        None,
        "no letters",
        0.0,
        0.5,
    )


def test_a_text_that_the_background_likes_better_is_out_of_set() -> None:
    for text in ("жж", "Ж", "bbbbbb"):
        (prediction,) = DETECTOR.predict([text])
        assert (prediction.language, prediction.reason, prediction.margin, prediction.probability) == (
            None,
            "out of set",
            None,
            None,
        )
        assert prediction.out_of_set_score > 0


def test_languages_that_are_about_as_likely_cannot_be_told_apart() -> None:
    even = Detector({"left": LEFT, "right": LEFT}, OTHERS, ABSTENTION, 0.6).predict(["aa"])[0]
    assert (even.language, even.reason, even.margin, even.probability) == (None, "low confidence", 0.0, 0.5)
    sure = dataclasses.replace(DETECTOR, threshold=0.999).predict(["aab"])[0]
    assert (sure.language, sure.reason) == (None, "low confidence")
    assert DETECTOR.predict(["aab"])[0].reason is None


def test_digits_change_nothing() -> None:
    with_digits = Vocabulary(("1", "a", "b", "c"))
    models: dict[str, CharacterModel] = {
        name: NgramModel.learn(with_digits.encode(text), with_digits, 2)
        for name, text in (("left", "a1a1a1b"), ("right", "bcbcab"))
    }
    detector = Detector(models, Background.learn(["cc"], with_digits, order=1, characters=9), ABSTENTION, 0.6)
    plain, numbered = detector.predict(["a", "1a1"])
    assert plain.margin == numbered.margin


def _save(models: Path, language: str, lstm: Vocabulary, counted: Vocabulary) -> None:
    settings = load_params(ROOT / "params.yaml").language_model.model_copy(
        update={"window": 2, "units": 2, "ensemble_size": 1}
    )
    network = build_language_model(lstm.size, settings)
    LanguageModel(network, lstm, ModelConfig("every_position", 2, "softmax")).save(models / "language" / language)
    NgramMixture(NgramModel.learn(counted.encode("aab"), counted, 2), None).save(models / "ngram" / language)
    OTHERS.save(models / "background")
    ABSTENTION.save(models / "abstention.json")
    settings = {"languages": ["left", "right"], "ngram_weight": 0.5, "threshold": 0.6}
    write_json(models / "detection.json", settings)


def test_models_of_different_runs_are_refused(tmp_path: Path) -> None:
    _save(tmp_path, "left", ABC, ABC)
    _save(tmp_path, "right", ABC, ABC)
    (prediction,) = load_detector(tmp_path).predict(["ab"])
    assert prediction.margin is not None
    assert prediction.margin >= 0
    Background.learn(["abc"], Vocabulary(("a", "b")), order=2, characters=9).save(tmp_path / "background")
    with pytest.raises(
        TextLSTMError,
        match=r"background: expected the characters that the languages' LSTMs know and one more, got others",
    ):
        load_detector(tmp_path)
    _save(tmp_path, "right", ABC, Vocabulary(("a", "b")))
    with pytest.raises(
        TextLSTMError, match=r"ngram/right: expected the 3 characters that left's LSTM knows, got 2, not the same ones"
    ):
        load_detector(tmp_path)


def test_a_model_that_is_missing_is_named(tmp_path: Path) -> None:
    _save(tmp_path, "left", ABC, ABC)
    with pytest.raises(TextLSTMError, match=r"language/right/\w+.json: no such file"):
        load_detector(tmp_path)


def test_models_that_the_settings_do_not_name_change_nothing(tmp_path: Path) -> None:
    for language in ("left", "right", "removed"):
        _save(tmp_path, language, ABC, ABC)
    assert list(load_detector(tmp_path).models) == ["left", "right"]


def test_likelihoods_are_finite() -> None:
    (prediction,) = DETECTOR.predict(["abc" * 20])
    assert np.isfinite(list(prediction.log_likelihoods.values())).all()


def test_threads_that_ask_at_once_get_the_answers_of_one_alone() -> None:
    fresh = dataclasses.replace(DETECTOR)  # what it derives on the way is not there yet
    expected = [DETECTOR.predict(TEXTS[place:]) for place in range(len(TEXTS))]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda place: fresh.predict(TEXTS[place % len(TEXTS) :]), range(200)))
    assert found == [expected[place % len(TEXTS)] for place in range(200)]


def test_a_detector_survives_pickling_before_and_after_it_has_answered() -> None:
    fresh = dataclasses.replace(DETECTOR)
    for _ in range(2):
        assert pickle.loads(pickle.dumps(fresh)).predict(TEXTS) == DETECTOR.predict(TEXTS)  # noqa: S301
        fresh.predict(TEXTS)
