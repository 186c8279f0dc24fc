"""What models say about the strings of a prefix tree is what they say about the strings as texts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textlstm.language.lstm import LanguageModel, ModelConfig
from textlstm.language.lstm_training import build_article_language_model, build_language_model
from textlstm.language.mixture import InterpolatedModel
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import CompilableModel, Level, codes_of, reading
from textlstm.language.vocabulary import Vocabulary
from textlstm.nn.weights import named_weights

ABC = Vocabulary(("a", "b", "c"))
TEXT = "abcabacabbcacb"


def prefix_tree(text: str, longest: int) -> tuple[list[Level], list[list[str]]]:
    """The different strings of a text up to a length, and the same as strings."""
    levels, strings, before = [], [], [""]
    for length in range(1, longest + 1):
        found = sorted({text[begin : begin + length] for begin in range(len(text) - length + 1)})
        ids = np.array([ABC.encode(string[-1])[0] for string in found], dtype=np.int32)
        levels.append(Level(np.array([before.index(string[:-1]) for string in found]), ids))
        strings.append(found)
        before = found
    return levels, strings


@pytest.fixture(params=["lstm", "article", "ngrams", "mixture"])
def model(request: pytest.FixtureRequest, settings: Callable[..., Any]) -> CompilableModel:
    small = {"window": 3, "units": 5, "embedding": 4, "ensemble_size": 2, "layers": 2}
    lstm = LanguageModel(
        named_weights(build_language_model(ABC.size, settings("language_model", **small))),
        ABC,
        ModelConfig("every_position", 3, "softmax", 2),
    )
    ngrams = NgramModel.learn(ABC.encode(TEXT), ABC, 2)
    if request.param == "article":
        article = {"target": "after_window", "window": 2, "units": 5, "embedding": 0, "ensemble_size": 1, "layers": 1}
        network = build_article_language_model(ABC.size, settings("language_model", **article, dropout=0.0))
        return LanguageModel(named_weights(network), ABC, ModelConfig("after_window", 2, "sigmoid"))
    return {"lstm": lstm, "ngrams": ngrams, "mixture": InterpolatedModel((lstm, ngrams), (0.3, 0.7))}[request.param]


def test_they_are_the_last_characters_of_readings(model: CompilableModel) -> None:
    levels, strings = prefix_tree(TEXT, 6)
    found = model.log_conditionals(levels)
    for values, of_length in zip(found, strings, strict=True):
        expected = [reading(model.log_probabilities(ABC.encode(string)))[-1] for string in of_length]
        np.testing.assert_allclose(values, expected, atol=1e-5)


def test_an_empty_tree_has_no_strings(model: CompilableModel) -> None:
    assert model.log_conditionals([]) == []


def test_strings_as_numbers() -> None:
    levels, strings = prefix_tree(TEXT, 3)
    codes = codes_of(levels, ABC.size)
    for of_length, found in zip(codes, strings, strict=True):
        expected = [int("".join(str(index) for index in ABC.encode(string)), ABC.size) for string in found]
        assert of_length.tolist() == expected == sorted(expected)
