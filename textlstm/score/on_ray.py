"""The parts of `textlstm score` answered by the workers of a Ray cluster, as a Ray Data job.

A worker loads the models once and answers part after part; only where a part is, and what it held, goes over the
network. So the input, the models and the output must be at the same path on all machines of the cluster. A worker that
is lost is replaced, and its part is answered again.
"""

import dataclasses
import json
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textlstm.core.errors import TextLSTMError
from textlstm.score.parts import Part
from textlstm.score.run import Done, Job, Runner, answer_part, done_from, missing_parts


def on_ray(workers: int | None, address: str | None) -> Runner:
    """Answers parts on a Ray cluster.

    Args:
        workers: how many processes; by default one per processor core of the cluster.
        address: of the cluster; by default that of $RAY_ADDRESS, or else a cluster of this machine alone, which is
            started and stopped.

    Raises:
        TextLSTMError: Ray is not installed, or the cluster does not answer.
    """
    where: dict[str, Any] = {"address": address}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what matters comes as an exception
    if not address and "RAY_ADDRESS" not in os.environ:
        # A cluster of its own. It listens on all interfaces, so nobody else shall know the token.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        where = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    try:
        import ray
        import ray.data
    except ModuleNotFoundError:
        raise TextLSTMError(
            "--engine ray: needs Ray. Install it: python -m pip install --require-hashes --requirement requirements-ray.txt"
        ) from None

    def run(job: Job, reports: dict[int, Done]) -> Iterator[Done]:
        _check_reachable(address)
        try:
            ray.init(**where, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise TextLSTMError(f"--address {address}: expected a Ray cluster, got none ({error})") from None
        try:
            parts = [json.dumps(dataclasses.asdict(part), default=str) for part in missing_parts(job, reports)]
            if not parts:
                return
            ray.data.DataContext.get_current().enable_progress_bars = False
            logging.getLogger("ray.data").setLevel(logging.ERROR)
            pool = ray.data.ActorPoolStrategy(size=min(workers or int(ray.cluster_resources()["CPU"]), len(parts)))
            dataset = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
            answered = dataset.map_batches(_worker(job), batch_size=1, batch_format="numpy", num_cpus=1, compute=pool)
            for row in answered.iter_rows():
                yield done_from(json.loads(row["done"]))
        finally:
            ray.shutdown()

    return run


def _check_reachable(address: str | None) -> None:
    """Raise TextLSTMError if nothing listens at HOST:PORT, for which Ray itself would wait for many minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise TextLSTMError(f"--address {address}: expected a Ray cluster, got none ({error})") from None


def _worker(job: Job) -> type:
    """What answers parts. It holds the job as a closure: the constructor's arguments could be lost with a machine."""

    class Worker:
        def __init__(self) -> None:
            job.question.load()

        def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
            """Parts as JSON under `part`; their reports as JSON under `done`."""
            found = [answer_part(job, _part_from(text)) for text in rows["part"]]
            return {"done": [json.dumps(done._asdict()) for done in found]}

    return Worker


def _part_from(text: str) -> Part:
    fields = json.loads(text)
    places = {name: fields[name] and Path(fields[name]) for name in ("source", "unpacked")}
    return Part(**(fields | places))
