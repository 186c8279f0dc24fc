"""The models in MLflow's registry, and which of their versions is the champion.

    textlstm promote                   the models of the present state become new versions; a better one takes the alias
    "champion" textlstm promote --register-only   they become new versions, and the champion stays

A version holds everything that is needed to ask it: the models, this package, a list of pinned requirements. It takes
plain strings, and nothing in it is pickled. It also holds its answers about the held-out items, so that any two
versions can be compared item by item later.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

import mlflow
import numpy as np
from mlflow.entities import FileInfo, LoggedModel, LoggedModelOutput, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*Any type hint is inferred")  # MLflow says so about a class of its own
    from mlflow.pyfunc import save_model

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, read_json, read_passages, require, write_arrays
from textlstm.core.git import repository_root
from textlstm.core.lockfile import locked_stages
from textlstm.core.params import Params, load_params
from textlstm.core.parquet import read_column
from textlstm.core.text import printable
from textlstm.detection.heldout import OWN, evidence_of
from textlstm.evaluation.comparison import Answers, Difference, difference
from textlstm.evaluation.sentiment import CLASSIFIER
from textlstm.tracking.about import LANGUAGE_MODEL, MODELS, SENTIMENT_MODEL, collect_about, interval
from textlstm.tracking.runs import STATE, collect, deliver, pipeline_state, post
from textlstm.tracking.store import EXPERIMENT, FAULTS, default_store, locked, open_store, tracking_address

CHAMPION = "champion"
HELD_OUT = "textlstm.held_out"  # tag: digest of the data that the figures were measured on
FIGURES = ("auc", "auc_low", "auc_high", "accuracy", "accuracy_low", "accuracy_high")  # tags
VERDICT = "textlstm.verdict"  # tag: whether it was promoted, and why or why not
_FIGURES = "AUC {auc:.4f} ({auc_low:.4f} to {auc_high:.4f}), accuracy {accuracy:.4f} ({accuracy_low:.4f} to {accuracy_high:.4f})"
_ANSWERS = "answers.npz"
_EXAMPLES, _EXAMPLE = 5, 160  # items of each kind that a comparison shows, and characters of each
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Kind:
    """One of the two models, and where the pipeline leaves what belongs to it."""

    name: str  # in the registry
    code: str  # the file of this folder that MLflow runs
    models: tuple[Path, ...]  # files and folders, all in one folder
    metrics: Path
    stages: tuple[
        str, str
    ]  # the one that asks the models about the held-out data, and the one that makes the metrics of it
    data: Path  # held-out data
    example: tuple[str, ...]
    packages: tuple[str, ...]  # that the code imports
    answers: Callable[[Params], Answers]
    measured_on: Callable[[Params], dict[str, Any]]  # parameters that choose what of the held-out data is measured
    block: Callable[[Params], int]  # neighbouring items drawn together
    items: Callable[[Params], list[str]]  # the held-out items, in the order of the answers


def _language_answers(params: Params) -> Answers:
    evidence, labels = evidence_of(read_arrays(paths.SCORES_LANGUAGE), OWN, params.evaluate.length)
    return Answers(labels, evidence.log_likelihoods)


def _sentiment_answers(_: Params) -> Answers:
    scores = read_arrays(paths.SCORES_IMDB, "label", CLASSIFIER)
    return Answers(scores["label"], np.stack([np.zeros(len(scores["label"])), scores[CLASSIFIER]], axis=1))


def _windows(params: Params) -> list[str]:
    length = params.evaluate.length
    texts = [read_passages(paths.heldout_text(language), params.score.characters) for language in params.languages]
    return [text[begin : begin + length] for text in texts for begin in range(len(text) - length + 1)]


LANGUAGE = Kind(
    name=LANGUAGE_MODEL,
    code="served_language.py",
    models=MODELS[LANGUAGE_MODEL],
    metrics=paths.METRICS_LANGUAGE,
    stages=("score_language", "evaluate_language"),
    data=paths.SPLIT_LANGUAGES,
    example=("All human beings are born free", "Tous les êtres humains naissent libres"),
    packages=("numpy", "pydantic", "threadpoolctl"),
    answers=_language_answers,
    measured_on=lambda params: {"languages": list(params.languages), "length": params.evaluate.length},
    block=lambda params: params.evaluate.block,
    items=_windows,
)
SENTIMENT = Kind(
    name=SENTIMENT_MODEL,
    code="served_sentiment.py",
    models=(*MODELS[SENTIMENT_MODEL], *MODELS[LANGUAGE_MODEL]),  # the detector tells what is not English
    metrics=paths.METRICS_IMDB,
    stages=("score_imdb", "evaluate_imdb"),
    data=paths.TEST_IMDB,
    example=("i really liked the movie and had fun", "a waste of time"),
    packages=("numpy", "pydantic", "threadpoolctl"),
    answers=_sentiment_answers,
    measured_on=lambda _: {},
    block=lambda _: 1,
    items=lambda _: list(read_column(paths.TEST_IMDB, "text")),
)
KINDS = (LANGUAGE, SENTIMENT)


@dataclass(frozen=True)
class Verdict:
    """What became of a version that was to be promoted, and why."""

    champion: bool  # now
    reason: str
    decided: bool = True  # False: it could not be compared with the champion


def check_unchanged() -> None:
    """Raise TextLSTMError unless code, data, models and metrics are those that `dvc.lock` describes."""
    stages = [stage for kind in KINDS for stage in kind.stages]
    command = [sys.executable, "-m", "dvc", "status", "--json", "--with-deps", *stages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TextLSTMError(
            f"dvc status: cannot tell whether the models are up to date: {' '.join(done.stderr.split())}"
        )
    if changed := list(json.loads(done.stdout)):
        raise TextLSTMError(
            f"dvc.lock: expected it to describe the present models, but {', '.join(changed)} is to be run again. Run 'dvc repro' first"
        )


def run(*, promoting: bool, first_of_its_data: bool = False) -> list[Verdict]:
    """Register both models of the current folder's pipeline and print what became of them; promote them if asked to."""
    root, params, verdicts = repository_root(), load_params(), []
    address = tracking_address(root)
    with locked(root), default_store(address), _explained(address):
        client = open_store(root)
        tracked = _tracked_run(client, root)
        for kind in KINDS:
            version = register(client, tracked, kind, params)
            if promoting:
                verdict = promote(client, kind, version, params, first_of_its_data=first_of_its_data)
                word = "is the champion" if verdict.champion else "is not the champion"
                print(f"{kind.name}: version {version.version} {word}: {verdict.reason}")
                verdicts.append(verdict)
    return verdicts


