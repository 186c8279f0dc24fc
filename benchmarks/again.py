"""Parts of the pipeline run again with other parameters, in a folder of their own.

`dvc.lock` says which stages there are, what each reads and what each writes. A part of them is run as DVC runs it, by its command, in a
folder that holds other parameters; what the part does not make itself is there as a link to the pipeline's own outputs. So a result is
that of the pipeline with those parameters, and neither the pipeline's files nor `dvc.lock` change. What has been measured is kept in
`.textlstm/studies/`: a study that was interrupted goes on where it stopped, one of a changed pipeline begins anew.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_json, read_text, require, write_json, write_text
from textlstm.core.params import check_params
from textlstm.evaluation.studies import at, figures_of
from textlstm.experiments.named import merged

STUDIES = Path(".textlstm/studies")
LOCK = Path("dvc.lock")
METRICS = {"language": paths.METRICS_LANGUAGE, "imdb": paths.METRICS_IMDB}

_SAID_NOTHING = {"download", "score", "evaluate"}  # parameters that no figure of a study depends on, but for evaluate.length
_QUICK = {"evaluate": {"bootstrap": 100}}  # no study shows an interval

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Stage:
    """A stage as `dvc.lock` has it."""

    name: str
    command: str
    reads: tuple[str, ...]  # paths, without code
    writes: tuple[str, ...]
    params: tuple[str, ...]  # dotted keys
    entry: str  # all of it, digests included

    def follows(self, other: "Stage") -> bool:
        """Whether it reads what the other writes, or a folder around it, or something in it."""
        return any(_overlap(read, written) for read in self.reads for written in other.writes)


def _overlap(one: str, other: str) -> bool:
    """Whether one path is the other, or lies in it.

    >>> _overlap("models/language", "models/language/french"), _overlap("models/imdb", "models/imdb2")
    (True, False)
    """
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def read_stages(lock: Path) -> dict[str, Stage]:
    """The stages of a `dvc.lock`."""
    found = (yaml.safe_load(read_text(lock)) or {}).get("stages", {})
    return {
        name: Stage(
            name,
            entry["cmd"],
            tuple(dep["path"] for dep in entry.get("deps", []) if not dep["path"].endswith(".py")),
            tuple(out["path"] for out in entry.get("outs", [])),
            tuple(entry.get("params", {}).get(str(paths.PARAMS), {})),
            json.dumps(entry, sort_keys=True),
        )
        for name, entry in found.items()
    }


def before(stages: Mapping[str, Stage], last: str) -> set[str]:
    """Names of all stages that `last` needs, and its own."""
    needed, waiting = set[str](), [last]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [other for other, stage in stages.items() if stages[name].follows(stage)]
    return needed


def part(stages: Mapping[str, Stage], first: str, last: str) -> list[Stage]:
    """The stages from `first` (all of a stage that there is once for each language) to `last`, in an order in which they can run.

    Raises:
        TextLSTMError: there is no such stage.
    """
    begin = [name for name in stages if name.partition("@")[0] == first]
    if not begin or last not in stages:
        raise TextLSTMError(f"{LOCK}: expected the stages {first} and {last}, got {', '.join(stages)}. Run 'dvc repro' first")
    chosen = {name for name in before(stages, last) if any(one in before(stages, name) for one in begin)}
    order: list[str] = []
    while len(order) < len(chosen):
        ready = [
            name
            for name in sorted(chosen - set(order))
            if all(other in order for other in chosen - {name} if stages[name].follows(stages[other]))
        ]
        order += ready
    return [stages[name] for name in order]


def parameters(stages: Mapping[str, Stage], dataset: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the figures of a dataset depend on, by dotted key, as `dvc.lock` says.

    Left out are those of downloads (digests hold what comes out), of intervals and of what is only shown.
    """
    needed = [stages[name] for name in before(stages, f"evaluate_{dataset}")]
    keys = {
        key for stage in needed if not set(stage.params) >= set(params) for key in stage.params
    }  # not the check of all of them
    keys = {key for key in keys if key.partition(".")[0] not in _SAID_NOTHING}
    keys = {key for key in keys if not any(key.startswith(f"{other}.") for other in keys)}
    if dataset == "language":
        keys.add("evaluate.length")
    return {key: at(params, key) for key in sorted(keys)}


