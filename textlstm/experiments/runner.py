"""The one engine that runs the pipeline with other parameters: DVC experiments, by name, each run once and kept.

`dvc exp run --temp` isolates the training, but not its own start: for some seconds it moves the branch's HEAD, stashes
what the user has not committed and edits `params.yaml`, all in the user's folder, under a lock for which others wait no
longer than three seconds. Several at once fail on that lock, and one that is killed leaves HEAD detached, edits in `git
stash`, and parameters that are not the user's. So each experiment is started in a clone of its own (`git clone
--shared`: no data are copied) that uses the repository's cache, and comes back by `git fetch` when it is complete.
Whatever is killed, the user's folder was never touched, and the clone is thrown away. DVC's run cache restores every
stage that an earlier run has been through with the same code, data and parameters.
"""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from configobj import ConfigObj  # type: ignore[import-untyped]  # what DVC writes its settings with
from filelock import FileLock, Timeout
from ruamel.yaml import YAML  # what DVC writes YAML with

from textlstm.core import paths
from textlstm.core.config import flat, nearest
from textlstm.core.errors import TextLSTMError
from textlstm.core.git import ROOT, git, require_history
from textlstm.core.yaml_files import parse_yaml
from textlstm.nn.live import SETTING as LIVE

_WATCHED = [
    "params.yaml",
    "dvc.yaml",
    "dvc.lock",
    "data",
    "stages",
    "textlstm",
]  # what decides the result of an experiment
_TRIES = 6  # after a lock that was taken, or a kill from outside
_LOCKED = re.compile(r"Unable to acquire lock|database is locked|index\.lock|cannot lock ref|Could not acquire")
_KILLED = re.compile(r"exited with (-9|-15|137|143)\b")
_COMMENTS = re.compile(r"ERROR: failed to reproduce|The last good outputs are")  # repeats of a stage's message
_LAST_LINES = 12  # of a log, as the reason of a failure

