"""One MLflow run for each state of the pipeline.

A run is assembled from the files that DVC versions, after they are all there: all parameters, loss curves as stepped
metrics, final metrics, plots, `dvc.lock`. Stages that came from the cache are in it like any other, and training never
waits for a server. Studies of the state (see `textlstm.evaluation.studies`) are in it too; if they are made later, they
are added to its run.

What is to be tracked is first written to an outbox at the root of the repository (`.textlstm/outbox`) and taken out of
it once MLflow has it all. When MLflow cannot be reached, the entry stays there, and the next `track` of anything
delivers it. An entry that MLflow does not take stays there too, and keeps no other one back.
"""

import csv
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import LoggedModelOutput, Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from textlstm.core import paths
from textlstm.core.config import flat
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import (
    atomic_folder,
    how_to_make,
    read_json,
    read_record,
    read_text,
    remove_leftovers,
    write_json,
    write_text,
)
from textlstm.core.git import git, repository_root
from textlstm.core.lockfile import locked_stages
from textlstm.core.params import load_params
from textlstm.core.yaml_files import read_yaml
from textlstm.evaluation.plots import draw_learning_curve, draw_pictures
from textlstm.evaluation.studies import CURVE, HEADLINES, SPREAD, fitting
from textlstm.tracking.about import PREFIXES, About, collect_about, dataset_inputs, read_about
from textlstm.tracking.store import FAULTS, experiment_id, locked, open_store, tracking_address

STATE, NAME = "textlstm.state", "textlstm.experiment"  # tags by which a run is found again
CLONE = "textlstm.clone"  # tag: which clone began the run
STUDIES = "textlstm.studies"  # tag: digest of the studies that the run holds; "" if none
_LONGEST = 3600.0  # seconds that a delivery from another clone may take; then whoever began it counts as gone
_AT_ONCE = {"params": 100, "metrics": 1000}  # what one call may carry
LONGEST_NAME = 250  # characters: what a database holds of a run's name
_ABOUT = "about.json"  # file of an entry
_PICTURE = "pictures/roc_language.png"  # that the description of a run shows
_DELIVERED = ".delivered"  # ending of an entry of which nothing is needed any more
_LONGEST_FILE_NAME = 80  # bytes, of what is made from the name of an experiment


@dataclass(frozen=True)
class Record:
    """All that a run will hold, but for its files."""

    state: str  # digest of dvc.lock without the stage that tracks
    experiment: str  # name of the DVC experiment; "" after a plain `dvc repro`
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[tuple[str, float, int]]  # name, value, step


def pipeline_state(lock: Path, own_stage: str = "track") -> str:
    """Digest of what `dvc.lock` says of all stages but the one that tracks: equal for equal code, parameters, data and results."""
    others = {name: entry for name, entry in locked_stages(lock).items() if name != own_stage}
    if not others:
        raise TextLSTMError(f"{lock}: expected the stages of the pipeline, got none. Run 'dvc repro' first")
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def track() -> None:
    """Record the state of the current folder's pipeline in MLflow, with all else that waits in the outbox, and mark it as tracked.

    Raises:
        TextLSTMError: MLflow cannot be used, or results are missing. Within a DVC experiment, whose results a failure
            would cost, the first of these is only said: the outbox keeps the record.
    """
    root = repository_root()
    record, about = collect(), collect_about()
    with locked(root):
        entry = post(record, root, about)
        try:
            deliver(root, entry)
        except TextLSTMError as error:
            if "DVC_EXP_NAME" not in os.environ:
                raise
            print(f"track: {error}", file=sys.stderr)
    mark_tracked(record)


