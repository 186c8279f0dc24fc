"""Studies: what is counted of them, and whether the committed ones are still of the pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from textlstm.core.config import at, flat, with_values
from textlstm.evaluation.studies import APART, HEADLINES, figures_of, fitting, parameters_of, summaries, summary
from textlstm.experiments.studies import rows

ROOT = Path(__file__).parents[3]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
METRICS = {
    name: json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8")) for name in ("language", "imdb")
}
STUDIES = ROOT / "metrics/studies"


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.json")), ids=lambda path: path.stem)
def test_the_committed_studies_are_of_the_present_parameters_and_figures(path: Path) -> None:
    kept = fitting(STUDIES, PARAMS, METRICS).get(path.stem, {})
    study = json.loads(path.read_text(encoding="utf-8"))
    assert sorted(kept) == sorted(study), f"{path.name} is of other parameters or other code: run 'make studies' again"


@pytest.mark.parametrize("path", sorted(STUDIES.glob("learning_curve_*.csv")), ids=lambda path: path.stem)
def test_the_committed_curves_are_those_of_their_study(path: Path) -> None:
    study = json.loads((STUDIES / "learning_curve.json").read_text(encoding="utf-8"))
    points = study[path.stem.removeprefix("learning_curve_")]["points"]
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    assert header == "series,size,auc,accuracy"
    assert [line.split(",")[:2] for line in lines] == [[str(series), str(size)] for series, size, *_ in rows(points)]


def test_a_summary_by_hand() -> None:
    values = summary([0.9, 0.92, 0.94, 0.96])
    assert values["mean"] == pytest.approx(0.93)
    assert values["standard_deviation"] == pytest.approx(
        (0.002 / 3) ** 0.5
    )  # squares: 0.0009 + 0.0001 + 0.0001 + 0.0009
    assert (values["least"], values["largest"]) == (0.9, 0.96)
    assert summary([0.5]) == {"mean": 0.5, "standard_deviation": 0.0, "least": 0.5, "largest": 0.5}


def test_each_figure_of_each_series_has_a_summary_of_its_own() -> None:
    runs = [{"lstm": {"auc": 0.5, "accuracy": 0.25}}, {"lstm": {"auc": 1.0, "accuracy": 0.75}}]
    found = summaries(runs)
    assert (found["lstm"]["auc"]["mean"], found["lstm"]["accuracy"]["mean"]) == (0.75, 0.5)
    assert (found["lstm"]["auc"]["least"], found["lstm"]["accuracy"]["largest"]) == (0.5, 0.75)


def test_the_figures_are_those_of_the_metrics() -> None:
    language, imdb = (figures_of(dataset, METRICS[dataset]) for dataset in ("language", "imdb"))
    assert list(language) == ["detector", "lstm", "ngrams"]
    assert list(imdb) == ["classifier", "lstm", "nbsvm"]
    assert language["detector"] == {"auc": METRICS["language"]["auc"], "accuracy": METRICS["language"]["accuracy"]}
    assert language["lstm"]["auc"] == METRICS["language"]["lstm"]["auc"]
    assert language["ngrams"] not in (language["detector"], language["lstm"])
    assert imdb["classifier"]["accuracy"] == METRICS["imdb"]["accuracy"]
    assert HEADLINES == {"language": "detector", "imdb": "classifier"}


def test_a_parameter_counts_unless_it_is_said_to_be_apart() -> None:
    language, imdb = (parameters_of(dataset, PARAMS) for dataset in ("language", "imdb"))
    assert {"seed", "threads", "split.learn", "words.characters", "language_model.units", "evaluate.length"} <= set(
        language
    )
    assert {"seed", "threads", "split.seed", "split.reviews", "imdb.units", "nbsvm.bits", "vectorize.words"} <= set(
        imdb
    )
    assert language["languages.english.text"] == PARAMS["languages"]["english"]["text"]
    assert not [key for key in language if key.split(".")[0] in {"download", "imdb", "nbsvm", "score"}]
    assert not [
        key for key in imdb if key.split(".")[0] in {"download", "evaluate", "languages", "language_model", "ngram"}
    ]
    new = PARAMS | {"other": {"knob": 1}}
    assert all(parameters_of(dataset, new)["other.knob"] == 1 for dataset in APART)
    assert parameters_of("imdb", {"words_of": 1}) == {"words_of": 1}  # "words" is apart


@pytest.mark.parametrize("name", sorted({name for names in APART.values() for name in names}))
def test_what_is_apart_is_a_parameter_or_a_section(name: str) -> None:
    assert at(PARAMS, name) is not None


def test_no_parameter_is_apart_from_both_but_of_downloads_intervals_and_what_is_shown() -> None:
    both = set(flat(PARAMS)) - {key for dataset in APART for key in parameters_of(dataset, PARAMS)}
    assert {key.split(".")[0] for key in both} == {"download", "score", "evaluate"}


def write(folder: Path, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    own = {dataset: figures_of(dataset, METRICS[dataset]) for dataset in METRICS}
    spread = {
        dataset: {"parameters": parameters_of(dataset, params), "seeds": {"7": own[dataset]}} for dataset in METRICS
    }
    points = [{"figures": own["language"]}, {"figures": own["imdb"]}]
    curve = {"imdb": {"parameters": parameters_of("imdb", params), "points": points}}
    (folder / "spread.json").write_text(json.dumps(spread))
    (folder / "learning_curve.json").write_text(json.dumps(curve))
    return spread, curve


def test_studies_of_other_parameters_are_left_out(tmp_path: Path) -> None:
    spread, curve = write(tmp_path, PARAMS)
    assert fitting(tmp_path, PARAMS, METRICS) == {"spread": spread, "learning_curve": curve}
    assert fitting(tmp_path, with_values(PARAMS, {"seed": 8}), METRICS) == {}
    assert fitting(tmp_path, with_values(PARAMS, {"imdb.units": 8}), METRICS) == {
        "spread": {"language": spread["language"]}
    }
    for changes in ({"ngram.weight": 0.1}, {"languages.dutch": {"text": "nld.txt", "words": "nl"}}):
        kept = fitting(tmp_path, with_values(PARAMS, changes), METRICS)
        assert kept == {"spread": {"imdb": spread["imdb"]}, "learning_curve": curve}
    assert fitting(tmp_path, with_values(PARAMS, {"evaluate.bootstrap": 100}), METRICS) == {
        "spread": spread,
        "learning_curve": curve,
    }
    assert fitting(tmp_path / "nowhere", PARAMS, METRICS) == {}


def test_a_parameter_that_has_come_since_does_not_count_by_itself(tmp_path: Path) -> None:
    spread, curve = write(tmp_path, PARAMS)
    for study in (spread, curve):
        for part in study.values():
            part["parameters"].pop("language_model.steps", None)
            part["parameters"].pop("nbsvm.reviews", None)
    for name, study in (("spread", spread), ("learning_curve", curve)):
        (tmp_path / f"{name}.json").write_text(json.dumps(study))
    assert fitting(tmp_path, PARAMS, METRICS) == {"spread": spread, "learning_curve": curve}


@pytest.mark.parametrize(("by", "fits"), [(0.002, True), (-0.002, True), (0.004, False), (-0.004, False)])
def test_figures_of_another_processor_are_near(tmp_path: Path, by: float, fits: bool) -> None:
    write(tmp_path, PARAMS)
    other = METRICS | {"imdb": METRICS["imdb"] | {"auc": METRICS["imdb"]["auc"] + by}}
    assert ("imdb" in fitting(tmp_path, PARAMS, other).get("spread", {})) == fits


def test_studies_of_other_figures_are_left_out(tmp_path: Path) -> None:
    spread, _ = write(tmp_path, PARAMS)
    other = METRICS | {"imdb": METRICS["imdb"] | {"auc": 0.5}}
    assert fitting(tmp_path, PARAMS, other) == {"spread": {"language": spread["language"]}}
