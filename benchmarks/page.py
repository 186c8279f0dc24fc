"""The page under load: how long many people wait for an answer while they type at once.

Reads   models/
Writes  benchmarks/results/page.json, page.md
Run     python -m benchmarks.page

The server is a process of `textlstm page`. Each client types texts of its own, a character every 150 ms (80 words per
minute), and asks as the page does: when a character has come, but not before its last question is answered, and every
0.4 s at most.
"""

import http.client
import multiprocessing
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from textlstm.core.files import write_json, write_text
from textlstm.evaluation.metrics import rounded

_KEY = 0.15  # seconds between two characters
_ASK = 0.4  # seconds between two questions, as in static/page.js
_TEXTS = (
    "i really liked the movie and had fun",
    "la liberté guidant le peuple",
    "not worth the ticket",
    "I was told that la vie est belle and I believed it",
    "guten Morgen, wie geht es dir",
    "the plot makes no sense",
)


def main() -> None:
    """Start a server, let the clients type, and write what they waited."""
    parser = common.parser(__doc__)
    parser.add_argument("--clients", type=int, default=50, help="who type at once")
    parser.add_argument("--seconds", type=float, default=30.0, help="for which they type")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    chosen = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "textlstm", "page", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout is None or str(port) not in server.stdout.readline():
                raise SystemExit("the server did not start")
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # the clients have an interpreter of their own
                waits, failed = pool.apply(_type_all, (port, chosen.clients, chosen.seconds))
        finally:
            server.terminate()
    seconds = np.array(waits)
    results: dict[str, Any] = {
        "machine": common.machine(),
        "clients": chosen.clients,
        "requests": len(seconds),
        "failed": failed,
        "per_second": len(seconds) / chosen.seconds,
        "milliseconds": {str(share): float(np.quantile(seconds, share / 100) * 1000) for share in (50, 90, 99)},
    }
    write_json(chosen.results / "page.json", rounded(results))
    text = "\n".join(_report(results)) + "\n"
    write_text(chosen.results / "page.md", text)
    print(text)


def _type_all(port: int, clients: int, seconds: float) -> tuple[list[float], int]:
    """What all clients waited for each answer, and how many questions got none."""
    waits: list[float] = []
    failed: list[str] = []
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_type, args=(port, random.Random(number), until, waits, failed))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waits, len(failed)


def _type(port: int, choice: random.Random, until: float, waits: list[float], failed: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    time.sleep(choice.uniform(0.0, 1.0))
    while time.monotonic() < until:
        text = choice.choice(_TEXTS)
        key, length = time.monotonic(), 0
        while length < len(text) and time.monotonic() < until:
            length = min(int((time.monotonic() - key) / _KEY) + 1, len(text))
            began = time.monotonic()
            connection.request("GET", f"/?part=answer&text={urllib.parse.quote(text[:length])}")
            answer = connection.getresponse()
            answer.read()
            waits.append(time.monotonic() - began)
            if answer.status != 200:
                failed.append(str(answer.status))
            time.sleep(max(key + length * _KEY - time.monotonic(), began + _ASK - time.monotonic(), 0.0))


def _report(results: dict[str, Any]) -> list[str]:
    waited = results["milliseconds"]
    return [
        "<!-- Written by python -m benchmarks.page. -->",
        (
            f"{results['clients']} clients that type at once, on the same {results['machine']['cores']} CPU cores as the server: "
            f"{results['requests']:,} questions, {results['failed']} without an answer, {results['per_second']:.0f} per second."
        ),
        "",
        *common.table(
            ["wait for an answer, ms", "median", "90 %", "99 %"],
            [["", *(f"{waited[share]:.0f}" for share in ("50", "90", "99"))]],
        ),
    ]


if __name__ == "__main__":
    common.run(main)
