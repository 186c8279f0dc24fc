"""One small reproduction for all tests that need one, made once; each process that runs tests works on a copy of it."""

import json
import os
import shutil
from collections.abc import Iterator

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
def clone(reproduced: Clone) -> Iterator[Clone]:
    """The same clone; parameters and results are brought back after each test."""
    tracked = reproduced.folder / ".textlstm/tracked.txt"  # neither in git nor in DVC's cache
    mark = tracked.read_bytes()
    yield reproduced
    tracked.write_bytes(mark)
    reproduced.git("checkout", "--quiet", "--force", "HEAD")
    reproduced.run("dvc", "checkout", "--quiet", "--force")
