"""Named experiments and studies on the small pipeline: measured once, shown with their state; the workspace stays."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipeline.small import Clone
from textlstm.core import paths

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ELSEWHERE = {
    "title": "elsewhere",
    "published": {},
    "metrics": "metrics/language.json",
    "params": {"evaluate": {"bootstrap": 145}},
}


def files(clone: Clone) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for name in ("models", "data")
        for path in (clone.folder / name).rglob("*")
        if path.is_file()
    }


def experiments(clone: Clone) -> list[str]:
    return sorted(clone.git("for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps").split())


def study_of_runs(clone: Clone) -> dict[str, str]:
    """The study of each run in MLflow, by the run's name; "" for the pipeline itself."""
    query = "select r.name, t.value from runs r join tags t using (run_uuid) where t.key = 'textlstm.study'"
    with sqlite3.connect(clone.folder / "mlflow.db") as connection:
        return dict(connection.execute(query))


def write_experiment(clone: Clone, name: str, experiment: dict[str, Any]) -> None:
    (clone.folder / f"experiments/{name}.yaml").write_text(
        yaml.safe_dump(experiment, sort_keys=False), encoding="utf-8"
    )


def metrics_of(clone: Clone, name: str) -> dict[str, Any]:
    commit = clone.git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{name}")
    return {
        dataset: json.loads(clone.git("show", f"{commit}:metrics/{dataset}.json")) for dataset in ("language", "imdb")
    }


def own_metrics(clone: Clone) -> dict[str, Any]:
    return {
        name: json.loads((clone.folder / f"metrics/{name}.json").read_text(encoding="utf-8"))
        for name in ("language", "imdb")
    }


def test_an_experiment_in_which_nothing_differs_has_the_same_figures(clone: Clone) -> None:
    write_experiment(clone, "same", ELSEWHERE | {"params": {}})
    clone.run(sys.executable, "-m", "textlstm", "experiment", "same")
    assert metrics_of(clone, "same") == own_metrics(clone)


def test_a_named_experiment_leaves_the_workspace_alone_and_is_run_once(clone: Clone) -> None:
    write_experiment(clone, "elsewhere", ELSEWHERE)
    before, state = files(clone), clone.git("status", "--porcelain")
    for _ in range(2):
        clone.run(sys.executable, "-m", "textlstm", "experiment", "elsewhere")
    assert experiments(clone).count("elsewhere") == 1
    assert [name for name, _ in clone.runs()].count("elsewhere") == 1
    result = json.loads((clone.folder / "experiments/results/elsewhere.json").read_text(encoding="utf-8"))
    assert {key: result[key] for key in ("title", "published")} == {"title": "elsewhere", "published": {}}
    assert result["auc"] == own_metrics(clone)["language"]["auc"]
    (clone.folder / "experiments/results/elsewhere.json").unlink()
    assert files(clone) == before
    assert clone.git("status", "--porcelain") == state

    write_experiment(clone, "elsewhere", ELSEWHERE | {"params": {"evaluate": {"bootstrap": 146}}})
    done = clone.run(sys.executable, "-m", "textlstm", "experiment", "elsewhere", check=False)
    assert done.returncode == 1
    assert "there is one already, with other parameters" in done.stderr


def test_languages_are_replaced_as_a_whole_and_may_be_three(clone: Clone) -> None:
    languages = {
        "german": {"text": "data/raw/udhr/deu_1996.txt", "words": "de"},
        "english": {"text": "data/raw/udhr/eng.txt", "words": "en"},
        "finnish": {"text": "data/raw/udhr/fin.txt", "words": "fi"},
    }
    article = {"target": "after_window", "embedding": 0, "ensemble_size": 1, "dropout": 0.0, "words_share": 0.0}
    article |= {"noise": 0.0, "optimizer": "rmsprop", "output": "sigmoid"}  # the other way of training
    changes = {"languages": languages, "language_model": article, "words": {"characters": 0}}
    write_experiment(clone, "three", ELSEWHERE | {"params": changes})
    clone.run(sys.executable, "-m", "textlstm", "experiment", "three")
    commit = clone.git("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/three")
    params = yaml.safe_load(clone.git("show", f"{commit}:params.yaml"))
    assert list(params["languages"].items()) == list(languages.items())
    own = yaml.safe_load((clone.folder / "params.yaml").read_text())
    assert list(own["languages"]) == ["english", "french"]
    others = own.keys() - {"languages", "language_model", "words"}
    assert {name: params[name] for name in others} == {name: own[name] for name in others}
    assert params["language_model"] == own["language_model"] | article
    query = "select m.key from runs r join metrics m using (run_uuid) where r.name = 'three' and m.key like '%.loss'"
    with sqlite3.connect(clone.folder / "mlflow.db") as connection:
        losses = {key for (key,) in connection.execute(query)}
    assert losses == {"english.loss", "finnish.loss", "german.loss", "imdb.loss"}
    assert 0.5 < metrics_of(clone, "three")["language"]["auc"] < 1.0
    bits, confusion = (
        clone.git("show", f"{commit}:metrics/plots/{name}_language.csv").splitlines()[1:]
        for name in ("bits", "confusion")
    )
    assert {row.split(",")[0] for row in bits} == set(languages)
    assert len(confusion) == 9


def test_an_uncommitted_parameter_is_refused(clone: Clone) -> None:
    before = experiments(clone)
    clone.change({"evaluate": {"bootstrap": 147}})
    done = clone.run(sys.executable, "-m", "textlstm", "studies", "spread", check=False)
    assert done.returncode == 1
    assert "these files differ from it:\n M params.yaml\nCommit them" in done.stderr
    assert experiments(clone) == before


