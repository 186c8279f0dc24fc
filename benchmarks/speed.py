"""How fast the detectors and the sentiment models answer: in bulk, singly, from a cold start; and the memory that they take.

Reads   models/, data/raw/words/, data/split/imdb/test.parquet, what is installed of the peers
Writes  benchmarks/results/speed.json, speed.md
Run     python -m benchmarks.speed

Every system is loaded into a process of its own, with one thread and on one core. In each round all of them take their
turn, one after the other, so that other work on the machine hits all alike: it is the ratios that count.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import common
from benchmarks.peers import DETECTORS, OURS, OURS_SENTIMENT, SENTIMENT, Codes, codes_of, installable, load_peer
from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_text, write_json, write_text
from textlstm.core.params import Params, load_params
from textlstm.core.parquet import read_parquet
from textlstm.data.words import draw_words, read_list
from textlstm.evaluation.metrics import rounded

_BULK = {5: 10_000, 20: 10_000, 50: 5_000, 200: 2_000}  # characters of the strings: how many are given as one list
_SINGLY = 1_000  # of these are also given one by one
_REVIEWS, _REVIEWS_SINGLY = 1_000, 100
_FIRST = "bonjour"  # what a cold process is asked
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
_COMMAND = 'python -m textlstm ask --only language "bonjour"'
_COLD = "from benchmarks.peers import load_peer, peak_memory as m; load_peer({!r}, {!r}).label({!r}); print(m())"
_AGAINST = {"detectors": (OURS, ("lingua", "ELDC")), "sentiment": (OURS_SENTIMENT, ("VADER",))}


class Task(NamedTuple):
    """Texts to answer."""

    name: str
    texts: list[str]
    singly: bool  # one call for each text; else one for all


class Worker:
    """A process that holds one system, and tells how long it takes."""

    def __init__(self, name: str, codes: Codes) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, name, codes), daemon=True)
        self._process.start()
        theirs.close()
        self.about: dict[str, str] = self._ask(None)

    def seconds(self, task: Task) -> float:
        """On the clock, for one pass over the texts."""
        return float(self._ask(task))

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join()

    def _ask(self, what: Task | None) -> Any:
        try:
            self._pipe.send(what)
            return self._pipe.recv()
        except (EOFError, OSError):
            raise TextLSTMError("a system that is timed has ended its process; what it said stands above") from None


def main() -> None:
    """Measure all systems, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("--systems", nargs="+", default=[*DETECTORS, *SENTIMENT], choices=[*DETECTORS, *SENTIMENT])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each system")
    parser.add_argument("--cold", type=int, default=7, help="cold processes of each system")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="a slow system is given fewer texts, to take so long"
    )
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    chosen = parser.parse_args()

    alone = _one_core()
    params = load_params()
    codes = codes_of(list(params.languages))
    names, missing = installable(chosen.systems)
    load = [os.getloadavg()[0]]
    kinds: dict[str, dict[str, Any]] = {}
    for kind, tasks in {"detectors": _detector_tasks(params), "sentiment": _sentiment_tasks()}.items():
        wanted = [name for name in names if (name in SENTIMENT) == (kind == "sentiment")]
        cold = _cold({name: [sys.executable, "-c", _COLD.format(name, codes, _FIRST)] for name in wanted}, chosen.cold)
        workers = {name: Worker(name, codes) for name in wanted}
        times = _warm(workers, tasks, chosen.rounds, chosen.seconds)
        kinds[kind] = {
            worker.about["name"]: {**worker.about, **cold[name], **times[name]} for name, worker in workers.items()
        }
        for worker in workers.values():
            worker.close()
    load.append(os.getloadavg()[0])
    commands = {
        "a process that does nothing": [sys.executable, "-c", "print(0)"],
        _COMMAND: [sys.executable, "-m", "textlstm", "ask", "--only", "language", _FIRST],
    }
    results = rounded(
        {
            "machine": common.machine() | {"load": [round(one, 1) for one in load], "one core": alone},
            "rounds": {"warm": chosen.rounds, "cold": chosen.cold},
            "missing": missing,
            **kinds,
            "commands": {name: one["cold"] for name, one in _cold(commands, chosen.cold).items()},
        }
    )
    write_json(chosen.results / "speed.json", results)
    write_text(chosen.results / "speed.md", "\n".join(_report(results)) + "\n")
    print("\n".join(_report(results)))


