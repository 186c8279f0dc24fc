"""The detector on models whose sums can be done on paper."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from textlstm.detector import detect, load_detector, text_log_likelihoods
from textlstm.errors import TextLSTMError
from textlstm.language_model import About, LanguageModel, build_language_model
from textlstm.mixture import Counting
from textlstm.ngram import NgramModel
from textlstm.scoring import CharacterModel, Floats, text_log_likelihood
from textlstm.vocabulary import Vocabulary

ABC = Vocabulary(("a", "b", "c"))
LEFT = NgramModel.learn(ABC.encode("aabacaab"), ABC, 3)
RIGHT = NgramModel.learn(ABC.encode("ccbcaccb"), ABC, 3)
TEXTS = ["a", "", "abcabc", "?", "bb", "c?ab"]


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
    detector: dict[str, CharacterModel] = {"left": LEFT, "right": RIGHT}
    assert detect(detector, TEXTS) == [detect(detector, [text])[0] for text in TEXTS]
    assert detect(detector, []) == []


def test_log_odds_and_probability_are_those_of_the_likelihoods() -> None:
    guess = detect({"left": LEFT, "right": RIGHT}, ["aab"])[0]
    left, right = guess.log_likelihoods["left"], guess.log_likelihoods["right"]
    assert left == text_log_likelihood(LEFT.log_probabilities(ABC.encode(" aab ")))  # a whole text stands between spaces
    assert guess.language == "left"
    assert guess.log_odds == pytest.approx(left - right)
    assert guess.probability == pytest.approx(1 / (1 + math.exp(right - left)))


def test_a_text_of_unknown_characters_has_no_language() -> None:
    unknown, empty = detect({"left": LEFT, "right": RIGHT}, ["???", ""])
    assert unknown.language is None
    assert empty.language is None
    assert unknown.probability == 0.5


def _save(models: Path, language: str, lstm: Vocabulary, counted: Vocabulary) -> None:
    network = build_language_model(lstm.size, window=2, target="every_position", embedding=2, units=2, layers_=1, dropout=0.0)
    LanguageModel(network, lstm, About("every_position", 2, "softmax")).save(models / "language" / language)
    Counting(NgramModel.learn(counted.encode("aab"), counted, 2), None, 0.5).save(models / "ngram" / language)


def test_models_of_different_runs_are_refused(tmp_path: Path) -> None:
    _save(tmp_path, "left", ABC, ABC)
    _save(tmp_path, "right", ABC, ABC)
    assert [guess.log_odds >= 0 for guess in detect(load_detector(tmp_path), ["ab"])] == [True]
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