def test_a_study_that_is_stopped_or_killed_goes_on(clone: Clone) -> None:
    state = clone.git("status", "--porcelain")
    command = [
        sys.executable,
        "-m",
        "textlstm",
        "studies",
        "learning_curve",
        "--dataset",
        "language",
        "--sizes",
        "9000",
    ]
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "TEXTLSTM_ROOT"))
    }
    log = clone.folder / ".textlstm/experiments/learning_curve/learning_curve-language-9000.log"
    for number, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        log.unlink(missing_ok=True)
        with subprocess.Popen(
            command, cwd=clone.folder, env=inherited, stdout=subprocess.DEVNULL, start_new_session=True
        ) as process:
            while process.poll() is None and not (log.exists() and "train_ngram@english" in log.read_text()):
                time.sleep(0.1)
            process.send_signal(number)
            assert process.wait() == status
        assert "learning_curve-language-9000" not in experiments(clone)
        assert clone.git("status", "--porcelain") == state
        assert clone.git("branch", "--show-current")
    clone.run(*command)
    assert experiments(clone).count("learning_curve-language-9000") == 1
    assert "'draw_words@english' is cached" in log.read_text()  # what was complete is not run again
    assert not list((clone.folder / ".textlstm/experiments/learning_curve/copies").iterdir())
    clone.git("clean", "--quiet", "-d", "--force", "metrics", "docs")


def test_studies_are_measured_once_and_added_to_the_run_of_their_state(clone: Clone) -> None:
    before, runs, known = files(clone), clone.runs(), experiments(clone)
    commands = {
        "spread": ("spread", "--seeds", "2"),
        "learning_curve": ("learning_curve", "--dataset", "language", "--sizes", "5000"),
    }
    new = ["learning_curve-language-5000", "spread-8"]
    written = {}
    for _ in range(2):  # the second time nothing is run
        for name, words in commands.items():
            clone.run(sys.executable, "-m", "textlstm", "studies", *words)
            written[name] = json.loads((clone.folder / f"metrics/studies/{name}.json").read_text(encoding="utf-8"))
        assert experiments(clone) == sorted([*known, *new])
        assert sorted(name for name, status in clone.runs()[len(runs) :] if status == "FINISHED") == new
    assert files(clone) == before
    tags = study_of_runs(clone)
    assert {name: tags[name] for name in new} == {name: name.split("-")[0] for name in new}

    spread, curve, metrics = written["spread"], written["learning_curve"]["language"], own_metrics(clone)
    assert list(spread["imdb"]["seeds"]) == ["7", "8"]
    assert spread["imdb"]["seeds"]["7"]["lstm"]["auc"] == metrics["imdb"]["lstm"]["auc"]
    other = metrics_of(clone, "spread-8")
    assert spread["language"]["seeds"]["8"]["detector"] == {key: other["language"][key] for key in ("auc", "accuracy")}
    assert other["imdb"]["reviews"] == metrics["imdb"]["reviews"]
    assert spread["imdb"]["summary"]["lstm"]["auc"]["standard_deviation"] > 0.0
    assert spread["language"]["summary"]["ngrams"]["auc"]["standard_deviation"] > 0.0  # the words are drawn anew
    assert [point["asked"] for point in curve["points"]] == [5000, 20_000]
    less, more = (point["size"] for point in curve["points"])
    assert 5000 < less < more
    assert curve["points"][-1]["figures"]["detector"]["auc"] == metrics["language"]["auc"]
    rows = (clone.folder / "metrics/studies/learning_curve_language.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 3
    assert (clone.folder / "docs/pictures/learning_curve.png").stat().st_size > 1000

    runs = clone.runs()
    assert clone.repro() == {"track"}
    assert clone.runs() == runs  # the same state, the same run
    with sqlite3.connect(clone.folder / "mlflow.db") as connection:
        keys = {key for (key,) in connection.execute("select key from metrics where key like 'spread.%'")}
    assert keys == {
        f"spread.{dataset}.{figure}.{statistic}"
        for dataset in ("language", "imdb")
        for figure in ("auc", "accuracy")
        for statistic in ("mean", "standard_deviation")
    }
    assert len(list((clone.folder / "mlartifacts").rglob("learning_curve.png"))) == 1
    page = clone.run("dvc", "plots", "show", "--out", "page").stdout
    assert "Learning curve of the language detector" in (clone.folder / "page/index.html").read_text(
        encoding="utf-8"
    ), page
    clone.git("clean", "--quiet", "-d", "--force", "metrics", "docs", "page")


TAKE = """
import sys
from pathlib import Path
from textlstm.core import paths
from textlstm.experiments.named import outputs
print(outputs("other", (paths.NGRAM_MODELS, paths.SPLIT_LANGUAGES, paths.METRICS_IMDB)))
"""


def test_what_an_experiment_made_is_taken_from_it_once(clone: Clone) -> None:
    write_experiment(clone, "other", ELSEWHERE | {"params": {"evaluate": {"bootstrap": 148}}})
    place = Path(clone.run(sys.executable, "-c", TAKE, PYTHONPATH=str(clone.folder)).stdout.splitlines()[-1])
    taken = {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    own = [path for name in (paths.NGRAM_MODELS, paths.SPLIT_LANGUAGES) for path in (clone.folder / name).rglob("*")]
    expected = {
        path.relative_to(clone.folder): path.read_bytes()
        for path in own
        if path.is_file() and path.name != ".gitignore"
    }
    assert {path: content for path, content in taken.items() if path != paths.METRICS_IMDB} == expected
    assert expected
    (place / "mark").touch()
    assert clone.run(sys.executable, "-c", TAKE, PYTHONPATH=str(clone.folder)).stdout.splitlines()[-1] == str(place)
    assert (place / "mark").exists()  # DVC was not asked again
