"""The pages of `dvc plots show` and `dvc plots diff` in a browser: panels show what the files hold, under its headings.

Two repositories of two commits each: the published plots, with other figures in the second commit, and plots that are
hard to draw.
"""

import csv
import json
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.behaviour import pages
from textlstm.core import paths
from textlstm.core.config import at

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.network]

Open = Callable[[Path], pages.PlotsPage]
About = dict[str, str]
Rows = list[dict[str, Any]]
TEMPLATES = (".dvc/config", ".dvc/plots", ".dvcignore")
SCREEN = 900  # pixels


def items(foreach: Any, folder: Path) -> list[str]:
    """Names of the stages of a `foreach`: its keys or items, or those of the parameter that it names as ${dotted.key}."""
    if isinstance(foreach, str):
        foreach = at(yaml.safe_load((folder / "params.yaml").read_text()), foreach.strip("${}"))
    return list(foreach)


def declared(folder: Path) -> dict[str, About]:
    """The plots that dvc.yaml declares, by title; of a stage for each language, one for each."""
    pipeline = yaml.safe_load((folder / "dvc.yaml").read_text())
    found: dict[str, About] = {}
    for stage in pipeline.get("stages", {}).values():
        keys = items(stage["foreach"], folder) if "foreach" in stage else [""]
        for file, about in (pair for plot in stage.get("do", stage).get("plots", []) for pair in plot.items()):
            for key in keys:
                found[about["title"].replace("${key}", key)] = about | {"file": file.replace("${key}", key)}
    for about in (about for plot in pipeline["plots"] for about in plot.values()):
        (pair,) = about["y"].items()
        found[about["title"]] = about | dict(zip(("file", "y"), pair, strict=True))
    return found


def read(folder: Path, plots: dict[str, About]) -> dict[str, Rows]:
    """The rows of each plot's file, by title, as text."""
    tables = {}
    for title, about in plots.items():
        with (folder / about["file"]).open(encoding="utf-8", newline="") as file:
            tables[title] = list(csv.DictReader(file))
    return tables


LANGUAGES = [f"language{number}" for number in range(10)]


def made(number: int) -> dict[str, tuple[str, str, str, Rows]]:
    """Template, x, y and rows by title: one epoch, ten languages; strings and words that only one revision has."""
    random = np.random.default_rng(number)
    strings = [*sorted(["été", " a b", "liberty"], reverse=bool(number)), f"only{number}"]
    systems = ["detector", "lstm", "ngrams", "text_ngrams"]
    words = [f"word{place}of{number}" for place in range(30)]

    def some() -> float:
        return round(random.uniform(0.1, 1.0), 4)

    def cross(field: str, values: list[Any], series: list[str], y: str) -> Rows:
        return [{field: value, "series": one, y: some()} for one, value in product(series, values)]

    def by_character(y: str, series: list[str]) -> Rows:
        return [
            {"string": string, "given": f"<start>{string[:place]}", "character": character, "series": one, y: some()}
            for string, one in product(strings, series)
            for place, character in enumerate(string)
        ]

    interval = {"auc": 0.9, "auc_low": 0.8, "auc_high": 0.95, "accuracy": some(), "accuracy_low": 0, "accuracy_high": 1}
    confusion = [{"actual": one, "predicted": other, "count": 1234} for one, other in product(LANGUAGES, repeat=2)]
    told = [
        {"length": 1, "series": "unseen", "rejected": ""},
        *cross("length", [2, 5, 50], ["unseen", "seen"], "rejected"),
    ]
    odds = [row | {"log_odds": row["log_odds"] * random.choice([-9, 9])} for row in by_character("log_odds", ["left"])]
    bars = [row | {"odds": row["odds"] * random.choice([-1, 1])} for row in cross("word", words, systems, "odds")]
    heats = product(LANGUAGES, (0.5, 0.8, 1.0))
    samples = [{"series": one, "temperature": heat, "text": f"{one} {some()}"} for one, heat in heats]
    roc = [
        {"false_positive_rate": x, "true_positive_rate": y, "series": language}
        for language in LANGUAGES
        for x, y in ((0, 0), (0.1, some()), (1, 1))
    ]
    reliability = [row | {"count": 10} for row in cross("confidence", [0.5, 0.7, 0.9], ["calibrated"], "accuracy")]
    scores = [{"score": edge, "count": edge % 7, "series": "left"} for edge in range(-20 - 9 * number, 10)]
    return {
        "one epoch": ("loss", "epoch", "loss", [{"epoch": 1, "loss": some()}]),
        "more epochs": ("loss", "epoch", "loss", [{"epoch": one + 1, "loss": some()} for one in range(1 + 2 * number)]),
        "systems": ("intervals", "auc", "series", [{"series": system} | interval for system in systems]),
        "other languages": ("log_lines", "length", "rejected", told),
        "hardest": ("bars", "rejected", "language", [{"language": word, "rejected": some()} for word in words[:10]]),
        "bits": ("bars", "bits", "language", cross("language", LANGUAGES, systems, "bits")),
        "words": ("bars", "odds", "word", bars),
        "strings": ("characters", "character", "log_odds", odds),
        "chances": ("conditional_probabilities", "character", "chance", by_character("chance", LANGUAGES)),
        "confusion": ("confusion_counts", "predicted", "actual", confusion),
        "scores": ("score_histogram", "score", "count", scores),
        "roc": ("diagonal", "false_positive_rate", "true_positive_rate", roc),
        "reliability": ("diagonal", "confidence", "accuracy", reliability),
        "samples": ("samples", "temperature", "text", samples),
    }


