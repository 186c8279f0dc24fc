"""The detector on models whose sums can be done on paper."""

import dataclasses
import math
import pickle
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import write_sealed
from textlstm.core.params import load_params
from textlstm.core.settings import DetectionSettings
from textlstm.detection.abstention import Abstention
from textlstm.detection.background import Background
from textlstm.detection.detector import Detector, load_detector, load_parts
from textlstm.detection.distillation import compile_table
from textlstm.detection.evidence import ModelReader
from textlstm.language.lstm import LanguageModel, ModelConfig
from textlstm.language.lstm_training import build_language_model
from textlstm.language.mixture import NgramMixture
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import CharacterModel, text_log_likelihood
from textlstm.language.vocabulary import Vocabulary
from textlstm.nn.weights import named_weights

ROOT = Path(__file__).parents[3]
ABC = Vocabulary(("a", "b", "c"))
LEFT = NgramModel.learn(ABC.encode("aabacaab"), ABC, 3)
RIGHT = NgramModel.learn(ABC.encode("ccbcaccb"), ABC, 3)
OTHERS = Background.learn(["bbbb", "жжж жжж"], ABC, order=2, characters=100)
ABSTENTION = Abstention(foreign=-8.0, lengths=[1], limits=[1.0], costs=[])


def detector_of(left: CharacterModel, right: CharacterModel, background: CharacterModel = OTHERS.model) -> Detector:
    return Detector(("left", "right"), ModelReader([left, right], background), ABSTENTION, 0.6)


DETECTOR = detector_of(LEFT, RIGHT)
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
    even = detector_of(LEFT, LEFT).predict(["aa"])[0]
    assert (even.language, even.reason, even.margin, even.probability) == (None, "low confidence", 0.0, 0.5)
    sure = dataclasses.replace(DETECTOR, threshold=0.999).predict(["aab"])[0]
    assert (sure.language, sure.reason) == (None, "low confidence")
    assert DETECTOR.predict(["aab"])[0].reason is None


def test_digits_change_nothing() -> None:
    with_digits = Vocabulary(("1", "a", "b", "c"))
    models = [NgramModel.learn(with_digits.encode(text), with_digits, 2) for text in ("a1a1a1b", "bcbcab")]
    detector = detector_of(*models, Background.learn(["cc"], with_digits, order=1, characters=9).model)
    plain, numbered = detector.predict(["a", "1a1"])
    assert plain.margin == numbered.margin


def save_models(models: Path, language: str, lstm: Vocabulary, counted: Vocabulary) -> None:
    settings = load_params(ROOT / "params.yaml").language_model.model_copy(
        update={"window": 2, "units": 2, "ensemble_size": 1}
    )
    network = build_language_model(lstm.size, settings)
    LanguageModel(named_weights(network), lstm, ModelConfig("every_position", 2, "softmax")).save(
        models / "language" / language
    )
    NgramMixture(NgramModel.learn(counted.encode("aab"), counted, 2), None).save(models / "ngram" / language)
    OTHERS.save(models / "background")
    ABSTENTION.save(models / "abstention.json")
    write_sealed(models / "detection.json", DetectionSettings(["left", "right"], 0.5, 0.6))


