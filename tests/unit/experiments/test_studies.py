"""The spread and the learning curve: which experiments they are, and what is written of them; in the place of DVC stands a dictionary."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
import yaml

from textlstm.core import paths
from textlstm.core.files import write_text
from textlstm.core.params import check_params, merged
from textlstm.core.parquet import write_parquet
from textlstm.evaluation.studies import fitting
from textlstm.experiments.runner import Experiments
from textlstm.experiments.studies import SIZES, changes, learning_curve, rows, smaller, spread, update

ROOT = Path(__file__).parents[3]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
METRICS = {
    name: json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8")) for name in ("language", "imdb")
}


class Kept:
    """In the place of DVC: remembers the parameters of each experiment, and makes figures up from them."""

    params, baseline = PARAMS, "baseline"

    def __init__(self) -> None:
        self.experiments: dict[str, dict[str, Any]] = {self.baseline: self.params}

    def run(self, name: str, params: dict[str, Any]) -> str:
        assert self.experiments.setdefault(name, params) == params
        return name

    def metrics(self, commit: str, file: Path) -> dict[str, Any]:
        if commit == self.baseline:
            return dict(METRICS[file.stem])
        return METRICS[file.stem] | {"auc": self.experiments[commit]["seed"] / 100, "accuracy": 0.5}

    def copy_outputs(self, commit: str, wanted: Iterable[Path], folder: Path) -> None:
        params = self.experiments[commit]
        for path in wanted:
            if path == paths.TRAIN_IMDB:
                write_parquet(folder / path, pd.DataFrame({"label": [0, 1] * (params["split"]["reviews"] or 10_000)}))
            else:
                write_text(
                    folder / path, "w" * params["words"]["characters"] if path.parent == paths.DRAWN_WORDS else "text"
                )


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PARAMS["words"], "characters", 40)
    return Kept()


def differences(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value != PARAMS[key]}


def test_a_spread_is_of_experiments_that_differ_in_the_seed_alone(kept: Kept, tmp_path: Path) -> None:
    spread(cast("Experiments", kept), 3)
    assert {name: differences(params) for name, params in kept.experiments.items()} == {
        "baseline": {},
        "spread-8": {"seed": 8},
        "spread-9": {"seed": 9},
    }
    written = json.loads((tmp_path / "metrics/studies/spread.json").read_text(encoding="utf-8"))
    assert list(written) == ["language", "imdb"]
    auc = METRICS["language"]["auc"]
    assert [of_seed["detector"]["auc"] for of_seed in written["language"]["seeds"].values()] == [auc, 0.08, 0.09]
    assert written["language"]["summary"]["detector"]["auc"]["mean"] == pytest.approx((auc + 0.08 + 0.09) / 3, abs=1e-6)
    assert written["imdb"]["summary"]["nbsvm"]["auc"]["standard_deviation"] == 0.0
    assert fitting(tmp_path / "metrics/studies", PARAMS, METRICS) == {"spread": written}
    assert fitting(tmp_path / "metrics/studies", PARAMS | {"seed": 8}, METRICS) == {}


def test_a_learning_curve_is_of_experiments_with_less_data(kept: Kept, tmp_path: Path) -> None:
    learning_curve(cast("Experiments", kept), {"language": [20, 40], "imdb": [1000]})
    assert {name: differences(params) for name, params in kept.experiments.items()} == {
        "baseline": {},
        "learning_curve-language-20": {"words": PARAMS["words"] | {"characters": 20}},
        "learning_curve-imdb-1000": {"split": PARAMS["split"] | {"reviews": 500}},
    }
    written = json.loads((tmp_path / "metrics/studies/learning_curve.json").read_text(encoding="utf-8"))
    assert [(point["asked"], point["size"]) for point in written["language"]["points"]] == [(20, 24), (40, 44)]
    assert [(point["asked"], point["size"]) for point in written["imdb"]["points"]] == [(1000, 1000), (20_000, 20_000)]
    assert fitting(tmp_path / "metrics/studies", PARAMS, METRICS) == {"learning_curve": written}
    lines = (tmp_path / "metrics/studies/learning_curve_imdb.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["series,size,auc,accuracy", "classifier,1000,0.07,0.5"]
    assert (tmp_path / "docs/pictures/learning_curve.png").read_bytes().startswith(b"\x89PNG")


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


def test_one_dataset_of_a_study_is_replaced_and_the_other_kept(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    update(path, "imdb", {"a": 1})
    update(path, "language", {"a": 2})
    update(path, "imdb", {"a": 3})
    assert list(json.loads(path.read_text()).items()) == [("language", {"a": 2}), ("imdb", {"a": 3})]