def make(folder: Path, number: int) -> None:
    """Write `made` into a repository."""
    plots = []
    for title, (template, x, y, rows) in made(number).items():
        path = folder / f"metrics/plots/{title}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(path, index=False)
        about = {"template": template, "x": x, "y": {path.relative_to(folder).as_posix(): y}, "title": title}
        plots.append({title: about})
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": plots}, sort_keys=False))


def publish(folder: Path, number: int) -> None:
    """Copy the published state into a repository; as the second of two, with other figures."""
    pages.copy_state(folder)
    for path in (folder / "metrics").rglob("*.csv") if number else []:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
        figures = table.select_dtypes("float").columns
        table[figures] = (table[figures] * 0.9).map("{:.6g}".format, na_action="ignore")
        table.to_csv(path, index=False)


Repository = tuple[Path, list[dict[str, Rows]]]  # and the rows of the plots at each commit


class Revisions(NamedTuple):
    """A page and, by title, what dvc.yaml declares, what is drawn, and the rows of the files by revision."""

    page: pages.PlotsPage
    declared: dict[str, About]
    drawn: dict[str, dict[str, Any]]
    rows: dict[str, dict[str, Rows]]


@pytest.fixture(scope="module", params=[publish, make])
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder, tables = tmp_path_factory.mktemp("repository"), []
    pages.git("init", "--quiet", "--initial-branch", "main", folder=folder)
    pages.copy_files(folder, *TEMPLATES)
    for number in (0, 1):
        request.param(folder, number)
        tables.append(read(folder, declared(folder)))
        pages.git("add", "--all", folder=folder)
        pages.git("commit", "--quiet", "--message", f"state {number}", folder=folder)
    return folder, tables


@pytest.fixture(scope="module", params=[("show",), ("diff", "HEAD~1", "HEAD")], ids=["show", "diff"])
def revisions(
    request: pytest.FixtureRequest,
    repository: Repository,
    open_plots: Open,
    tmp_path_factory: pytest.TempPathFactory,
) -> Revisions:
    folder, tables = repository
    names = request.param[1:] or ("workspace",)
    place = tmp_path_factory.mktemp("page")
    pages.dvc("plots", *request.param, "-o", str(place), folder=folder)
    page, plots = open_plots(place / "index.html"), declared(folder)
    states = dict(zip(names, tables[-len(names) :], strict=True))
    rows = {title: {name: table[title] for name, table in states.items()} for title in plots}
    return Revisions(page, plots, page.drawn(), rows)


def test_every_plot_is_drawn_and_named(revisions: Revisions) -> None:
    assert (revisions.page.errors, revisions.page.outside) == ([], [])
    assert set(revisions.drawn) == set(revisions.declared)
    for title, plot in revisions.drawn.items():
        assert {title, *revisions.rows[title]} <= set(plot["texts"])  # the revisions too
        assert plot["colours"] > 2, title


