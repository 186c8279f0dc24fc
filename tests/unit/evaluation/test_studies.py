"""Studies: which stages are run again, what is counted of them, and whether the committed ones are still of the pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.again import Stage, before, chosen_datasets, parameters, part, read_stages, run_again, update
from benchmarks.learning_curve import SIZES, changes, rows, smaller
from textlstm.core.errors import TextLSTMError
from textlstm.core.params import check_params
from textlstm.evaluation.studies import figures_of, fits, fitting, summaries, summary
from textlstm.experiments.named import merged

ROOT = Path(__file__).parents[3]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
METRICS = {name: json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8")) for name in ("language", "imdb")}
STUDIES = ROOT / "metrics/studies"
STAGES = read_stages(ROOT / "dvc.lock")


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.json")), ids=lambda path: path.stem)
def test_the_committed_studies_are_of_the_present_parameters_and_figures(path: Path) -> None:
    study = json.loads(path.read_text(encoding="utf-8"))
    kept = fitting(STUDIES, PARAMS, METRICS).get(path.stem, {})
    assert sorted(kept) == sorted(study), f"{path.name} is of other parameters or other code: run 'make studies' again"
    for dataset, of_dataset in study.items():
        wanted = parameters(STAGES, dataset, PARAMS)
        assert of_dataset["parameters"] == wanted, (
            f"{path.name}, {dataset}: other parameters matter now: run 'make studies' again"
        )


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
    assert values["standard_deviation"] == pytest.approx((0.002 / 3) ** 0.5)  # squares: 0.0009 + 0.0001 + 0.0001 + 0.0009
    assert (values["least"], values["largest"]) == (0.9, 0.96)
    assert summary([0.5]) == {"mean": 0.5, "standard_deviation": 0.0, "least": 0.5, "largest": 0.5}


def test_each_figure_of_each_series_has_a_summary_of_its_own() -> None:
    runs = [{"LSTM": {"auc": 0.5, "accuracy": 0.25}}, {"LSTM": {"auc": 1.0, "accuracy": 0.75}}]
    found = summaries(runs)
    assert (found["LSTM"]["auc"]["mean"], found["LSTM"]["accuracy"]["mean"]) == (0.75, 0.5)
    assert (found["LSTM"]["auc"]["least"], found["LSTM"]["accuracy"]["largest"]) == (0.5, 0.75)


def test_the_figures_are_those_of_the_metrics() -> None:
    found = figures_of("language", METRICS["language"])
    assert list(found) == ["detector", "LSTM", "counting"]
    assert found["detector"] == {"auc": METRICS["language"]["auc"], "accuracy": METRICS["language"]["accuracy"]}
    assert found["LSTM"]["auc"] == METRICS["language"]["lstm"]["auc"]
    assert found["counting"]["auc"] == METRICS["language"]["baselines"]["ngram_with_words"]["auc"]
    assert figures_of("imdb", METRICS["imdb"])["NB-SVM"]["accuracy"] == METRICS["imdb"]["baselines"]["nbsvm"]["accuracy"]


def test_sizes_below_the_full_one() -> None:
    assert smaller([300, 0, 100, 300], 300) == [0, 100]
    assert smaller([300, 0], 299) == [0]
    assert smaller([], 5) == []


def test_a_size_is_a_change_of_the_parameters_that_are_valid() -> None:
    assert changes("imdb", 1000, PARAMS) == {"split": {"reviews": 500}}  # of each label
    assert changes("language", 30_000, PARAMS) == {"words": {"characters": 30_000}}
    params = {"language_model": {"epochs": 14, "words_share": 0.75}}
    without = {"words": {"characters": 0}, "language_model": {"words_share": 0.0, "epochs": 56}}
    assert changes("language", 0, params) == without
    for dataset, sizes in SIZES.items():
        for size in sizes:
            check_params(merged(PARAMS, changes(dataset, size, PARAMS)), "here")


def test_rows_are_of_a_series_each_sizes_ascending() -> None:
    points = [
        {"asked": 9, "size": 20, "figures": {"a": {"auc": 0.2, "accuracy": 0.3}, "b": {"auc": 0.4, "accuracy": 0.5}}},
        {"asked": 0, "size": 10, "figures": {"a": {"auc": 0.6, "accuracy": 0.7}, "b": {"auc": 0.8, "accuracy": 0.9}}},
    ]
    assert rows(points) == [("a", 10, 0.6, 0.7), ("a", 20, 0.2, 0.3), ("b", 10, 0.8, 0.9), ("b", 20, 0.4, 0.5)]


def test_parameters_fit_by_dotted_key() -> None:
    params = {"seed": 1, "vectorize": {"words": 5, "punctuation": True}}
    assert fits({"seed": 1, "vectorize.words": 5}, params)
    assert not fits({"seed": 2}, params)
    assert not fits({"vectorize.least": 5}, params)
    assert not fits({"seed.words": 5}, params)


def test_studies_of_other_parameters_or_figures_are_left_out(tmp_path: Path) -> None:
    own = {dataset: figures_of(dataset, METRICS[dataset]) for dataset in METRICS}
    spread = {dataset: {"parameters": {"seed": 7}, "seeds": {"7": own[dataset]}} for dataset in METRICS}
    (tmp_path / "spread.json").write_text(json.dumps(spread))
    curve = {"imdb": {"parameters": {"seed": 7}, "points": [{"figures": own["language"]}, {"figures": own["imdb"]}]}}
    (tmp_path / "learning_curve.json").write_text(json.dumps(curve))
    assert fitting(tmp_path, {"seed": 7}, METRICS) == {"spread": spread, "learning_curve": curve}
    assert fitting(tmp_path, {"seed": 8}, METRICS) == {}
    other = METRICS | {"imdb": METRICS["imdb"] | {"auc": 0.5}}
    assert fitting(tmp_path, {"seed": 7}, other) == {"spread": {"language": spread["language"]}}
    assert fitting(tmp_path / "nowhere", {"seed": 7}, METRICS) == {}


def names(stages: list[Stage]) -> list[str]:
    return [stage.name for stage in stages]


def test_a_part_of_the_pipeline_is_what_lies_between(tmp_path: Path) -> None:
    entries: dict[str, Any] = {
        "draw@a": {"cmd": "draw a", "outs": [{"path": "words/a"}]},
        "draw@b": {"cmd": "draw b", "outs": [{"path": "words/b"}]},
        "other": {"cmd": "other", "outs": [{"path": "words2"}]},
        "collect": {"cmd": "collect", "deps": [{"path": "words"}, {"path": "collect.py"}], "outs": [{"path": "all"}]},
        "train": {"cmd": "train", "deps": [{"path": "all"}, {"path": "words2/x"}], "outs": [{"path": "model"}]},
        "show": {"cmd": "show", "deps": [{"path": "model"}], "outs": [{"path": "picture"}]},
        "evaluate": {"cmd": "evaluate", "deps": [{"path": "model"}], "outs": [{"path": "metrics"}]},
    }
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": entries}))
    stages = read_stages(tmp_path / "dvc.lock")
    assert stages["collect"].reads == ("words",)
    assert before(stages, "collect") == {"collect", "draw@a", "draw@b"}
    assert names(part(stages, "draw", "evaluate")) == ["draw@a", "draw@b", "collect", "train", "evaluate"]
    assert names(part(stages, "train", "evaluate")) == ["train", "evaluate"]
    with pytest.raises(TextLSTMError, match="expected the stages draws and evaluate, got collect"):
        part(dict(sorted(stages.items())), "draws", "evaluate")


def test_what_the_figures_depend_on_is_what_the_stages_declare() -> None:
    language, imdb = (parameters(STAGES, dataset, PARAMS) for dataset in ("language", "imdb"))
    assert {"seed", "threads", "languages", "split", "words", "language_model", "ngram", "evaluate.length"} <= set(language)
    assert {"seed", "threads", "split", "imdb", "nbsvm", "vectorize.words"} <= set(imdb)
    assert not {"download", "evaluate", "score"} & (set(language) | set(imdb))
    assert not {"imdb", "nbsvm"} & set(language)
    assert language["words"] == PARAMS["words"]


def test_a_part_runs_in_a_folder_of_its_own_beside_links_to_the_rest(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "folder"
    for name in ("given/kept", "made/kept", "made/again"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"old {name}")
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    script = (
        "import pathlib, yaml; p = pathlib.Path('made/again'); p.write_text(str(yaml.safe_load(open('params.yaml'))['seed']))"
    )
    (root / "one.py").write_text(f"{script}\nassert pathlib.Path('made/kept').read_text() == 'old made/kept'\n")
    stage = Stage("one", f"python {root / 'one.py'}", ("given", "made"), ("made/again",), (), "")
    run_again(root, [stage], {"seed": 99}, folder)
    assert (folder / "made/again").read_text() == "99"
    assert (folder / "given").is_symlink()
    assert (folder / "made/kept").is_symlink()
    assert (root / "made/again").read_text() == "old made/again"
    assert yaml.safe_load((root / "params.yaml").read_text()) == PARAMS
    (root / "one.py").write_text("raise SystemExit('no luck')")
    with pytest.raises(TextLSTMError, match=r"one failed with exit status 1 in .*folder:\nno luck"):
        run_again(root, [stage], {"seed": 99}, folder)
    with pytest.raises(TextLSTMError, match=r"the study: unitz: unknown key"):
        run_again(root, [stage], {"unitz": 1}, folder)


def test_one_dataset_of_a_study_is_replaced_and_the_other_kept(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    update(path, "imdb", {"a": 1})
    update(path, "language", {"a": 2})
    update(path, "imdb", {"a": 3})
    assert list(json.loads(path.read_text()).items()) == [("language", {"a": 2}), ("imdb", {"a": 3})]


def test_the_datasets_that_are_named() -> None:
    assert chosen_datasets([]) == ["language", "imdb"]
    assert chosen_datasets(["imdb"]) == ["imdb"]
    with pytest.raises(TextLSTMError, match="expected datasets out of language, imdb, got imbd"):
        chosen_datasets(["imbd"])
