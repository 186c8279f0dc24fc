"""The store that MLflow writes to: its address, how its database comes into being, and where its files lie.

The store is $MLFLOW_TRACKING_URI, or else `mlflow.db` (SQLite) at the root of the repository. A relative address starts
at that root, whatever folder a program works in. The files of a SQLite database lie in `mlartifacts/` beside it; MLflow
would put them into the working folder, which DVC deletes after an experiment.

MLflow notes absolute paths. In a checkout that has been moved or copied, those in its own database are rewritten before
anything else is done, so that a copy never writes into the folder of the original.
"""

import contextlib
import os
import re
import sqlite3
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

import mlflow
import requests
import sqlalchemy.exc
from filelock import FileLock, Timeout
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_latest_schema_revision  # it has no public name
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from textlstm.core.errors import TextLSTMError

EXPERIMENT = "textlstm"
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # the view for trained models
    "mlflow.note.content": """\
Each run is one state of the pipeline: its parameters, data, models, figures and pictures.

- To compare runs, select them in the table and click **Compare**; *Show diff only* leaves the parameters that differ.
- Figures are measured on held-out data. `language.auc` and `language.accuracy`: windows of held-out text;
  `imdb.accuracy` and `imdb.auc`: held-out reviews. The metrics `..._low` and `..._high` are the ends of 95 % intervals.
- The inputs of a run are its data sets, its outputs the models. `textlstm promote` registers the models of a run.
""",
}
LIVE_EXPERIMENT = "textlstm-training"  # the experiment of the live view
SETTING = "MLFLOW_TRACKING_URI"
FAULTS = (
    MlflowException,
    sqlalchemy.exc.SQLAlchemyError,
    sqlite3.Error,
    requests.exceptions.RequestException,
    OSError,
)
_FILES = "mlartifacts"
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_PATIENCE = 20.0  # seconds to wait for a SQLite database that another program writes to
_LOCATION = re.compile(
    r"(.*)/(?:mlartifacts|mlruns)(?:/\d+)?/?"
)  # of an experiment's files: the folder of its database
_COLUMNS = (  # where a database holds locations of files
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)