def register(client: mlflow.MlflowClient, tracked: Run, kind: Kind, params: Params) -> ModelVersion:
    """The version that holds the present state's model of this kind, made if there is none; the caller holds `locked`."""
    state = tracked.data.tags[STATE]
    if not client.search_registered_models(f"name = '{kind.name}'"):
        client.create_registered_model(kind.name)
    for version in client.search_model_versions(f"name = '{kind.name}'"):
        if version.tags.get(STATE) == state:
            print(f"{kind.name}: version {version.version} holds this state already")
            return version
    require(*kind.models)
    answers, metrics = kind.answers(params), read_json(kind.metrics)
    missing = [figure for figure in FIGURES if figure not in metrics]
    if missing:
        raise TextLSTMError(
            f"{kind.metrics}: expected {', '.join(missing)}, got none. Run 'dvc repro' to measure again"
        )
    tags = {STATE: state, HELD_OUT: held_out_digest(kind, params, answers)} | {
        figure: str(metrics[figure]) for figure in FIGURES
    }
    model = _log_model(client, tracked, kind, answers)
    version = client.create_model_version(
        kind.name,
        f"models:/{model}",
        run_id=tracked.info.run_id,
        tags=tags,
        description=_FIGURES.format(**metrics),
        model_id=model,
    )
    print(f"{kind.name}: version {version.version} registered, {version.description}")
    return version


def promote(
    client: mlflow.MlflowClient, kind: Kind, version: ModelVersion, params: Params, *, first_of_its_data: bool = False
) -> Verdict:
    """Make a version the champion if it is better than the present one; the caller holds `locked`.

    Args:
        client: of the registry.
        kind: of model.
        version: the one that `register` gave.
        params: how the bootstrap is done.
        first_of_its_data: take a version that was measured on other data than the champion, without a comparison.

    Raises:
        TextLSTMError: files of the version, or of the champion that it is compared with, are not there.
    """
    _check_files(client, kind, version)
    holder = client.get_registered_model(kind.name).aliases.get(CHAMPION)
    if holder is None:
        verdict = Verdict(champion=True, reason="there was no champion")
    elif str(holder) == str(version.version):
        return Verdict(champion=True, reason="it was already")
    else:
        verdict = _judge(client, kind, version, client.get_model_version(kind.name, holder), params, first_of_its_data)
    if verdict.champion:
        client.set_registered_model_alias(kind.name, CHAMPION, version.version)
    client.set_model_version_tag(
        kind.name, version.version, VERDICT, f"{'promoted' if verdict.champion else 'not promoted'}: {verdict.reason}"
    )
    return verdict


