"""The pages that `dvc plots show` and `dvc plots diff` write, opened in a browser: every plot is drawn, with all that belongs to it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.behaviour import pages
from textlstm.core import paths

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.network]

Open = Callable[[Path], pages.PlotsPage]
SCRATCH = (".dvc/config", ".dvc/plots", ".dvcignore")


def declared() -> dict[str, dict[str, Any]]:
    """The plots that dvc.yaml declares, by title; of a stage for each language, one for each."""
    pipeline, params = (yaml.safe_load((pages.ROOT / name).read_text()) for name in ("dvc.yaml", "params.yaml"))
    found: dict[str, dict[str, Any]] = {}
    for stage in pipeline["stages"].values():
        for file, about in (pair for plot in stage.get("do", stage).get("plots", []) for pair in plot.items()):
            for key in params["languages"] if "foreach" in stage else [""]:
                found[about["title"].replace("${key}", key)] = {
                    "template": about["template"],
                    "file": file.replace("${key}", key),
                }
    for about in (about for plot in pipeline["plots"] for about in plot.values()):
        found[about["title"]] = {"template": about["template"], "file": next(iter(about["y"]))}
    return found


def least_marks(template: str, file: str) -> int:
    """How many shapes a plot has to hold for one revision."""
    table = pd.read_csv(pages.ROOT / file)
    series = table["series"].nunique() if "series" in table else 0
    return {
        "roc": 1 + series,  # and the line of chance
        "score_histogram": series,
        "reliability": 1 + series + len(table),  # the diagonal, lines and points
        "confusion_counts": 2 * len(table),  # a cell and its count
        "loss": 1 + len(table),  # a line and its points
        "learning_curve": series + len(table),
        "conditional_probabilities": len(table),  # a point for each character and language
        "characters": len(table),  # a bar each
        "words": len(table),
        "samples": len(table),  # a line of text each
    }[template]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    pages.dvc("plots", "show", "-o", str(folder))
    return folder / "index.html"


def test_show_draws_every_plot(shown: Path, open_plots: Open) -> None:
    page = open_plots(shown)
    drawn = page.drawn()
    assert page.errors == []
    assert page.outside == []
    plots = declared()
    assert {about["template"] for about in plots.values()} == {path.stem for path in (pages.ROOT / ".dvc/plots").glob("*.json")}
    for title, about in plots.items():
        plot = drawn[title]
        assert plot["marks"] >= least_marks(about["template"], about["file"]), title
        assert plot["colours"] > 2, title
        assert title in plot["texts"]


def test_every_file_of_plots_is_declared() -> None:
    files = {path.relative_to(pages.ROOT).as_posix() for path in (pages.ROOT / paths.PLOTS.parent).rglob("*.csv")}
    assert {about["file"] for about in declared().values()} == files


def test_the_confusion_matrix_prints_its_counts(shown: Path, open_plots: Open) -> None:
    drawn = open_plots(shown).drawn()
    for title, about in declared().items():
        if about["template"] == "confusion_counts":
            counts = pd.read_csv(pages.ROOT / about["file"])["count"]
            assert {f"{count:,}" for count in counts} <= set(drawn[title]["texts"])


def test_diff_tells_revisions_apart(tmp_path: Path, open_plots: Open) -> None:
    repository = tmp_path / "repository"
    pages.copy_state(repository, *SCRATCH)
    pages.git("init", "--quiet", "--initial-branch", "main", folder=repository)
    pages.git("add", "--all", folder=repository)
    pages.git("commit", "--quiet", "--message", "one state", folder=repository)
    for path in (repository / "metrics").rglob("*.csv"):
        table = pd.read_csv(path)
        numbers = table.select_dtypes("number").columns
        table[numbers] = table[numbers] * 0.9
        table.loc[table.index[-1], numbers] = pd.read_csv(path).loc[table.index[-1], numbers]
        table.to_csv(path, index=False)
    pages.git("commit", "--quiet", "--all", "--message", "another", folder=repository)
    pages.dvc("plots", "diff", "HEAD~1", "HEAD", "-o", str(tmp_path / "page"), folder=repository)
    page = open_plots(tmp_path / "page/index.html")
    drawn = page.drawn()
    assert page.errors == []
    for title, about in declared().items():
        assert {"HEAD~1", "HEAD"} <= set(drawn[title]["texts"]), title
        own = 1 if about["template"] in ("roc", "reliability") else 0  # the line of chance or of perfect odds is drawn once
        assert drawn[title]["marks"] >= 2 * (least_marks(about["template"], about["file"]) - own), title


def test_a_plot_without_data_is_noticed(tmp_path: Path, open_plots: Open) -> None:
    page = tmp_path / "index.html"
    names = ("vega@5.20.2", "vega-lite@5.2.0", "vega-embed@6.18.2")
    scripts = "".join(f'<script src="https://cdn.jsdelivr.net/npm/{name}"></script>' for name in names)
    axis = {"field": "value", "type": "quantitative"}
    spec = {
        "title": {"text": "nothing"},
        "data": {"values": [{"value": None}]},
        "mark": "line",
        "encoding": {"x": axis, "y": axis},
    }
    page.write_text(f'{scripts}<div id="plot"><script>vegaEmbed("#plot", {json.dumps(spec)})</script></div>')
    assert open_plots(page).drawn()["nothing"]["marks"] == 0
