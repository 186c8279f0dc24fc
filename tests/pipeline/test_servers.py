"""Growing past one machine, on real servers: runs in MLflow on PostgreSQL, data and models in DVC remotes over SSH and on S3.

A machine that lacks a server's program skips its tests; one that promised to have them, with
TEXTLSTM_REQUIRE_SERVERS=1, fails.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mlflow
import psutil
import pytest
import yaml

from tests.pipeline.servers import (
    NoServerError,
    Postgres,
    Relay,
    free_ports,
    mlflow_server,
    postgres,
    s3_server,
    ssh_server,
)
from tests.pipeline.small import Clone
from textlstm.core.config import flat

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
COMPLETE = {
    "dvc.lock",
    "dvc.yaml",
    "params.yaml",
    "language.json",
    "imdb.json",
    "curves",
    "plots",
    "pictures",
    "studies",
}


@contextlib.contextmanager
def skipped_without() -> Iterator[None]:
    try:
        yield
    except NoServerError as reason:
        if os.environ.get("TEXTLSTM_REQUIRE_SERVERS") == "1":
            pytest.fail(f"TEXTLSTM_REQUIRE_SERVERS=1, but {reason}")
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with contextlib.ExitStack() as stack:
        with skipped_without():
            server = stack.enter_context(postgres())
        yield server


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    with contextlib.ExitStack() as stack:
        with skipped_without():
            server = stack.enter_context(s3_server(tmp_path_factory.mktemp("s3"), "dvc", "mlflow"))
        yield server


CLONE = """
import contextlib, sys, threading, time
from pathlib import Path
from textlstm.experiments import sweep
from textlstm.experiments.study import Study
root = Path(sys.argv[1])
spec = Study(name="shared", metric="metrics/language.json:auc", direction="maximize", trials=12, jobs=2, sampler="random",
             space={"language_model.units": {"low": 1, "high": 64}})
record = sweep.record_of(root)
lock = lambda: sweep.record_lock(record, root)

def measure(name, values, report):
    time.sleep(0.05)
    return float(values["language_model.units"])

with lock():
    study = sweep.open_study(spec, record, "0" * 40)