def _judge(
    client: mlflow.MlflowClient,
    kind: Kind,
    new: ModelVersion,
    champion: ModelVersion,
    params: Params,
    first_of_its_data: bool,
) -> Verdict:
    """Whether a version should take the place of the champion, and why."""
    if new.tags[HELD_OUT] != champion.tags.get(HELD_OUT):
        if first_of_its_data:
            return Verdict(
                champion=True, reason=f"first of its held-out data, not compared with version {champion.version}"
            )
        return Verdict(
            champion=False,
            decided=False,
            reason=f"the champion, version {champion.version}, was measured on other held-out data ({_short(champion)}, this one "
            f"{_short(new)}), so their figures cannot be compared. Measure on the same data, or start afresh on the new: "
            "textlstm promote --first-of-its-data",
        )
    _check_files(client, kind, champion)
    answers = (_answers_of(client, new), _answers_of(client, champion))
    rounds = params.evaluate.bootstrap
    gain = difference(*answers, rounds=rounds, block=kind.block(params), seed=params.seed)
    items: list[str] = []
    with suppress(TextLSTMError):  # the data are not here: no examples
        items = kind.items(params)
    text = "\n".join(_comparison(new, champion, *answers, gain, items)) + "\n"
    place = f"comparisons/{kind.name}-{new.version}-against-{champion.version}.md"
    client.log_text(str(new.run_id), text, place)
    print(f"{text}\nKept as the artifact {place} of run {new.run_id}.")
    word = "better" if gain.better else "not better by more than chance explains"
    return Verdict(champion=gain.better, reason=f"{word}: against the champion, version {champion.version}, {gain}")