def collect() -> Record:
    """Read what the current folder's pipeline has produced."""
    lock = Path("dvc.lock")
    state, experiment = pipeline_state(lock), os.environ.get("DVC_EXP_NAME", "")
    tags = {
        STATE: state,
        NAME: experiment,
        "textlstm.study": os.environ.get("TEXTLSTM_STUDY", ""),
        "textlstm.uncommitted_changes": str(
            bool(git("status", "--porcelain", "--untracked-files=no", check=False))
        ).lower(),
        "mlflow.source.git.commit": git("rev-parse", "HEAD", check=False),
        "mlflow.source.name": "dvc exp run" if experiment else "dvc repro",
        "mlflow.runName": experiment[:LONGEST_NAME] or f"repro-{state[:8]}",
    }
    params = {key: str(value) for key, value in flat(read_yaml(paths.PARAMS)).items()}
    figures = [figure for path in _metric_files() for figure in flat(read_json(path), f"{path.stem}.").items()]
    metrics = [(key, float(value), 0) for key, value in figures if not isinstance(value, str)]
    tags |= {f"textlstm.{key}": value for key, value in figures if isinstance(value, str)}
    for path in _curves():
        for row in csv.DictReader(read_text(path).splitlines()):
            step = int(row.pop("epoch"))
            metrics += [(f"{path.stem}.{column}", float(value), step) for column, value in row.items() if value]
    studies = _studies()
    metrics += _study_metrics(studies)
    tags[STUDIES] = hashlib.sha256(json.dumps(studies, sort_keys=True).encode()).hexdigest() if studies else ""
    return Record(state, experiment, {name: value for name, value in tags.items() if value}, params, metrics)


def post(record: Record, root: Path, about: About | None = None) -> Path:
    """Put a record and the files of the current folder's pipeline into the outbox; the same record twice is one entry.

    The caller holds `locked`: a delivery must not take an entry apart that another process replaces.
    """
    name = record.state[:16] + (f"-{_file_name(record.experiment)}" if record.experiment else "")
    entry = root / ".textlstm" / "outbox" / name
    with atomic_folder(entry) as folder:
        write_json(folder / "run.json", asdict(record))
        if about:
            write_json(folder / _ABOUT, asdict(about))
        files = folder / "files"
        files.mkdir()
        for path in (Path("dvc.lock"), Path("dvc.yaml"), paths.PARAMS, *_metric_files()):
            shutil.copy(path, files / path.name)
        (files / paths.CURVES.name).mkdir()
        for path in _curves():
            shutil.copy(path, files / paths.CURVES.name)
        shutil.copytree(paths.PLOTS, files / paths.PLOTS.name)
        draw_pictures(files / paths.CURVES.name, paths.PLOTS, files / "pictures")
        _post_studies(_studies(), files)
    return entry


def _studies() -> dict[str, dict[str, Any]]:
    """The studies in the current folder that are of the present parameters and figures."""
    metrics = {path.stem: read_json(path) for path in _metric_files()}
    return fitting(paths.STUDIES, read_yaml(paths.PARAMS), metrics)


def _study_metrics(studies: dict[str, dict[str, Any]]) -> list[tuple[str, float, int]]:
    """What the seeds' figures of the detector and of the classifier come to: spread.<dataset>.<figure>.{mean,standard_deviation}."""
    return [
        (f"{SPREAD}.{dataset}.{figure}.{statistic}", float(values[statistic]), 0)
        for dataset, part in studies.get(SPREAD, {}).items()
        for figure, values in part["summary"][HEADLINES[dataset]].items()
        for statistic in ("mean", "standard_deviation")
    ]


def _post_studies(studies: dict[str, dict[str, Any]], files: Path) -> None:
    """Add studies to the files of a run, and the picture of the learning curves."""
    for name, study in studies.items():
        write_json(files / "studies" / f"{name}.json", study)
    curves = list(studies.get(CURVE, ()))
    for dataset in curves:
        shutil.copy(paths.STUDIES / f"{CURVE}_{dataset}.csv", files / "studies")
    if curves:
        draw_learning_curve(files / "studies", files / "pictures" / f"{CURVE}.png")


