"""What a run says of itself to who opens it in MLflow: a description, the data that went in, the models that came out, the time it took."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from mlflow.entities import Dataset, DatasetInput, InputTag

from textlstm.core import paths
from textlstm.core.config import flat
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_json
from textlstm.core.git import git
from textlstm.core.lockfile import locked_stages
from textlstm.core.params import load_params
from textlstm.core.yaml_files import parse_yaml, read_yaml

LANGUAGE_MODEL, SENTIMENT_MODEL = "textlstm-language", "textlstm-sentiment"
MODELS = {  # what of `paths` each consists of
    LANGUAGE_MODEL: (paths.TABLE, paths.ABSTENTION, paths.DETECTION_SETTINGS),
    SENTIMENT_MODEL: (paths.IMDB_MODEL, paths.NBSVM_MODEL, paths.SENTIMENT_SETTINGS),
}
PREFIXES = {LANGUAGE_MODEL: "language", SENTIMENT_MODEL: "imdb"}  # of the metrics
_SHOWN = 20  # parameters that differ
_LONGEST = {"digest": 36, "tag": 500}  # characters, as MLflow's databases have it


@dataclass(frozen=True)
class About:
    """What a record says beside its parameters and figures."""

    note: str  # Markdown
    datasets: list[dict[str, str]]  # name, digest, source, licence, context, size
    models: dict[str, dict[str, str]]  # tags, by the name of the model
    began: int  # milliseconds since 1970
    ended: int


def collect_about() -> About:
    """Of the pipeline of the current folder."""
    stages = locked_stages()
    outputs = {
        str(entry.get("path")): entry
        for kind in ("deps", "outs")
        for stage in stages.values()
        for entry in stage.get(kind, [])
    }
    commit = git("rev-parse", "HEAD", check=False)
    models = {
        name: {"textlstm.commit": commit}
        | {
            f"dvc.{place.name}": str(outputs[place.as_posix()].get("md5"))
            for place in places
            if place.as_posix() in outputs
        }
        for name, places in MODELS.items()
    }
    return About(_note(), _datasets(outputs), models, _began(), int(time.time() * 1000))


def _began() -> int:
    """When the DVC that this process belongs to was started, or the command that started that one; or else this process."""
    process = psutil.Process()
    began = process.create_time()
    for parent in process.parents():
        try:
            words = parent.cmdline()
        except psutil.Error:
            break
        named = any(Path(word).name in ("dvc", "textlstm") for word in words)
        if named and {"repro", "exp", "queue"} & set(words):
            began = parent.create_time()
    return int(began * 1000)


def _datasets(outputs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The data that the models learnt from and were measured on: each with the digest that `dvc.lock` has."""
    sources, params = read_yaml(paths.SOURCES) if paths.SOURCES.exists() else {}, load_params()
    wanted = []
    for name, language in params.languages.items():
        ours = language.text.startswith(str(paths.RAW_UDHR))
        wanted.append((name, paths.SPLIT_LANGUAGES / name, "udhr" if ours else "", "training and evaluation"))
        if language.words and params.words.characters:
            wanted.append((f"{name} words", paths.drawn_words(name), "wordfreq", "training"))
    reviews = "imdb" if params.imdb.protocol == "official" else "imdb_train"
    wanted += [
        ("reviews to learn from", paths.TRAIN_IMDB, reviews, "training"),
        ("reviews to calibrate on", paths.VALIDATION_IMDB, reviews, "calibration"),
        ("held-out reviews", paths.TEST_IMDB, reviews, "evaluation"),
    ]
    found = []
    for name, path, key, context in wanted:
        out, source = outputs.get(path.as_posix()), sources.get(key, {})
        if out is not None:
            found.append(
                {
                    "name": name,
                    "digest": str(out.get("md5"))[: _LONGEST["digest"]],
                    "size": str(out.get("size", "")),
                    "path": path.as_posix(),
                    "source": str(source.get("url") or source.get("wheel") or "local file"),
                    "licence": " ".join(str(source.get("licence", "not known")).split())[: _LONGEST["tag"]],
                    "context": context,
                }
            )
    return found


def dataset_inputs(about: About) -> list[DatasetInput]:
    """The data sets as MLflow takes them."""
    return [
        DatasetInput(
            Dataset(
                name=one["name"],
                digest=one["digest"],
                source_type="dvc",
                source=json.dumps({"path": one["path"], "from": one["source"]}),
                profile=json.dumps({"bytes": one["size"], "licence": one["licence"]}),
            ),
            [InputTag("mlflow.data.context", one["context"]), InputTag("licence", one["licence"])],
        )
        for one in about.datasets
    ]


def _note() -> str:
    """The headline figures with their intervals, and the parameters that differ from those of the commit."""
    language, imdb = read_json(paths.METRICS_LANGUAGE), read_json(paths.METRICS_IMDB)
    lines = ["| on held-out data | AUC | accuracy |", "|---|---|---|"]
    for title, figures in (
        (f"language, {language.get('windows', 0):,} windows", language),
        (f"sentiment, {imdb.get('reviews', 0):,} reviews", imdb),
    ):
        lines.append(f"| {title} | {interval(figures, 'auc')} | {interval(figures, 'accuracy')} |")
    changed = changed_params()
    if changed is None:
        return "\n".join(lines) + "\n"
    if not changed:
        return "\n".join([*lines, "", "Parameters as in `params.yaml` of the commit."]) + "\n"
    lines += [
        "",
        "Parameters that differ from those of the commit:",
        "",
        "| parameter | commit | here |",
        "|---|---|---|",
    ]
    for name, (before, here) in list(changed.items())[:_SHOWN]:
        lines.append(f"| {_cell(name)} | {_cell(before)} | {_cell(here)} |")
    if len(changed) > _SHOWN:
        lines.append(f"| and {len(changed) - _SHOWN} more | | |")
    return "\n".join(lines) + "\n"


def interval(figures: Mapping[str, Any], name: str) -> str:
    """A figure with its 95 % interval, as text."""
    low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
    middle = f"{figures[name]:.4f}" if name in figures else "-"
    return middle if low is None or high is None else f"{middle} ({low:.4f} to {high:.4f})"


def _cell(value: str) -> str:
    return f"`{value[:80].replace('|', '/').replace('`', ' ')}`" if value else "-"


def changed_params() -> dict[str, tuple[str, str]] | None:
    """The parameters that are not those of the last commit's params.yaml: as they are there, and here; None without such a file."""
    try:
        committed = parse_yaml(git("show", f"HEAD:{paths.PARAMS.as_posix()}", check=False), str(paths.PARAMS))
    except TextLSTMError:
        return None
    if not isinstance(committed, dict):
        return None
    before, here = (
        {key: str(value) for key, value in flat(values).items()} for values in (committed, read_yaml(paths.PARAMS))
    )
    names = sorted(before.keys() | here.keys())
    return {name: (before.get(name, ""), here.get(name, "")) for name in names if before.get(name) != here.get(name)}


def read_about(path: Path) -> About | None:
    """What was written to a file; None if there is none, as in a record of an earlier version."""
    return About(**read_json(path)) if path.exists() else None