def _one_core() -> bool:
    """Hold this process and all that it starts to one thread and, where the system can, to one core: whether it can."""
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def _serve(pipe: Connection, name: str, codes: Codes) -> None:
    """Answer the worker's questions until it closes the pipe."""
    peer = load_peer(name, codes)
    while True:
        try:
            task: Task | None = pipe.recv()
        except EOFError:
            return
        if task is None:
            pipe.send({"name": peer.name, **peer.about()})
            continue
        begin = time.perf_counter()
        if task.singly:
            for text in task.texts:
                peer.label(text)
        else:
            peer.labels(task.texts)
        pipe.send(time.perf_counter() - begin)


def _detector_tasks(params: Params) -> list[Task]:
    """Strings cut at random places out of words drawn by frequency, as many of each language."""
    lists = [read_text(paths.RAW_WORDS / f"{one.words}.tsv") for one in params.languages.values()]
    seed = params.seed + 100  # words that nothing learnt from, but for chance
    texts = [
        draw_words(read_list(words), 500_000, code=language.words, seed=seed)
        for words, language in zip(lists, params.languages.values(), strict=True)
    ]
    bulk = {length: cut(texts, length, count, np.random.default_rng([seed, length])) for length, count in _BULK.items()}
    tasks = [Task(f"{length} characters, in bulk", strings, singly=False) for length, strings in bulk.items()]
    return tasks + [Task(f"{length} characters, singly", bulk[length][:_SINGLY], singly=True) for length in bulk]


def _sentiment_tasks() -> list[Task]:
    reviews = read_parquet(paths.TEST_IMDB).sample(_REVIEWS, random_state=0)["text"].tolist()
    bulk = Task(f"{_REVIEWS:,} reviews, in bulk", reviews, singly=False)
    return [bulk, Task("reviews, singly", reviews[:_REVIEWS_SINGLY], singly=True)]


def cut(texts: Sequence[str], length: int, count: int, random: np.random.Generator) -> list[str]:
    """`count` strings of `length` characters from random places, of each text in turn."""
    longest = min(map(len, texts)) - length + 1
    return [
        texts[index % len(texts)][begin : begin + length]
        for index, begin in enumerate(random.integers(longest, size=count).tolist())
    ]


def _warm(
    workers: dict[str, Worker], tasks: Sequence[Task], rounds: int, seconds: float
) -> dict[str, dict[str, dict[str, Any]]]:
    """For each system and task, microseconds per text: best and median of the rounds, and the number of texts."""
    shares = {
        (name, task.name): enough(worker.seconds, task, seconds) for name, worker in workers.items() for task in tasks
    }
    spent: dict[tuple[str, str], list[float]] = {key: [] for key in shares}
    for number in range(rounds):
        for task in tasks:
            for name, worker in workers.items():
                share = shares[name, task.name]
                spent[name, task.name].append(worker.seconds(share) / len(share.texts) * 1e6)
        print(f"round {number + 1} of {rounds}", flush=True)
    return {
        name: {
            "microseconds": {
                task.name: {**summary(spent[name, task.name]), "texts": len(shares[name, task.name].texts)}
                for task in tasks
            }
        }
        for name in workers
    }


def enough(seconds_for: Callable[[Task], float], task: Task, seconds: float) -> Task:
    """The task, with fewer texts where they would take longer than `seconds`: ten, and four times as many until it would."""
    count = min(10, len(task.texts))
    seconds_for(task._replace(texts=task.texts[:count]))  # the first call may load more
    while count < len(task.texts) and 4 * seconds_for(task._replace(texts=task.texts[:count])) < seconds:
        count = min(4 * count, len(task.texts))
    return task._replace(texts=task.texts[:count])