def run_again(root: Path, stages: list[Stage], changes: dict[str, Any], folder: Path) -> None:
    """Run stages with changed parameters in `folder`, which is emptied first.

    Raises:
        TextLSTMError: an input is missing, or a stage failed; with the end of what it said.
    """
    shutil.rmtree(folder, ignore_errors=True)
    params = merged(yaml.safe_load(read_text(root / paths.PARAMS)), changes)
    check_params(params, "the study")
    write_text(folder / paths.PARAMS, yaml.safe_dump(params, sort_keys=False, allow_unicode=True))
    written = {path for stage in stages for path in stage.writes}
    for name in sorted({path for stage in stages for path in stage.reads}):
        _link(root, folder, name, written)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "TEXTLSTM_"))}
    environment |= {"PYTHONPATH": str(root)}
    for stage in stages:
        words = stage.command.split()
        command = [sys.executable, *words[1:]] if words[0] == "python" else words
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            raise TextLSTMError(f"{stage.name} failed with exit status {done.returncode} in {folder}:\n{done.stdout[-2000:]}")


def _link(root: Path, folder: Path, name: str, written: set[str]) -> None:
    """Link an input of the pipeline into `folder`; of a folder into which stages write, only what they do not write."""
    if name in written or any(PurePosixPath(name).is_relative_to(path) for path in written):
        return
    source, place = root / name, folder / name
    if any(PurePosixPath(path).is_relative_to(name) for path in written):
        for child in sorted(source.iterdir()) if source.is_dir() else []:
            _link(root, folder, f"{name}/{child.name}", written)
        return
    require(source)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(source.resolve())


class Again:
    """Figures of a dataset under other parameters, measured once each and kept.

    Args:
        dataset: "language" or "imdb".
        first: name of the first stage that is run again.
    """

    def __init__(self, dataset: str, first: str) -> None:
        require(LOCK, METRICS[dataset])
        stages = read_stages(LOCK)
        self._root, self._dataset, self._first = Path.cwd(), dataset, first
        self._stages = part(stages, first, f"evaluate_{dataset}")
        self.params: dict[str, Any] = yaml.safe_load(read_text(paths.PARAMS))
        self.parameters = parameters(stages, dataset, self.params)
        entries = [stages[name].entry for name in sorted(before(stages, f"evaluate_{dataset}"))]
        self._state = hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]
        self.own: Figures = figures_of(dataset, read_json(METRICS[dataset]))  # of the pipeline as it is

    def figures(self, changes: dict[str, Any], about: Callable[[Path], dict[str, Any]] = lambda _: {}) -> dict[str, Any]:
        """`figures` under `changes`, with what `about` reads off the folder of the run, taken from an earlier run if there was one."""
        key = hashlib.sha256(json.dumps([self._state, self._first, changes], sort_keys=True).encode()).hexdigest()[:16]
        kept = STUDIES / self._dataset / f"{key}.json"
        if not kept.exists():
            begin = time.perf_counter()
            folder = STUDIES / "work" / f"{self._dataset}-{self._first}"
            try:
                run_again(self._root, self._stages, merged(_QUICK, changes), folder)
                found = {"figures": figures_of(self._dataset, read_json(folder / METRICS[self._dataset])), **about(folder)}
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            write_json(kept, found)
            print(f"{self._dataset}, {json.dumps(changes)}: {time.perf_counter() - begin:.0f} s", flush=True)
        return dict(read_json(kept))


def update(path: Path, dataset: str, part_: dict[str, Any]) -> None:
    """Replace the part of one dataset in a study's file."""
    known = read_json(path) if path.exists() else {}
    write_json(path, {name: part_ if name == dataset else known[name] for name in METRICS if name == dataset or name in known})


def chosen_datasets(words: list[str]) -> list[str]:
    """The datasets that a command line names; all if it names none.

    Raises:
        TextLSTMError: it names something else.
    """
    if unknown := [word for word in words if word not in METRICS]:
        raise TextLSTMError(f"expected datasets out of {', '.join(METRICS)}, got {', '.join(unknown)}")
    return [name for name in METRICS if name in words or not words]