def deliver(root: Path, own: Path) -> None:
    """Log all entries of the outbox to MLflow, each as one run, take them out of it, and print a line for each.

    The caller holds `locked`. An entry other than `own` that MLflow does not take is only told of, and stays.

    Raises:
        TextLSTMError: MLflow cannot be used, or does not take `own`; what was not delivered is still in the outbox.
    """
    outbox = root / ".textlstm" / "outbox"
    remove_leftovers(outbox)
    for delivered in outbox.glob(f".*{_DELIVERED}"):  # by a process that was killed before it had deleted it
        shutil.rmtree(delivered)
    address = tracking_address(root)
    refused: dict[Path, str] = {}
    try:
        client = open_store(root)
        experiment = experiment_id(client, root)
        for entry in sorted(path for path in outbox.iterdir() if not path.name.startswith(".")):
            try:
                said = _deliver_one(client, experiment, entry, clone_id(root))
            except Exception as error:
                client.get_experiment(experiment)  # fails when the fault is not the entry's
                refused[entry] = _reason(error)
                continue
            print(f"mlflow: {said}")
            delivered = entry.with_name(f".{entry.name}{_DELIVERED}")
            entry.replace(delivered)  # so that nothing is ever delivered of which a part has been deleted
            shutil.rmtree(delivered)
    except BrokenPipeError:  # nobody reads what is printed, which is no fault of MLflow
        raise
    except FAULTS as error:
        raise _undelivered(address, _reason(error), outbox) from None
    if own in refused:
        raise _undelivered(address, refused.pop(own), own)
    for entry, reason in refused.items():
        print(
            f"track: {entry}: MLflow did not take this earlier record ({reason}). It is tried again whenever something is "
            "tracked; delete the folder to give it up",
            file=sys.stderr,
        )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _undelivered(address: str, reason: str, where: Path) -> TextLSTMError:
    return TextLSTMError(
        f"MLflow at {address}: cannot track ({reason}). No result is lost: "
        f"models and metrics are in place, and what is to be tracked waits in {where}. "
        "Repair the database or correct the address, then run 'dvc repro' or 'textlstm track'"
    )


def _file_name(name: str) -> str:
    """A file name for any name: the same if it will do, or else what is left of it, with a digest of the whole.

    >>> _file_name("wide")
    'wide'
    >>> _file_name("l'été")
    'l_été-dd1d7d76a41c'
    """
    plain = re.sub(r"[^\w@.+-]", "_", name).encode()
    if plain == name.encode() and len(plain) <= _LONGEST_FILE_NAME:
        return name
    head = plain[:_LONGEST_FILE_NAME].decode(errors="ignore")
    return f"{head}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def clone_id(root: Path) -> str:
    """What tells this clone from the others that use the same server; it does not contain the clone's path."""
    return hashlib.sha256(f"{platform.node()}:{root}".encode()).hexdigest()[:16]


def _deliver_one(client: mlflow.MlflowClient, experiment: str, entry: Path, clone: str) -> str:
    record = read_record(entry / "run.json", Record)
    for run in _runs_of(client, experiment, record):
        if run.info.status == "FINISHED":
            added = _add_studies(client, run, record, entry)
            return f"{added or 'already tracked as'} run {run.info.run_id}, {run.info.run_name}"
        if run.info.status == "RUNNING" and _abandoned(run, clone):
            client.set_terminated(run.info.run_id, "KILLED")
            _delete_models(client, run)
        elif run.info.status == "FAILED" and run.data.tags.get(CLONE) == clone:
            _delete_models(client, run)
            client.delete_run(run.info.run_id)  # a try before this one; the entry holds all of it
    about = read_about(entry / _ABOUT)
    run = client.create_run(experiment, about.began if about else None, tags=record.tags | {CLONE: clone})
    identity = run.info.run_id
    try:
        now = int(time.time() * 1000)
        params = [Param(key, value) for key, value in record.params.items()]
        metrics = [Metric(key, value, now, step) for key, value, step in record.metrics]
        for begin in range(0, len(params), _AT_ONCE["params"]):
            client.log_batch(identity, params=params[begin : begin + _AT_ONCE["params"]])
        for begin in range(0, len(metrics), _AT_ONCE["metrics"]):
            client.log_batch(identity, metrics=metrics[begin : begin + _AT_ONCE["metrics"]])
        client.log_artifacts(identity, str(entry / "files"))
        if about:
            _tell(client, run, about, metrics)
        for other in _runs_of(client, experiment, record):
            if other.info.status == "FINISHED":
                _delete_models(client, run)  # another clone has delivered the same meanwhile
                client.delete_run(identity)
                return f"already tracked as run {other.info.run_id}, {other.info.run_name}"
        client.set_terminated(identity, "FINISHED", about.ended if about else None)
    except BaseException:
        _try_to_fail(client, identity)
        raise
    return f"tracked as run {identity}, {run.info.run_name}"