sweep.run_trials(study, spec, 7, measure, threading.Event(), clone=str(root), alone_in_record=lock)
"""


def test_two_clones_share_a_study_and_each_trial_counts_once(database: Postgres, tmp_path: Path) -> None:
    environment = os.environ | {"TEXTLSTM_STUDIES": database.database("studies"), "PGPASSWORD": database.password}
    command = [sys.executable, "-c", CLONE]
    clones = [
        subprocess.Popen([*command, str(tmp_path / name)], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    told = [clone.communicate(timeout=120)[1] for clone in clones]
    assert [clone.returncode for clone in clones] == [0, 0], told
    rows = database.query("select number || ':' || state from trials order by number", "studies")
    assert rows == [f"{number}:COMPLETE" for number in range(12)]
    owners = database.query("select distinct value_json from trial_user_attributes where key = 'clone'", "studies")
    assert len(owners) == 2


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with contextlib.ExitStack() as stack:
        with skipped_without():
            server = stack.enter_context(ssh_server(tmp_path_factory.mktemp("ssh")))
        yield server


class State:
    """A folder that holds what the stage `track` reads: the committed results, as a state of its own."""

    def __init__(self, folder: Path, root: Path | None = None, experiment: str = "") -> None:
        self.folder, self.root, self.experiment = folder, root or folder, experiment
        folder.mkdir(parents=True)
        self.root.mkdir(exist_ok=True)
        for name in ("dvc.yaml", "params.yaml"):
            shutil.copy(ROOT / name, folder)
        shutil.copytree(ROOT / "metrics", folder / "metrics")
        (folder / "metrics/curves/english.csv").write_text("epoch,loss\n1,2.5\n2,1.25\n", encoding="utf-8")
        lock = {"schema": "2.0", "stages": {"only": {"cmd": f"true {folder.name}"}}}
        (folder / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")

    def start(self, address: str = "", **settings: str) -> subprocess.Popen[str]:
        """`python -m stages.track`, as DVC starts it."""
        environment = (
            os.environ | settings | {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(self.root), "DVC_STAGE": "track"}
        )
        environment |= {"MLFLOW_TRACKING_URI": address} if address else {}
        environment |= {"DVC_EXP_NAME": self.experiment} if self.experiment else {}
        words = [sys.executable, "-m", "stages.track"]
        return subprocess.Popen(
            words, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def track(self, address: str = "", **settings: str) -> tuple[int, str]:
        """Its exit status, and all that it prints."""
        process = self.start(address, **settings)
        out, err = process.communicate()
        return process.returncode, out + err

    def waiting(self) -> list[str]:
        return sorted(path.name for path in (self.root / ".textlstm" / "outbox").iterdir())


def runs(address: str) -> list[mlflow.entities.Run]:
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("textlstm")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], max_results=1000))


def statuses(address: str) -> Counter[str]:
    return Counter(run.info.status for run in runs(address))


def test_runs_go_to_postgresql_and_their_files_to_s3(
    database: Postgres, s3: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    store, keys = s3
    environment = keys | {"MLFLOW_S3_ENDPOINT_URL": store, "PGPASSWORD": database.password}
    state = State(tmp_path / "state")
    backend = database.database("complete")
    with mlflow_server(tmp_path, backend, "s3://mlflow/artifacts", environment=environment) as (address, _):
        assert re.search(r"mlflow: tracked as run \w+, repro-", state.track(address)[1])
        assert re.search(r"mlflow: already tracked as run", state.track(address)[1])
        [run] = runs(address)
        assert run.info.status == "FINISHED"
        assert run.info.artifact_uri.startswith("mlflow-artifacts:/")  # the client needs no key of the store
        assert set(run.data.params) == set(flat(yaml.safe_load((state.folder / "params.yaml").read_text())))
        assert {"language.auc", "imdb.accuracy", "english.loss"} <= set(run.data.metrics)
        client = mlflow.MlflowClient(address)
        curve = client.get_metric_history(run.info.run_id, "english.loss")
        assert [(point.step, point.value) for point in curve] == [(1, 2.5), (2, 1.25)]
        assert {entry.path for entry in client.list_artifacts(run.info.run_id)} == COMPLETE
        uri = f"{address}/api/2.0/mlflow-artifacts/artifacts/{run.info.experiment_id}/{run.info.run_id}/artifacts/pictures/loss.png"
        picture = subprocess.run([sys.executable, "-c", FETCH, uri], capture_output=True, check=True).stdout
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5000
    assert database.query("select status from runs", "complete") == ["FINISHED"]


FETCH = "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())"


def test_a_server_that_is_down_costs_the_tracking_only(database: Postgres, tmp_path: Path) -> None:
    port = free_ports(1)[0]
    address = f"http://127.0.0.1:{port}"
    plain, experiment = State(tmp_path / "plain"), State(tmp_path / "temporary", tmp_path / "plain", "night")
    status, said = plain.track(address)
    assert status == 1
    assert f"track: MLflow at {address}: cannot track" in said
    assert "No result is lost" in said
    status, said = experiment.track(address)
    assert status == 0, "a failed stage would cost the experiment its results"
    assert "No result is lost" in said
    shutil.rmtree(experiment.folder)  # as DVC does with the folder of a temporary experiment
    assert len(plain.waiting()) == 2
    backend = database.database("down")
    secret = {"PGPASSWORD": database.password}
    with mlflow_server(tmp_path, backend, str(tmp_path / "artifacts"), port=port, environment=secret):
        status, said = plain.track(address)
        assert status == 0
        assert len(re.findall(r"mlflow: tracked as run", said)) == 2
        assert plain.waiting() == []
        assert statuses(address) == {"FINISHED": 2}
        assert {run.data.tags.get("textlstm.experiment", "") for run in runs(address)} == {"", "night"}
        client = mlflow.MlflowClient(address)
        for run in runs(address):
            assert {entry.path for entry in client.list_artifacts(run.info.run_id)} == COMPLETE


@pytest.mark.parametrize("fatal", [b"PUT /api/2.0/mlflow-artifacts", b"/runs/update"], ids=["files", "end"])
def test_a_server_that_dies_half_way_leaves_one_finished_run(
    database: Postgres, tmp_path: Path, fatal: bytes, request: pytest.FixtureRequest
) -> None:
    state = State(tmp_path / "state")
    backend = database.database(f"dies {request.node.callspec.id}".replace(" ", "-"))
    secret = {"PGPASSWORD": database.password}
    artifacts = str(tmp_path / "artifacts")
    with mlflow_server(tmp_path, backend, artifacts, environment=secret) as (address, server):
        relay = Relay(int(address.rsplit(":", 1)[1]), fatal, server.end)
        status, said = state.track(f"http://127.0.0.1:{relay.port}")
    assert status == 1
    assert "No result is lost" in said
    assert len(state.waiting()) == 1
    with mlflow_server(tmp_path, backend, artifacts, environment=secret) as (address, _):
        assert statuses(address) == {"RUNNING": 1}, "the server was there when the run began"
        assert state.track(address)[0] == 0
        assert state.waiting() == []
        assert statuses(address) == {"FINISHED": 1, "KILLED": 1}
        [finished] = [run for run in runs(address) if run.info.status == "FINISHED"]
        assert {entry.path for entry in mlflow.MlflowClient(address).list_artifacts(finished.info.run_id)} == COMPLETE
        assert state.track(address)[0] == 0
        assert statuses(address) == {"FINISHED": 1, "KILLED": 1}


def test_a_database_that_dies_under_the_server_costs_the_tracking_only(database: Postgres, tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    secret = {"PGPASSWORD": database.password}
    with mlflow_server(tmp_path, database.database("under"), str(tmp_path / "artifacts"), environment=secret) as (
        address,
        _,
    ):
        relay = Relay(int(address.rsplit(":", 1)[1]), b"PUT /api/2.0/mlflow-artifacts", database.stop)
        try:
            status, said = state.track(f"http://127.0.0.1:{relay.port}")
            assert status == 1
            assert "No result is lost" in said
            status, said = state.track(address)
            assert status == 1, "the server answers, its database does not"
            assert "No result is lost" in said
        finally:
            database.start()
        assert state.track(address)[0] == 0
        assert statuses(address) == {"FINISHED": 1, "KILLED": 1}


def test_a_tracking_that_is_killed_leaves_no_run_that_runs_for_ever(database: Postgres, tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    secret = {"PGPASSWORD": database.password}
    with mlflow_server(tmp_path, database.database("killed"), str(tmp_path / "artifacts"), environment=secret) as (
        address,
        _,
    ):
        processes: list[subprocess.Popen[str]] = []
        relay = Relay(
            int(address.rsplit(":", 1)[1]),
            b"PUT /api/2.0/mlflow-artifacts",
            lambda: psutil.Process(processes[0].pid).kill(),
        )
        processes.append(state.start(f"http://127.0.0.1:{relay.port}"))
        processes[0].communicate()
        assert statuses(address) == {"RUNNING": 1}
        assert state.track(address)[0] == 0
        assert statuses(address) == {"FINISHED": 1, "KILLED": 1}


def test_eight_processes_that_begin_a_new_sqlite_store_at_once_lose_nothing(tmp_path: Path) -> None:
    states = [State(tmp_path / f"state{number}", tmp_path / "root", f"trial-{number}") for number in range(8)]
    processes = [state.start() for state in states]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, said
    assert [err for _, err in said if "cannot track" in err] == []
    assert states[0].waiting() == []
    address = f"sqlite:///{tmp_path / 'root' / 'mlflow.db'}"
    assert statuses(address) == {"FINISHED": 8}
    assert {run.data.tags.get("textlstm.experiment", "") for run in runs(address)} == {
        state.experiment for state in states
    }
    assert len({run.data.tags["textlstm.state"] for run in runs(address)}) == 8


def test_eight_machines_that_begin_a_new_server_at_once_lose_nothing(database: Postgres, tmp_path: Path) -> None:
    states = [State(tmp_path / f"machine{number}") for number in range(8)]
    secret = {"PGPASSWORD": database.password}
    with mlflow_server(tmp_path, database.database("eight"), str(tmp_path / "artifacts"), environment=secret) as (
        address,
        _,
    ):
        processes = [state.start(address) for state in states]
        said = [process.communicate() for process in processes]
        assert [process.returncode for process in processes] == [0] * 8, said
        assert statuses(address) == {"FINISHED": 8}


def test_two_machines_that_track_the_same_state_at_once_make_one_run(database: Postgres, tmp_path: Path) -> None:
    states = [State(tmp_path / f"machine{number}" / "state") for number in range(2)]
    secret = {"PGPASSWORD": database.password}
    with mlflow_server(tmp_path, database.database("twice"), str(tmp_path / "artifacts"), environment=secret) as (
        address,
        _,
    ):
        held: list[tuple[int, str]] = []
        relay = Relay(
            int(address.rsplit(":", 1)[1]),
            b"PUT /api/2.0/mlflow-artifacts",
            lambda: held.append(states[1].track(address)),
            hang_up=False,
        )
        first = states[0].track(f"http://127.0.0.1:{relay.port}", MLFLOW_HTTP_REQUEST_TIMEOUT="900")
        assert [held[0][0], first[0]] == [0, 0], (held, first)
        assert statuses(address) == {"FINISHED": 1}
        assert [state.track(address)[0] for state in states] == [0, 0]
        assert statuses(address) == {"FINISHED": 1}


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with small parameters, reproduced and committed."""
    clone = Clone(tmp_path_factory.mktemp("remote") / "clone")
    clone.repro()
    clone.git("add", "dvc.lock", "metrics")
    clone.git("commit", "--quiet", "--message", "results")
    return clone


