"""Rows per second of `textlstm score` beside loops over other detectors that read and write the same files.

Reads   models/, data/raw/words/, data/split/imdb/test.parquet, what is installed of the peers and of Ray
Writes  benchmarks/results/score.json, score.md
Run     python -m benchmarks.score

Each is a process, timed from its start to its end. In each round all take their turn: it is the ratios that count.
"""

import csv
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks import common
from benchmarks.peers import codes_of, installable, load_peer
from textlstm.core import paths
from textlstm.core.files import read_text, write_json, write_text
from textlstm.core.params import load_params
from textlstm.evaluation.metrics import rounded

_ROWS = {5: 1_000_000, 50: 200_000}  # characters of the texts: how many for a loop or a process of one's own
_MANY, _REVIEWS = 3_000_000, 5_000  # texts of 50 characters, and reviews, for one worker and for two
_PEERS = {"lingua": "lingua", "eldc": "ELDC"}
_LOOP = "from benchmarks.score import loop; loop({!r}, {!r}, {!r})"


def main() -> None:
    """Measure, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    chosen = parser.parse_args()
    names, missing = installable(list(_PEERS))
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        text = _running_text(list(load_params().languages))
        beside = {}
        for length, rows in _ROWS.items():
            source = _write(folder / f"{length}.csv", text, length, rows)
            commands = {"textlstm score": _score(source, folder / "out.csv", "--jobs", "1")}
            for name in names:
                code = _LOOP.format(name, str(source), str(folder / "out.csv"))
                commands[f"a loop over {_PEERS[name]}"] = [sys.executable, "-c", code]
            beside[str(length)] = _rates(commands, folder, rows, chosen.rounds)
        many, reviews = _write(folder / "many.csv", text, 50, _MANY), folder / "reviews.parquet"
        pq.write_table(pq.read_table(paths.TEST_IMDB, columns=["text"]).slice(0, _REVIEWS), reviews, row_group_size=500)
        scaled = {}
        engines = ["local", *(["ray"] if importlib.util.find_spec("ray") else [])]
        inputs = {
            "texts of 50 characters": (many, _MANY, "language"),
            "reviews": (reviews, _REVIEWS, "sentiment"),
        }
        for name, (source, rows, only) in inputs.items():
            commands = {
                f"{engine}, {jobs}": _score(
                    source, folder / "out.csv", "--jobs", str(jobs), "--engine", engine, only=only
                )
                for engine in engines
                for jobs in (1, 2)
            }
            scaled[name] = _rates(commands, folder, rows, 1)
    load.append(os.getloadavg()[0])
    results = rounded(
        {
            "machine": common.machine() | {"load": [round(one, 1) for one in load]},
            "missing": missing | {name: "not installed" for name in ["ray"] if name not in engines},
            "rounds": chosen.rounds,
            "one process": beside,
            "workers": scaled,
        }
    )
    write_json(chosen.results / "score.json", results)
    write_text(chosen.results / "score.md", "\n".join(_report(results)) + "\n")
    print("\n".join(_report(results)))


def loop(name: str, source: str, output: str) -> None:
    """What one writes oneself: read a row, ask, write it with the answer."""
    peer = load_peer(name, codes_of(list(load_params().languages)))
    with Path(source).open(newline="") as file, Path(output).open("w", newline="") as written:
        rows, out = csv.reader(file), csv.writer(written)
        column = (heading := next(rows)).index("text")
        out.writerow([*heading, "language"])
        for row in rows:
            out.writerow([*row, peer.label(row[column])])


def _running_text(languages: Sequence[str]) -> str:
    """Words of all languages by turns, drawn by their frequency."""
    texts = [read_text(paths.drawn_words(language)) for language in languages]
    blocks = [text[begin : begin + 1000] for begin in range(0, 2_000_000, 1000) for text in texts]
    return " ".join(" ".join(blocks).split())


def _write(path: Path, text: str, length: int, rows: int) -> Path:
    places = np.random.default_rng(7).integers(0, len(text) - length, rows)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows([number, text[place : place + length]] for number, place in enumerate(places.tolist()))
    return path


def _score(source: Path, output: Path, *words: str, only: str = "language") -> list[str]:
    return [sys.executable, "-m", "textlstm", "score", str(source), "--output", str(output), "--only", only, *words]


def _rates(commands: dict[str, list[str]], folder: Path, rows: int, rounds: int) -> dict[str, dict[str, float]]:
    """Rows per second of each command, median and best."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            (folder / "out.csv").unlink(missing_ok=True)
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - began)
    return {
        name: {"median": rows / float(np.median(taken)), "best": rows / min(taken)} for name, taken in seconds.items()
    }


def _report(results: dict[str, Any]) -> Sequence[str]:
    about, beside, scaled = results["machine"], results["one process"], results["workers"]
    ours = {length: rates["textlstm score"]["median"] for length, rates in beside.items()}
    names = list(next(iter(beside.values())))
    return [
        "<!-- Written by python -m benchmarks.score. -->",
        (
            f"CSV in, CSV out, one process, from its start to its end, on {about['processor']} ({about['cores']} cores, load "
            f"{about['load'][0]} to {about['load'][1]}); median of {results['rounds']} rounds in which all took their turn. "
            "Rows per second, and how many times as many `textlstm score` answered."
        ),
        "",
        *common.table(
            ["process", *(f"{length} characters" for length in beside)],
            [
                [
                    name,
                    *(
                        f"{rates[name]['median']:,.0f} ({ours[length] / rates[name]['median']:.1f})"
                        for length, rates in beside.items()
                    ),
                ]
                for name in names
            ],
        ),
        "",
        "Engines and workers, one run each, rows per second with the start of the engine:",
        "",
        *common.table(
            ["engine, workers", *scaled],
            [
                [name, *(f"{rates[name]['median']:,.0f}" for rates in scaled.values())]
                for name in next(iter(scaled.values()))
            ],
        ),
        *(f"\n{name}: {why}." for name, why in results["missing"].items()),
    ]


if __name__ == "__main__":
    common.run(main)
