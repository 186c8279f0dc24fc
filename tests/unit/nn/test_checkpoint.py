"""A training that was stopped goes on to the same bytes: weights, losses, order, dropout, samples and schedule."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textlstm.core.files import read_arrays, write_arrays
from textlstm.language.lstm_training import train_language_model
from textlstm.language.vocabulary import Vocabulary
from textlstm.nn import checkpoint, reproducible
from textlstm.nn.backend import keras
from textlstm.nn.checkpoint import Checkpoint, Progress, checkpointing
from textlstm.sentiment.lstm_training import train_sentiment_model
from textlstm.sentiment.pretraining import pretrain
from textlstm.sentiment.tokenizer import Tokenizer

Trained = tuple[dict[str, Any], list[float]]  # weights, losses
Training = Callable[[Checkpoint | None], Trained]

TEXTS = ["good good film", "a good one", "great great", "bad film", "a bad bad one", "awful, bad"] * 8


class StoppedError(Exception):
    """Stands for a kill."""


class Stopping(Checkpoint):
    """A checkpoint after whose n-th writing the training is killed."""

    def __init__(self, path: Path, after: int) -> None:
        super().__init__(path)
        self.left = after

    def offer(self, model: keras.Model, progress: Progress) -> None:
        super().offer(model, progress)
        self.left -= 1
        if not self.left:
            raise StoppedError


def _language(settings: Callable[..., Any], target: str) -> Training:
    changes: dict[str, Any] = {"window": 3, "units": 6, "batch": 16, "epochs": 3, "target": target}
    if target == "after_window":
        changes |= {"embedding": 0, "ensemble_size": 1, "dropout": 0.0, "schedule": "constant"}
    section = settings("language_model", **({"embedding": 5, "dropout": 0.3, "noise": 0.2} | changes))
    vocabulary = Vocabulary.learn(["abcd "])
    ids = vocabulary.encode("abca bd cabd" * 20)

    def train(kept: Checkpoint | None) -> Trained:
        reproducible.set_up(7, 1)
        model, losses = train_language_model(
            ids, ids[:90], vocabulary, section, seed=7, name="example", checkpoint=kept
        )
        return dict(model.weights), losses

    return train


def _sentiment(settings: Callable[..., Any], adversarial: float) -> Training:
    tokenizer = Tokenizer.learn(TEXTS, 50)
    changes: dict[str, Any] = {
        "length": 12,
        "embedding": 4,
        "units": 3,
        "chunk": 5,
        "tail": 3,
        "batch": 16,
        "epochs": 2,
    }
    changes |= {"bucketed": False, "adversarial": adversarial, "vectors": "random", "dropout": 0.4}
    section = settings("imdb", **changes)
    reviews, labels = [tokenizer.encode(text) for text in TEXTS], np.array([1, 1, 1, 0, 0, 0] * 8)

    def train(kept: Checkpoint | None) -> Trained:
        reproducible.set_up(7, 1)
        model, losses = train_sentiment_model(reviews, labels, tokenizer, section, seed=7, checkpoint=kept)
        return dict(model.weights), losses

    return train


def _pretraining(settings: Callable[..., Any]) -> Training:
    section = settings("pretrain", epochs=3, batch=10, sampled=4, dropout=0.3)
    stream = np.tile(np.arange(3, 12), 80)

    def train(kept: Checkpoint | None) -> Trained:
        reproducible.set_up(7, 1)
        sizes: dict[str, Any] = {"embedding": 6, "units": 8, "chunk": 5, "bidirectional": True, "policy": "float32"}
        found, losses = pretrain(stream, 12, section, **sizes, seed=7, checkpoint=kept)
        return {
            "vectors": found.vectors,
            **{name: np.concatenate([w.ravel() for w in of]) for name, of in found.lstm.items()},
        }, losses

    return train


TRAININGS: dict[str, Callable[[Callable[..., Any]], Training]] = {
    "language": lambda settings: _language(settings, "every_position"),
    "the article's": lambda settings: _language(settings, "after_window"),
    "sentiment": lambda settings: _sentiment(settings, 0.0),
    "adversarial": lambda settings: _sentiment(settings, 1.0),
    "pretraining": _pretraining,
}


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every call, whatever it costs."""
    monkeypatch.setattr(checkpoint, "_COST", float("inf"))
    monkeypatch.setattr(checkpoint, "_SECONDS", 0.0)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("kind", "stops"),
    [("sentiment", (2,)), *(pytest.param(kind, (1, 3), marks=pytest.mark.slow) for kind in TRAININGS)],
)
def test_a_training_that_was_stopped_gives_the_same_bytes(
    kind: str, stops: tuple[int, ...], settings: Callable[..., Any], tmp_path: Path
) -> None:
    train, path = TRAININGS[kind](settings), tmp_path / "state.npz"
    weights, losses = train(None)
    for after in stops:
        with pytest.raises(StoppedError):
            train(Stopping(path, after))
        assert path.exists()
    again, same = train(Checkpoint(path))
    assert same == losses
    assert weights.keys() == again.keys()
    for name, array in weights.items():
        assert np.array_equal(array, again[name]), name


