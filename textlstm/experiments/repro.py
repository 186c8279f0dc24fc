"""`dvc repro` as `make repro` runs it: alone, ended with its parent, and with everything in its place afterwards."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from filelock import FileLock, Timeout

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import remove_leftovers
from textlstm.core.lockfile import restore_lock
from textlstm.experiments.runner import DIE_TOGETHER

_OUTPUTS = (Path("data"), Path("models"), Path("metrics"))
_STANDALONE = Path(".dvc/tmp/exps/standalone")  # where `dvc exp run --temp` works
_RWLOCK = Path(".dvc/tmp/rwlock")
_TEMPORARY = re.compile(r"\.[0-9A-Za-z]{22}\.tmp")  # what DVC writes before it is moved into place
_PATIENCE = 10.0  # seconds for DVC to end in order after it was asked to
_QUIET = 600.0  # seconds without a change after which such a folder is left over, if no process works in it


def repro(words: Sequence[str]) -> int:
    """Run `dvc repro` with further words, and return its exit status.

    A `dvc.lock` that a kill cut off is put back first, and what killed processes left is removed. When a stage fails,
    its last good outputs are brought back.

    Raises:
        TextLSTMError: another one runs in this folder.
    """
    lock = Path(".textlstm/repro.lock")
    lock.parent.mkdir(exist_ok=True)
    try:
        with FileLock(lock).acquire(blocking=False):
            return _alone(words)
    except Timeout:
        raise TextLSTMError(f"another one works in {Path.cwd()}. Wait for it, or stop it") from None


def _alone(words: Sequence[str]) -> int:
    restore_lock()
    remove_stale_rwlock()
    remove_leftovers(*_OUTPUTS)
    _remove_temporaries()
    _remove_experiments()
    status = _dvc("repro", *words)
    if status == 0:
        return 0
    restore_lock()
    remove_stale_rwlock()
    remove_leftovers(*_OUTPUTS)
    _remove_temporaries()
    back = subprocess.run(
        [sys.executable, "-m", "dvc", "checkout", "--quiet", "--force"], capture_output=True, check=False
    )
    state = (
        "the last good outputs are back in place"
        if back.returncode == 0
        else "some of the last good outputs could not be brought back; the next run makes them"
    )
    if status < 0 or status > 128:
        print(f"textlstm repro: stopped; {state}. The same command goes on", file=sys.stderr)
        return 128 - status if status < 0 else status
    print(f"textlstm repro: a stage failed (see above); {state}", file=sys.stderr)
    return 1


def remove_stale_rwlock() -> None:
    """Delete DVC's list of who reads and writes what if a kill has cut it off, or if all who are in it have ended.

    DVC refuses all work with such a list: with one of the second kind while a process that has ended is not yet taken off
    by its parent, or when another process has got its number.
    """
    holders: list[dict[str, Any]] = []
    try:
        for entry in json.loads(_RWLOCK.read_bytes()).values():
            holders += [*entry.get("read", []), *([entry["write"]] if "write" in entry else [])]
        at_work = any(_is_dvc(int(holder["pid"])) for holder in holders)
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, AttributeError):  # not what DVC writes
        at_work = False
    if not at_work:
        _RWLOCK.unlink(missing_ok=True)


def _remove_temporaries() -> None:
    """Delete what DVC was moving into the outputs when it was killed."""
    for path in (path for folder in _OUTPUTS for path in folder.rglob(".*.tmp")):
        if _TEMPORARY.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _is_dvc(number: int) -> bool:
    """Whether a process is at work that was started as DVC."""
    try:
        process = psutil.Process(number)
        return process.status() != psutil.STATUS_ZOMBIE and any("dvc" in word for word in process.cmdline())
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


def _dvc(*words: str) -> int:
    """Run DVC and wait for it. A signal that asks for an end goes to its stage, for DVC itself takes none while one runs."""
    command = [sys.executable, "-c", DIE_TOGETHER, str(os.getpid()), sys.executable, "-m", "dvc", *words]
    process = subprocess.Popen(command)
    stopped: list[int] = []
    asked = 0.0

    def pass_on(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = asked or time.monotonic()
        stopped.append(number)
        if number == signal.SIGINT and os.isatty(0):
            return  # a terminal sends Ctrl-C to all of its group
        with contextlib.suppress(psutil.Error):
            dvc = psutil.Process(process.pid)
            for one in (*dvc.children(recursive=True), dvc):
                with contextlib.suppress(psutil.Error):
                    one.send_signal(signal.SIGINT)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, pass_on) for number in numbers]
    try:
        while (status := process.poll()) is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            if stopped and time.monotonic() > asked + _PATIENCE:
                process.kill()  # and with it its stage
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    return -stopped[0] if stopped and status else status


def _remove_experiments() -> None:
    """Delete the folders that killed `dvc exp run --temp` have left: some hundred megabytes each."""
    for folder in _STANDALONE.iterdir() if _STANDALONE.is_dir() else []:
        places = [folder, *folder.rglob("*")]
        newest = max((place.lstat().st_mtime for place in places if place.exists()), default=0.0)
        if time.time() - newest > _QUIET and not _in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _in_use(folder: Path) -> bool:
    """Whether a process works in a folder; those of other users do not show."""
    works = (Path(process.info["cwd"]) for process in psutil.process_iter(["cwd"]) if process.info["cwd"])
    return any(place.is_relative_to(folder.resolve()) for place in works)
