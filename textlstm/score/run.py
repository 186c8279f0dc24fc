"""`textlstm score`: the input in parts, answered by several processes, and put together in order.

A part that is answered is a file in a folder beside the output, `OUTPUT.parts`, which is there until the output is. A
run that was stopped goes on with the parts that are missing when it is called again.
"""

import contextlib
import dataclasses
import fcntl
import gc
import glob
import hashlib
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import textlstm
from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, find_models, read_json, write_json
from textlstm.score.answering import Question
from textlstm.score.files import CSV, FORMATS, JSON_LINES, PARQUET, format_of
from textlstm.score.layout import Layout, layout_of, with_schema
from textlstm.score.output import check_answers_fit, heading, merge, prepared, writer
from textlstm.score.parts import PART, ROWS, Part, parts_of, read_part

_SHOWN = 10  # rows without an answer that are named
_EVERY = 10.0  # seconds between two lines about the progress


@dataclass(frozen=True)
class Job:
    """All that a process needs to answer a part."""

    sources: list[tuple[Path, Layout]]
    target: Layout
    compression: str  # of the output
    ending: str  # of the files of parts
    output: Path
    whole: bool  # one file; else a folder of files
    question: Question

    @property
    def folder(self) -> Path:
        """Where the parts are until all are there."""
        return self.output.with_name(f"{self.output.name}.parts")

    @property
    def first(self) -> bytes:
        """What stands before the first row of a file of the output."""
        return heading([*self.sources[0][1].fields, *self.question.names], self.target)

    def path_of(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"part-{number:08}{self.ending}"

    def report_of(self, number: int) -> Path:
        """The file that says that a part is done, and what was in it."""
        return self.folder / f"{number:08}.json"


class Done(NamedTuple):
    """What a part held."""

    number: int
    source: str
    rows: int
    problems: dict[int, str]  # by the number of the row in the part, from 0: the first of them
    unanswered: int  # number of problems
    size: int  # see `Part`


Runner = Callable[
    [Job, dict[int, Done]], Iterator[Done]
]  # answers the parts that are not done; gives the report of each


def answer_part(job: Job, part: Part) -> Done:
    """Answer a part, write its file and, when that is complete, its report."""
    layout = dict(job.sources)[part.source]
    rows, unanswered = 0, 0
    problems: dict[int, str] = {}
    with (
        _no_search_for_cycles(),
        atomic(job.path_of(part.number)) as temporary,
        writer(temporary, layout, job.target, b"" if job.whole else job.first) as out,
    ):
        for batch in read_part(part, layout):
            batch = prepared(batch, layout, job.target)  # noqa: PLW2901
            out.write(batch, job.question.answers(batch))
            unanswered += len(batch.problems)
            for row in sorted(batch.problems)[: _SHOWN - len(problems)]:
                problems[rows + row] = batch.problems[row]
            rows += len(batch.texts)
    done = Done(part.number, str(part.source), rows, problems, unanswered, part.size)
    write_json(job.report_of(part.number), done._asdict())
    if part.unpacked:
        part.unpacked.unlink(missing_ok=True)
    return done


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Rows refer to nothing that refers to them; looking for that takes an eighth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def score(inputs: Sequence[str], output: Path, column: str | None, question: Question, run: Runner) -> None:
    """Answer all rows of files, and write them with their answers.

    Args:
        inputs: files, folders, and patterns of their names (`*`, `**`).
        output: a file, whose ending tells its format, or a folder.
        column: where the text is; by default `text`, or the only one.
        question: what is asked.
        run: answers the parts: `locally`, or `textlstm.score.on_ray.on_ray`.

    Raises:
        TextLSTMError: the output is there already, an input cannot be read, or does not fit the others.
    """
    if output.exists():
        raise TextLSTMError(f"{output}: expected no such file yet, got one. Give another name, or delete it")
    question = dataclasses.replace(question, models=find_models(question.models, *_needed(question)).absolute())
    question.load()
    job = job_of(files_of(inputs, output), output, column, question)
    began = time.monotonic()
    with _locked(job.folder):
        _begin(job)
        reports = {
            done.number: done for done in (done_from(read_json(path)) for path in job.folder.glob("[0-9]*.json"))
        }
        with Progress(job, reports.values()) as progress:
            for done in run(job, reports):
                reports[done.number] = done
                progress.add(done)
        ordered = [reports[number] for number in sorted(reports)]
        _finish(job, [job.path_of(done.number) for done in ordered])
    _tell(job, ordered, time.monotonic() - began)


def _needed(question: Question) -> list[Path]:
    return [
        *([paths.DETECTION_SETTINGS, paths.TABLE, paths.ABSTENTION] if question.only != "sentiment" else []),
        *([paths.SENTIMENT_SETTINGS, paths.IMDB_MODEL, paths.NBSVM_MODEL] if question.only != "language" else []),
    ]


def files_of(inputs: Sequence[str], output: Path) -> list[Path]:
    """The files that are meant: of folders all with a known ending, in the order of their names, but for hidden ones."""
    found: list[Path] = []
    for name in inputs:
        places = sorted(map(Path, glob.iglob(name, recursive=True))) if glob.has_magic(name) else [Path(name)]  # noqa: PTH207  # patterns may be absolute
        if not places:
            raise TextLSTMError(f"{name}: expected files of this name, got none")
        for place in places:
            if not place.exists():
                raise TextLSTMError(f"{place}: no such file. Check the path")
            if place.is_file():
                found.append(place)
            elif not glob.has_magic(name):
                inside = sorted(path for path in place.rglob("*") if path.is_file() and _is_data(path, place, output))
                if not inside:
                    raise TextLSTMError(f"{place}: expected files that end in {', '.join(FORMATS)}, got none")
                found += inside
    if not found:
        raise TextLSTMError(f"{inputs[0]}: expected files, got folders. Give their names without a pattern")
    return [path.absolute() for path in found]


def _is_data(path: Path, folder: Path, output: Path) -> bool:
    hidden = any(
        part.startswith((".", "_")) or part == f"{output.name}.parts" for part in path.relative_to(folder).parts
    )
    try:
        format_of(path)
    except TextLSTMError:
        return False
    return not hidden


def job_of(files: list[Path], output: Path, column: str | None, question: Question) -> Job:
    """How the files are to be read and the output to be written."""
    sources = [(path, layout_of(path, column)) for path in files]
    first = sources[0][1]
    for path, layout in sources:
        if (layout.format, layout.column, layout.fields, layout.delimiter) != (
            first.format,
            first.column,
            first.fields if layout.format != JSON_LINES else layout.fields,
            first.delimiter,
        ) or layout.schema != first.schema:
            raise TextLSTMError(
                f"{path}: expected the format and the columns of {files[0]} ({first.format}: {', '.join(first.fields)}), "
                f"got {layout.format}: {', '.join(layout.fields)}. Score them one by one"
            )
    whole = bool(output.suffix)
    kind, compression = format_of(output) if whole else (first.format, "")
    delimiter = first.delimiter
    if whole and kind == CSV:
        delimiter = (
            "\t" if ".tsv" in output.suffixes else "," if first.format != CSV or first.delimiter == "\t" else delimiter
        )
    target = Layout(kind, first.column, (), delimiter, 0, first.line_end)
    if first.format == JSON_LINES:  # its objects may have other fields from file to file
        fields = tuple(dict.fromkeys(name for _, layout in sources for name in layout.fields))
        sources = [(path, dataclasses.replace(layout, fields=fields)) for path, layout in sources]
    if PARQUET in (kind, first.format):
        schema = with_schema(sources[0][1], [path for path, _ in sources]).schema
        sources = [(path, dataclasses.replace(layout, schema=schema)) for path, layout in sources]
    for path, layout in sources:
        check_answers_fit(layout, target, question.names, path)
    ending = next(ending for ending, of in FORMATS.items() if of == kind)
    if delimiter == "\t" and kind == CSV:
        ending = ".tsv"
    return Job(sources, target, compression, ending, output.absolute(), whole, question)


def locally(jobs: int) -> Runner:
    """Answers parts on this machine, with so many processes; one part or one process needs no other."""

    def run(job: Job, reports: dict[int, Done]) -> Iterator[Done]:
        parts = missing_parts(job, reports)
        first = [part for _, part in zip(range(2), parts, strict=False)]
        if jobs == 1 or len(first) < 2:
            for part in itertools.chain(first, parts):
                yield answer_part(job, part)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, initializer=end_with_parent) as pool:
            try:
                pending: set[Future[Done]] = set()
                for part in itertools.chain(first, parts):
                    pending.add(pool.submit(answer_part, job, part))
                    if len(pending) >= 2 * jobs:
                        finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in finished)
                while pending:
                    finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in finished)
            except BrokenProcessPool:
                raise TextLSTMError(
                    f"{job.output}: a process that answered was killed, perhaps for want of memory. What is done is kept: call "
                    "the same command again, with fewer --jobs if need be"
                ) from None
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return run


