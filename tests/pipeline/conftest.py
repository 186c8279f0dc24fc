"""One small reproduced clone for all tests that need one."""

from collections.abc import Iterator

import pytest

from tests.pipeline.small import Clone


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the pipeline has run once, with its results committed."""
    clone = Clone(tmp_path_factory.mktemp("first") / "clone")
    clone.first, clone.first_runs = clone.repro(), clone.runs()
    clone.git("add", "dvc.lock", "metrics")
    clone.git("commit", "--quiet", "--message", "results")
    return clone


@pytest.fixture
def clone(reproduced: Clone) -> Iterator[Clone]:
    """The same clone; parameters and results are brought back after each test."""
    yield reproduced
    reproduced.git("checkout", "--quiet", "--force", "HEAD")
    reproduced.run("dvc", "checkout", "--quiet", "--force")
