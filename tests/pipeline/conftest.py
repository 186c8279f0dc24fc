"""One small reproduction for all tests that need one, made once; each process that runs tests works on a copy of it."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pipeline.small import Clone


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the pipeline has run once, with its results committed."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    first, said = shared / "first", shared / "first.json"
    with FileLock(shared / "first.lock"):
        if not said.exists():
            clone = Clone(first)
            stages, runs = clone.repro(), clone.runs()
            clone.git("add", "dvc.lock", "metrics")
            clone.git("commit", "--quiet", "--message", "results")
            said.write_text(json.dumps([sorted(stages), runs]), encoding="utf-8")
    own = tmp_path_factory.mktemp("own") / "clone"
    shutil.copytree(first, own, symlinks=True)
    stages, runs = json.loads(said.read_text(encoding="utf-8"))
    return Clone.at(own, first=set(stages), first_runs=[(name, status) for name, status in runs])


@pytest.fixture
def clone(reproduced: Clone, tmp_path: Path) -> Iterator[Clone]:
    """The same clone; parameters, results and what was tracked are brought back after each test, in whatever order they run."""
    tracking = [reproduced.folder / name for name in (".textlstm/tracked.txt", "mlflow.db", "mlartifacts")]
    for path in tracking:  # neither in git nor in DVC's cache
        copy(path, tmp_path / path.name)
    yield reproduced
    for path in tracking:
        copy(tmp_path / path.name, path)
    reproduced.git("checkout", "--quiet", "--force", "HEAD")
    reproduced.run("dvc", "checkout", "--quiet", "--force")


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder; a folder that is there is replaced."""
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
