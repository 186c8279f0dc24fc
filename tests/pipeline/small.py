"""A clone of the repository whose parameters are so small that the whole pipeline runs in a minute or two, on real data."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.yaml12 import dumped, loaded
from textlstm.core.git import git
from textlstm.core.params import merged

ROOT = Path(__file__).parents[2]

SMALL: dict[str, Any] = {
    "split": {"reviews": 150},
    "words": {"characters": 20_000},
    "vectorize": {"words": 300},
    "language_model": {"window": 5, "units": 8, "embedding": 4, "batch": 512, "epochs": 1},
    "imdb": {"length": 40, "embedding": 8, "units": 4, "chunk": 20, "epochs": 1},
    "nbsvm": {"longest": 1, "bits": 12},
    "evaluate": {"bootstrap": 100},
}


def inherited() -> dict[str, str]:
    """The environment of a user who starts a program: this Python's programs come first, and nothing is set for DVC and MLflow."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "TEXTLSTM_ROOT"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "DVC_NO_ANALYTICS": "1"}


class Clone:
    """A clone in a folder of its own, with its own MLflow."""

    folder: Path
    first: set[str]  # stages that the first `dvc repro` ran
    first_runs: list[tuple[str, str]]  # and what MLflow held after it

    def __init__(self, folder: Path, changes: dict[str, Any] = SMALL) -> None:
        self.folder = folder
        git("clone", "--quiet", str(ROOT), str(folder))
        self.git("config", "user.name", "test")
        self.git("config", "user.email", "test@example.invalid")
        self.change(changes)
        self.git("rm", "--quiet", "--cached", "dvc.lock")
        (folder / "dvc.lock").unlink()
        self.git("commit", "--quiet", "--all", "--message", "small parameters")

    @classmethod
    def at(cls, folder: Path, **known: Any) -> "Clone":
        """The clone that lies in a folder already, and what is known of it."""
        clone = object.__new__(cls)
        clone.folder = folder
        vars(clone).update(known)
        return clone

    def change(self, changes: dict[str, Any]) -> None:
        """Lay `changes` over params.yaml."""
        path = self.folder / "params.yaml"
        params = merged(loaded(path.read_text(encoding="utf-8")), changes)
        path.write_text(dumped(params), encoding="utf-8")

    def git(self, *words: str) -> str:
        """What git prints."""
        return git(*words, folder=self.folder)

    def run(self, *words: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone as a user would, with this Python's programs first on the PATH."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=inherited() | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{words}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def repro(self) -> set[str]:
        """Run `dvc repro` and return the stages that were run, not skipped and not restored."""
        output = self.run("dvc", "repro").stdout
        return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}

    def runs(self) -> list[tuple[str, str]]:
        """Name and status of the runs in MLflow's comparison table."""
        database = self.folder / "mlflow.db"
        if not database.exists():
            return []
        with sqlite3.connect(database) as connection:
            query = (
                "select r.name, r.status from runs r join experiments e using (experiment_id) "
                "where e.name = 'textlstm' order by r.start_time"
            )
            return list(connection.execute(query))