def files(folder: Path) -> dict[str, bytes]:
    """All that `dvc pull` brings."""
    tops = (folder / "data", folder / "models")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for top in tops
        for path in sorted(top.rglob("*"))
        if path.is_file()
    }


def push_and_pull(
    clone: Clone, folder: Path, name: str, url: str, local: dict[str, str], common: dict[str, str]
) -> None:
    """Push everything from one clone; a fresh clone then has everything, and trains nothing."""
    clone.run("dvc", "remote", "add", "--force", "--default", name, url)
    for key, value in common.items():
        clone.run("dvc", "remote", "modify", name, key, value)
    clone.git("commit", "--quiet", "--all", "--message", f"remote {name}")
    fresh = object.__new__(Clone)
    fresh.folder = folder
    for each in (clone, fresh):
        if each is fresh:
            clone.run("git", "clone", "--quiet", ".", str(folder))
            assert not (folder / "models/imdb").exists()
        for key, value in local.items():
            each.run("dvc", "remote", "modify", "--local", name, key, value)
        each.run("dvc", "push" if each is clone else "pull")
    assert files(folder) == files(clone.folder)
    assert "language" in fresh.run("python", "-m", "textlstm", "ask", "--json", "hello there, this is a test").stdout
    assert fresh.repro() == {"track"}  # the fresh clone's own MLflow has not seen this state yet
    assert fresh.run("git", "status", "--porcelain", "--untracked-files=no").stdout == ""
    assert "config.local" not in fresh.git("ls-files")


def test_a_fresh_clone_gets_everything_over_ssh(ssh: tuple[str, Path], reproduced: Clone, tmp_path: Path) -> None:
    address, key = ssh
    push_and_pull(reproduced, tmp_path / "fresh", "machine", f"{address}{tmp_path}/storage", {"keyfile": str(key)}, {})


def test_a_fresh_clone_gets_everything_from_s3(
    s3: tuple[str, dict[str, str]], reproduced: Clone, tmp_path: Path
) -> None:
    address, keys = s3
    secret = {"access_key_id": keys["AWS_ACCESS_KEY_ID"], "secret_access_key": keys["AWS_SECRET_ACCESS_KEY"]}
    push_and_pull(
        reproduced,
        tmp_path / "fresh",
        "bucket",
        "s3://dvc/textlstm",
        secret,
        {"endpointurl": address, "region": "us-east-1"},
    )
