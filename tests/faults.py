"""Kills and damage at random, and what is left of the promises afterwards: a table, and status 1 if one was broken.

Run     python -m tests.faults [--kills N] [--commands N] [--damages N] [--seconds S] [--seed S], or make faults

Kills: a small reproduction is started again and again, with make or with dvc, and each time one of its processes, or
all of them, gets a signal, at a random moment or while a file is written that matters. Kept if nothing lives on for
more than a second, and if the run that comes through at last has made the same bytes as an undisturbed one, and left
nothing else behind. Commands: the same for a named experiment, a sweep, `promote` and `track`; kept if
the command, called again, ends as if it had not been killed, and the workspace has the bytes that it had. Damages: one
file of the trained models is altered; kept if asking the models ends with a clear error or with the same answers.

Three reproductions are killed at a time, each in a clone of its own.
"""

import argparse
import contextlib
import copy
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml

from tests.pipeline.small import SMALL, Clone, inherited

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
VICTIMS = ("stage", "dvc", "group", "make")
AIMS = ("dvc.lock", "models", "mlflow.db")  # what is being written at the moment of a kill
LONGEST = 600.0  # seconds for one run
CLONES = 3
FAULTS_SMALL = SMALL | {"download": {"retries": 1}}
TEXTS = ["the quick brown fox", "la liberté", "не здесь", "good film", "12345", "a", "the movie was not bad at all"]


class Row(NamedTuple):
    """One line of the table."""

    what: str
    kept: int
    of: int
    broken: list[str]


def main() -> int:
    """Measure, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--commands", type=int, default=8)
    parser.add_argument("--damages", type=int, default=1000)
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="for the kills; what is not reached is not counted"
    )
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="textlstm-") as temporary:
        first = Workspace(Path(temporary) / "0" / "clone")
        clones = [first, *(first.copy(Path(temporary) / str(number) / "clone") for number in range(1, CLONES))]
        rows = [damages(first.clone.folder / "models", chosen.damages, chosen.seed)]

        def both(number: int) -> list[Row]:
            seed = chosen.seed + number
            shares = [total // CLONES + (number < total % CLONES) for total in (chosen.kills, chosen.commands)]
            return [
                kills(clones[number], shares[0], seed, chosen.seconds),
                commands(clones[number], shares[1], seed),
            ]

        with ThreadPoolExecutor(CLONES) as pool:
            rows += [
                Row(
                    some[0].what,
                    sum(row.kept for row in some),
                    sum(row.of for row in some),
                    [line for row in some for line in row.broken],
                )
                for some in zip(*pool.map(both, range(CLONES)), strict=True)
            ]
    for row in rows:
        print(f"{row.what:<10} {row.kept:>6,} of {row.of:,}")
        for line in row.broken:
            print(f"           {line}")
    return int(any(row.broken for row in rows))


class Workspace:
    """A clone with small parameters, which has been reproduced once undisturbed."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir()
        self.clone = Clone(folder, FAULTS_SMALL)
        (folder / ".venv").symlink_to(sys.prefix)
        self.log = folder.parent / "log.txt"
        # DVC starts stages through SHELL; /bin/sh may be dash, which does not become the program that it starts
        self.environment = inherited() | {"PYTHONUNBUFFERED": "1", "SHELL": "/bin/sh"}
        done = self.start("make")
        if done.wait(LONGEST):
            raise SystemExit("the undisturbed reproduction failed")
        self.expected = self.outputs()

    def copy(self, folder: Path) -> "Workspace":
        """The same in another folder."""
        shutil.copytree(self.clone.folder, folder, symlinks=True)
        other = copy.copy(self)
        other.clone, other.log = Clone.at(folder), folder.parent / "log.txt"
        return other

    def start(self, how: str, command: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start a reproduction, or another command, in a session of its own."""
        command = (
            command
            or {
                "make": ["make", "--silent", "-o", ".venv/.installed", "repro"],
                "dvc": [sys.executable, "-m", "dvc", "repro"],
            }[how]
        )
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command, cwd=self.clone.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def outputs(self) -> dict[str, str]:
        """The digest of each output of each stage, but for that of the mark that it was tracked."""
        lock = yaml.safe_load((self.clone.folder / "dvc.lock").read_bytes())
        return {
            out["path"]: out["md5"]
            for stage in lock["stages"].values()
            for out in stage.get("outs", [])
            if not out["path"].startswith(".textlstm")
        }

    def reset(self) -> None:
        """Forget all that was made; the downloads stay in their cache."""
        self.clone.git("clean", "-fdxq", "-e", ".venv", "-e", "data/raw")
        self.clone.git("checkout", "--quiet", "--force", "HEAD")
        (self.clone.folder / "dvc.lock").unlink(missing_ok=True)

    def processes(self) -> dict[int, str]:
        """The processes that work in the clone, and how they were called."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").resolve() == self.clone.folder.resolve():
                    words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if words:  # else it has ended, and waits for its parent
                        found[int(process.name)] = words
        return found

    def leftovers(self) -> list[str]:
        """What should not be there after a run that came through."""
        folder = self.clone.folder
        left = [
            path
            for ending in ("tmp", "old")
            for top in ("data", "models", "metrics")
            for path in (folder / top).rglob(f".*.{ending}")
        ]
        left += [*(folder / ".textlstm" / "checkpoints").glob("*"), *(folder / ".textlstm" / "outbox").glob("*")]
        return [str(path.relative_to(folder)) for path in left]


