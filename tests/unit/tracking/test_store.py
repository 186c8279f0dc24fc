"""Where MLflow's store is and where its files lie, whatever folder a program works in, and whatever is killed or moved."""

import contextlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest

from tests.unit.tracking.conftest import Entry, move
from textlstm.core.errors import TextLSTMError
from textlstm.tracking import store as module
from textlstm.tracking.runs import deliver
from textlstm.tracking.store import EXPERIMENT, LIVE_EXPERIMENT, experiment_id, open_store, tracking_address

ROOT = Path(__file__).resolve().parents[3]
MAKE = """
import sys
from pathlib import Path
from textlstm.tracking.store import _make
print("ready", flush=True)
_make(Path(sys.argv[1]))
"""


def client(database: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}")


def locations(database: Path) -> list[str]:
    """All places of files that a database names."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        columns = [
            (table, column)
            for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall()
            for _, column, *_ in connection.execute(f"pragma table_info({table})").fetchall()
            if column.endswith(("location", "artifact_uri", "artifact_root")) or (table, column) == ("model_versions", "source")
        ]  # fmt: skip
        return [
            place
            for table, column in columns
            for (place,) in connection.execute(f"select {column} from {table} where {column} is not null")  # noqa: S608
            if not place.startswith("models:/")
        ]


def runs(database: Path) -> list[mlflow.entities.Run]:
    found = client(database)
    return list(found.search_runs([found.get_experiment_by_name(EXPERIMENT).experiment_id]))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("", "sqlite:////repository/mlflow.db"),
        ("sqlite:///mlflow.db", "sqlite:////repository/mlflow.db"),
        (" sqlite:///./data/../mlflow.db ", "sqlite:////repository/mlflow.db"),
        ("sqlite+pysqlite:///mlflow.db?timeout=9", "sqlite+pysqlite:////repository/mlflow.db?timeout=9"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("mlruns", "/repository/mlruns"),
        ("./mlruns", "/repository/mlruns"),
        ("file:mlruns", "file:///repository/mlruns"),
        ("file:///data/mlruns", "file:///data/mlruns"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("postgresql://mlflow@127.0.0.1/mlflow", "postgresql://mlflow@127.0.0.1/mlflow"),
        ("databricks", "databricks"),
    ],
)
def test_a_relative_address_starts_at_the_root(named: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", named)
    assert tracking_address(Path("/repository")) == meant


@pytest.mark.parametrize("named", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_database_that_would_be_gone_is_refused(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", named)
    with pytest.raises(TextLSTMError, match="MLFLOW_TRACKING_URI: expected sqlite:///PATH, which keeps"):
        tracking_address(Path("/repository"))


def test_what_is_tracked_in_a_temporary_folder_outlives_it(
    checkout: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    deliver(checkout, entry(checkout, "a"))
    assert not list(Path.cwd().iterdir())
    (run,) = runs(checkout / "mlflow.db")
    assert run.info.status == "FINISHED"
    assert client(checkout / "mlflow.db").list_artifacts(run.info.run_id)[0].path == "dvc.lock"
    assert run.info.artifact_uri.startswith((checkout / "mlartifacts").as_uri())


def test_the_files_of_a_new_database_lie_beside_it(
    checkout: Path, entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "other folder" / "runs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    deliver(checkout, entry(checkout, "a"))
    assert not list(Path.cwd().iterdir())
    beside = (database.parent / "mlartifacts").as_uri()
    assert len(locations(database)) == 3  # of two experiments and a run
    assert all(place.startswith(f"{beside}/") or place == beside for place in locations(database))
    assert sorted(path.name for path in database.parent.iterdir()) == ["mlartifacts", "runs.db", "runs.db.lock"]


def registered(root: Path) -> None:
    """A version whose files lie among those of the experiment, noted in each way that MLflow knows."""
    found = client(root / "mlflow.db")
    place = (root / "mlartifacts" / "x").as_uri()
    found.create_registered_model("some")
    found.create_model_version("some", place)
    model = found.create_logged_model(found.get_experiment_by_name(EXPERIMENT).experiment_id, "some")
    found.finalize_logged_model(model.model_id, "READY")


def test_a_moved_checkout_finds_its_files_and_writes_no_more_to_the_old_place(
    checkout: Path, entry: Entry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(checkout, entry(checkout, "a"))
    registered(checkout)
    before = len(locations(checkout / "mlflow.db"))
    moved = move(checkout, tmp_path / "é moved %")
    capsys.readouterr()
    deliver(moved, entry(moved, "b"))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"mlflow: mlflow.db came from {checkout}; its files are now those in {moved}"
    assert len(said) == 2
    assert not checkout.exists()
    database = moved / "mlflow.db"
    for run in runs(database):
        (file,) = client(database).list_artifacts(run.info.run_id)
        assert Path(client(database).download_artifacts(run.info.run_id, file.path)).exists()
    assert len(locations(database)) == before + 1
    assert not [place for place in locations(database) if str(checkout) in place]
    deliver(moved, entry(moved, "c"))
    assert "came from" not in capsys.readouterr().out


def test_a_copied_checkout_leaves_the_other_alone(checkout: Path, entry: Entry, tmp_path: Path) -> None:
    deliver(checkout, entry(checkout, "a"))
    for copy in (tmp_path / "copy", checkout / "copy"):
        shutil.copytree(checkout, copy)
        before = files(checkout)
        deliver(copy, entry(copy, "b"))
        assert {name: file for name, file in files(checkout).items() if not name.startswith("copy/")} == {
            name: file for name, file in before.items() if not name.startswith("copy/")
        }
        assert len(list((copy / "mlartifacts").rglob("dvc.lock"))) == 2


def test_locations_in_a_deleted_temporary_folder_are_given_up(checkout: Path) -> None:
    gone = checkout / ".dvc/tmp/exps/standalone/tmp1"
    found = client(checkout / "mlflow.db")
    found.create_experiment(EXPERIMENT, artifact_location=str(gone / "mlruns" / "1"))
    found.create_experiment("another", artifact_location=str(gone / "mlruns" / "2"))
    experiment = experiment_id(open_store(checkout), checkout)
    assert found.get_experiment(experiment).artifact_location == str(checkout / "mlruns" / "1")
    assert not [place for place in locations(checkout / "mlflow.db") if "tmp1" in place]


@pytest.mark.parametrize(
    "place", ["s3://bucket/mlartifacts", "file:///large/disk", "/large/disk", "{root}/inner/mlruns/1"]
)
def test_files_that_lie_elsewhere_on_purpose_stay_there(checkout: Path, place: str) -> None:
    place = place.format(root=checkout)
    found = client(checkout / "mlflow.db")
    found.create_experiment(EXPERIMENT, artifact_location=place)
    found.create_experiment("another", artifact_location="/other/project/mlartifacts")
    before = locations(checkout / "mlflow.db")
    experiment_id(open_store(checkout), checkout, LIVE_EXPERIMENT)
    assert set(locations(checkout / "mlflow.db")) == {*before, (checkout / "mlartifacts").as_uri()}


def test_a_database_outside_of_the_checkout_is_not_rewritten(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(checkout / "mlflow.db").create_experiment(EXPERIMENT, artifact_location="file:///shared/mlartifacts")
    shared = Path(shutil.move(checkout / "mlflow.db", tmp_path / "shared.db"))
    before = locations(shared)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shared}")
    open_store(checkout)
    assert locations(shared) == before


def test_a_rewriting_that_fails_has_changed_nothing(checkout: Path, entry: Entry, tmp_path: Path) -> None:
    deliver(checkout, entry(checkout, "a"))
    moved = move(checkout, tmp_path / "moved")
    before = locations(moved / "mlflow.db")
    with contextlib.closing(sqlite3.connect(moved / "mlflow.db")) as connection:
        connection.execute("drop table trace_tags")
    with pytest.raises(sqlite3.OperationalError):
        module._follow_move(moved / "mlflow.db", moved)
    assert locations(moved / "mlflow.db") == before


def usable(database: Path) -> None:
    """Fail unless a database is made, or there, and can be written to."""
    module._make(database)
    found = client(database)
    assert found.get_run(found.create_run("0").info.run_id).info.status == "RUNNING"
    assert sorted(path.name for path in database.parent.iterdir()) == [database.name, f"{database.name}.lock"]


@pytest.mark.slow
def test_killed_while_the_database_is_made_the_next_one_begins_anew(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    new = Path(f"{database}.new")
    draw = random.Random(7)
    left = 0
    for size in [0, 1, *(draw.randrange(900_000) for _ in range(4))]:
        command = [sys.executable, "-W", "ignore", "-c", MAKE, str(database)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            while process.poll() is None and not (new.exists() and new.stat().st_size >= size):
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        assert not database.exists()
        left += new.exists()
    assert left
    usable(database)


def test_a_full_disk_while_the_database_is_made_leaves_nothing_dead(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    command = [sys.executable, "-W", "ignore", "-c", MAKE, str(database)]
    limit = 200_000  # bytes that a file may have

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=little_space)
    assert done.returncode == 1
    assert "sqlalchemy.exc.OperationalError" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db.lock"]


def test_what_an_earlier_mlflow_left_half_made_is_set_aside(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SqlAlchemyStore", lambda address, _: _Copy(store, address))
    database = tmp_path / "mlflow.db"
    database.touch()
    module._make(database)
    assert database.read_bytes() == store.read_bytes()
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update alembic_version set version_num = 'a8c4a736bde6'")
    module._make(database)
    assert database.read_bytes() == store.read_bytes()
    assert Path(f"{database}.unfinished").exists()


class _Copy:
    """In place of MLflow's own making of a database, which takes seconds."""

    def __init__(self, store: Path, address: str) -> None:
        shutil.copy(store, address.removeprefix("sqlite:///"))
        self.engine = self

    def dispose(self) -> None:
        pass


def test_an_older_database_that_holds_runs_is_never_set_aside(checkout: Path, entry: Entry) -> None:
    deliver(checkout, entry(checkout, "a"))
    database = checkout / "mlflow.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update alembic_version set version_num = 'a8c4a736bde6'")
    before = database.read_bytes()
    module._make(database)
    assert database.read_bytes() == before
    assert not list(checkout.glob("*.unfinished"))