def missing_parts(job: Job, reports: Mapping[int, Done]) -> Iterator[Part]:
    """The parts that are not done."""
    return (part for part in parts_of(job.sources, job.folder, reports) if part.number not in reports)


def end_with_parent() -> None:
    """End this process when the one that started it has ended, however that was; Ctrl-C is for that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; it is made if it is not there. Another process that holds it is a TextLSTMError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TextLSTMError(f"{folder}: another process is at work on it. Wait until it has ended") from None
        yield
    finally:
        os.close(handle)


def _begin(job: Job) -> None:
    """Write down what is asked of what; parts of an earlier run that asked the same stay, and of another are a TextLSTMError."""
    record = job.folder / "run.json"
    asked = {
        "version": textlstm.__version__,
        "inputs": [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path, _ in job.sources],
        "column": job.sources[0][1].column,
        "models": _digest(job.question),
        **{name: value for name, value in vars(job.question).items() if name != "models"},
        "output": [job.target.format, job.compression, job.whole],
        "parts": [PART, ROWS],
    }
    asked = json.loads(json.dumps(asked))
    if record.exists():
        before = read_json(record)
        if differs := [name for name in asked if before.get(name) != asked[name]]:
            raise TextLSTMError(
                f"{job.folder}: expected the parts of a run that asked the same, got others (what differs: {', '.join(differs)}). "
                "Call it as it was called, or delete the folder to begin anew"
            )
    for left in job.folder.glob(".*.tmp"):
        left.unlink()
    write_json(record, asked)


def _digest(question: Question) -> str:
    """A digest of all files of the models that are asked."""
    digest, models = hashlib.sha256(), find_models(question.models)
    for place in _needed(question):
        path = models / place.relative_to(paths.MODELS)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def done_from(fields: dict[str, Any]) -> Done:
    """A report, from its fields as JSON has them."""
    return Done(**(fields | {"problems": {int(row): problem for row, problem in fields["problems"].items()}}))


def _finish(job: Job, files: Sequence[Path]) -> None:
    """Make the output of the files of the parts, and delete the rest."""
    if not job.whole:
        kept = {path.name for path in files}
        for path in job.folder.iterdir():
            if path.name not in kept:
                path.unlink()
        job.folder.rename(job.output)
        return
    whole = job.folder / ".whole.tmp"  # which a run that goes on deletes
    merge(files, whole, job.compression, job.first, parquet=job.target.format == PARQUET)
    whole.replace(job.output)
    shutil.rmtree(job.folder)


def _tell(job: Job, reports: Sequence[Done], seconds: float) -> None:
    """Say how many rows were answered, and which were not."""
    total, unanswered, shown = 0, 0, 0
    before: dict[str, int] = {}  # rows of each source so far
    for done in reports:
        first = before.get(done.source, 0) + 1
        for row, problem in done.problems.items():
            if shown < _SHOWN:
                print(f"{done.source}, row {first + row:,}: {problem}", file=sys.stderr)
            shown += 1
        before[done.source] = before.get(done.source, 0) + done.rows
        total += done.rows
        unanswered += done.unanswered
    if unanswered > _SHOWN:
        print(f"and {unanswered - _SHOWN:,} rows more without an answer", file=sys.stderr)
    rate = f"{total / seconds:,.0f} rows per second" if seconds else ""
    print(f"{job.output}: {total:,} rows, {unanswered:,} of them without an answer, in {seconds:.1f} s ({rate})")


class Progress:
    """How far a run has come, on standard error: a bar on a terminal, else a line every ten seconds."""

    def __init__(self, job: Job, earlier: Iterable[Done]) -> None:
        self._total = sum(path.stat().st_size for path, _ in job.sources)
        self._before = self._size = sum(done.size for done in earlier)
        self._rows, self._began = 0, time.monotonic()
        self._said = self._began
        self._bar = _bar(self._total, self._size) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def add(self, done: Done) -> None:
        """Count a part."""
        self._rows += done.rows
        self._size += done.size
        now = time.monotonic()
        rate = self._rows / max(now - self._began, 1e-3)
        if self._bar is not None:
            self._bar.set_postfix_str(f"{rate:,.0f} rows per second", refresh=False)
            self._bar.update(done.size)
        elif now - self._said >= _EVERY:
            self._said = now
            left = (self._total - self._size) * (now - self._began) / max(self._size - self._before, 1)
            share = self._size / max(self._total, 1)
            print(f"{share:.0%}: {self._rows:,} rows, {rate:,.0f} rows per second, {left:.0f} s left", file=sys.stderr)


def _bar(total: int, begun: int) -> Any:
    """A bar of tqdm; None where it is not installed, since answering does not need it."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return None
    return tqdm(total=total, initial=begun, unit="B", unit_scale=True)