def kills(workspace: Workspace, count: int, seed: int, seconds: float) -> Row:
    """Kill reproductions, `count` times or for so many seconds, and look at what becomes of them."""
    if not count:
        return Row("kills", 0, 0, [])
    choice, until = random.Random(seed), time.monotonic() + seconds
    kept, done, broken = 0, 0, []
    workspace.reset()
    pending: list[str] = []  # kills since the last run that came through
    while done < count and time.monotonic() < until:
        how = "dvc" if choice.random() < 0.2 and not _is_cut(workspace) and not _is_held(workspace) else "make"
        running = workspace.start(how)
        shot = _shoot(workspace, running, choice, how)
        if shot is None:  # it came through
            broken += _judge(workspace, running.returncode, pending)
            kept += len(pending) if not broken else 0
            pending = []
            workspace.reset()
            continue
        done += 1
        pending.append(shot)
        if left := _survivors(workspace, running):
            broken.append(f"{shot}: alive after a second: {left}")
            pending.pop()
    while workspace.start("make").wait(LONGEST) < 0:
        pass
    broken += _judge(workspace, workspace.start("make").wait(LONGEST), pending)
    return Row("kills", done - len(broken), done, broken)


def _is_cut(workspace: Workspace) -> bool:
    lock = workspace.clone.folder / "dvc.lock"
    return lock.exists() and not lock.read_bytes().strip()


def _is_held(workspace: Workspace) -> bool:
    """Whether DVC's list of who works names a process that has ended and is still in the system's table: DVC refuses to work then."""
    path = workspace.clone.folder / ".dvc/tmp/rwlock"
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    return any(psutil.pid_exists(int(number)) for number in re.findall(r'"pid": (\d+)', content))


def _shoot(workspace: Workspace, running: subprocess.Popen[bytes], choice: random.Random, how: str) -> str | None:
    """Send a signal to a run, and say what was done; None if the run ended before."""
    number, victim = choice.choice(SIGNALS), choice.choice(VICTIMS)
    aim = choice.choice(AIMS) if choice.random() < 0.3 else None
    moment = time.monotonic() + choice.uniform(0.1, 7.0)
    while True:
        if running.poll() is not None:
            return None
        if time.monotonic() > moment and (
            aim is None or _is_written(workspace, aim) or time.monotonic() > moment + 6.0
        ):
            break
        time.sleep(0.0005 if aim else 0.01)
    found = workspace.processes()
    pids = {
        "stage": [pid for pid, words in found.items() if " -m stages." in words],
        "dvc": [pid for pid, words in found.items() if "dvc repro" in words or "-m dvc" in words],
        "make": [running.pid],
    }.get(victim, [])
    with contextlib.suppress(ProcessLookupError):
        if victim == "group":
            os.killpg(running.pid, number)
        for pid in pids[:1]:
            os.kill(pid, number)
    if victim != "group" and not pids:
        os.kill(running.pid, number)
    return f"{number.name} to {victim}" + (f" while {aim} is written" if aim else "") + f" ({how})"


