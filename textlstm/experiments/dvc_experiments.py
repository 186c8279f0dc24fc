"""DVC experiments for a program: run one by name and parameters, find one again, read a metric from it.

`dvc exp run --temp` isolates the training, but not its own start: for some seconds it moves the branch's HEAD, stashes what the user has
not committed and edits `params.yaml`, all in the user's folder, under a lock for which others wait no longer than three seconds.
Several at once fail on that lock, and one that is killed leaves HEAD detached, edits in `git stash`, and parameters that are not the
user's. So each experiment is started in a clone of its own (`git clone --shared`: no data are copied) that uses the repository's cache,
and comes back by `git fetch` when it is complete. Whatever is killed, the user's folder was never touched, and the clone is thrown away.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from configobj import ConfigObj  # type: ignore[import-untyped]  # what DVC writes its settings with

from textlstm.core.errors import TextLSTMError
from textlstm.experiments.study import Value, Values, nearest, with_values
from textlstm.nn.live import SETTING as LIVE

_TRIES = 6  # after a lock that was taken, or a kill from outside
_LOCKED = re.compile(r"Unable to acquire lock|database is locked|index\.lock|cannot lock ref|Could not acquire")
_KILLED = re.compile(r"exited with (-9|-15|137|143)\b")
_COMMENTS = re.compile(r"ERROR: failed to reproduce|The last good outputs are")  # on what a stage said before
_LAST_LINES = 12  # of a log, as the reason of a failure

# Runs a program that dies with this process; it stands between two programs because Python code after fork is not safe with threads.
_DIE_TOGETHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the sweep is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class ExperimentFailedError(Exception):
    """An experiment that ended without a result; the text says why."""


class StoppedError(Exception):
    """An experiment was stopped because somebody asked for it."""


class Experiments:
    """The experiments of one study in one repository.

    Args:
        root: of the repository.
        study: the name that they share; also a tag of their MLflow runs.
        baseline: the commit that they change parameters of.
        stop: when set, whatever runs is killed and `run` raises StoppedError.
    """

    def __init__(self, root: Path, study: str, baseline: str, stop: threading.Event) -> None:
        self.root, self.study, self.baseline, self._stop = root, study, baseline, stop
        self.folder = root / ".textlstm" / "sweeps" / study
        self._copies = self.folder / "copies"
        self._fetching = threading.Lock()
        self._cache = _output(["dvc", "cache", "dir"], root)
        self.params: dict[str, Any] = yaml.safe_load(self._show(baseline, "params.yaml"))

    def recover(self) -> None:
        """Take over the experiments that an interrupted sweep had completed but not fetched, and remove its clones."""
        for copy in sorted(self._copies.glob("*")):
            with contextlib.suppress(TextLSTMError):  # killed while it was cloned: there is nothing in it
                self._fetch(copy)
            shutil.rmtree(copy, ignore_errors=True)

    def find(self, name: str, values: Values) -> str:
        """The commit of an experiment of that name, "" if there is none.

        Raises:
            TextLSTMError: there is one, but with other parameters.
        """
        reference = f"refs/exps/{self.baseline[:2]}/{self.baseline[2:]}/{name}"
        commit = _output(["git", "for-each-ref", "--format=%(objectname)", reference], self.root)
        if commit:
            expected, got = with_values(self.params, values), yaml.safe_load(self._show(commit, "params.yaml"))
            if expected != got:
                raise TextLSTMError(
                    f"experiment {name}: there is one already, with other parameters than the study wants. "
                    f"Give the study another name, or remove it: 'dvc exp remove {name}'"
                )
        return commit

    def metric(self, commit: str, file: str, key: str) -> float:
        """A number from a JSON file of metrics of an experiment."""
        found: Any = json.loads(self._show(commit, file))
        for part in key.split("."):
            if not isinstance(found, dict) or part not in found:
                known = list(found) if isinstance(found, dict) else []
                raise ExperimentFailedError(f"{file}: no key {key}: {part} is missing{nearest(part, known)}")
            found = found[part]
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise ExperimentFailedError(f"{file}: {key}: expected a number, got {found!r}")
        return float(found)

    def run(self, name: str, values: Values, *, watch: Callable[[], None] | None = None) -> str:
        """Run an experiment, or take the one of that name and those parameters that exists; return its commit.

        Args:
            name: of the experiment.
            values: parameters that differ from the baseline's, by dotted key.
            watch: called now and then while it runs; what it raises ends the experiment.

        Raises:
            ExperimentFailedError: with the end of the log as the reason.
            StoppedError: `stop` was set.
            TextLSTMError: an experiment of that name has other parameters.
        """
        log = self.folder / f"{name}.log"
        for attempt in range(1, _TRIES + 1):
            if commit := self.find(name, values):
                return commit
            copy = self._clone(name)
            try:
                status = self._run_once(copy, name, values, log, watch)
                self._fetch(copy)
            finally:
                shutil.rmtree(copy, ignore_errors=True)
            if commit := self.find(name, values):
                return commit
            said = log.read_text(encoding="utf-8", errors="replace")
            outside = status < 0 or _KILLED.search(said) or _LOCKED.search(said)
            if not outside or attempt == _TRIES:
                break
            if self._stop.wait(2.0 ** (attempt - 1)):
                raise StoppedError
        ended = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        lines = [line for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if not _COMMENTS.match(line)]
        reason = telling[-1] if telling else ended
        raise ExperimentFailedError("\n".join([reason, f"{ended}, try {attempt} of {_TRIES}; log: {log}", *lines[-_LAST_LINES:]]))

    def _clone(self, name: str) -> Path:
        copy = self._copies / name
        shutil.rmtree(copy, ignore_errors=True)
        copy.parent.mkdir(parents=True, exist_ok=True)
        who = []
        for key in ("user.name", "user.email"):
            value = subprocess.run(
                ["git", "config", key], cwd=self.root, capture_output=True, text=True, check=False
            ).stdout.strip()
            who += ["-c", f"{key}={value}"] if value else []
        _output(["git", "clone", "--quiet", "--shared", "--no-checkout", *who, str(self.root), str(copy)], self.root)
        _output(["git", "checkout", "--quiet", "--detach", self.baseline], copy)
        config = ConfigObj(str(self.root / ".dvc" / "config.local"))
        config.filename = str(copy / ".dvc" / "config.local")
        config.setdefault("cache", {})["dir"] = self._cache
        config.write()
        return copy

    def _run_once(self, copy: Path, name: str, values: Values, log: Path, watch: Callable[[], None] | None) -> int:
        settings = [word for key, value in values.items() for word in ("-S", f"{key}={_override(value)}")]
        dvc = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "-n", name, *settings]
        command = [sys.executable, "-c", _DIE_TOGETHER, str(os.getpid()), *dvc]
        inherited = {key: value for key, value in os.environ.items() if key not in {"DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME"}}
        environment = inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "TEXTLSTM_ROOT": str(self.root),
            "TEXTLSTM_STUDY": self.study,
            "DVC_SITE_CACHE_DIR": str(copy / ".dvc" / "site"),  # goes with the clone
            "DVC_NO_ANALYTICS": "1",
        }
        if watch:
            environment.setdefault(LIVE, "file")
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=copy,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while process.poll() is None:
                if self._stop.is_set():
                    raise StoppedError
                if watch:
                    watch()
                time.sleep(0.2)
        finally:
            _kill(process)
        return process.returncode

    def _fetch(self, copy: Path) -> None:
        """Bring what the clone holds of this study's experiments into the repository; each is there as a whole or not at all."""
        pattern = f"refs/exps/{self.baseline[:2]}/{self.baseline[2:]}/{self.study}-*"
        words = [
            "git",
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "--no-auto-gc",
            "--no-tags",
            str(copy),
            f"{pattern}:{pattern}",
        ]
        with self._fetching:
            _output(words, self.root)

    def _show(self, commit: str, file: str) -> str:
        return _output(["git", "show", f"{commit}:{file}"], self.root)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its group: DVC, the shell and the stage."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _override(value: Value) -> str:
    """A value as `dvc exp run -S` reads it: text in quotes, so that "true" or "a,b" stay text.

    >>> _override(0.5), _override(True), _override(["é, x", 1])
    ('0.5', 'true', "['é, x',1]")
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(_override(item) for item in value)}]"
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{quoted}'"
    return repr(value)


def _output(command: list[str], folder: Path) -> str:
    """What a program says on standard output.

    Raises:
        TextLSTMError: it failed; with what it said.
    """
    if command[0] == "dvc":
        command = [sys.executable, "-m", *command]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TextLSTMError(f"{folder}: '{' '.join(command[:4])} …' failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()
