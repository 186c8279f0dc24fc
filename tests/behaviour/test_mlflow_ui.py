"""Two states of the pipeline, tracked; then the real UI of MLflow has to show which is better, and why."""

import functools
import json
from collections.abc import Iterator
from operator import getitem
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.behaviour import pages
from textlstm.tracking.store import EXPERIMENT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ONE, OTHER = "wide", "narrow"
CHANGED = {"language_model.units": 16, "seed": 8}
AUCS = {ONE: 0.912345, OTHER: 0.834567}


def change(state: Path, auc: float, params: dict[str, int]) -> None:
    """Make another state of a copy: other parameters, in params.yaml and in dvc.lock, and another AUC."""
    metrics = state / "metrics/language.json"
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"auc": auc}))
    path = state / "params.yaml"
    content = yaml.safe_load(path.read_text())
    for name, value in params.items():
        *sections, last = name.split(".")
        place = functools.reduce(getitem, sections, content)
        assert place[last] != value
        place[last] = value
    path.write_text(yaml.safe_dump(content))
    lock = yaml.safe_load((state / "dvc.lock").read_text())
    for stage in lock["stages"].values():
        known = stage.get("params", {}).get("params.yaml", {})
        known |= {name: functools.reduce(getitem, name.split("."), content) for name in known}
    (state / "dvc.lock").write_text(yaml.safe_dump(lock))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    root = tmp_path_factory.mktemp("root")
    for name in (ONE, OTHER):
        state = tmp_path_factory.mktemp(name)
        pages.copy_state(state)
        change(state, AUCS[name], CHANGED if name == OTHER else {})
        pages.track(state, root, name)
    with pages.mlflow_server(root) as opened:
        yield opened


@pytest.fixture
def runs(browser: Browser, address: str) -> Iterator[pages.MlflowPages]:
    opened = pages.MlflowPages(browser, address)
    opened.open_experiment(EXPERIMENT)
    yield opened
    opened.page.close()


def test_the_experiment_lists_both_runs(runs: pages.MlflowPages) -> None:
    assert runs.runs() == {ONE, OTHER}


def test_compare_shows_both_aucs_and_the_parameters_that_differ(runs: pages.MlflowPages) -> None:
    runs.compare(ONE, OTHER)
    names = runs.compared_runs()
    assert sorted(names) == sorted([ONE, OTHER])
    aucs = dict(zip(names, runs.metrics()["language.auc"], strict=True))
    assert aucs == {ONE: "0.912", OTHER: "0.835"}
    parameters = {key: dict(zip(names, values, strict=True)) for key, values in runs.parameters().items()}
    before = yaml.safe_load((pages.ROOT / "params.yaml").read_text())
    assert parameters == {
        "language_model.units": {ONE: str(before["language_model"]["units"]), OTHER: "16"},
        "seed": {ONE: str(before["seed"]), OTHER: "8"},
    }


def test_a_run_shows_its_roc_curve(runs: pages.MlflowPages) -> None:
    assert runs.open_picture(ONE, "pictures", "roc_language.png") > 0


def test_a_picture_that_is_not_there_is_noticed(runs: pages.MlflowPages) -> None:
    runs.page.route(
        "**/get-artifact?*roc_language.png*", lambda route: route.fulfill(body=b"", content_type="image/png")
    )
    assert runs.open_picture(ONE, "pictures", "roc_language.png") == 0


def test_the_ui_asks_nothing_of_other_machines(runs: pages.MlflowPages) -> None:
    runs.compare(ONE, OTHER)
    assert runs.outside == []


def test_a_run_says_what_it_is_and_what_went_in_and_came_out(runs: pages.MlflowPages) -> None:
    grid = runs.page.get_by_role("treegrid").or_(runs.page.get_by_role("grid")).first
    expect(grid).to_contain_text("english (")  # the data of a run
    expect(grid).to_contain_text("textlstm-")  # its models
    runs.page.get_by_role("link", name=OTHER, exact=True).first.click()
    runs.page.get_by_text("Show more").first.click()
    about = runs.page.locator("table").filter(has_text="on held-out data").first
    expect(about).to_contain_text("0.8346 (")
    picture = runs.page.locator("img[src*='roc_language.png']")
    expect(picture).to_be_visible()
    assert picture.evaluate("one => one.naturalWidth") > 100
    expect(runs.page.get_by_text("english (").first).to_be_visible()


def test_the_experiment_is_one_of_trained_models_and_says_how_to_compare(runs: pages.MlflowPages, address: str) -> None:
    expect(runs.page.get_by_text("Each run is one state of the pipeline").first).to_be_visible()
    runs.page.goto(f"{address}/#/experiments/1")
    expect(runs.page.get_by_role("link", name="Models", exact=True).first).to_be_visible()