# Runs a program that dies with this process; it stands between two programs because Python code after fork is not safe
# with threads.
DIE_TOGETHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that started the experiment has ended")
os.execv(sys.argv[2], sys.argv[2:])
"""


class ExperimentFailedError(TextLSTMError):
    """An experiment that ended without a result; the text says why."""


class StoppedError(KeyboardInterrupt):
    """An experiment was stopped because somebody asked for it."""


class Experiments:
    """The experiments of one study in one repository.

    Args:
        root: of the repository.
        study: what they are for; a tag of their MLflow runs. They have a folder of their own,
            `.textlstm/experiments/<study>`.
        baseline: the commit that they change parameters of.
        stop: when set, whatever runs is killed and `run` raises StoppedError.
    """

    def __init__(self, root: Path, study: str, baseline: str, stop: threading.Event) -> None:
        self.root, self.study, self.baseline, self._stop = root, study, baseline, stop
        self.folder = study_folder(root, study)
        self._copies = self.folder / "copies"
        self._fetching = threading.Lock()
        self.params: dict[str, Any] = self._params(baseline)  # before DVC reads it, which knows no limits
        self._cache = dvc_says("cache", "dir", folder=root)
        for place in (str(root), self._cache):
            if not place.isascii():
                raise TextLSTMError(
                    f"{place}: DVC starts no experiments where the path of the repository or of its cache has other letters than ASCII. "
                    "Move it to a path that has none"
                )

    def recover(self) -> None:
        """Take over the experiments that an interrupted study had completed but not fetched, and remove its clones."""
        for copy in sorted(self._copies.glob("*")):
            with contextlib.suppress(TextLSTMError):  # killed while it was cloned: there is nothing in it
                self._fetch(copy)
            shutil.rmtree(copy, ignore_errors=True)

    def find(self, name: str, params: Mapping[str, Any]) -> str:
        """The commit of an experiment of that name, "" if there is none.

        Raises:
            TextLSTMError: there is one, but with other parameters.
        """
        commit = git("for-each-ref", "--format=%(objectname)", f"{self._references}/{name}", folder=self.root)
        if commit and list(flat(self._params(commit)).items()) != list(flat(params).items()):
            raise TextLSTMError(
                f"experiment {name}: there is one already, with other parameters than are wanted now. "
                f"Take another name, or remove it: 'dvc exp remove {name}'"
            )
        return commit

    def metrics(self, commit: str, file: Path) -> dict[str, Any]:
        """The contents of a JSON file of metrics of an experiment, or of the baseline."""
        return dict(json.loads(self._show(commit, file)))

    def metric(self, commit: str, file: Path, key: str) -> float:
        """One number of them, by its dotted key."""
        found: Any = self.metrics(commit, file)
        for part in key.split("."):
            if not isinstance(found, dict) or part not in found:
                known = list(found) if isinstance(found, dict) else []
                raise ExperimentFailedError(f"{file}: no key {key}: {part} is missing{nearest(part, known)}")
            found = found[part]
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise ExperimentFailedError(f"{file}: {key}: expected a number, got {found!r}")
        return float(found)

    def copy_outputs(self, commit: str, wanted: Iterable[Path], folder: Path) -> None:
        """Copy what an experiment, or the baseline, has made into a folder, under the same paths; from git and DVC's cache.

        Raises:
            TextLSTMError: DVC does not have it any more.
        """
        from dvc.api import DVCFileSystem
        from dvc.exceptions import DvcException

        try:
            files = DVCFileSystem(str(self.root), rev=commit)
            for path in wanted:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                files.get(str(path), str(folder / path), recursive=True)
        except (DvcException, OSError) as error:
            raise TextLSTMError(
                f"{commit[:12]}: DVC cannot give all that it made: {error}. If it is an experiment's, remove it ('dvc exp remove'), "
                "so that it runs again; if it is the present commit's, run 'dvc repro'"
            ) from None

    def run(self, name: str, params: Mapping[str, Any], *, watch: Callable[[], None] | None = None) -> str:
        """Run an experiment, or take the one of that name and those parameters that exists; return its commit.

        Args:
            name: of the experiment.
            params: all of its parameters, as `params.yaml` is to have them.
            watch: called now and then while it runs; what it raises ends the experiment.

        Raises:
            ExperimentFailedError: with the end of the log as the reason.
            StoppedError: `stop` was set.
            TextLSTMError: an experiment of that name has other parameters.
        """
        log = self.folder / f"{name}.log"
        for attempt in range(1, _TRIES + 1):
            if commit := self.find(name, params):
                return commit
            print(f"{name}: runs, and says in {log} how far it is", flush=True)
            copy = self._clone(name)
            try:
                (copy / paths.PARAMS).write_text(
                    rewritten(self._show(self.baseline, paths.PARAMS), params), encoding="utf-8"
                )
                status = self._run_once(copy, name, log, watch)
                self._fetch(copy)
            finally:
                shutil.rmtree(copy, ignore_errors=True)
            if commit := self.find(name, params):
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
        raise ExperimentFailedError(
            "\n".join([reason, f"{ended}, try {attempt} of {_TRIES}; log: {log}", *lines[-_LAST_LINES:]])
        )

    @property
    def _references(self) -> str:
        return f"refs/exps/{self.baseline[:2]}/{self.baseline[2:]}"

    def _clone(self, name: str) -> Path:
        copy = self._copies / name
        shutil.rmtree(copy, ignore_errors=True)
        copy.parent.mkdir(parents=True, exist_ok=True)
        who = []
        for key in ("user.name", "user.email"):
            value = git("config", key, folder=self.root, check=False)
            who += ["-c", f"{key}={value}"] if value else []
        git("clone", "--quiet", "--shared", "--no-checkout", *who, str(self.root), str(copy), folder=self.root)
        git("checkout", "--quiet", "--detach", self.baseline, folder=copy)
        config = ConfigObj(str(self.root / ".dvc" / "config.local"))
        config.filename = str(copy / ".dvc" / "config.local")
        config.setdefault("cache", {})["dir"] = self._cache
        config.write()
        return copy

    def _run_once(self, copy: Path, name: str, log: Path, watch: Callable[[], None] | None) -> int:
        dvc = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "-n", name]
        command = [sys.executable, "-c", DIE_TOGETHER, str(os.getpid()), *dvc]
        inherited = {
            key: value for key, value in os.environ.items() if key not in {"DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME"}
        }
        environment = inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            ROOT: str(self.root),
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
        """Bring the experiment that the clone holds into the repository; it is there as a whole or not at all."""
        options = ("--quiet", "--no-write-fetch-head", "--no-auto-gc", "--no-tags")
        with self._fetching:
            git("fetch", *options, str(copy), f"{self._references}/*:{self._references}/*", folder=self.root)

    def _params(self, commit: str) -> dict[str, Any]:
        where = f"{paths.PARAMS} of the commit {commit[:12]}"
        params = parse_yaml(self._show(commit, paths.PARAMS), where)
        if not isinstance(params, dict):
            raise TextLSTMError(f"{where}: expected sections, got {type(params).__name__}")
        return params

    def _show(self, commit: str, file: Path) -> str:
        return git("show", f"{commit}:{file}", folder=self.root)


@contextlib.contextmanager
def experiments_of(study: str) -> Iterator[Experiments]:
    """The experiments of a study that change parameters of the last commit; Ctrl-C and SIGTERM stop what runs.

    Raises:
        TextLSTMError: files that decide results differ from the last commit, or another process runs the same study.
        StoppedError: a signal came, if only when nothing ran any more.
    """
    root = repository()
    with alone(study_folder(root, study), study), stop_on_signals() as stop:
        experiments = Experiments(root, study, committed(root), stop)
        experiments.recover()
        yield experiments
        if stop.is_set():
            raise StoppedError


def repository() -> Path:
    """The root of the repository around the current folder.

    Raises:
        TextLSTMError: there is none, or it is one that experiments cannot come back to.
    """
    root = Path(git("rev-parse", "--show-toplevel"))
    require_history(root)
    return root


def study_folder(root: Path, study: str) -> Path:
    """Where a study keeps its logs and clones."""
    return root / ".textlstm" / "experiments" / study


def committed(root: Path) -> str:
    """The last commit, from which experiments start.

    Raises:
        TextLSTMError: files that decide the result of an experiment differ from it.
    """
    if changed := git("status", "--porcelain", "--untracked-files=no", "--", *_WATCHED, folder=root):
        raise TextLSTMError(
            f"{root}: experiments start from the last commit, and these files differ from it:\n{changed}\n"
            "Commit them, or put them back with 'git stash', and run again"
        )
    return git("rev-parse", "HEAD", folder=root)


def alone(folder: Path, name: str) -> contextlib.AbstractContextManager[object]:
    """One process per study at a time: two would take each other's running experiments for interrupted ones."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return FileLock(folder / "lock").acquire(blocking=False)
    except Timeout:
        raise TextLSTMError(f"study {name}: another process runs it already. Wait for it, or stop it") from None


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that what runs is ended in order."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda _signal, _frame: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def rewritten(text: str, params: Mapping[str, Any]) -> str:
    """YAML with other values; what does not change keeps its form and its comments.

    >>> print(rewritten("seed: 7  # of all\\nimdb: {units: 2, epochs: 3}\\n", {"seed": 8, "imdb": {"units": 2}, "word": "no"}), end="")
    seed: 8  # of all
    imdb: {units: 2}
    word: no
    """
    form, stream = YAML(), io.StringIO()
    form.preserve_quotes, form.width = True, 4096
    values = form.load(text)

    def formed(value: Any) -> Any:
        written = io.StringIO()
        plain = YAML(typ="safe", pure=True)
        plain.default_flow_style = None  # lists and mappings of scalars on one line
        plain.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        plain.dump(value, written)
        return form.load(written.getvalue())

    _replace(values, params, formed)
    form.dump(values, stream)
    return stream.getvalue()


def _replace(values: Any, others: Mapping[str, Any], formed: Callable[[Any], Any]) -> None:
    """Give a mapping the values of another one, in its place and in the other's order.

    What is new is `formed` by the YAML library that will read it: one for another version of YAML writes some words
    without the quotes that they need.
    """
    for key in [key for key in values if key not in others]:
        del values[key]
    for key, value in others.items():
        if isinstance(value, Mapping) and isinstance(values.get(key), Mapping):
            _replace(values[key], value, formed)
        elif key not in values or values[key] != value or isinstance(values[key], bool) != isinstance(value, bool):
            values[key] = formed(value)
    if list(values) != list(others):
        for key in others:
            values.move_to_end(key)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its group: DVC, the shell and the stage."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def dvc_says(*words: str, folder: Path) -> str:
    """What a DVC command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise TextLSTMError(f"{folder}: 'dvc {' '.join(words)}' failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()
