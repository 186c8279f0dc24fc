"""The registry on a SQLite store of its own, with tiny models: what a version holds, how it answers, and who becomes champion."""

import ast
import dataclasses
import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import yaml
from mlflow.exceptions import MlflowException

from tests.unit.tracking.conftest import move
from textlstm.__main__ import main
from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import write_arrays, write_csv, write_json, write_sealed
from textlstm.core.params import Params, check_params
from textlstm.core.settings import DetectionSettings, SentimentSettings
from textlstm.detection import heldout
from textlstm.detection.abstention import Abstention
from textlstm.detection.background import Background
from textlstm.detection.detector import load_parts
from textlstm.detection.distillation import compile_table
from textlstm.detection.evidence import Evidence
from textlstm.evaluation.language import language_metrics, language_tables
from textlstm.evaluation.sentiment import PARTS, SYSTEMS, sentiment_metrics, sentiment_tables
from textlstm.language.mixture import NgramMixture
from textlstm.language.ngram import NgramModel
from textlstm.language.vocabulary import Vocabulary
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm
from textlstm.sentiment.tokenizer import Tokenizer
from textlstm.tracking import registry, runs
from textlstm.tracking.registry import KINDS, LANGUAGE, SENTIMENT, Kind

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = {"left": "ab ba bab abba baab " * 20, "right": "cd dc dcd cddc dccd " * 20}
REVIEWS = ["good fun good film", "bad bad dull film", "fun and good", "dull and bad"] * 5
ABSTENTION = Abstention(foreign=-8.0, lengths=[5], limits=[1.0], costs=[])
KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def params() -> Params:
    value = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    value["languages"] = {name: value["languages"]["english"] | {"text": f"{name}.txt"} for name in LANGUAGES}
    value["language_model"] |= {"window": 3, "units": 4, "epochs": 1, "embedding": 4}
    value["imdb"] |= {"units": 3, "embedding": 4, "epochs": 1, "batch": 8, "chunk": 4}
    value["score"]["lengths"] = [5]
    value["evaluate"] |= {"length": 5, "bootstrap": 100, "block": 5, "article_windows": 10}
    return check_params(value, "test")