def test_every_panel_holds_the_rows_that_its_headings_name(revisions: Revisions) -> None:
    for title, about in revisions.declared.items():
        panels, tables = revisions.drawn[title]["panels"], revisions.rows[title]
        rows = [row | {"rev": name} for name, table in tables.items() for row in table if row[about["y"]] != ""]

        def key(row: dict[str, Any], fields: tuple[str, ...] = tuple(rows[0])) -> tuple[Any, ...]:
            return tuple(row[field] for field in fields)

        shown = set()
        for panel in panels:
            headings = panel["headings"]
            found = [mark["row"] for mark in panel["marks"] if "rev" in mark["row"]]  # without it: a diagonal, a letter
            for row in found:
                assert {field: row[field] for field in headings} == headings, title
            wanted = {key(row) for row in rows if all(row.get(field, text) == text for field, text in headings.items())}
            assert {key(row) for row in found} == wanted, (title, headings)
            shown |= wanted
        assert shown == {key(row) for row in rows}, title
        assert len({tuple(panel["headings"].items()) for panel in panels}) == len(panels), title


def in_order(places: list[tuple[float, float]]) -> bool:
    """Whether what is more, first of the pair, does not stand before what is less."""
    return all(one <= other + 1e-6 for (_, one), (_, other) in pairwise(sorted(places)))


def test_what_is_more_stands_further_right_or_higher(revisions: Revisions) -> None:
    """Of the numbers x and y of a row, as the templates call them; bars end there."""
    compared = 0
    for title, plot in revisions.drawn.items():
        for panel, kind, axis in product(plot["panels"], ("area", "line", "rect", "symbol"), "xy"):
            places = []
            for mark in (mark for mark in panel["marks"] if mark["type"] == kind):
                value = mark["row"].get(axis)
                if isinstance(value, int | float):
                    ends = mark["x"] if axis == "x" else [-place for place in reversed(mark["y"])]
                    places.append((value, ends[value > 0]))
            compared += len(places)
            assert in_order(places), (title, panel["headings"])
    assert compared > 100


def test_intervals_reach_from_low_to_high(revisions: Revisions) -> None:
    for title, about in revisions.declared.items():
        for panel in revisions.drawn[title]["panels"] if about["template"] == "intervals" else []:
            rules = [mark for mark in panel["marks"] if mark["type"] == "rule"]
            points = [(mark["row"]["x"], mark["x"][0]) for mark in panel["marks"] if mark["type"] == "symbol"]
            ends = [(mark["row"][key], mark["x"][end]) for mark in rules for end, key in enumerate(("low", "high"))]
            assert len(ends) == 2 * len(points) > 0
            assert in_order(points + ends), (title, panel["headings"])
            assert max(place for _, place in ends) > min(place for _, place in points) + 10


def test_texts_are_those_of_their_rows(revisions: Revisions) -> None:
    for title, about in revisions.declared.items():
        for panel in revisions.drawn[title]["panels"]:
            texts = [mark for mark in panel["marks"] if mark["type"] == "text"]
            if about["template"] in ("characters", "conditional_probabilities"):
                letters = [mark["text"] for mark in sorted(texts, key=lambda mark: mark["x"][0])]
                assert "".join(letters) == panel["headings"]["string"].replace(" ", "␣")
            if about["template"] == "confusion_counts":
                assert [mark["text"] for mark in texts] == [f"{int(mark['row']['count']):,}" for mark in texts]
            if about["template"] == "samples":
                assert [mark["text"] for mark in texts] == [mark["row"]["text"] for mark in texts]


def test_no_plot_is_taller_than_a_screen_and_small_ones_stand_side_by_side(revisions: Revisions) -> None:
    heights = {title: plot["height"] for title, plot in revisions.drawn.items()}
    assert {title: height for title, height in heights.items() if height > SCREEN} == {}
    assert revisions.page.height() < 0.7 * sum(heights.values())


def test_every_axis_on_the_left_has_more_than_one_label(revisions: Revisions) -> None:
    """Also that of the loss of a single epoch: it is drawn from 0 up, since there is no other to compare it with."""
    for title, plot in revisions.drawn.items():
        assert len({label for side, label in plot["axes"] if side == "left"}) > 1, title


def test_every_file_of_plots_is_declared_and_every_template_used() -> None:
    plots = declared(pages.ROOT).values()
    files = {path.relative_to(pages.ROOT).as_posix() for path in (pages.ROOT / paths.PLOTS.parent).rglob("*.csv")}
    assert {about["file"] for about in plots} == files
    templates = {path.stem for path in (pages.ROOT / ".dvc/plots").glob("*.json")}
    assert {about["template"] for about in plots} == {about[0] for about in made(0).values()} == templates


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
    assert open_plots(page).drawn()["nothing"]["panels"] == [{"headings": {}, "marks": []}]