def compile_models(models: Path, languages: Sequence[str] = ("left", "right")) -> None:
    parts = load_parts(models, languages)
    table = compile_table(parts, OTHERS, lambda _: ABC.encode("aab"), ngram_weight=0.5, order=3, min_count=1, steps=256)
    table.save(models / "table")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The files of a detector of two languages."""
    for language in ("left", "right"):
        save_models(tmp_path, language, ABC, ABC)
    compile_models(tmp_path)
    return tmp_path


def test_the_table_answers_unless_the_models_are_asked_for(models: Path) -> None:
    texts = ["ab", "aab", "cab", "жж", "?"]
    table, exact = load_detector(models), load_detector(models, exact=True)
    for one, other in zip(table.predict(texts), exact.predict(texts), strict=True):
        assert one.log_likelihoods == pytest.approx(other.log_likelihoods, abs=0.02)
        assert one.reason == other.reason
    for folder in ("language", "ngram", "background"):
        shutil.rmtree(models / folder)
    assert load_detector(models).predict(texts) == table.predict(texts)


def test_models_of_different_runs_are_refused(models: Path) -> None:
    Background.learn(["abc"], Vocabulary(("a", "b")), order=2, characters=9).save(models / "background")
    with pytest.raises(
        TextLSTMError,
        match=r"background: expected the characters that the languages' LSTMs know and one more, got others",
    ):
        load_detector(models, exact=True)
    save_models(models, "right", ABC, Vocabulary(("a", "b")))
    with pytest.raises(
        TextLSTMError, match=r"ngram/right: expected the 3 characters that left's LSTM knows, got 2, not the same ones"
    ):
        load_detector(models, exact=True)
    compile_models(models, ["left"])
    message = r"table: expected the models of left, right and background, got left, background. The models come from different runs"
    with pytest.raises(TextLSTMError, match=message):
        load_detector(models)


def test_a_model_that_is_missing_is_named(models: Path) -> None:
    shutil.rmtree(models / "language/right")
    with pytest.raises(TextLSTMError, match=r"language/right/\w+.json: no such file"):
        load_detector(models, exact=True)
    shutil.rmtree(models / "table")
    with pytest.raises(TextLSTMError, match=r"table/\w+.json: no such file"):
        load_detector(models)


def test_models_that_the_settings_do_not_name_change_nothing(models: Path) -> None:
    save_models(models, "removed", ABC, ABC)
    assert load_detector(models, exact=True).languages == ("left", "right")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ["left", "klingon"]}, "languages: expected some of left, right, got klingon"),
        ({"languages": ["left"]}, "languages: expected two or more of left, right, got left"),
        ({"languages": []}, "languages: expected two or more of left, right, got none"),
        ({"threshold": 1.5}, "threshold: expected a probability, 0 to 1, got 1.5"),
        ({"threshold": float("nan")}, "threshold: expected a probability, 0 to 1, got nan"),
    ],
)
def test_bad_candidates_and_thresholds_are_told(options: dict[str, Any], message: str) -> None:
    for ask in (DETECTOR.predict, DETECTOR.answers):
        with pytest.raises(TextLSTMError, match=message):
            ask(["ab"], **options)


def test_candidates_are_told_apart_among_themselves() -> None:
    three = Detector(("left", "middle", "right"), ModelReader([LEFT, LEFT, RIGHT], OTHERS.model), ABSTENTION, 0.6)
    (all_three,) = three.predict(["aab"])
    assert all_three.reason == "low confidence"  # two of them are as likely
    assert three.predict(["aab"], languages=["right", "left"]) == [
        DETECTOR.predict(["aab"])[0]._replace(
            log_likelihoods={name: all_three.log_likelihoods[name] for name in ("right", "left")}
        )
    ]
    assert three.predict(["aab"], threshold=0.0)[0].language == "left"


@pytest.mark.parametrize("text", ["жж", "bbbbbb", "aa"])
def test_a_threshold_of_zero_answers_every_text_with_a_letter(text: str) -> None:
    for detector in (DETECTOR, detector_of(LEFT, LEFT)):
        (prediction,) = detector.predict([text], threshold=0.0)
        assert (prediction.language, prediction.reason) != (None, None)
        assert prediction.reason is None
        assert prediction.probability is not None
    assert DETECTOR.predict(["?"], threshold=0.0)[0].reason == "no letters"


def test_a_single_string_is_no_list_of_texts() -> None:
    for ask in (DETECTOR.predict, DETECTOR.answers):
        with pytest.raises(TextLSTMError, match=r"texts: expected a list of texts, got 'aab'. Put it into brackets"):
            ask("aab")


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