def _compiled() -> keras.Model:
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3)])
    network.compile("adam", loss="mse")
    network.optimizer.build(network.trainable_variables)
    return network


@pytest.mark.usefixtures("always")
def test_a_broken_checkpoint_counts_as_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, network = tmp_path / "state.npz", _compiled()
    Checkpoint(path).offer(network, Progress(epoch=2, index=3, losses=[0.5, 0.4]))
    assert Checkpoint(path).restore(_compiled()) == Progress(epoch=2, index=3, losses=[0.5, 0.4])
    whole = path.read_bytes()
    other = read_arrays(path)
    other["0"] = other["0"][:, :-1]
    write_arrays(tmp_path / "other.npz", **other)
    bad = bytearray(whole)
    bad[whole.index(b"NUMPY") + 130] ^= 1  # in the values of the first array
    for content in (b"", whole[: len(whole) // 2], bytes(bad), (tmp_path / "other.npz").read_bytes()):
        path.write_bytes(content)
        fresh = _compiled()
        before = [np.array(variable) for variable in fresh.variables]
        capsys.readouterr()
        assert Checkpoint(path).restore(fresh) == Progress()
        assert "starts from the beginning: its checkpoint cannot be used" in capsys.readouterr().err
        assert all(np.array_equal(old, new) for old, new in zip(before, fresh.variables, strict=True))
        assert not path.exists()


def test_without_space_the_training_goes_on(
    settings: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    train = _sentiment(settings, 0.0)
    assert train(Checkpoint(tmp_path / "file" / "state.npz"))[1] == train(None)[1]
    assert "No checkpoint could be written" in capsys.readouterr().err


def test_checkpoints_cost_a_hundredth_of_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = _compiled()
    clock, written = [0.0], []

    def write(path: Path, **_arrays: Any) -> None:
        clock[0] += 0.5
        written.append(clock[0])

    monkeypatch.setattr(checkpoint, "write_arrays", write)
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    kept = Checkpoint(tmp_path / "state.npz")
    for step in range(1000):
        clock[0] += 1.0
        kept.offer(network, Progress(index=step % 10))
    assert 10 <= len(written) <= 20
    assert len(written) * 0.5 <= 0.011 * clock[0]


def test_a_checkpoint_belongs_to_one_stage_its_parameters_and_its_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTLSTM_ROOT", str(tmp_path))
    source = tmp_path / "input.bin"
    source.write_bytes(b"one")
    names = []

    def name(seed: int, stage: str) -> str:
        monkeypatch.setattr("sys.argv", [f"/somewhere/{stage}.py", "english"])
        with checkpointing({"seed": seed}, [source]) as kept:
            kept.path.parent.mkdir(parents=True, exist_ok=True)
            kept.path.write_bytes(b"state")
        assert not kept.path.exists()  # deleted at the end
        names.append(kept.path.name)
        return kept.path.name

    assert name(1, "train_language") == name(1, "train_language")
    name(2, "train_language")
    name(1, "train_imdb")
    source.write_bytes(b"two")
    name(1, "train_language")
    assert len(set(names)) == 4
    old, new = (tmp_path / ".textlstm" / "checkpoints" / f"{age}.npz" for age in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"state")
    os.utime(old, (time.time() - 15 * 86_400,) * 2)
    with pytest.raises(StoppedError), checkpointing({}, []) as kept:
        kept.path.write_bytes(b"state")
        raise StoppedError
    assert kept.path.exists()  # of a training that failed: it can go on
    assert new.exists()
    assert not old.exists()
