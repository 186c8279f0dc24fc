"""Sweeps for real, in a clone of this repository with tiny models: whatever is killed, trials, experiments and runs are one to one."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import mlflow
import optuna
import psutil
import pytest
import yaml

from tests.pipeline.small import Clone
from textlstm.core.git import git

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

TRIALS = int(os.environ.get("TEXTLSTM_TEST_TRIALS", "8"))  # of which half are killed; 24 take a quarter of an hour
STUDY = {
    "metric": "metrics/language.json:auc",
    "direction": "maximize",
    "seed": 3,
    "space": {
        "evaluate.block": {"low": 10, "high": 90},
        "evaluate.length": {"choice": [2, 5]},
        "evaluate.article_windows": {"low": 20, "high": 200, "step": 20},
    },
}


@pytest.fixture
def repository(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reproduced clone with an edit of the user's, not committed, that no sweep may touch."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with (clone.folder / "pyproject.toml").open("a") as file:
        file.write("# mine\n")
    return clone.folder


def write_study(root: Path, **values: object) -> Path:
    path = root / f"{values['name']}.yaml"
    path.write_text(yaml.safe_dump({**STUDY, **values}))
    return path


def start(root: Path, study: Path) -> subprocess.Popen[bytes]:
    with (root / ".textlstm" / f"{study.stem}.out").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "textlstm", "sweep", str(study)],
            cwd=root,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def experiments(root: Path, study: str) -> list[str]:
    names = git("for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps", folder=root).split()
    return sorted(name for name in names if name.startswith(f"{study}-"))


def runs(root: Path, study: str) -> list[mlflow.entities.Run]:
    client = mlflow.MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("textlstm")
    return list(client.search_runs([experiment.experiment_id], f"tags.`textlstm.study` = '{study}'", max_results=1000))


def trials(root: Path, study: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=study, storage=f"sqlite:///{root / '.textlstm' / 'studies.db'}").trials


def wait_for(condition: object, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and not condition():  # type: ignore[operator]
        time.sleep(0.5)


def no_process_of(root: Path) -> bool:
    def belongs(process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and str(root / ".textlstm" / "experiments") in process.cwd()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    return not any(belongs(process) for process in psutil.process_iter())


def check_one_to_one(root: Path, study: str, count: int) -> None:
    done = trials(root, study)
    names = sorted(f"{study}-{trial.number}" for trial in done)
    assert [trial.state for trial in done] == [optuna.trial.TrialState.COMPLETE] * count
    assert experiments(root, study) == names
    finished = [run for run in runs(root, study) if run.info.status == "FINISHED"]
    assert sorted(run.info.run_name for run in finished) == names
    assert not [run.info.run_name for run in runs(root, study) if run.info.status == "RUNNING"]
    for trial in done:  # the run holds what Optuna drew and what it was told
        run = next(run for run in finished if run.info.run_name == f"{study}-{trial.number}")
        assert {key: run.data.params[key] for key in trial.params} == {
            key: str(value) for key, value in trial.params.items()
        }
        assert run.data.metrics["language.auc"] == trial.value
    assert git("branch", "--show-current", folder=root)
    assert git("status", "--porcelain", "--untracked-files=no", folder=root) == " M pyproject.toml"
    assert root.joinpath("pyproject.toml").read_text().endswith("# mine\n")
    assert git("stash", "list", folder=root) == ""
    assert no_process_of(root)


def test_a_study_interrupted_twice_ends_with_its_trials_each_once(repository: Path) -> None:
    study = write_study(repository, name="interrupted", trials=4, jobs=2)
    for number, enough in ((signal.SIGKILL, 1), (signal.SIGINT, 2)):
        process = start(repository, study)
        wait_for(lambda enough=enough: len(experiments(repository, "interrupted")) >= enough, process)
        process.send_signal(number)
        assert process.wait() == (130 if number == signal.SIGINT else -number)
        assert [trial.state for trial in trials(repository, "interrupted")].count(optuna.trial.TrialState.COMPLETE) < 4
    assert start(repository, study).wait() == 0
    check_one_to_one(repository, "interrupted", 4)
    folder = repository / ".textlstm" / "experiments" / "interrupted"
    assert folder.joinpath("table.md").read_text().count("| complete |") == 4
    assert folder.joinpath("importances.png").read_bytes().startswith(b"\x89PNG")
    assert start(repository, study).wait() == 0  # nothing is left to do
    check_one_to_one(repository, "interrupted", 4)


def test_experiments_in_4_jobs_with_half_of_them_killed(repository: Path) -> None:
    study = write_study(repository, name="killed", trials=TRIALS, jobs=4)
    process, chance = start(repository, study), random.Random(5)
    killed: Counter[str] = Counter()
    while process.poll() is None:
        time.sleep(chance.uniform(0, 3))
        if len(killed) < TRIALS // 2:
            victims = [
                each for each in psutil.Process(process.pid).children() if (name := name_of(each)) and not killed[name]
            ]
            if victims and chance.random() < 0.5:
                victim = chance.choice(victims)
                inner = [victim, *victim.children(recursive=True)]
                name = name_of(victim)
                time.sleep(chance.uniform(0, 8))  # somewhere between its start and its end
                if victim.is_running():
                    os.kill(
                        chance.choice([each for each in inner if each.is_running()] or [victim]).pid, signal.SIGKILL
                    )
                    killed[name] += 1
    assert process.returncode == 0
    assert len(killed) == TRIALS // 2
    check_one_to_one(repository, "killed", TRIALS)


def name_of(process: psutil.Process) -> str:
    try:
        words = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
    return words[words.index("-n") + 1] if "-n" in words else ""


def test_a_trial_that_fails_is_counted_with_its_reason(repository: Path) -> None:
    study = write_study(
        repository,
        name="failing",
        trials=2,
        jobs=1,
        sampler="grid",
        space={"score.lengths": {"choice": [[2, 5], [2, 3]]}},
    )
    assert start(repository, study).wait() == 0  # evaluate.length is 5
    good, bad = trials(repository, "failing")
    assert (good.state.name, bad.state.name) == ("COMPLETE", "FAIL")
    assert "evaluate.length is 5, expected one of score.lengths [2, 3]" in bad.user_attrs["reason"].splitlines()[0]
    assert "evaluate.length is 5" in (repository / ".textlstm" / "experiments" / "failing" / "table.md").read_text()
    assert experiments(repository, "failing") == ["failing-0"]


def test_a_hopeless_trial_is_stopped_early(repository: Path) -> None:
    study = write_study(
        repository,
        name="pruned",
        trials=2,
        jobs=1,
        sampler="grid",
        metric="metrics/language.json:bits_per_character",
        direction="minimize",
        pruner={"training": "train_language@english", "startup": 1, "warmup": 1},
        space={"language_model.learning_rate": {"choice": [0.05, 1e-08 * 1.5]}},
        fixed={"language_model.epochs": 8, "language_model.batch": 64},
    )
    assert start(repository, study).wait() == 0
    assert [trial.state.name for trial in trials(repository, "pruned")] == ["COMPLETE", "PRUNED"]
    assert experiments(repository, "pruned") == ["pruned-0"]
    assert no_process_of(repository)
