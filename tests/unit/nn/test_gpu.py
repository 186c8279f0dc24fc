"""The default networks on a GPU, without one: their layers meet what Keras asks of an LSTM that cuDNN is to compute."""

from collections.abc import Iterator

import pytest

from textlstm.core.params import load_params
from textlstm.language import lstm_training
from textlstm.language.lstm_training import build_language_model
from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.sentiment.lstm_training import build_sentiment_model

reproducible.set_up(7, 1)


def lstms(model: keras.Model) -> Iterator[keras.layers.LSTM]:
    for layer in model.layers:
        if isinstance(layer, keras.layers.Bidirectional):
            yield from (layer.forward_layer, layer.backward_layer)
        elif isinstance(layer, keras.layers.LSTM):
            yield layer


def networks() -> dict[str, keras.Model]:
    params = load_params()
    return {
        "language": build_language_model(50, params.language_model),
        "sentiment": build_sentiment_model(50, params.imdb),
    }


def test_the_default_networks_use_cudnn_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    rnn = pytest.importorskip("keras.src.backend.tensorflow.rnn")
    monkeypatch.setattr(lstm_training, "has_gpu", lambda: True)
    monkeypatch.setattr(rnn, "_is_gpu_available", lambda: True)
    for name, network in networks().items():
        found = list(lstms(network))
        assert len(found) == 2, name
        for layer in found:
            cell = layer.cell
            assert rnn.cudnn_ok(cell.activation, cell.recurrent_activation, layer.unroll, cell.use_bias), name
            assert (layer.use_cudnn, cell.dropout, cell.recurrent_dropout, layer.stateful) == ("auto", 0.0, 0.0, False)
        read = network.get_layer("embedding")
        assert not read.mask_zero  # nothing is masked, so all rows have the full number of steps


def test_without_one_the_short_language_model_is_unrolled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lstm_training, "has_gpu", lambda: False)
    assert [layer.unroll for layer in lstms(networks()["language"])] == [True, True]
    assert [layer.unroll for layer in lstms(networks()["sentiment"])] == [False, False]
