"""The scores of held-out windows, on models whose sums can be done on paper."""

import math

import numpy as np
import pytest

from tests.unit.language.test_scoring import ABC, LEFT, RIGHT, Uniform
from textlstm.core.errors import TextLSTMError
from textlstm.detection.background import Background
from textlstm.detection.evidence import ModelReader, window_evidence
from textlstm.detection.heldout import (
    DETECTOR,
    LSTM,
    MIXTURE,
    OWN,
    evidence_arrays,
    evidence_of,
    group_scores,
    noise_scores,
    own_scores,
    word_scores,
)
from textlstm.language.scoring import CharacterModel
from textlstm.language.vocabulary import Vocabulary

BACKGROUND = Background.learn(["cc"], ABC, order=1, characters=9).model
MODELS: list[CharacterModel] = [LEFT, RIGHT]
UNIFORM: list[CharacterModel] = [Uniform(ABC, 2), Uniform(ABC, 3)]
SYSTEMS = {DETECTOR: MODELS, LSTM: MODELS}


def test_all_windows_of_all_texts_under_all_models() -> None:
    scores = own_scores(SYSTEMS, BACKGROUND, {"left": "abca", "right": "bca"}, [2, 3])
    assert scores["own_names"].tolist() == ["left", "right"]
    assert scores["own_owner_2"].tolist() == [0, 0, 0, 1, 1]
    assert scores["own_owner_3"].tolist() == [0, 0, 1]
    expected = [[1 / 4, 1 / 32], [1 / 16, 1 / 4], [1 / 32, 1 / 8], [1 / 16, 1 / 4], [1 / 32, 1 / 8]]
    np.testing.assert_allclose(np.exp(scores["lstm_2"]), expected)
    np.testing.assert_allclose(np.exp(scores["lstm_3"][0]), [1 / 16, 1 / 64])
    np.testing.assert_array_equal(scores["own_log_likelihoods_2"], scores["detector_2"])
    np.testing.assert_allclose(scores["bits_lstm"], [7 / 4, 1.0])  # -log2(1/128) over 4 characters, -log2(1/8) over 3


def test_uniform_probabilities_give_log2_v_bits() -> None:
    models: list[CharacterModel] = [Uniform(ABC, 2), Uniform(ABC, 3)]
    scores = own_scores({DETECTOR: models}, BACKGROUND, {"left": "a1b", "right": "abc"}, [2])  # of what is known
    np.testing.assert_allclose(scores["bits_detector"], [math.log2(3)] * 2)


def test_three_languages_have_three_columns() -> None:
    models: list[CharacterModel] = [Uniform(ABC, 3) for _ in range(3)]
    scores = own_scores({DETECTOR: models}, BACKGROUND, dict.fromkeys(("one", "two", "three"), "abcab"), [4])
    assert scores["detector_4"].shape == (6, 3)
    assert scores["own_owner_4"].tolist() == [0, 0, 1, 1, 2, 2]


def test_heldout_text_shorter_than_the_longest_window_is_named() -> None:
    message = r"right: the held-out text has 3 characters, expected at least 50, the longest of score.lengths"
    with pytest.raises(TextLSTMError, match=message):
        own_scores(SYSTEMS, BACKGROUND, {"left": "abca" * 20, "right": "bca"}, [2, 50])


def test_heldout_text_of_unknown_characters_is_named_with_its_language() -> None:
    models: list[CharacterModel] = [Uniform(ABC, 2)] * 2
    message = "right: the text to test on has no character that occurs in a text to learn from"
    with pytest.raises(TextLSTMError, match=message):
        own_scores({DETECTOR: models}, BACKGROUND, {"left": "abc", "right": "???"}, [2])


def test_windows_of_unknown_characters_score_zero_under_every_model() -> None:
    models: list[CharacterModel] = [Uniform(ABC, 2)] * 2
    scores = own_scores({DETECTOR: models}, BACKGROUND, {"left": "a????a", "right": "abc"}, [3])
    np.testing.assert_array_equal(scores["detector_3"][[1, 2]], np.zeros((2, 2)))


def test_a_window_is_scored_as_a_users_text_but_for_the_spaces_around_it() -> None:
    """The figures come from the function that answers a user: digits, foreign letters and all."""
    vocabulary = Vocabulary((" ", "1", "a", "b", "c"))
    models: list[CharacterModel] = [Uniform(vocabulary, 2), Uniform(vocabulary, 3)]
    background = Background.learn(["cc"], vocabulary, order=1, characters=9).model
    reader = ModelReader(models, background)
    for text in ("a1b жc", "ab", "1 2"):
        (windows,) = window_evidence(models, background, [f" {text} "], [len(text) + 2]).values()
        for one, other in zip(windows[0], reader.evidence([text]), strict=True):
            np.testing.assert_array_equal(one, other)


def test_evidence_is_read_as_it_was_written() -> None:
    windows = window_evidence(MODELS, BACKGROUND, ["abca", "ab"], [2])[2]
    read = evidence_of(evidence_arrays(OWN, 2, windows), OWN, 2)
    for one, other in zip((*windows[0], windows[1]), (*read[0], read[1]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_group_without_windows_has_arrays_all_the_same() -> None:
    scores = group_scores("unseen_words", MODELS, BACKGROUND, {"left": "", "right": ""}, [2])
    evidence, owners = evidence_of(scores, "unseen_words", 2)
    assert (evidence.log_likelihoods.shape, len(owners)) == ((0, 2), 0)


def test_whole_words_are_scored_by_every_reader_as_a_users_text() -> None:
    readers = {DETECTOR: ModelReader(UNIFORM, BACKGROUND), MIXTURE: ModelReader(UNIFORM[::-1], BACKGROUND)}
    scores = word_scores(readers, {"left": ["ab", "Ab"], "right": ["b"]})
    assert scores["words_label"].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(
        scores["words_detector"], readers[DETECTOR].evidence(["ab", "ab", "b"]).log_likelihoods
    )
    np.testing.assert_array_equal(scores["words_mixture"], scores["words_detector"][:, ::-1])
    assert word_scores(readers, {"left": [], "right": []})["words_detector"].shape == (0, 2)


def test_noise_is_scored_by_kind_and_length() -> None:
    reader = ModelReader(UNIFORM, BACKGROUND)
    scores = noise_scores(reader, {2: {"hex": ["ab", "A b"], "cipher": ["b"]}, 3: {"hex": ["abc"], "cipher": []}})
    evidence, owners = evidence_of(scores, "noise", 2)
    assert owners.tolist() == [0, 0, 1]
    assert scores["noise_names"].tolist() == ["hex", "cipher"]
    np.testing.assert_array_equal(evidence.log_likelihoods, reader.evidence(["ab", "a b", "b"]).log_likelihoods)
    assert evidence_of(scores, "noise", 3)[1].tolist() == [0]