def _is_written(workspace: Workspace, aim: str) -> bool:
    folder = workspace.clone.folder
    if aim == "dvc.lock":
        with contextlib.suppress(OSError):
            return (folder / "dvc.lock").stat().st_size == 0
        return False
    if aim == "models":
        return any((folder / "models").rglob(".*.tmp"))
    return any(folder.glob("mlflow.db-journal")) or any(folder.glob(".mlflow.db*"))


def _survivors(workspace: Workspace, running: subprocess.Popen[bytes]) -> list[str]:
    """What still runs a second after the run has ended; one that only its stage was shot from may end by itself."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(60.0)
    if running.poll() is None:  # it took no notice of the signal, as a shell does of some
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    time.sleep(1.0)
    return [words[:80] for words in workspace.processes().values() if "daemon" not in words]


def _judge(workspace: Workspace, status: int, pending: list[str]) -> list[str]:
    """What is wrong after a run that came through."""
    after = f"after {'; '.join(pending[-3:])}" if pending else "without a kill"
    if status:
        log = workspace.log.read_text(encoding="utf-8", errors="replace")
        return [f"{after}: make repro ended with status {status}: {log[-600:]}"]
    found = workspace.outputs()
    wrong = [path for path, md5 in workspace.expected.items() if found.get(path) != md5]
    problems = [f"{after}: other bytes: {', '.join(wrong)}"] if wrong else []
    problems += [f"{after}: left behind: {', '.join(left)}"] if (left := workspace.leftovers()) else []
    states = Counter(state for _, state in workspace.clone.runs())
    return problems + (
        [f"{after}: runs in MLflow: {dict(states)}"] if states["RUNNING"] or not states["FINISHED"] else []
    )


def commands(workspace: Workspace, count: int, seed: int) -> Row:
    """Kill other commands than a reproduction, and call each of them again until it comes through."""
    choice, folder = random.Random(seed), workspace.clone.folder
    workspace.clone.git("add", "dvc.lock", "metrics")
    workspace.clone.git("commit", "--quiet", "--allow-empty", "--message", "results")
    broken = []
    for number in range(count):
        name = (*COMMANDS,)[number % len(COMMANDS)]
        if name == "track":  # it makes the database too
            for path in folder.glob("mlflow.db*"):
                path.unlink()
        (folder / ".textlstm" / f"sweep-{number}.yaml").write_text(STUDY.format(number), encoding="utf-8")
        (folder / "experiments" / f"kill-{number}.yaml").write_text(EXPERIMENT.format(number), encoding="utf-8")
        words = [word.format(number) for word in COMMANDS[name]]
        shots, running = [], workspace.start(name, words)
        for _ in range(2):
            time.sleep(choice.uniform(0.2, 15.0))
            kind = choice.choice(SIGNALS)
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if choice.random() < 0.5 else os.kill)(running.pid, kind)
            shots.append(f"{name} {number} after {kind.name}")
            if left := _survivors(workspace, running):
                broken.append(f"{shots[-1]}: alive after a second: {left}")
            running = workspace.start(name, words)
        status = running.wait(LONGEST)
        said = workspace.log.read_text(encoding="utf-8", errors="replace")[-600:]
        if status:
            broken.append(f"{shots[-1]}: ended with status {status}: {said}")
        wrong = [path for path, md5 in workspace.outputs().items() if workspace.expected.get(path) != md5]
        states = Counter(of for _, of in workspace.clone.runs())
        names = [run for run, of in workspace.clone.runs() if of == "FINISHED"]
        expected = {"experiment": [f"kill-{number}"], "sweep": [f"sweep-{number}-0", f"sweep-{number}-1"]}.get(name, [])
        twice = [one for one in expected if names.count(one) != 1 or _experiments(workspace).count(one) != 1]
        if wrong or twice or states["RUNNING"] or workspace.clone.git("status", "--porcelain", "-uno"):
            broken.append(f"{shots[-1]}: {wrong}, {twice}, {dict(states)}: {said}")
        if name == "promote" and _champions(folder) != {"textlstm-language": 1, "textlstm-sentiment": 1}:
            broken.append(f"{shots[-1]}: champions {_champions(folder)}")
    return Row("commands", count - len(broken), count, broken)


COMMANDS = {
    "experiment": [sys.executable, "-m", "textlstm", "experiment", "kill-{0}"],
    "promote": [sys.executable, "-m", "textlstm", "promote"],
    "sweep": [sys.executable, "-m", "textlstm", "sweep", ".textlstm/sweep-{0}.yaml"],
    "track": [sys.executable, "-m", "stages.track"],
}
EXPERIMENT = """title: killed
published: {{}}
metrics: metrics/language.json
params: {{evaluate: {{bootstrap: 20{0}}}}}
"""
STUDY = """name: sweep-{0}
metric: metrics/language.json:auc
direction: maximize
sampler: grid
trials: 2
jobs: 2
space: {{evaluate.bootstrap: {{choice: [30{0}, 31{0}]}}}}
"""


def _experiments(workspace: Workspace) -> list[str]:
    return workspace.clone.git("for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps").split()


def _champions(folder: Path) -> dict[str, int]:
    """How many versions of each registered model are the champion."""
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        rows = connection.execute("select name from registered_model_aliases where alias = 'champion'").fetchall()
    return dict(Counter(name for (name,) in rows))


def damages(models: Path, count: int, seed: int) -> Row:
    """Alter one file of the models at a time, and ask them."""
    from textlstm.core.errors import TextLSTMError
    from textlstm.detection.detector import load_detector
    from textlstm.loading import load_classifier

    choice = random.Random(seed)

    def answers(folder: Path) -> str:
        detector, classifier = load_detector(folder), load_classifier(folder)
        exact = load_detector(folder, exact=True)
        return repr([detector.predict(TEXTS), classifier.predict(TEXTS), exact.predict(TEXTS)])

    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="textlstm-") as temporary:
        copy = Path(temporary) / "models"
        shutil.copytree(models, copy)
        files = sorted(path for path in copy.rglob("*") if path.is_file())
        right = answers(copy)
        for _ in range(count):
            path = choice.choice(files)
            before = path.read_bytes()
            what, after = choice.choice(DAMAGES)(before, choice)
            path.write_bytes(after)
            try:
                if answers(copy) != right:
                    broken.append(f"{path.relative_to(copy)}, {what}: other answers")
            except TextLSTMError:
                pass
            except Exception as error:
                broken.append(f"{path.relative_to(copy)}, {what}: {type(error).__name__}: {str(error)[:80]}")
            path.write_bytes(before)
    return Row("damages", count - len(broken), count, broken)


Damage = Callable[[bytes, random.Random], tuple[str, bytes]]


def _flipped(content: bytes, choice: random.Random) -> tuple[str, bytes]:
    place = choice.randrange(len(content))
    return f"bit flipped at {place}", content[:place] + bytes([content[place] ^ 1 << choice.randrange(8)]) + content[
        place + 1 :
    ]


def _cut(content: bytes, choice: random.Random) -> tuple[str, bytes]:
    place = choice.randrange(len(content))
    return f"cut off at {place}", content[:place]


def _zeroed(content: bytes, choice: random.Random) -> tuple[str, bytes]:
    place = choice.randrange(len(content))
    end = min(place + 512, len(content))
    return f"512 zeros at {place}", content[:place] + bytes(end - place) + content[end:]


def _swapped(content: bytes, choice: random.Random) -> tuple[str, bytes]:
    """Two neighbouring bytes, as in a digit or a letter that was typed wrong."""
    place = choice.randrange(max(len(content) - 1, 1))
    return f"bytes swapped at {place}", content[:place] + content[place : place + 2][::-1] + content[place + 2 :]


def _digit(content: bytes, choice: random.Random) -> tuple[str, bytes]:
    """Another digit in place of one, if there is any: other values of the right type."""
    places = [place for place, byte in enumerate(content[:100_000]) if 48 <= byte <= 57]
    if not places:
        return _flipped(content, choice)
    place = choice.choice(places)
    return f"another digit at {place}", content[:place] + bytes([48 + (content[place] - 47) % 10]) + content[
        place + 1 :
    ]


def _grown(content: bytes, _choice: random.Random) -> tuple[str, bytes]:
    return "bytes appended", content + b" 0"


DAMAGES: tuple[Damage, ...] = (_flipped, _cut, _zeroed, _swapped, _digit, _grown)


if __name__ == "__main__":
    sys.exit(main())
