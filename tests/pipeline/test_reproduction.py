"""The whole pipeline on real data and small parameters: what runs, what does not, what comes out, and what a fault leaves behind."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.pipeline.small import Clone

pytestmark = pytest.mark.slow


def test_the_first_run_runs_everything_and_leaves_one_run_in_mlflow(clone: Clone) -> None:
    stages = yaml.safe_load((clone.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert clone.first == set(stages)
    assert {
        "train_language@english",
        "train_language@french",
        "train_imdb",
        "score_language",
        "evaluate_imdb",
        "track",
    } <= set(stages)
    language = json.loads((clone.folder / "metrics/language.json").read_text(encoding="utf-8"))
    assert 0.5 < language["auc"] < 1.0
    assert {"auc_low", "auc_high", "accuracy", "windows", "bits_per_character", "article_test", "ngrams"} <= set(
        language
    )
    by_length = (clone.folder / "metrics/plots/by_length_language.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {row.split(",")[0] for row in by_length} == {"1", "2", "3", "5", "10", "20", "50"}
    imdb = json.loads((clone.folder / "metrics/imdb.json").read_text(encoding="utf-8"))
    assert {"accuracy", "auc", "log_loss", "reviews", "protocol", "nbsvm", "linear_svm"} <= set(imdb)
    assert [status for _, status in clone.first_runs] == ["FINISHED"]


def test_a_second_run_runs_nothing(clone: Clone) -> None:
    before = clone.runs()
    assert clone.repro() == set()
    assert clone.runs() == before
    assert clone.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."


def test_evaluation_parameters_train_nothing_and_dvc_shows_what_they_change(clone: Clone) -> None:
    before = len(clone.runs())
    assert "headline_language.json" in clone.run("dvc", "metrics", "show").stdout
    clone.change({"evaluate": {"bootstrap": 120}})
    assert clone.repro() == {"check_params", "evaluate_language", "evaluate_imdb", "track"}
    assert len(clone.runs()) == before + 1
    targets = ("--targets", "metrics/language.json")
    assert "auc_high" in clone.run("dvc", "metrics", "diff", *targets, "HEAD").stdout
    for command in (("show",), ("diff", "HEAD")):
        clone.run("dvc", "plots", *command, "--out", "page")
        page = (clone.folder / "page/index.html").read_text(encoding="utf-8")
        assert "false_positive_rate" in page
        assert "confusion" in page.lower()
        assert "loss" in page


def test_knobs_of_a_decision_train_nothing(clone: Clone) -> None:
    clone.change({"abstention": {"threshold": 0.7}, "nbsvm": {"weight": 0.6}, "ngram": {"weight": 0.6}})
    assert clone.repro() == {
        *("check_params", "compile_detector", "calibrate_detector", "calibrate_sentiment", "track"),
        *("score_language", "score_imdb", "evaluate_language", "evaluate_imdb"),
    }


def test_another_text_of_one_language_trains_that_language_only(clone: Clone) -> None:
    text = (clone.folder / "data/raw/udhr/fra.txt").read_text(encoding="utf-8")
    (clone.folder / "mine.txt").write_text(text.replace("liberté", "libertés"), encoding="utf-8")
    clone.change(
        {
            "languages": {
                "english": {"text": "data/raw/udhr/eng.txt", "words": "en"},
                "french": {"text": "mine.txt", "words": "fr"},
            },
            "imdb": {"dropout": 0.4},
        }
    )
    ran = clone.repro()
    assert {"train_language@french", "train_imdb"} <= ran
    assert not {"train_language@english", "train_ngram@english", "split_imdb", "vectorize_imdb", "train_nbsvm"} & ran


def test_a_misspelt_parameter_fails_by_name_and_touches_nothing(clone: Clone) -> None:
    before = {path: path.read_bytes() for path in (clone.folder / "models").rglob("*") if path.is_file()}
    done = clone.run("dvc", "exp", "run", "-S", "language_model.unitz=64", check=False)
    assert done.returncode != 0
    assert "unitz" in done.stdout + done.stderr
    clone.change({"language_model": {"unitz": 64}})
    done = clone.run("dvc", "repro", check=False)
    assert done.returncode != 0
    assert "language_model.unitz: unknown key; did you mean language_model.units?" in done.stdout + done.stderr
    assert {path: path.read_bytes() for path in before} == before


def test_a_database_that_cannot_be_read_costs_no_result(clone: Clone) -> None:
    database, kept = clone.folder / "mlflow.db", clone.folder / "kept.db"
    before = len(clone.runs())
    clone.change({"evaluate": {"bootstrap": 130}})
    shutil.move(database, kept)
    database.write_text("this is no database, and long enough to be taken for one " * 50, encoding="utf-8")
    done = clone.run("dvc", "repro", check=False)
    assert done.returncode != 0
    assert "No result is lost" in done.stderr + done.stdout
    shutil.move(kept, database)
    assert clone.repro() == {"track"}
    assert len(clone.runs()) == before + 1
    assert {status for _, status in clone.runs()} == {"FINISHED"}


def test_a_fresh_clone_whose_lock_fits_tracks_its_own_run(clone: Clone, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    clone.run("git", "clone", "--quiet", ".", str(fresh))
    other = Clone.at(fresh)
    other.run("dvc", "cache", "dir", "--local", str(clone.folder / ".dvc/cache"))
    assert other.repro() == {"check_params", "track"}  # outputs that persist are written anew, not restored
    assert [status for _, status in other.runs()] == ["FINISHED"]


def test_shipped_models_are_fetched_by_name(clone: Clone, tmp_path: Path) -> None:
    """With no more than what DVC wants of a model registry: an annotated tag `NAME@vVERSION`."""
    artifacts = yaml.safe_load((clone.folder / "dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
    for name, artifact in artifacts.items():
        clone.git("tag", "--force", "--annotate", f"{name}@v1.0.0", "--message", artifact["desc"])
        clone.run("dvc", "artifacts", "get", str(clone.folder), name, "--rev", "v1.0.0", "--out", str(tmp_path / name))
        model = clone.folder / artifact["path"]
        files = [path.relative_to(model) for path in (model, *model.rglob("*")) if path.is_file()]
        assert files
        for file in files:
            assert (tmp_path / name / file).read_bytes() == (model / file).read_bytes()
        clone.git("tag", "--delete", f"{name}@v1.0.0")