def _tell(client: mlflow.MlflowClient, run: Run, about: About, metrics: list[Metric]) -> None:
    """Log what a run says of itself: its data as inputs, its models as outputs, and a description."""
    identity = run.info.run_id
    client.log_inputs(identity, dataset_inputs(about))
    outputs = []
    for name, tags in about.models.items():
        figures = {metric.key: metric.value for metric in metrics if metric.key.startswith(f"{PREFIXES[name]}.")}
        headline = {key: str(value) for key, value in figures.items() if key.split(".")[1:] in (["auc"], ["accuracy"])}
        model = client.create_logged_model(run.info.experiment_id, name, identity, tags | headline)
        client.finalize_logged_model(model.model_id, "READY")
        outputs.append(LoggedModelOutput(model.model_id, 0))
    client.log_outputs(identity, outputs)
    picture = f"get-artifact?path={urllib.parse.quote(_PICTURE)}&run_uuid={identity}"
    client.set_tag(identity, MLFLOW_RUN_NOTE, f"{about.note}\n![ROC curves, languages]({picture})\n")


def _delete_models(client: mlflow.MlflowClient, run: Run) -> None:
    """Delete the models of a run that is not kept."""
    for model in client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"):
        client.delete_logged_model(model.model_id)


def _runs_of(client: mlflow.MlflowClient, experiment: str, record: Record) -> Iterator[Run]:
    """The runs of a record. MLflow is asked by the state alone: in what it is asked, a name cannot hold both kinds of quotes."""
    token = None
    while token != "":
        page = client.search_runs([experiment], f"tags.`{STATE}` = '{record.state}'", page_token=token)
        yield from (run for run in page if record.experiment in ("", run.data.tags.get(NAME)))
        token = page.token or ""


def _add_studies(client: mlflow.MlflowClient, run: Run, record: Record, entry: Path) -> str:
    """Give a finished run the studies that were made after it; "" if there are none that it lacks."""
    digest = record.tags.get(STUDIES, "")
    if digest in ("", run.data.tags.get(STUDIES, "")):
        return ""
    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, step) for key, value, step in record.metrics if key.startswith(f"{SPREAD}.")]
    client.log_batch(run.info.run_id, metrics=metrics)
    for path in sorted((entry / "files" / "studies").iterdir()):
        client.log_artifact(run.info.run_id, str(path), "studies")
    picture = entry / "files" / "pictures" / f"{CURVE}.png"
    if picture.exists():
        client.log_artifact(run.info.run_id, str(picture), "pictures")
    client.set_tag(run.info.run_id, STUDIES, digest)
    return "studies added to"


def _abandoned(run: Run, clone: str) -> bool:
    """Whether whoever began a run is gone: in this clone for certain, as deliveries hold a lock; in another one after an hour."""
    return run.data.tags.get(CLONE) == clone or time.time() - run.info.start_time / 1000 > _LONGEST


def _try_to_fail(client: mlflow.MlflowClient, identity: str) -> None:
    """Mark a run as failed if the store still answers; if not, the next delivery marks it."""
    try:
        client.set_terminated(identity, "FAILED")
    except FAULTS:
        return


def mark_tracked(record: Record) -> None:
    """Write the output of the stage; git does not carry it, so the first `dvc repro` of a fresh clone tracks the committed state."""
    write_text(paths.TRACKED, f"{record.state}\n")


def _curves() -> list[Path]:
    """The loss curves of the present parameters; what lies beside them was left by languages that params.yaml no longer names."""
    params = load_params()
    names = [*params.languages, "imdb", *(f"pretrain_{name}" for name in params.pretrain.datasets)]
    return [paths.curve(name) for name in sorted(names) if paths.curve(name).exists()]


def _metric_files() -> list[Path]:
    files = [paths.METRICS_LANGUAGE, paths.METRICS_IMDB]
    for path in files:
        if not path.exists():
            raise TextLSTMError(f"{path}: no such file. {how_to_make(path)}")
    return files
