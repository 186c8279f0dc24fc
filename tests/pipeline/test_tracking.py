"""One state, one MLflow run, however the state came about."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.pipeline.small import Clone

pytestmark = pytest.mark.slow


def names(clone: Clone) -> list[str]:
    """Names of the finished runs; a run with any other status fails the test."""
    runs = clone.runs()
    assert {status for _, status in runs} <= {"FINISHED"}, runs
    return [name for name, _ in runs]


def test_an_experiment_in_the_workspace_is_one_run_and_applying_it_is_none(clone: Clone) -> None:
    before = names(clone)
    clone.run("dvc", "exp", "run", "--name", "here", "-S", "evaluate.bootstrap=150")
    assert names(clone) == [*before, "here"]
    clone.run("dvc", "exp", "apply", "here")
    clone.repro()
    assert names(clone) == [*before, "here"]
    clone.run("dvc", "exp", "run", "--name", "here", "-S", "evaluate.bootstrap=150", check=False)  # nothing to do
    assert names(clone) == [*before, "here"]


def test_an_experiment_in_a_temporary_folder_outlives_it(clone: Clone) -> None:
    before = names(clone)
    clone.run("dvc", "exp", "run", "--temp", "--name", "away", "-S", "evaluate.bootstrap=160")
    assert names(clone) == [*before, "away"]
    pictures = list((clone.folder / "mlartifacts").rglob("roc_language.png"))
    assert len(pictures) == len(names(clone))
    assert all(picture.stat().st_size > 1000 for picture in pictures)


def test_a_queued_experiment_is_a_run(clone: Clone) -> None:
    before = names(clone)
    clone.run("dvc", "exp", "run", "--queue", "--name", "queued", "-S", "evaluate.bootstrap=171")
    subprocess.run(
        [sys.executable, "-m", "dvc", "queue", "start", "-j", "1"],
        cwd=clone.folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while [status for _, status in clone.runs()].count("FINISHED") <= len(before) and time.monotonic() < deadline:
        time.sleep(2)
    assert sorted(names(clone)) == sorted([*before, "queued"])


def test_going_back_to_old_parameters_is_no_new_run(clone: Clone) -> None:
    before = names(clone)
    clone.change({"evaluate": {"bootstrap": 180}})
    clone.repro()
    clone.change({"evaluate": {"bootstrap": 100}})
    # DVC restores what it has run before, but not stages with an output that is neither cached, nor a metric nor a plot
    # (metrics/*.json with all figures), nor persistent ones; these take seconds.
    assert clone.repro() <= {"check_params", "evaluate_language", "evaluate_imdb", "track"}
    assert len(names(clone)) == len(before) + 1


def test_a_delivery_that_is_killed_leaves_no_run_that_runs_for_ever(clone: Clone) -> None:
    before = names(clone)
    clone.change({"evaluate": {"bootstrap": 190}})
    clone.run("dvc", "repro", "evaluate_language", "evaluate_imdb")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))}
    for _ in range(3):  # killed at some point of its work; whichever, the next one must put it right
        process = subprocess.Popen(
            [sys.executable, "-m", "stages.track"], cwd=clone.folder, env=environment, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while process.poll() is None and len(clone.runs()) == len(before) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if len(clone.runs()) > len(before):
            break
    clone.repro()
    runs = clone.runs()[len(before) :]
    assert [status for _, status in runs].count("FINISHED") == 1
    assert {status for _, status in runs} <= {"FINISHED", "KILLED"}


def test_a_server_that_is_down_costs_an_experiment_only_its_tracking(clone: Clone) -> None:
    before = clone.runs()
    done = clone.run(
        "dvc", "exp", "run", "--temp", "--name", "alone", "-S", "evaluate.bootstrap=195",
        MLFLOW_TRACKING_URI="http://127.0.0.1:9", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )  # fmt: skip
    assert "No result is lost" in done.stdout + done.stderr
    assert "alone" in clone.run("dvc", "exp", "list", "--name-only").stdout
    clone.run(sys.executable, "-m", "stages.track")
    assert [name for name, status in clone.runs()[len(before) :] if status == "FINISHED"] == ["alone"]