def tracking_address(root: Path) -> str:
    """Where runs go: $MLFLOW_TRACKING_URI, or a SQLite file at the root of the repository.

    Raises:
        TextLSTMError: the setting names a database that ends with the process.
    """
    named = os.environ.get(SETTING, "").strip()
    if not named:
        return f"sqlite:///{root / 'mlflow.db'}"
    scheme = urllib.parse.urlparse(named).scheme
    if scheme.startswith("sqlite"):
        url = sqlalchemy.engine.make_url(named)
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise TextLSTMError(f"{SETTING}: expected sqlite:///PATH, which keeps what is tracked, got {named}")
        place = os.path.normpath(root / url.database)
        return named if Path(url.database).is_absolute() else str(url.set(database=place))
    if scheme == "file":
        return Path(os.path.normpath(root / _path(named))).as_uri()
    if not scheme and named not in {"databricks", "databricks-uc", "uc"}:
        return os.path.normpath(root / named)
    return named


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """One process of the repository at a time; one that has to wait says so."""
    path = root / ".textlstm" / "tracking.lock"
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(
            f"mlflow: another process of {root} is tracking or promoting; waiting for it", file=sys.stderr, flush=True
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def open_store(root: Path) -> mlflow.MlflowClient:
    """A client of the store, which is made if it is a SQLite database that is not there; the caller holds `locked`."""
    address = tracking_address(root)
    database = _database(address)
    if database is not None:
        _make(database)
        if root in database.parents:
            _follow_move(database, root)
    return mlflow.MlflowClient(address, address)


def experiment_id(client: mlflow.MlflowClient, root: Path, name: str = EXPERIMENT) -> str:
    """The id of an experiment of MLflow, created if need be; the caller holds `locked`."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        for key, value in EXPERIMENT_TAGS.items():
            if key not in found.tags:  # else somebody has set it
                client.set_experiment_tag(found.experiment_id, key, value)
        return found.experiment_id
    address = client.tracking_uri
    database = _database(address)
    place = None  # a server decides by itself
    if database is not None:
        place = _files(database)
    elif address.startswith(_DATABASES):
        place = (root / _FILES).as_uri()
    try:
        return client.create_experiment(name, place, EXPERIMENT_TAGS)
    except MlflowException:
        found = client.get_experiment_by_name(name)  # on a server, another clone may have been quicker
        if found is None:
            raise
        return found.experiment_id


@contextlib.contextmanager
def default_store(address: str) -> Iterator[None]:
    """Have MLflow use a store also where it asks its settings for one, as the registry does when it looks a model up."""
    before = os.environ.get(SETTING)
    os.environ[SETTING] = address
    try:
        yield
    finally:
        if before is None:
            del os.environ[SETTING]
        else:
            os.environ[SETTING] = before


def _path(address: str) -> str:
    """What file:... means."""
    return urllib.request.url2pathname(urllib.parse.urlparse(address).path)


def _database(address: str) -> Path | None:
    """The file of a SQLite database, None for any other store."""
    if not address.startswith("sqlite"):
        return None
    name = sqlalchemy.engine.make_url(address).database
    return Path(name).resolve() if name else None


def _files(database: Path) -> str:
    """Where the files of a database lie."""
    return (database.parent / _FILES).as_uri()


def _make(database: Path) -> None:
    """Make a SQLite database, unless it is there: under another name, then moved into place as a whole.

    MLflow changes a new database in hundreds of steps, and cannot go on with one in which it was stopped. Such a one is
    set aside if there is nothing in it.
    """
    if database.exists() and not _unfinished(database):
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    new = database.with_name(f"{database.name}.new")
    with FileLock(f"{database}.lock"):
        if database.exists() and _unfinished(database):
            database.replace(f"{database}.unfinished")
        if database.exists():
            return
        _remove(new)  # left by a process that was killed
        try:
            store = SqlAlchemyStore(f"sqlite:///{new}", _files(database))  # type: ignore[no-untyped-call]
            store.engine.dispose()
            new.replace(database)
        finally:
            _remove(new)


def _remove(database: Path) -> None:
    for ending in ("", "-journal", "-wal", "-shm"):
        Path(f"{database}{ending}").unlink(missing_ok=True)


def _unfinished(database: Path) -> bool:
    """Whether a database was not made to its end, and nobody has written into it."""
    if not database.stat().st_size:
        return True
    with contextlib.closing(sqlite3.connect(database, timeout=_PATIENCE)) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
        kept = tables - {"alembic_version", "experiments", "workspaces"}  # MLflow itself writes a line into each
        if any(connection.execute(f'select 1 from "{name}" limit 1').fetchone() for name in kept):  # noqa: S608
            return False
        if (
            "experiments" in tables
            and connection.execute("select 1 from experiments where experiment_id != 0").fetchone()
        ):
            return False
        versions = connection.execute("select version_num from alembic_version") if "alembic_version" in tables else ()
        return [version for (version,) in versions] != [_get_latest_schema_revision()]  # type: ignore[no-untyped-call]


def _follow_move(database: Path, root: Path) -> None:
    """Rewrite the locations that lie in another checkout, or in the folder of a temporary experiment; all or none."""
    with contextlib.closing(sqlite3.connect(database, timeout=_PATIENCE, isolation_level=None)) as connection:
        found = connection.execute("select name, artifact_location from experiments").fetchall()
        old = {place for name, location in found for place in _places_elsewhere(name, location or "", root)}
        if not old:
            return
        connection.execute("begin immediate")
        for place in sorted(old, reverse=True):  # a folder in another one first
            for before, after in ((place.as_uri(), root.as_uri()), (place.as_posix(), root.as_posix())):
                for table, column in _COLUMNS:
                    connection.execute(
                        f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",  # noqa: S608
                        (f"{after}/", len(before) + 2, len(before) + 1, f"{before}/"),
                    )
        connection.execute("commit")
    for place in sorted(old):
        print(f"mlflow: {database.name} came from {place}; its files are now those in {root}", flush=True)


def _places_elsewhere(name: str, location: str, root: Path) -> Iterator[Path]:
    """The other folder, in place of `root`, in which the files of an experiment would be; only of our own, or of a temporary folder."""
    path = _path(location) if location.startswith("file:") else location
    parts = _LOCATION.fullmatch(Path(path).as_posix()) if Path(path).is_absolute() else None
    if parts is None:
        return
    place, temporary = Path(parts[1]), "/.dvc/tmp/exps/" in parts[1]
    if temporary or (name in {EXPERIMENT, LIVE_EXPERIMENT} and place != root and root not in place.parents):
        yield place
