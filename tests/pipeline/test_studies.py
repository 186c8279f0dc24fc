"""The studies on the small pipeline: run again as it is, it gives its own figures; and a state's MLflow run gets its studies."""

import json
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.pipeline.small import Clone
from textlstm.core import paths
from textlstm.experiments import named as experiment

pytestmark = pytest.mark.slow

AS_IT_IS = """
import json
from benchmarks.again import Again
for dataset, first in (("language", "draw_words"), ("imdb", "train_imdb")):
    again = Again(dataset, first)
    print(json.dumps([again.figures({"seed": again.params["seed"]})["figures"], again.own]))
"""


def files(clone: Clone) -> dict[Path, bytes]:
    return {path: path.read_bytes() for name in ("models", "data") for path in (clone.folder / name).rglob("*") if path.is_file()}


def test_a_part_that_is_run_again_with_nothing_changed_gives_the_same_figures(clone: Clone) -> None:
    before, state = files(clone), clone.git("status", "--porcelain")
    said = clone.run(sys.executable, "-c", AS_IT_IS, PYTHONPATH=str(clone.folder)).stdout.splitlines()
    pairs = [json.loads(line) for line in said if line.startswith("[")]
    assert len(pairs) == 2
    assert all(again == own for again, own in pairs)
    assert files(clone) == before
    assert clone.git("status", "--porcelain") == state


def test_studies_are_measured_once_and_added_to_the_run_of_their_state(clone: Clone) -> None:
    runs = clone.runs()
    commands = {
        "spread": ("benchmarks.spread", "imdb", "--seeds", "2"),
        "learning_curve": ("benchmarks.learning_curve", "language", "--sizes", "0", "5000"),
    }
    written = {}
    for name, command in commands.items():
        for measured in (True, False):  # the second time nothing is run
            said = clone.run(sys.executable, "-m", *command).stdout
            assert (" s\n" in said) == measured
        written[name] = json.loads((clone.folder / f"metrics/studies/{name}.json").read_text(encoding="utf-8"))
    spread, curve = written["spread"]["imdb"], written["learning_curve"]["language"]
    metrics = {name: json.loads((clone.folder / f"metrics/{name}.json").read_text()) for name in ("language", "imdb")}
    assert list(spread["seeds"]) == ["7", "8"]
    assert spread["seeds"]["7"]["LSTM"]["auc"] == metrics["imdb"]["lstm"]["auc"]
    assert spread["summary"]["NB-SVM"]["auc"]["standard_deviation"] == 0.0  # only the LSTM is trained again
    assert spread["summary"]["LSTM"]["auc"]["standard_deviation"] > 0.0
    assert [point["asked"] for point in curve["points"]] == [0, 5000, 20_000]
    sizes = [point["size"] for point in curve["points"]]
    assert 0 < sizes[0] < 5000 + sizes[0] - 100 < sizes[1] < sizes[2]  # the last word drawn is whole
    assert curve["points"][-1]["figures"]["detector"]["auc"] == metrics["language"]["auc"]
    rows = (clone.folder / "metrics/studies/learning_curve_language.csv").read_text().splitlines()
    assert len(rows) == 1 + 3 * 3
    assert (clone.folder / "docs/pictures/learning_curve.png").stat().st_size > 1000

    assert clone.repro() == {"track"}
    assert clone.runs() == runs  # the same state, the same run
    with sqlite3.connect(clone.folder / "mlflow.db") as connection:
        keys = {key for (key,) in connection.execute("select key from metrics where key like 'spread.%'")}
    assert "spread.imdb.LSTM.auc.standard_deviation" in keys
    assert len(list((clone.folder / "mlartifacts").rglob("learning_curve.png"))) == 1
    page = clone.run("dvc", "plots", "show", "--out", "page").stdout
    assert "Learning curve of the language detector" in (clone.folder / "page/index.html").read_text(encoding="utf-8"), page
    clone.git("clean", "--quiet", "-d", "--force", "metrics", "docs", "page")


def test_what_an_experiment_made_is_taken_from_it_once(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.run("dvc", "exp", "run", "--temp", "--name", "elsewhere", "-S", "evaluate.bootstrap=145")
    monkeypatch.chdir(clone.folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    wanted, folder = (paths.NGRAM_MODELS, paths.SPLIT_LANGUAGES), clone.folder / ".textlstm/experiments"
    place = experiment.outputs("elsewhere", wanted, folder)
    taken = {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    own = (path for name in wanted for path in name.rglob("*") if path.is_file())
    assert taken == {path: path.read_bytes() for path in own}
    assert taken
    (place / "mark").touch()
    assert experiment.outputs("elsewhere", wanted, folder) == place
    assert (place / "mark").exists()  # DVC was not asked again
