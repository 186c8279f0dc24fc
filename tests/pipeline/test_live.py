"""The live view: a training's loss in MLflow while it runs, and a training that does not care what becomes of the view."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest

from textlstm.tracking.live import follow
from textlstm.tracking.store import LIVE_EXPERIMENT

pytestmark = pytest.mark.slow

ABOUT = {"stage": "train_imdb", "experiment": "units-3", "study": "units", "pid": 1}
LINES = [{"epoch": 1, "step": 5, "loss": 0.7}, {"epoch": 1, "step": 10, "loss": 0.6, "end_of_epoch": True}]
TRAINING = """
import numpy as np
from textlstm.nn.training import fit, keras
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
print(fit(model, [4, 4, 4], lambda epoch, index: (np.ones((2, 3)), np.ones((2, 1)))))
"""


def write_report(root: Path, *lines: dict[str, object]) -> Path:
    path = root / ".textlstm" / "live" / "training.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def runs(root: Path) -> dict[str, mlflow.entities.Run]:
    client = mlflow.MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(LIVE_EXPERIMENT)
    return {run.info.status: run for run in client.search_runs([experiment.experiment_id])}


def test_a_run_ends_as_its_training_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for end, pid in (([{"done": True}], os.getpid()), ([{"done": False}], os.getpid()), ([], gone())):
        path = write_report(tmp_path, ABOUT, *LINES, *end)
        follow(path, pid)
        assert not path.exists()
    found = runs(tmp_path)
    assert set(found) == {"FINISHED", "FAILED", "KILLED"}
    run = found["FINISHED"]
    assert run.info.run_name == "units-3 train_imdb"
    assert (run.data.tags["textlstm.stage"], run.data.tags["textlstm.study"]) == ("train_imdb", "units")
    assert run.data.metrics == {"loss": 0.6, "epoch_loss": 0.6}
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "loss")] == [
        (5, 0.7),
        (10, 0.6),
    ]


def test_a_run_whose_follower_was_killed_does_not_stay_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = write_report(tmp_path, ABOUT, *LINES)
    follower = subprocess.Popen([sys.executable, "-m", "textlstm.tracking.live", str(path), str(os.getpid())])
    while not has_run(tmp_path):
        assert follower.poll() is None
        time.sleep(0.2)
    follower.kill()
    follower.wait()
    follow(write_report(tmp_path, ABOUT, {"done": True}), os.getpid())
    assert set(runs(tmp_path)) == {"KILLED", "FINISHED"}


def has_run(root: Path) -> bool:
    """Asked past MLflow: two processes must not open a new store at once."""
    if not (root / "mlflow.db").exists():
        return False
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as store:
        try:
            return bool(store.execute("select 1 from runs join metrics on metrics.run_uuid = runs.run_uuid").fetchall())
        except sqlite3.OperationalError:  # the tables are being made
            return False


def test_the_training_does_not_hear_of_a_server_that_is_down(tmp_path: Path) -> None:
    environment = os.environ | {
        "TEXTLSTM_ROOT": str(tmp_path),
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "TEXTLSTM_LIVE": "1",
    }
    words = [sys.executable, "-c", TRAINING]
    plain = subprocess.run(words, env=environment | {"TEXTLSTM_LIVE": ""}, capture_output=True, text=True, check=True)
    watched = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=True
    )  # waits for the follower: it has stderr
    assert "live view: MLflow cannot be used, nothing is shown" in watched.stderr
    assert plain.stdout == watched.stdout  # the same losses, to the last digit
    assert not list((tmp_path / ".textlstm" / "live").iterdir())
