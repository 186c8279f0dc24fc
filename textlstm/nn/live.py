"""What a training says of itself while it runs, for those who want to watch: lines of JSON in `.textlstm/live`.

Off unless $TEXTLSTM_LIVE is set: "1" also starts a process that shows the loss in MLflow (`textlstm.tracking.live`);
"file" leaves the reading to somebody else (a sweep that prunes). It is an environment variable, not a parameter,
because it changes no result. The reader deletes the file.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from textlstm.core.git import repository_root

SETTING = "TEXTLSTM_LIVE"
_SECONDS = 2.0  # between two reports within an epoch


def live_folder() -> Path:
    """Where reports lie: at the root of the repository, also when the training works in a temporary copy of it."""
    return repository_root() / ".textlstm" / "live"


@contextlib.contextmanager
def reporting() -> Iterator["Report"]:
    """A report for the length of one training."""
    report = Report()
    done = False
    try:
        yield report
        done = True
    finally:
        report.close(done=done)


class Report:
    """The report of one training, which goes on whatever happens to it: no error of the operating system gets out."""

    def __init__(self) -> None:
        stage = os.environ.get("DVC_STAGE") or "-".join([Path(sys.argv[0]).stem, *sys.argv[1:]])
        names = [os.environ.get("DVC_EXP_NAME", ""), stage, str(os.getpid())]
        self._path = live_folder() / (
            "-".join(re.sub(r"[^\w@.-]", "_", name)[:80] for name in names if name) + ".jsonl"
        )
        self.wanted = os.environ.get(SETTING) in {"1", "file"}
        self._broken, self._last = not self.wanted, time.monotonic()
        self._write(
            stage=stage,
            experiment=os.environ.get("DVC_EXP_NAME", ""),
            study=os.environ.get("TEXTLSTM_STUDY", ""),
            pid=os.getpid(),
        )
        if os.environ.get(SETTING) == "1" and not self._broken:
            self._start_follower()

    def step(self, epoch: int, step: int, loss: float) -> None:
        """Report a step, every few seconds; `epoch` counts from 1, `step` over all epochs."""
        if time.monotonic() - self._last >= _SECONDS:
            self._last = time.monotonic()
            self._write(epoch=epoch, step=step, loss=loss)

    def epoch(self, epoch: int, step: int, loss: float) -> None:
        """Report the end of an epoch."""
        self._write(epoch=epoch, step=step, loss=loss, end_of_epoch=True)

    def close(self, *, done: bool) -> None:
        """Say that the training has ended, and whether it came to its end. A training that is killed says nothing."""
        self._write(done=done)

    def _write(self, **values: object) -> None:
        if self._broken:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
        except OSError:  # on purpose: a full disk must not cost the training because somebody wanted to watch it
            self._broken = True

    def _start_follower(self) -> None:
        command = [sys.executable, "-m", "textlstm.tracking.live", str(self._path), str(os.getpid())]
        try:
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        except OSError:  # on purpose, as above
            self._broken = True