def _cold(commands: dict[str, list[str]], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Seconds on the clock of whole processes, and the megabytes that they print at their end."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    megabytes: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            begin = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            spent = time.perf_counter() - begin
            if done.returncode:
                raise TextLSTMError(f"{name}: expected an answer, got status {done.returncode}:\n{done.stderr.strip()}")
            if number:  # the first one reads the files from the disk
                seconds[name].append(spent)
                megabytes[name].append(float(done.stdout) if "-c" in command else 0.0)
    return {name: {"cold": summary(seconds[name]), "megabytes": summary(megabytes[name])} for name in commands}


def summary(values: Sequence[float]) -> dict[str, float]:
    """The least and the median.

    >>> summary([3.0, 1.0, 2.0])
    {'best': 1.0, 'median': 2.0}
    """
    return {"best": float(min(values)), "median": float(np.median(values))}


def measures(system: dict[str, Any]) -> dict[str, dict[str, float]]:
    """All that was measured of a system, by name and unit."""
    return {
        **{f"{name}, µs per text": value for name, value in system["microseconds"].items()},
        "cold process to first answer, s": system["cold"],
        "memory of that process, MB": system["megabytes"],
    }


def ratios(systems: dict[str, Any], ours: str, others: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """A table of ours beside each other system: by how much ours is the less, or the more; medians and, in brackets, best."""
    there = [other for other in others if other in systems]
    header = ["", ours, *(title for other in there for title in (other, f"{other} / ours", f"ours / {other}"))]
    rows = []
    for name, own in measures(systems[ours]).items():
        row = [name, number(own["median"])]
        for other in there:
            its = measures(systems[other])[name]
            row.append(number(its["median"]))
            for above, below in ((its, own), (own, its)):
                row.append(
                    " ".join((number(above["median"] / below["median"]), f"({number(above['best'] / below['best'])})"))
                )
        rows.append(row)
    return header, rows


def number(value: float) -> str:
    """About three digits that count, and no exponent.

    >>> [number(value) for value in (0.0001, 0.0123, 1.5, 12.34, 91417.0)]
    ['< 0.001', '0.012', '1.50', '12.3', '91,417']
    """
    if value < 0.001:
        return "< 0.001"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.{2 if value >= 1 else 3}f}"


def _report(results: dict[str, Any]) -> list[str]:
    machine, rounds = results["machine"], results["rounds"]
    where = "one thread on one core" if machine["one core"] else "one thread"
    load = " at the start and ".join(map(str, machine["load"]))
    about = (
        f"Median / best of {rounds['warm']} rounds (cold: {rounds['cold']} processes) in which the systems take turns, {where}, "
        f"on {machine['processor']} ({machine['cores']} cores, load {load} at the end), Python {machine['python']}. "
        "Times are on the clock, of the quickest call that names an answer. Compare ratios, not times."
    )
    lines = ["<!-- Written by python -m benchmarks.speed. -->", about]
    for kind, (ours, others) in _AGAINST.items():
        systems = results[kind]
        if not systems:
            continue
        names = list(next(iter(measures(system) for system in systems.values())))
        rows = [
            [
                name,
                system["version"],
                *(f"{number(one['median'])} / {number(one['best'])}" for one in measures(system).values()),
            ]
            for name, system in systems.items()
        ]
        if kind == "detectors":
            rows += [[name, why, *[""] * len(names)] for name, why in results["missing"].items()]
        lines += ["", *common.table(["system", "version", *names], rows)]
        if ours in systems:
            lines += [
                "",
                f"{ours} beside others, ratios of medians (of best):",
                "",
                *common.table(*ratios(systems, ours, others)),
            ]
    spent = ", ".join(
        f"`{name}` {number(one['median'])} / {number(one['best'])}" for name, one in results["commands"].items()
    )
    return [*lines, "", f"Whole commands, s: {spent}."]


if __name__ == "__main__":
    common.run(main)
