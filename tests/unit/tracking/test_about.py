"""What a run says of itself: which parameters differ from its commit, and when its work began."""

import subprocess
import sys
from pathlib import Path

import pytest

from textlstm.core.git import git
from textlstm.tracking import about


def test_parameters_that_differ_from_the_commit_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("params.yaml")
    path.write_text("seed: 7\nimdb: {units: 3, old: 1}\n", encoding="utf-8")
    assert about.changed_params() is None  # no repository
    git("init", "--quiet", folder=tmp_path)
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--allow-empty", "-m", "x", folder=tmp_path)
    assert about.changed_params() is None  # no such file in the commit
    git("add", "params.yaml", folder=tmp_path)
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "x", folder=tmp_path)
    assert about.changed_params() == {}
    path.write_text("seed: 8\nimdb: {units: 3, new: [1, 2]}\n", encoding="utf-8")
    changed = about.changed_params()
    assert changed is not None
    assert changed["seed"] == ("7", "8")
    assert changed["imdb.old"] == ("1", "")
    assert "imdb.units" not in changed


def test_the_work_began_with_the_dvc_that_runs_the_stage(tmp_path: Path) -> None:
    """A program whose words are those of `dvc repro` starts this one, as DVC does."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    inner = (
        "import os, psutil; from textlstm.tracking.about import _began; "
        "print(_began() == int(psutil.Process(os.getppid()).create_time() * 1000))"
    )
    for words, expected in ((["dvc", "repro"], "True"), (["make", "repro"], "False"), (["dvc", "add"], "False")):
        done = subprocess.run([sys.executable, "-c", code, inner, *words], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
