"""The weights of a network by name: they can be put into another network that was built alike."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.nn.weights import named_weights, set_named_weights
from textlstm.sentiment.lstm_training import build_sentiment_model

WORDS = np.array([[[1, 5], [8, 0]], [[1, 3], [4, 7]]], dtype=np.int32)


@pytest.fixture
def build(settings: Callable[..., Any]) -> Callable[..., keras.Model]:
    def make(seed: int, **changes: Any) -> keras.Model:
        reproducible.set_up(seed, 1)
        return build_sentiment_model(9, settings("imdb", **({"embedding": 2, "units": 2, "chunk": 2} | changes)))

    return make


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"vectors": "random", "bidirectional": False}, ["lstm"]),
    ({"vectors": "random", "bidirectional": True}, ["forward_lstm", "backward_lstm"]),
    ({"vectors": "pretrained", "bidirectional": True}, ["lstm_forward", "lstm_backward"]),
    ({"vectors": "pretrained", "bidirectional": False, "precision": "bfloat16"}, ["lstm_forward"]),
]


@pytest.mark.parametrize(("changes", "layers"), CASES)
def test_names_are_those_of_layers_and_their_weights(
    build: Callable[..., keras.Model], changes: dict[str, Any], layers: list[str]
) -> None:
    weights = named_weights(build(7, **changes))
    of_lstm = [f"{layer}/{weight}" for layer in layers for weight in ("kernel", "recurrent_kernel", "bias")]
    assert set(weights) == {"embedding/embeddings", *of_lstm, "log_odds/kernel", "log_odds/bias"}
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("changes", "layers"), CASES)
def test_a_network_with_the_weights_of_another_answers_as_it_does(
    build: Callable[..., keras.Model], changes: dict[str, Any], layers: list[str]
) -> None:
    one, other = build(7, **changes), build(8, **changes)
    answers = np.array(one(WORDS))
    assert not np.allclose(np.array(other(WORDS)), answers, rtol=1e-3)
    set_named_weights(other, named_weights(one))
    assert np.array(other(WORDS)).tolist() == answers.tolist()


def test_weights_of_another_network_are_refused(build: Callable[..., keras.Model]) -> None:
    weights = named_weights(build(7))
    message = r"sentiment_model: expected weights of the shape \(3, 8\) under 'backward_lstm/kernel', got \(2, 8\)"
    with pytest.raises(TextLSTMError, match=message):
        set_named_weights(build(7, embedding=3), weights)
    with pytest.raises(TextLSTMError, match=r"expected weights of the shape \(1,\) under 'log_odds/bias', got none"):
        set_named_weights(build(7, bidirectional=False), {"embedding/embeddings": weights["embedding/embeddings"]})
