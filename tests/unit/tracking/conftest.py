"""One MLflow database for all tests that need one: making it takes seconds."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from textlstm.core.files import write_json
from textlstm.tracking.store import _make


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without content."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    _make(path)
    return path


@pytest.fixture
def checkout(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an empty database that is the repository, though programs work in another folder, as in `dvc exp run --temp`."""
    root, work = tmp_path / "checkout", tmp_path / "work"
    root.mkdir()
    work.mkdir()
    shutil.copy(store, root)
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.delenv("TEXTLSTM_ROOT", raising=False)
    monkeypatch.chdir(work)
    return root


def move(old: Path, new: Path) -> Path:
    """Move a checkout, which no process uses: MLflow remembers within one where files are."""
    _artifact_repos_cache.clear()
    return old.rename(new)


Entry = Callable[..., Path]


@pytest.fixture
def entry() -> Entry:
    """`entry(root, "a", experiment="wide")`: what `post` leaves in the outbox for a state and an experiment."""

    def make(root: Path, state: str, experiment: str = "", figures: Sequence[object] = (["auc", 0.5, 0],)) -> Path:
        folder = root / ".textlstm" / "outbox" / "-".join(name for name in (state, experiment[:20]) if name)
        tags = {"textlstm.state": state, "textlstm.experiment": experiment, "mlflow.runName": experiment or state}
        record = {"state": state, "experiment": experiment, "tags": tags, "params": {"seed": "7"}}
        write_json(folder / "run.json", record | {"metrics": list(figures)})
        (folder / "files").mkdir()
        (folder / "files" / "dvc.lock").write_text(state, encoding="utf-8")
        return folder

    return make
