"""Show in MLflow how a training goes, while it goes: follow its report (`textlstm.nn.live`) and log the loss.

Reads   .textlstm/live/<training>.jsonl, and deletes it at the end
Writes  a run of the experiment "textlstm-training"; the table of comparable runs, "textlstm", stays clean
Run     python -m textlstm.tracking.live FILE PID: the training with that process id starts it by itself when $TEXTLSTM_LIVE is 1

The training never waits for this process and is not affected by its errors: when MLflow cannot be used, it says so once and
logs no more.
"""

import json
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import psutil
from mlflow.entities import Metric, Run

from textlstm.core.errors import TextLSTMError
from textlstm.tracking.runs import LONGEST_NAME, NAME
from textlstm.tracking.store import FAULTS, LIVE_EXPERIMENT, experiment_id, locked, open_store

_FOLLOWER = "textlstm.follower"  # tag: process id, start and machine of the process that writes the run
_SECONDS = 1.0  # between two looks at the file

Line = dict[str, Any]


def follow(path: Path, pid: int) -> None:
    """Log what the training `pid` reports in `path`, until it says that it has ended or is gone."""
    run: _LiveRun | None = None
    faulty = False
    try:
        for lines in _batches(path, pid):
            if faulty:
                continue
            try:
                run = run or _LiveRun(path.parents[2], lines[0])
                run.log(lines)
            except (*FAULTS, TextLSTMError) as error:
                faulty = True
                print(
                    f"live view: MLflow cannot be used, nothing is shown: {' '.join(str(error).split())[:200]}",
                    file=sys.stderr,
                )
    finally:
        path.unlink(missing_ok=True)


def _batches(path: Path, pid: int) -> Iterator[list[Line]]:
    """What has been reported since the last look, in complete lines; the last one has the key "done" or "gone"."""
    training = _process(pid)
    with path.open(encoding="utf-8") as file:
        rest = ""
        while True:
            alive = _alive(training)  # asked first: what it wrote before it ended is still read below
            *whole, rest = (rest + file.read()).split("\n")
            lines = [json.loads(line) for line in whole]
            ended = bool(lines) and "done" in lines[-1]
            if not alive and not ended:
                lines.append({"gone": True})
            if lines:
                yield lines
            if ended or not alive:
                return
            time.sleep(_SECONDS)


class _LiveRun:
    """One run that grows."""

    def __init__(self, root: Path, about: Line) -> None:
        with locked(root):
            self._client = open_store(root)
            experiment = experiment_id(self._client, root, LIVE_EXPERIMENT)
            _end_abandoned(self._client, experiment)
            stage, name = str(about.get("stage", "")), str(about.get("experiment", ""))
            tags = {
                "mlflow.runName": f"{name or 'repro'} {stage}"[:LONGEST_NAME],
                "textlstm.stage": stage,
                "textlstm.study": str(about.get("study", "")),
                NAME: name,
                _FOLLOWER: _identity(psutil.Process()),
            }
            run: Run = self._client.create_run(experiment, tags=tags)
        self._id = run.info.run_id

    def log(self, lines: list[Line]) -> None:
        now = int(time.time() * 1000)
        metrics = [Metric("loss", line["loss"], now, line["step"]) for line in lines if "loss" in line]
        metrics += [
            Metric("epoch_loss", line["loss"], now, line["epoch"]) for line in lines if line.get("end_of_epoch")
        ]
        if metrics:
            self._client.log_batch(self._id, metrics=metrics)
        last = lines[-1]
        if "done" in last:
            self._client.set_terminated(self._id, "FINISHED" if last["done"] else "FAILED")
        elif "gone" in last:
            self._client.set_terminated(self._id, "KILLED")


def _end_abandoned(client: mlflow.MlflowClient, experiment: str) -> None:
    """Mark as killed the runs whose follower was killed: nobody else would ever end them. Other machines look after their own."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        pid, _, rest = run.data.tags.get(_FOLLOWER, f"0@0@{platform.node()}").partition("@")
        if rest.partition("@")[2] != platform.node():
            continue
        process = _process(int(pid))
        if process is None or _identity(process) != run.data.tags.get(_FOLLOWER):
            client.set_terminated(run.info.run_id, "KILLED")


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid) if pid else None
    except psutil.NoSuchProcess:
        return None


def _alive(process: psutil.Process | None) -> bool:
    """Whether a process still works: one whose parent has not yet heard of its end does not."""
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _identity(process: psutil.Process) -> str:
    """Process ids come round again; together with the start of the process they do not."""
    return f"{process.pid}@{process.create_time():.2f}@{platform.node()}"


if __name__ == "__main__":
    follow(Path(sys.argv[1]), int(sys.argv[2]))
