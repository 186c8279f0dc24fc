"""The engine: parameters as they are written for an experiment, and what is asked of git and DVC."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.yaml12 import loaded
from textlstm.core.config import with_values
from textlstm.core.errors import TextLSTMError
from textlstm.core.git import git
from textlstm.core.params import merged
from textlstm.experiments.runner import (
    ExperimentFailedError,
    Experiments,
    StoppedError,
    committed,
    experiments_of,
    rewritten,
    stop_on_signals,
)
from textlstm.experiments.sweep import run_study

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
PARAMS = loaded(TEXT)


def test_parameters_that_do_not_change_are_written_as_they_were() -> None:
    assert rewritten(TEXT, PARAMS) == TEXT
    changed = rewritten(TEXT, with_values(PARAMS, {"seed": 8})).splitlines()
    assert [line for line in changed if line not in TEXT.splitlines()] == [
        line.replace("seed: 7", "seed: 8") for line in TEXT.splitlines() if line.startswith("seed: 7")
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_parameters_of_a_named_experiment_are_read_as_they_were_meant(path: Path) -> None:
    params = merged(PARAMS, loaded(path.read_text(encoding="utf-8"))["params"])
    read = loaded(rewritten(TEXT, params))
    assert json.dumps(read["languages"]) == json.dumps(
        params["languages"]
    )  # in their order: the first of two is the positive class
    assert read == params


@pytest.mark.parametrize(
    "value",
    [
        1e-05,
        1.5e-08,
        1e22,
        0.1,
        3,
        True,
        "no",
        "true",
        "1e-3",
        "it's",
        "a, b: #c",
        "",
        " x",
        "é",
        "$x",
        [],
        [1, ["no"]],
    ],
)
def test_every_value_is_read_as_it_was_meant(value: Any) -> None:
    for text in ("a: 0  # zero\nb: 1\n", "a: old\nb: 1\n", "b: 1\n"):
        read = loaded(rewritten(text, {"a": value, "b": 1}))
        assert (read["a"], type(read["a"])) == (value, type(value))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text("seed: 7\nimdb: {units: 64}\n", encoding="utf-8")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/imdb.json").write_text('{"auc": 0.5, "lstm": {"auc": 0.25}, "protocol": "holdout"}')
    (tmp_path / "README.md").write_text("read")
    (tmp_path / ".gitignore").write_text("/.textlstm/\n")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    for words in (("init", "--quiet"), ("config", "user.name", "t"), ("config", "user.email", "t@example.invalid")):
        git(*words, folder=tmp_path)
    git("add", ".", folder=tmp_path)
    git("commit", "--quiet", "--message", "first", folder=tmp_path)
    return tmp_path


def test_an_experiment_is_found_by_name_and_parameters(repository: Path) -> None:
    baseline = git("rev-parse", "HEAD", folder=repository)
    experiments = Experiments(repository, "mine", baseline, threading.Event())
    assert experiments.params == {"seed": 7, "imdb": {"units": 64}}
    assert experiments.find("mine-1", experiments.params) == ""
    git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/mine-1", baseline, folder=repository)
    assert experiments.find("mine-1", experiments.params) == baseline
    assert experiments.run("mine-1", experiments.params) == baseline  # nothing is started: there is no pipeline here
    with pytest.raises(
        TextLSTMError, match=r"experiment mine-1: there is one already, with other parameters .*dvc exp remove mine-1"
    ):
        experiments.find("mine-1", with_values(experiments.params, {"imdb.units": 32}))


def test_parameters_that_dvc_would_not_come_back_from_are_refused_before_it_reads_them(repository: Path) -> None:
    (repository / "params.yaml").write_text("seed: " + "[" * 1000 + "]" * 1000 + "\n")
    git("commit", "--quiet", "--all", "--message", "deep", folder=repository)
    with pytest.raises(
        TextLSTMError, match=r"params\.yaml of the commit \w+: expected YAML: more than 32 levels .* line 1"
    ):
        Experiments(repository, "mine", git("rev-parse", "HEAD", folder=repository), threading.Event())


def test_a_path_that_dvc_cannot_write_into_its_settings_is_told(repository: Path) -> None:
    folder = repository / "dépôt"
    git("clone", "--quiet", str(repository), str(folder), folder=repository)
    with pytest.raises(TextLSTMError, match=r"dépôt: DVC starts no experiments .* than ASCII\. Move it"):
        Experiments(folder, "mine", git("rev-parse", "HEAD", folder=folder), threading.Event())


def test_metrics_are_those_of_the_commit(repository: Path) -> None:
    experiments = Experiments(repository, "mine", git("rev-parse", "HEAD", folder=repository), threading.Event())
    file = Path("metrics/imdb.json")
    (repository / file).write_text("{}")
    assert experiments.metrics("HEAD", file)["auc"] == 0.5
    assert experiments.metric("HEAD", file, "lstm.auc") == 0.25
    with pytest.raises(
        ExperimentFailedError, match=r"metrics/imdb.json: no key lstm.acu: acu is missing; did you mean auc\?"
    ):
        experiments.metric("HEAD", file, "lstm.acu")
    with pytest.raises(ExperimentFailedError, match=r"metrics/imdb.json: protocol: expected a number, got 'holdout'"):
        experiments.metric("HEAD", file, "protocol")


def test_experiments_start_from_a_commit_that_holds_all_that_decides_them(repository: Path) -> None:
    (repository / "README.md").write_text("other")
    assert committed(repository) == git("rev-parse", "HEAD", folder=repository)
    (repository / "params.yaml").write_text("seed: 8\n")
    with pytest.raises(TextLSTMError, match=r"these files differ from it:\n M params.yaml\nCommit them"):
        committed(repository)


def test_a_shallow_clone_is_refused_before_anything_runs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@x.invalid", "commit", "-q", "--allow-empty", "-m", "2"],
    ):
        git(*words, folder=repository)
    shallow = tmp_path / "shallow"
    git("clone", "--quiet", "--depth", "1", repository.as_uri(), str(shallow), folder=repository)
    monkeypatch.chdir(shallow)
    with (
        pytest.raises(TextLSTMError, match=r"shallow clone .*Run 'git fetch --unshallow'"),
        experiments_of("some"),
    ):
        raise AssertionError("an experiment could run")
    with pytest.raises(TextLSTMError, match=r"shallow clone .*Run 'git fetch --unshallow'"):
        run_study(shallow / "studies" / "smoke.yaml")
    assert not (shallow / ".textlstm").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_remembered_and_afterwards_means_what_it_meant(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) is before


def test_a_stop_in_the_middle_of_a_study_is_told_at_its_end(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    with pytest.raises(StoppedError), experiments_of("mine"):
        signal.raise_signal(signal.SIGINT)
    with experiments_of("mine") as experiments:
        assert experiments.baseline == git("rev-parse", "HEAD")