def _comparison(
    new: ModelVersion, champion: ModelVersion, ours: Answers, theirs: Answers, gain: Difference, items: Sequence[str]
) -> list[str]:
    """Lines of Markdown: the figures of both, their paired difference, and items on which they differ."""
    names = [f"version {new.version}", f"champion, version {champion.version}"]
    lines = [f"## {new.name}: {names[0]} against the {names[1]}", "", f"| | {names[0]} | {names[1]} |", "|---|---|---|"]
    for figure in ("auc", "accuracy"):
        cells = [interval({name: float(one.tags[name]) for name in FIGURES}, figure) for one in (new, champion)]
        lines.append(f"| {figure} | {cells[0]} | {cells[1]} |")
    lines += ["", f"Paired difference on {len(ours.labels):,} held-out items: {gain}."]
    if len(items) != len(ours.labels):  # the data have been changed since
        return lines
    for title, better, worse in ((names[0], ours, theirs), (names[1], theirs, ours)):
        rows = np.flatnonzero(better.correct & ~worse.correct)
        lines += ["", f"Answered right by {title} alone: {len(rows):,}"]
        shown = (
            printable(" ".join(items[row].split())) if len(items[row]) > _EXAMPLE else repr(items[row])
            for row in rows[:: max(len(rows) // _EXAMPLES, 1)][:_EXAMPLES]
        )
        lines += [f"- {text if len(text) <= _EXAMPLE else f'{text[:_EXAMPLE]}…'}" for text in shown]
    return lines


def _check_files(client: mlflow.MlflowClient, kind: Kind, version: ModelVersion) -> None:
    """Raise TextLSTMError unless the store has the files of a version."""
    model = client.get_logged_model(str(version.source).removeprefix("models:/"))
    found = {file.path for folder in ("", "artifacts") for file in _listed(client, model.model_id, folder)}
    wanted = ["MLmodel", *(f"artifacts/{path.name}" for path in kind.models), f"artifacts/{_ANSWERS}"]
    if missing := [name for name in wanted if name not in found]:
        raise TextLSTMError(
            f"{kind.name}: version {version.version}: expected its files in {model.artifact_location}, but {', '.join(missing)} "
            "cannot be found. Bring that folder back, or delete the version in MLflow and promote again"
        )


def _listed(client: mlflow.MlflowClient, model: str, folder: str) -> list[FileInfo]:
    try:
        return list(client.list_logged_model_artifacts(model, folder or None))
    except (MlflowException, FileNotFoundError):  # there is no such folder
        return []


def _short(version: ModelVersion) -> str:
    return version.tags.get(HELD_OUT, "not known")[:12]


def held_out_digest(kind: Kind, params: Params, answers: Answers) -> str:
    """Digest of the data that a model was measured on: equal digests mean the same items in the same order."""
    stage, path = kind.stages[0], kind.data.as_posix()
    entry = locked_stages().get(stage, {})
    found = [dep["md5"] for dep in entry.get("deps", []) if dep["path"] == path]
    if not found:
        raise TextLSTMError(
            f"dvc.lock: expected {path} among what {stage} reads, got nothing of that name. Run 'dvc repro' first"
        )
    described = json.dumps([found[0], kind.measured_on(params)], sort_keys=True)
    return hashlib.sha256(described.encode() + answers.labels.astype(np.int64).tobytes()).hexdigest()


def _tracked_run(client: mlflow.MlflowClient, root: Path) -> Run:
    """The finished MLflow run of the present state, tracked now if there is none; the caller holds `locked`."""
    state = pipeline_state(Path("dvc.lock"))
    found = _find_run(client, state)
    if found is None:
        deliver(root, post(collect(), root, collect_about()))
        found = _find_run(client, state)
    if found is None:
        raise TextLSTMError(
            f"MLflow: the state {state[:12]} was tracked, but its run is not there. Was it deleted? Restore it: mlflow runs restore"
        )
    return found


def _find_run(client: mlflow.MlflowClient, state: str) -> Run | None:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    wanted = f"tags.`{STATE}` = '{state}' and attributes.status = 'FINISHED'"
    return next(iter(client.search_runs([experiment.experiment_id], wanted)), None) if experiment else None


def _log_model(client: mlflow.MlflowClient, tracked: Run, kind: Kind, answers: Answers) -> str:
    """Log the files of the run's model and return its id."""
    run_id = tracked.info.run_id
    model = _model_of(client, tracked, kind)
    try:
        with tempfile.TemporaryDirectory(prefix="textlstm-") as name:
            folder = Path(name)
            write_arrays(folder / _ANSWERS, labels=answers.labels, scores=answers.scores)
            save_model(
                folder / "model",
                python_model=str(_PACKAGE / "tracking" / kind.code),
                artifacts={
                    path.name: str(path) for path in (*_copied(kind.models, folder / "files"), folder / _ANSWERS)
                },
                code_paths=[str(_PACKAGE)],
                pip_requirements=[f"{package}=={installed_version(package)}" for package in kind.packages],
                input_example=list(kind.example),
                mlflow_model=Model(run_id=run_id, model_id=model.model_id),
            )
            for cache in (folder / "model").rglob("__pycache__"):
                shutil.rmtree(cache)
            client.log_model_artifacts(model.model_id, str(folder / "model"))
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)


def _model_of(client: mlflow.MlflowClient, tracked: Run, kind: Kind) -> LoggedModel:
    """The logged model of a run that has no files yet; made if the run has none, as one of an earlier version."""
    wanted = f"source_run_id = '{tracked.info.run_id}' and name = '{kind.name}'"
    found = list(client.search_logged_models([tracked.info.experiment_id], wanted, max_results=1))
    if found:
        return found[0]
    model = client.create_logged_model(tracked.info.experiment_id, kind.name, tracked.info.run_id)
    client.log_outputs(tracked.info.run_id, [LoggedModelOutput(model.model_id, 0)])
    return model


def _copied(places: Iterable[Path], folder: Path) -> Iterator[Path]:
    """Copies of files and folders: MLflow takes no links that leave its folder, and DVC's models may be links into its cache."""
    folder.mkdir()
    for place in places:
        if place.is_dir():
            yield Path(shutil.copytree(place, folder / place.name))
        else:
            yield Path(shutil.copy(place, folder))


def _answers_of(client: mlflow.MlflowClient, version: ModelVersion) -> Answers:
    """What a version said about the held-out items."""
    with tempfile.TemporaryDirectory(prefix="textlstm-") as name:
        where = f"models:/{version.name}/{version.version}/artifacts/{_ANSWERS}"
        address = client.tracking_uri
        file = mlflow.artifacts.download_artifacts(where, dst_path=name, tracking_uri=address, registry_uri=address)
        arrays = read_arrays(Path(file))
    return Answers(arrays["labels"], arrays["scores"])


@contextmanager
def _explained(address: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed, which is no fault of MLflow
        raise
    except FAULTS as error:
        reason = " ".join(str(error).split())[:300]
        raise TextLSTMError(
            f"MLflow at {address}: cannot use the registry ({type(error).__name__}: {reason}). "
            "Repair the database or correct the address, and run again"
        ) from None