def train(params: Params) -> None:
    """Tiny models in the working directory."""
    from textlstm.language.lstm_training import train_language_model
    from textlstm.sentiment.lstm_training import train_sentiment_model

    vocabulary = Vocabulary.learn(LANGUAGES.values())
    for name, text in LANGUAGES.items():
        ids = vocabulary.encode(text)
        model, _ = train_language_model(ids, ids[:0], vocabulary, params.language_model, seed=1, name=name)
        model.save(paths.language_model(name))
        NgramMixture(NgramModel.learn(ids, vocabulary, 2), None).save(paths.ngram_model(name))
    background = Background.learn(["жж жж"], vocabulary, order=2, characters=100)
    background.save(paths.BACKGROUND_MODEL)
    compile_table(
        load_parts(paths.MODELS, list(LANGUAGES)), background, lambda name: vocabulary.encode(LANGUAGES[name]),
        ngram_weight=0.5, order=3, min_count=1, steps=256,
    ).save(paths.TABLE)  # fmt: skip
    ABSTENTION.save(paths.ABSTENTION)
    write_sealed(paths.DETECTION_SETTINGS, DetectionSettings(list(LANGUAGES), 0.5, 0.5))
    tokenizer, labels = Tokenizer.learn(REVIEWS, 50), np.array([1, 0] * (len(REVIEWS) // 2))
    reviews = [tokenizer.encode(review) for review in REVIEWS]
    train_sentiment_model(reviews, labels, tokenizer, params.imdb, seed=1)[0].save(paths.IMDB_MODEL)
    train_nbsvm(REVIEWS, labels, NbsvmConfig(1, 0, 0, 8, True), min_reviews=1, strength=1.0, seed=1).save(
        paths.NBSVM_MODEL
    )
    write_sealed(
        paths.SENTIMENT_SETTINGS, SentimentSettings(params.nbsvm.weight, params.nbsvm.sentence_weight, 0.5, [], [], [])
    )


def reproduce(params: Params, skill: float = 1.0, data: str = "some", state: str = "first") -> None:
    """As if the pipeline had run anew in the working directory, with scores of that skill; models apart."""
    labels = np.repeat([0, 1], 200)
    scores = np.random.default_rng(3).normal(size=(len(labels), 2))
    scores[np.arange(len(labels)), labels] += skill
    known = np.full(len(labels), 5)
    evidence = Evidence(scores, np.full(len(labels), -99.0), known, 0 * known, 0 * known, known)
    language = {f"{system}_5": scores for system in heldout.SYSTEMS} | {
        f"bits_{system}": np.ones(2) for system in heldout.SYSTEMS
    }
    for group in heldout.GROUPS:
        language |= heldout.evidence_arrays(group, 5, (evidence, labels)) | {
            f"{group}_names": np.array(list(LANGUAGES))
        }
    language |= {f"words_{system}": scores for system in heldout.SYSTEMS} | {"words_label": labels}
    for length in heldout.NOISE_LENGTHS:
        language |= heldout.evidence_arrays(heldout.NOISE, length, (evidence, labels))
    odds = scores[:, 1] - scores[:, 0]
    imdb = {"label": labels, "words": labels + 9} | dict.fromkeys(SYSTEMS, odds)
    imdb |= {f"sentence_{name}": imdb[name] for name in ("label", "words", *PARTS)}
    write_arrays(paths.SCORES_LANGUAGE, **language)
    write_arrays(paths.SCORES_IMDB, **imdb)
    names, settings = list(LANGUAGES), params.evaluate
    write_json(paths.METRICS_LANGUAGE, language_metrics(language, names, ABSTENTION, 0.5, settings, seed=1))
    write_json(paths.METRICS_IMDB, sentiment_metrics(imdb, "holdout", settings, threshold=0.6, seed=1))
    tables = language_tables(language, names, ABSTENTION, 0.5, settings, lengths=[5], seed=1)
    for name, (header, rows) in (tables | sentiment_tables(imdb, settings, threshold=0.6, seed=1)).items():
        write_csv(paths.plot(name), header, rows)
    write_csv(paths.curve("left"), ("epoch", "loss"), [(1, 0.5)])
    stages = {
        kind.stages[0]: {"deps": [{"path": kind.data.as_posix(), "md5": data}], "outs": [{"md5": state}]}
        for kind in KINDS
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}), encoding="utf-8")
    Path("dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    Path("params.yaml").write_text(yaml.safe_dump(params.model_dump(), sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def registered(store: Path, tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """A checkout whose tiny models are registered, and promoted for want of champions."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(store, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        reproduce(params)
        train(params)
        registry.run(promoting=True)
    return folder


Pipeline = Callable[..., None]


@pytest.fixture
def pipeline(store: Path, tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """`pipeline(1.5, state="new")`: see `reproduce`. Who becomes champion does not depend on models and pictures, so there are none."""

    def save_answers(folder: Path, artifacts: dict[str, str], **_: Any) -> None:
        (folder / "artifacts").mkdir(parents=True)
        (folder / "MLmodel").touch()
        for name, place in artifacts.items():
            if name == "answers.npz":
                shutil.copy(place, folder / "artifacts")
            else:
                (folder / "artifacts" / name).touch()

    shutil.copy(store, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(registry, "save_model", save_answers)
    monkeypatch.setattr(runs, "draw_pictures", lambda *_: [])
    reproduce(params)
    for path in dict.fromkeys(folder for kind in KINDS for folder in kind.models):
        path.mkdir(parents=True)
    return functools.partial(reproduce, params)


def client(root: Path | None = None) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{(root or Path.cwd()) / 'mlflow.db'}")


def versions(kind: Kind) -> list[Any]:
    return list(client().search_model_versions(f"name = '{kind.name}'"))


def champions() -> list[int]:
    return [int(client().get_registered_model(kind.name).aliases[registry.CHAMPION]) for kind in KINDS]


def folder_of(kind: Kind, root: Path) -> Path:
    """Where the files of the one version lie."""
    (version,) = client(root).search_model_versions(f"name = '{kind.name}'")
    return Path(
        client(root).get_logged_model(version.source.removeprefix("models:/")).artifact_location.removeprefix("file://")
    )


def test_registering_tracks_the_state_first_and_a_second_time_changes_nothing(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.run(promoting=False)
    first = capsys.readouterr().out
    registry.run(promoting=False)
    second = capsys.readouterr().out
    assert "tracked as run" in first
    for kind in KINDS:
        assert f"{kind.name}: version 1 registered, AUC 0." in first
        assert f"{kind.name}: version 1 holds this state already" in second
        (version,) = versions(kind)
        metrics = json.loads(kind.metrics.read_text(encoding="utf-8"))
        run = client().get_run(version.run_id)
        assert run.info.status == "FINISHED"
        assert version.tags[registry.STATE] == run.data.tags[registry.STATE]
        assert {figure: float(version.tags[figure]) for figure in registry.FIGURES} == {
            figure: metrics[figure] for figure in registry.FIGURES
        }
        assert version.source in [f"models:/{model.model_id}" for model in run.outputs.model_outputs]
        assert client().get_logged_model(version.source.removeprefix("models:/")).status == "READY"
    assert len(client().search_runs(["1"])) == 1


@pytest.mark.slow
@KIND
def test_a_version_holds_all_that_it_needs_and_no_pickle(kind: Kind, registered: Path) -> None:
    folder = folder_of(kind, registered)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"MLmodel", "requirements.txt", "input_example.json", "artifacts/answers.npz", kind.code} <= files
    assert "code/textlstm/__init__.py" in files
    assert {f"artifacts/{path.name}" for path in kind.models} <= {
        path.relative_to(folder).as_posix() for path in folder.rglob("*")
    }
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib", ".pyc"))]
    requirements = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    assert all(re.fullmatch(r"[a-z-]+==[0-9.]+", requirement) for requirement in requirements), requirements
    assert {requirement.split("==")[0] for requirement in requirements} == {"mlflow", *kind.packages}
    about = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    assert json.loads(about["signature"]["inputs"]) == [{"type": "string", "required": True}]
    (output,) = json.loads(about["signature"]["outputs"])
    assert set(output["properties"]) >= {"probability"}


@KIND
def test_the_requirements_are_what_the_code_imports(kind: Kind) -> None:
    waiting, seen, found = [ROOT / "textlstm/tracking" / kind.code], set(), set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                module = ROOT / f"{name.replace('.', '/')}.py"
                waiting += [module] if module.exists() and module not in seen else []
                found.add(name.split(".")[0])
    distributions = packages_distributions()
    foreign = found - {"textlstm"} - set(sys.stdlib_module_names)
    imported = {name if name in distributions[name] else distributions[name][0].lower() for name in foreign}
    assert imported == {"mlflow", *kind.packages}


@pytest.mark.slow
def test_versions_answer_like_the_models_that_they_hold(registered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from textlstm.detection.detector import load_detector
    from textlstm.sentiment.classifier import SentimentClassifier

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    texts, models = ["abba", "Cddc", "?", "", "жжж"], registered / "models"
    served = {kind: mlflow.pyfunc.load_model(str(folder_of(kind, registered))) for kind in KINDS}
    languages, reviews = served[LANGUAGE].predict(texts), served[SENTIMENT].predict(["good fun", ""])
    expected = load_detector(models).predict(texts)
    assert [answer.language for answer in languages] == [one.language for one in expected]
    assert [one.language for one in expected] == ["left", "right", None, None, None]
    assert [answer.reason for answer in languages] == [None, None, "no letters", "no letters", "out of set"]
    assert [answer.probability for answer in languages[:4]] == pytest.approx([one.probability for one in expected[:4]])
    assert languages[4].probability is None
    predictions = SentimentClassifier.load(models).predict(["good fun", ""])
    assert [(one.sentiment, one.probability, one.reason) for one in reviews] == [tuple(one) for one in predictions]
    for kind, alone in ((LANGUAGE, ["abba", "Cddc"]), (SENTIMENT, ["good fun", "dull"])):
        for broken in ("\ud800", "ab\udcffba", "\ud83d fun"):  # halves of characters, as JSON can hold them
            answers = served[kind].predict([alone[0], broken, alone[1]])
            assert [answers[0], answers[2]] == served[kind].predict(alone)
    with pytest.raises(MlflowException, match="Expected type str, but got int"):
        served[LANGUAGE].predict([1])
    with pytest.raises(MlflowException, match="list"):
        served[SENTIMENT].predict("not in a list")


def test_the_first_version_becomes_champion(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = registry.run(promoting=True)
    assert [(verdict.champion, verdict.reason) for verdict in verdicts] == [(True, "there was no champion")] * 2
    assert champions() == [1, 1]
    assert "textlstm-sentiment: version 1 is the champion: there was no champion" in capsys.readouterr().out
    again = registry.run(promoting=True)
    assert [(verdict.champion, verdict.reason) for verdict in again] == [(True, "it was already")] * 2
    assert versions(LANGUAGE)[0].tags[registry.VERDICT] == "promoted: there was no champion"


@pytest.mark.parametrize("lost", ["models", "MLmodel", "answers.npz", "textlstm-language"])
def test_a_version_whose_files_cannot_be_found_is_not_promoted(pipeline: Pipeline, lost: str) -> None:
    registry.run(promoting=False)
    if lost == "textlstm-language":
        lost = LANGUAGE.models[0].name
    for path in list(Path("mlartifacts").rglob(lost)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(
        TextLSTMError, match=r"^textlstm-language: version 1: expected its files in \S+, but .* cannot be found\."
    ):
        registry.run(promoting=True)
    assert registry.CHAMPION not in client().get_registered_model(LANGUAGE.name).aliases


def test_a_champion_whose_files_cannot_be_found_is_told(pipeline: Pipeline) -> None:
    registry.run(promoting=True)
    shutil.rmtree(Path("mlartifacts/models"))
    for state in ("first", "second"):
        pipeline(1.5, state=state)
        with pytest.raises(
            TextLSTMError, match=r"^textlstm-language: version 1: expected its files in .*MLmodel.* cannot be"
        ):
            registry.run(promoting=True)
    assert champions() == [1, 1]


def test_a_moved_checkout_promotes_what_it_has(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.run(promoting=True)
    moved = move(tmp_path, tmp_path.with_name("moved"))
    monkeypatch.chdir(moved)
    monkeypatch.setenv("DVC_ROOT", str(moved))
    pipeline(1.5, state="better")
    assert [verdict.champion for verdict in registry.run(promoting=True)] == [True, True]
    assert champions() == [2, 2]
    assert not tmp_path.exists()
    for version in versions(LANGUAGE):
        where = client().get_model_version_download_uri(LANGUAGE.name, version.version)
        assert where.startswith(f"{moved.as_uri()}/mlartifacts/")


def test_the_registry_is_that_of_the_repository(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow itself looks a model up in the store of the settings, whatever its client was told."""
    root = tmp_path / "root"
    root.mkdir()
    shutil.move("mlflow.db", root)
    monkeypatch.setenv("DVC_ROOT", str(root))
    for setting in (None, "sqlite:///mlflow.db"):
        if setting:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", setting)
        registry.run(promoting=True)
        assert os.environ.get("MLFLOW_TRACKING_URI") == setting
        assert not Path("mlflow.db").exists()
    assert [version.version for version in client(root).search_model_versions(f"name = '{LANGUAGE.name}'")] == [1]


def test_of_models_that_are_links_the_files_are_registered(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []

    def save(folder: Path, artifacts: dict[str, str], **_: Any) -> None:
        folder.mkdir()
        found = [path for place in artifacts.values() for path in (Path(place), *Path(place).rglob("*"))]
        assert not [path for path in found if path.is_symlink()]
        saved.extend(path.read_text() for path in found if path.name == "inner.bin")

    monkeypatch.setattr(registry, "save_model", save)
    cache = tmp_path / "cache.bin"
    cache.write_text("weights")
    for place in dict.fromkeys(place for kind in KINDS for place in kind.models):
        (place / "inner.bin").symlink_to(cache)
        place.rename(place.with_name(f"{place.name}.real"))
        place.symlink_to(f"{place.name}.real")
    registry.run(promoting=False)
    assert saved == ["weights"] * sum(len(kind.models) for kind in KINDS)


@pytest.mark.slow
def test_models_that_are_links_are_promoted_by_a_python_without_docstrings(registered: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(registered, tmp_path / "copy"))
    for number, path in enumerate(sorted(path for path in (folder / "models").rglob("*") if path.is_file())):
        path.rename(folder / f"cached-{number}")
        path.symlink_to(folder / f"cached-{number}")
    lock = folder / "dvc.lock"
    lock.write_text(lock.read_text(encoding="utf-8").replace("md5: first", "md5: second"), encoding="utf-8")
    code = "from textlstm.tracking import registry\nregistry.run(promoting=True)"
    environment = os.environ | {"DVC_ROOT": str(folder), "PYTHONPATH": str(ROOT), "PYTHONOPTIMIZE": "2"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for kind in KINDS:
        assert f"{kind.name}: version 2 is not the champion: not better" in done.stdout
        made = client(folder).get_model_version_download_uri(kind.name, "2").removeprefix("file://")
        answers = mlflow.pyfunc.load_model(made).predict(list(kind.example))
        assert len(answers) == 2


def test_only_a_better_version_takes_the_place_of_the_champion(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [f"{'ab '[place % 3]}abba" for place in range(400)]
    monkeypatch.setattr(registry, "KINDS", [dataclasses.replace(kind, items=lambda _: items) for kind in KINDS])
    registry.run(promoting=True)
    reasons = {}
    for name, skill in (("same", 1.0), ("worse", 0.5), ("better", 1.5)):
        pipeline(skill, state=name)
        reasons[name] = [(verdict.champion, verdict.reason) for verdict in registry.run(promoting=True)]
        assert champions() == ([4, 4] if name == "better" else [1, 1])
    same = "not better by more than chance explains: against the champion, version 1, AUC +0.0000 (95 % interval +0.0000 to +0.0000)"
    for promoted, reason in reasons["same"]:
        assert not promoted
        assert reason.startswith(same)
    for promoted, reason in reasons["worse"]:
        assert not promoted
        assert re.match(
            r"not better .* version 1, AUC -0\.\d{4} \(95 % interval -0\.\d{4} to -0\.\d{4}\), accuracy -0", reason
        )
    for promoted, reason in reasons["better"]:
        assert promoted
        assert re.match(r"better: against the champion, version 1, AUC \+0\.\d{4} \(95 % interval \+0\.", reason)
    assert "Paired difference on 400 held-out items: AUC -0." in capsys.readouterr().out
    run = client().get_model_version(LANGUAGE.name, "4").run_id
    text = mlflow.artifacts.load_text(f"runs:/{run}/comparisons/{LANGUAGE.name}-4-against-1.md")
    assert "| auc | 0." in text
    assert re.search(r"Answered right by version 4 alone: [1-9]", text)
    assert re.search(r"\n- '[ab ]{5}'\n", text)


def test_from_a_champion_one_gets_to_its_run_its_data_and_its_commit_and_back(pipeline: Pipeline) -> None:
    registry.run(promoting=True)
    version = client().get_model_version_by_alias(SENTIMENT.name, registry.CHAMPION)
    run = client().get_run(version.run_id)
    assert {one.dataset.name for one in run.inputs.dataset_inputs} == {"held-out reviews"}
    outputs = {client().get_logged_model(one.model_id) for one in run.outputs.model_outputs}
    (model,) = [one for one in outputs if one.name == SENTIMENT.name]
    assert version.source == f"models:/{model.model_id}"
    assert model.source_run_id == run.info.run_id
    assert model.tags["imdb.auc"] == str(run.data.metrics["imdb.auc"])
    assert "| on held-out data | AUC | accuracy |" in run.data.tags["mlflow.note.content"]
    assert f"run_uuid={run.info.run_id}" in run.data.tags["mlflow.note.content"]
    experiment = client().get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert len(client().search_logged_models([run.info.experiment_id])) == 2


def test_other_held_out_data_are_not_compared_unless_told_so(pipeline: Pipeline) -> None:
    registry.run(promoting=True)
    pipeline(1.5, data="other", state="second")
    for verdict in registry.run(promoting=True):
        assert not verdict.champion
        assert not verdict.decided
        assert re.search(
            r"version 1, was measured on other held-out data .* promote --first-of-its-data", verdict.reason
        )
    assert champions() == [1, 1]
    for verdict in registry.run(promoting=True, first_of_its_data=True):
        assert verdict.champion
        assert verdict.reason == "first of its held-out data, not compared with version 1"
    assert champions() == [2, 2]


def test_the_windows_measured_on_belong_to_the_data(pipeline: Pipeline, params: Params) -> None:
    answers = LANGUAGE.answers(params)
    digest = registry.held_out_digest(LANGUAGE, params, answers)
    longer = params.model_copy(update={"evaluate": params.evaluate.model_copy(update={"length": 3})})
    assert registry.held_out_digest(LANGUAGE, params, answers) == digest
    assert registry.held_out_digest(LANGUAGE, longer, answers) != digest
    assert registry.held_out_digest(SENTIMENT, longer, answers) == registry.held_out_digest(SENTIMENT, params, answers)


def test_metrics_without_intervals_are_refused(pipeline: Pipeline) -> None:
    metrics = json.loads(paths.METRICS_IMDB.read_text(encoding="utf-8"))
    write_json(paths.METRICS_IMDB, {key: value for key, value in metrics.items() if key != "auc_low"})
    with pytest.raises(TextLSTMError, match=r"metrics/imdb\.json: expected auc_low, got none\. Run 'dvc repro'"):
        registry.run(promoting=False)


def test_a_model_that_cannot_be_saved_makes_no_version(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry, "save_model", full_disk)
    with pytest.raises(
        TextLSTMError, match=r"cannot use the registry \(OSError: \[Errno 28\] No space left on device\)"
    ):
        registry.run(promoting=True)
    assert not versions(LANGUAGE)
    models = client().search_logged_models(["1"])
    assert {model.name: str(model.status) for model in models} == {LANGUAGE.name: "FAILED", SENTIMENT.name: "READY"}


def test_a_server_that_is_down_is_a_clear_message(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(registry, "check_unchanged", lambda: None)
    assert main(["promote"]) == 1
    assert re.search(
        r"textlstm promote: MLflow at http://127.0.0.1:\d+: cannot use the registry", capsys.readouterr().err
    )


@pytest.mark.slow
def test_models_that_dvc_lock_does_not_describe_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["promote", "--register-only"]) == 1
    assert "textlstm promote: dvc status: cannot tell whether the models are up to date" in capsys.readouterr().err
    stages: dict[str, Any] = {"upstream": {"cmd": "cp input.txt made.txt", "deps": ["input.txt"], "outs": ["made.txt"]}}
    for stage in (stage for kind in KINDS for stage in kind.stages):
        stages[stage] = {"cmd": f"cp made.txt {stage}.txt", "deps": ["made.txt"], "outs": [f"{stage}.txt"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    Path("input.txt").write_text("some", encoding="utf-8")
    for words in (["init", "--quiet", "--no-scm"], ["repro", "--quiet"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], check=True)
    registry.check_unchanged()
    Path("input.txt").write_text("other", encoding="utf-8")
    with pytest.raises(TextLSTMError, match=r"dvc\.lock: .* but upstream is to be run again\. Run 'dvc repro' first"):
        registry.check_unchanged()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ask(port: int, payload: object) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", json.dumps(payload).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


@pytest.fixture
def serve(registered: Path, tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """`serve("models:/name@champion")`: a server for that model on a port of 127.0.0.1, up when the call returns."""
    started = []

    def start(model: str) -> int:
        port = free_port()
        environment = os.environ | {
            "MLFLOW_TRACKING_URI": f"sqlite:///{registered / 'mlflow.db'}",
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "models",
            "serve",
            "-m",
            model,
            "--env-manager",
            "local",
            "--workers",
            "1",
        ]
        with (tmp_path / "server.log").open("w") as log:
            server = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)], cwd=tmp_path, env=environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        started.append(server)
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=10)
            except OSError:
                assert server.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.5)
            else:
                return port
        raise AssertionError((tmp_path / "server.log").read_text())

    yield start
    for server in started:
        os.killpg(server.pid, 15)
        server.wait(60)


@pytest.mark.slow
def test_champions_are_served(serve: Callable[[str], int]) -> None:
    port = serve("models:/textlstm-language@champion")
    (answer,) = ask(port, {"inputs": ["abba"]})["predictions"]
    assert answer["language"] == "left"
    assert set(answer["log_likelihoods"]) == set(LANGUAGES)
    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        ask(port, {"inputs": [1]})
    assert "Expected type str" in caught.value.read().decode()
    port = serve("models:/textlstm-sentiment@champion")
    answers = ask(port, {"inputs": ["good fun", ""]})["predictions"]
    assert answers[0]["sentiment"] in {"positive", "negative"}
    assert answers[1] == {"sentiment": None, "probability": None, "reason": "no words"}
