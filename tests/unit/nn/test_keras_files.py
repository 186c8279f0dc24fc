"""Model files depend on the model alone."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.nn import keras_files, reproducible
from textlstm.nn.backend import keras
from textlstm.nn.unrolled_lstm import UnrolledLSTM
from textlstm.sentiment.lstm_training import build_sentiment_model

reproducible.set_up(7, 1)


@pytest.fixture
def build(settings: Callable[..., Any]) -> Callable[[], keras.Model]:
    """Make one sentiment model, the same each time; it has layers of Keras and of ours."""

    def make() -> keras.Model:
        reproducible.set_up(7, 1)
        return build_sentiment_model(9, settings("imdb", embedding=2, units=2, chunk=2, vectors="random"))

    return make


@pytest.fixture
def model(build: Callable[[], keras.Model]) -> keras.Model:
    return build()


def test_one_model_saved_twice_gives_the_same_bytes(model: keras.Model, tmp_path: Path) -> None:
    for name in ("one", "two"):
        keras_files.save(model, tmp_path / f"{name}.keras")
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.keras", "two.keras"]


def test_a_model_built_twice_gives_the_same_bytes(build: Callable[[], keras.Model], tmp_path: Path) -> None:
    for name in ("one", "two"):
        keras_files.save(build(), tmp_path / f"{name}.keras")
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()


def test_what_is_saved_loads_and_answers_the_same(model: keras.Model, tmp_path: Path) -> None:
    keras_files.save(model, tmp_path / "model.keras")
    loaded = keras_files.load(tmp_path / "model.keras")
    ids = np.array([[[1, 5], [8, 0]]], dtype=np.int32)
    np.testing.assert_array_equal(np.asarray(loaded(ids)), np.asarray(model(ids)))


def test_layers_of_ours_load_in_a_program_that_trains_nothing(tmp_path: Path) -> None:
    """Asking imports less than training: what a saved network may hold must be known all the same."""
    rows = keras.Input((6, 5))
    keras_files.save(keras.Model(rows, UnrolledLSTM(3, name="lstm")(rows)), tmp_path / "model.keras")
    code = (
        "import pathlib, sys, textlstm.sentiment.classifier\n"
        "from textlstm.nn import keras_files\n"
        "print(keras_files.load(pathlib.Path(sys.argv[1])).get_layer('lstm').units)\n"
        "training = ('lstm_training', 'pretraining', 'adversarial', 'word_vectors')\n"
        "print([name for name in training if f'textlstm.sentiment.{name}' in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split("\n")[:2] == ["3", "[]"], done.stderr


def test_no_optimizer_is_saved(model: keras.Model, tmp_path: Path) -> None:
    keras_files.save(model, tmp_path / "plain.keras")
    model.compile("adam", loss="binary_crossentropy")
    model.optimizer.build(model.trainable_variables)
    keras_files.save(model, tmp_path / "compiled.keras")
    assert (tmp_path / "plain.keras").read_bytes() == (tmp_path / "compiled.keras").read_bytes()


def test_nothing_in_the_file_tells_when_or_where(model: keras.Model, tmp_path: Path) -> None:
    keras_files.save(model, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(archive.read("metadata.json"))["date_saved"] == "1980-01-01@00:00:00"
        assert str(tmp_path).encode() not in archive.read("config.json")


def test_a_broken_file_is_named(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    keras_files.save(model, path)
    content = path.read_bytes()
    for broken in (b"", b"text", content[:100], content[:-100], content.replace(b"layers", b"lawyer")):
        path.write_bytes(broken)
        with pytest.raises(
            TextLSTMError, match=r"model.keras: expected a Keras model, got a file that does not load \(.+\)"
        ):
            keras_files.load(path)
    with pytest.raises(TextLSTMError, match=r"none.keras: no such file"):
        keras_files.load(tmp_path / "none.keras")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    """A Lambda layer holds code; safe mode refuses it."""
    ids = keras.Input((2,))
    model = keras.Model(ids, keras.layers.Lambda(lambda x: x + 1)(ids))
    keras_files.save(model, tmp_path / "model.keras")
    with pytest.raises(TextLSTMError, match=r"model.keras: expected a Keras model"):
        keras_files.load(tmp_path / "model.keras")
