"""What moves the models, and text that they make up."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.language.test_lstm import TEXT, VOCABULARY, tiny, train, untrained
from tests.unit.language.test_scoring import LEFT, RIGHT, Uniform
from textlstm.evaluation.explain import character_log_odds, outermost_words
from textlstm.evaluation.sampling import sample
from textlstm.language.scoring import text_log_likelihood
from textlstm.language.vocabulary import Vocabulary

MODELS = {"left": LEFT, "right": RIGHT}


def test_log_odds_of_characters_are_those_done_by_hand() -> None:
    rows = character_log_odds(MODELS, ["abc"])
    assert [row[:4] for row in rows] == [
        ("abc", "<start>", "a", "left"),  # 1/2 against 1/4
        ("abc", "<start>a", "b", "left"),  # 1/2 against 1/8
        ("abc", "<start>ab", "c", "right"),  # 1/4 against 1/2
    ]
    np.testing.assert_allclose([row[4] for row in rows], np.log([2, 4, 1 / 2]))


@pytest.mark.parametrize("string", ["a", "abca", "bcabcaac"])
def test_log_odds_of_characters_sum_to_those_of_the_string_against_the_best_other(string: str) -> None:
    models = {**MODELS, "even": Uniform(LEFT.vocabulary, 3)}
    first, *others = (
        text_log_likelihood(model.log_probabilities(model.vocabulary.encode(string))) for model in models.values()
    )
    assert sum(row[4] for row in character_log_odds(models, [string])) == pytest.approx(first - max(others))


def test_an_unknown_character_speaks_for_nobody() -> None:
    vocabulary = Vocabulary(("a", "b", "c"))
    rows = character_log_odds({"few": Uniform(vocabulary, 2), "same": Uniform(vocabulary, 3)}, ["a?"])
    assert rows[1][4] == 0.0


def test_the_outermost_words_are_ranked_by_the_first_log_odds() -> None:
    log_odds = {"both": np.array([0.5, -2.0, 3.0, 0.0, -0.1]), "LSTM": np.array([9.0, 8.0, 7.0, 6.0, 5.0])}
    rows = outermost_words(["fine", "bad", "great", "the", "of"], log_odds, most=1)
    assert rows == [("great", "both", 3.0), ("great", "LSTM", 7.0), ("bad", "both", -2.0), ("bad", "LSTM", 8.0)]


def test_few_words_are_each_shown_once() -> None:
    rows = outermost_words(["fine", "bad", "the"], {"both": np.array([0.5, -2.0, 0.0])}, most=20)
    assert [word for word, *_ in rows] == ["fine", "the", "bad"]


CASES: list[dict[str, Any]] = [
    {},
    {"output": "sigmoid"},
    {"target": "after_window"},
    {"embedding": 4, "window": 20},  # longer than what is sampled
]


@pytest.mark.parametrize("changes", CASES)
def test_samples_have_their_length_and_repeat_with_their_seed(
    settings: Callable[..., Any], changes: dict[str, Any]
) -> None:
    model = untrained(tiny(settings, **changes))
    texts = sample(model, (0.5, 1.0), length=12, seed=7)
    assert [len(text) for text in texts] == [12, 12]
    assert set("".join(texts)) <= set(TEXT)  # neither <start> nor <unknown>
    assert texts == sample(model, (0.5, 1.0), length=12, seed=7)
    assert texts != sample(model, (0.5, 1.0), length=12, seed=8)


@pytest.mark.parametrize("target", ["every_position", "after_window"])
def test_a_cold_sample_ends_up_in_the_text_that_was_learnt(settings: Callable[..., Any], target: str) -> None:
    model, _ = train(tiny(settings, target=target, units=12, epochs=8))
    (text,) = sample(model, (0.05,), length=30, seed=7)
    assert text[-12:] in TEXT  # a, b, c, d in turn, once a window like those learnt from has come up


def test_hot_samples_follow_the_model(settings: Callable[..., Any]) -> None:
    """The share of each first character among many samples is its probability."""
    model = untrained(tiny(settings))
    firsts = sample(model, [1.0] * 20_000, length=1, seed=7)
    logs = np.array(
        [model.log_probabilities(VOCABULARY.encode(character))[0, 0] for character in VOCABULARY.characters]
    )
    wanted = np.exp(logs) / np.exp(logs).sum()
    shares = [firsts.count(character) / len(firsts) for character in VOCABULARY.characters]
    np.testing.assert_allclose(shares, wanted, atol=0.015)
