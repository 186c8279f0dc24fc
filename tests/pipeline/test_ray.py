"""`textlstm score --engine ray` on a real cluster of two nodes on this machine. The models must have been trained."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.behaviour.test_score import alive, large, lines_in, parts_done, wait_for

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.ray]
WORDS = ("--only", "language")


def free_port() -> int:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which a cluster of two nodes with one processor core each is found."""
    folder, port = tmp_path_factory.mktemp("ray"), free_port()
    environment = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ADDRESS": f"127.0.0.1:{port}",
    }
    places = [["--head", f"--port={port}", "--include-dashboard=false"], [f"--address=127.0.0.1:{port}"]]
    nodes = []
    try:
        for number, words in enumerate(places):
            command = [Path(sys.executable).with_name("ray"), "start", "--num-cpus=1", "--block", *words]
            with (folder / f"{number}.log").open("wb") as log:
                nodes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))
            count = f"import ray; ray.init(log_to_driver=False); print(len(ray.nodes()) == {number + 1})"
            assert wait_for(lambda: b"True" in asked(count, environment), 60), (folder / f"{number}.log").read_text()  # noqa: B023
        yield environment
    finally:
        for node in reversed(nodes):
            for process in [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]:
                process.kill()
            node.wait()


def asked(code: str, environment: dict[str, str]) -> bytes:
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False).stdout


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "textlstm", "score", *map(str, words)]


def score(*words: object, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large(tmp_path_factory.mktemp("input") / "in.txt", 80_000_000)


@pytest.fixture(scope="module")
def expected(source: Path) -> bytes:
    output = source.with_name("local.csv")
    assert score(source, "--output", output, *WORDS).returncode == 0
    return output.read_bytes()


def test_rows_are_those_of_one_machine(source: Path, expected: bytes, cluster: dict[str, str], tmp_path: Path) -> None:
    done = score(source, "--output", tmp_path / "out.csv", *WORDS, "--engine", "ray", environment=cluster)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("kind", ["csv.gz", "parquet"])
def test_a_cluster_of_its_own_is_started_and_stopped(kind: str, source: Path, tmp_path: Path) -> None:
    small = large(tmp_path / "in.txt", 20_000_000)
    middle = tmp_path / f"in.{kind}"
    assert score(small, "--output", middle, *WORDS, "--prefix", "first_").returncode == 0
    assert score(middle, "--output", tmp_path / f"local.{kind}", *WORDS).returncode == 0
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    words = (middle, "--output", tmp_path / f"ray.{kind}", *WORDS, "--engine", "ray", "--jobs", "2")
    done = score(*words, environment=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"ray.{kind}").read_bytes() == (tmp_path / f"local.{kind}").read_bytes()


def workers() -> list[psutil.Process]:
    """The processes of the cluster that answer."""
    running = list(psutil.process_iter(["cmdline"]))
    return [one for one in running if any("MapWorker" in word for word in one.info["cmdline"] or [])]


def test_a_killed_worker_is_replaced(source: Path, expected: bytes, cluster: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    words = command(source, "--output", output, *WORDS, "--engine", "ray")
    with subprocess.Popen(words, cwd=ROOT, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert wait_for(lambda: parts_done(output) > 1, 120)
        assert len(workers()) == 2
        workers()[0].kill()
        told = process.communicate(timeout=300)[1]
    assert process.returncode == 0, told
    assert output.read_bytes() == expected


def test_a_killed_run_goes_on_to_the_same_bytes(
    source: Path, expected: bytes, cluster: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    words = command(source, "--output", output, *WORDS, "--engine", "ray")
    with subprocess.Popen(words, cwd=ROOT, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert wait_for(lambda: parts_done(output) > 1, 120)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert wait_for(lambda: not any(map(alive, workers())), 60)
    before = parts_done(output)
    assert before > 1
    assert not output.exists()
    done = score(source, "--output", output, *WORDS)  # an engine goes on with the parts of the other
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == expected


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\n")
    began = time.monotonic()
    done = score(tmp_path / "in.txt", "--output", tmp_path / "out.csv", "--engine", "ray", "--address", "127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith("textlstm score: --address 127.0.0.1:1: expected a Ray cluster, got none (")
    assert len(done.stderr.splitlines()) == 1
    assert time.monotonic() - began < 60  # Ray itself tries for ten minutes
    assert lines_in(tmp_path / "in.txt") == 1
