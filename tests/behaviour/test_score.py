"""`textlstm score` with the shipped models: answers, memory, kills. They must have been trained: `make repro` comes first."""

import contextlib
import csv
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textlstm.core import paths

ROOT = Path(__file__).parents[2]
MOST = 400  # MB per process
pytestmark = pytest.mark.slow

# What a process of the command and those that it starts take at most, in MB, as the operating system counts it. What
# getrusage says of a process itself counts the one that it was forked from, which is this one.
MEASURED = """
import resource, sys
from pathlib import Path
from textlstm.__main__ import main
status = main(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
itself = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(max(itself, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024)
raise SystemExit(status)
"""


def textlstm(*words: str, program: str = "-m textlstm", **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *([*program.split()] if program.startswith("-m") else ["-c", program]), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def score(source: Path, output: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return textlstm("score", str(source), "--output", str(output), *words, **options)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Reviews, held-out text in pieces of every length, and what is no language."""
    table = pq.read_table(ROOT / paths.TEST_IMDB, columns=["text"]).slice(0, 200)
    found = table.column("text").to_pylist()
    for language in ("english", "french"):
        text = (ROOT / paths.heldout_text(language)).read_text(encoding="utf-8")
        found += [text[place : place + place % 60] for place in range(0, 2000, 7)]
    found += ["", " ", "Привет", "qsdfk wxcv", "no... wait... what?", "<b>é</b>", "a\tb", "'", "🙂", "e\u0301te\u0301"]
    return [text.replace("\n", " ").replace("\r", " ") for text in found]


def fields_of(answer: dict[str, Any]) -> list[Any]:
    names = (
        "text",
        *("language", "language_probability", "reason", "sentiment", "positive_probability", "sentiment_reason"),
    )
    return [answer[name] for name in names]


@pytest.fixture(scope="module")
def asked(texts: list[str]) -> list[list[Any]]:
    """What `textlstm ask` answers."""
    done = textlstm("ask", "--json", input="".join(f"{text}\n" for text in texts))
    return [fields_of(json.loads(line)) for line in done.stdout.removesuffix("\n").split("\n")]


@pytest.mark.parametrize("source", ["in.txt", "in.csv.gz", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.jsonl.zst", "out.parquet"])
def test_answers_are_those_of_ask(
    source: str, target: str, texts: list[str], asked: list[list[Any]], tmp_path: Path
) -> None:
    path, output = tmp_path / source, tmp_path / target
    if source == "in.parquet":
        pq.write_table(pa.table({"text": texts}), path, row_group_size=97)
    elif source == "in.txt":
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    elif source == "in.jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    else:
        import gzip

        with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text"], *([text] for text in texts)])
    done = score(path, output, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    if target == "out.parquet":
        answers = pq.read_table(output).to_pylist()
    elif target == "out.csv":
        with output.open(encoding="utf-8", newline="") as file:
            rows = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
        numbers = ("language_probability", "positive_probability")
        answers = [
            row | {name: row[name] and float(row[name]) for name in numbers} | {"text": row["text"] or ""}
            for row in rows
        ]
    else:
        with pa.input_stream(output) as stream:
            answers = [json.loads(line) for line in stream.read().decode().removesuffix("\n").split("\n")]
    assert [fields_of(answer) for answer in answers] == asked


def large(path: Path, size: int, width: int = 200) -> Path:
    """A text file of lines that are pieces of the training text."""
    text = (ROOT / paths.training_text("english")).read_text(encoding="utf-8").replace("\n", " ")
    draw = random.Random(7)
    block = "".join(
        text[place : place + width].ljust(width) + "\n"
        for place in (draw.randrange(len(text) - width) for _ in range(5000))
    )
    data = block.encode()
    with path.open("wb") as file:
        for _ in range(size // len(data) + 1):
            file.write(data)
    return path


def lines_in(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def test_memory_is_flat(tmp_path: Path) -> None:
    used = []
    for size in (10_000_000, 200_000_000):
        source = large(tmp_path / f"{size}.txt", size)
        output = tmp_path / f"{size}.csv"
        done = score(source, output, "--only", "language", "--jobs", "2", program=MEASURED)
        assert done.returncode == 0, done.stderr
        used.append(int(done.stdout.split()[-1]))
    assert lines_in(output) == lines_in(source) + 1
    assert max(used) < MOST
    assert used[1] < used[0] + 50


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_memory_of_reviews(kind: str, tmp_path: Path) -> None:
    reviews = pq.read_table(ROOT / paths.TEST_IMDB, columns=["text"]).slice(0, 2500)
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    pq.write_table(pa.concat_tables([reviews] * 2), tmp_path / "reviews.parquet")
    done = score(tmp_path / "reviews.parquet", source, "--only", "language", "--prefix", "first_")
    assert done.returncode == 0, done.stderr
    done = score(source, output, "--jobs", "2", program=MEASURED)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < MOST


@contextlib.contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "textlstm", "score", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def parts_done(output: Path) -> int:
    return len(list(output.with_name(f"{output.name}.parts").glob("[0-9]*.json")))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize("source", ["in.txt", "in.txt.gz"])
def test_a_killed_run_goes_on_to_the_same_bytes(source: str, tmp_path: Path) -> None:
    path = large(tmp_path / "in.txt", 80_000_000)
    if source.endswith(".gz"):
        subprocess.run(["gzip", "-1", path], check=True)
    path, words = tmp_path / source, ("--only", "language", "--jobs", "2")
    assert score(path, tmp_path / "calm.csv", *words).returncode == 0
    output, draw = tmp_path / "out.csv", random.Random(7)
    for kind in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        before = parts_done(output)
        with running(str(path), "--output", str(output), *words) as process:
            assert wait_for(lambda: parts_done(output) > before or process.poll() is not None)  # noqa: B023
            time.sleep(draw.random() / 5)
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(kind)
            told = process.communicate(timeout=30)[1]
        if process.returncode == 0 and kind != signal.SIGINT:  # it came to its end before the signal
            output.unlink()
            continue
        if kind == signal.SIGINT:
            assert process.returncode == 130
            assert told.splitlines()[-1] == "textlstm score: interrupted; what was complete is kept"
        assert wait_for(lambda: not any(map(alive, children)), 1)  # noqa: B023
        assert not output.exists()
    done = score(path, output, *words)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == (tmp_path / "calm.csv").read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted({source, "calm.csv", "out.csv"})


def test_a_killed_worker_is_said(tmp_path: Path) -> None:
    path, output = large(tmp_path / "in.txt", 100_000_000), tmp_path / "out.csv"
    with running(str(path), "--output", str(output), "--only", "language", "--jobs", "2") as process:
        assert wait_for(lambda: parts_done(output) > 0)
        workers = [
            child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())
        ]
        workers[0].kill()
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "a process that answered was killed" in told
    assert "Traceback" not in told
    assert parts_done(output) > 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a disk of 4 MB cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_leaves_nothing_half(tmp_path: Path, small_disk: Path) -> None:
    path, output = large(tmp_path / "in.txt", 20_000_000), small_disk / "out.csv"
    for jobs in ("1", "2"):
        done = score(path, output, "--only", "language", "--jobs", jobs)
        assert done.returncode == 1
        assert "the disk is full" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not output.exists()
        assert not [left for left in output.with_name("out.csv.parts").iterdir() if left.suffix == ".tmp"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\n")
    done = score(tmp_path / "in.txt", Path("/proc/self/out.csv"))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("textlstm score: /proc/self/out.csv")


def test_a_terminal_shows_a_bar_and_a_log_lines(tmp_path: Path) -> None:
    import pty
    import termios

    path = large(tmp_path / "in.txt", 30_000_000)
    head, tail = pty.openpty()
    termios.tcsetwinsize(tail, (25, 100))
    command = [
        sys.executable,
        "-m",
        "textlstm",
        "score",
        str(path),
        "--only",
        "language",
        "--output",
        str(tmp_path / "a.csv"),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=tail) as process:
        os.close(tail)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while block := os.read(head, 1 << 16):
                shown += block
        os.close(head)
    assert process.returncode == 0
    assert b"rows per second" in shown
    assert b"100%" in shown
    assert score(path, tmp_path / "b.csv", "--only", "language").stderr == ""  # it takes less than ten seconds


def test_little_memory_is_left_alone(tmp_path: Path) -> None:
    """A limit of the operating system holds what the page of documentation promises."""
    path = large(tmp_path / "in.txt", 30_000_000)
    limit = 1200 << 20  # of addresses, which are more than what is used
    done = score(
        path,
        tmp_path / "out.csv",
        *("--only", "language", "--jobs", "1"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 0, done.stderr
