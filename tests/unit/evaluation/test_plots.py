"""Pictures of plots: they show what their files hold, have room for it, and are the same each time."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from textlstm.evaluation.plots import draw_pictures

FILES = {
    "answers_by_length_language": [
        "length,series,log_loss,coverage,accuracy_of_answered",
        "1,held-out text,0.6,0.2,0.7",
        "10,held-out text,0.1,0.9,0.9",
        "1,words never drawn,0.7,0,",  # no window was answered
        "10,words never drawn,0.5,0.8,0.8",
    ],
    "bits_language": ["language,series,bits", "english,detector,1.5", "french,detector,1.6", "english,lstm,1.7"],
    "by_length_language": [
        "length,series,windows,auc,accuracy",
        "1,detector,100,0.6,0.55",
        "10,detector,90,0.99,0.95",
        "1,lstm,100,0.58,0.54",
        "10,lstm,90,0.98,0.94",
    ],
    "by_words_imdb": [
        "words,series,auc,accuracy",
        "1.4,classifier,0.7,0.6",
        "10.0,classifier,0.8,0.75",
    ],
    "characters_language": [
        "string,given,character,series,log_odds",
        "ab,<start>,a,left,0.5",
        "ab,<start>a,b,right,-2",
    ],
    "hardest_language": ["language,rejected", "sco,0.05", "nan,0.3"],
    "histogram_imdb": [
        "score,count,series",
        *(f"{x},{y},{z}" for z in ("negative", "positive") for x, y in ((0, 3), (0.5, 1), (1, 0))),
    ],
    "noise_language": ["kind,series,told", "hex,10 characters,0.9", "hex,20 characters,1", "cipher,10 characters,0.8"],
    "out_of_set_language": ["length,series,rejected,answered", "1,unseen,0.2,0.1", "10,unseen,0.7,0.3"],
    "samples_language": ["series,temperature,text", "left,0.5,abc abc"],
    "systems_language": [
        "series,auc,auc_low,auc_high,accuracy,accuracy_low,accuracy_high",
        "detector,0.97,0.96,0.98,0.88,0.87,0.9",
        "lstm,0.95,0.94,0.97,0.86,0.85,0.88",
    ],
    "words_imdb": ["word,series,log_odds", "null,classifier,1", "null,lstm,2", "bad,classifier,-1", "bad,lstm,-2"],
}


def write(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / f"{name}.csv").write_text("\n".join(FILES[name]) + "\n")
    return folder


def test_every_file_is_drawn_and_the_same_each_time(tmp_path: Path) -> None:
    files = write(tmp_path / "plots", *FILES)
    first, second = (draw_pictures(tmp_path / "curves", files, tmp_path / name) for name in ("one", "two"))
    assert [path.stem for path in first] == sorted(FILES)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


Panels = Callable[[str], list[Axes]]


@pytest.fixture
def panels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Panels:
    """The panels of the picture of one of `FILES`."""

    def drawn(name: str) -> list[Axes]:
        monkeypatch.setattr(plt, "close", lambda _: None)
        draw_pictures(tmp_path / "curves", write(tmp_path / "plots", name), tmp_path / "pictures")
        monkeypatch.undo()
        found: list[Axes] = plt.gcf().axes
        plt.close("all")
        return found

    return drawn


def names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_systems_stand_in_order_each_with_its_intervals(panels: Panels) -> None:
    auc, accuracy = panels("systems_language")
    assert names(auc) == ["detector", "lstm"]
    points = [[list(map(float, line.get_xdata())) for line in axes.lines] for axes in (auc, accuracy)]
    assert points == [[[0.96, 0.98], [0.97], [0.94, 0.97], [0.95]], [[0.87, 0.9], [0.88], [0.85, 0.88], [0.86]]]
    assert [float(line.get_ydata()[0]) for line in auc.lines] == [0, 0, 1, 1]
    assert auc.yaxis_inverted()
    assert (auc.get_xlabel(), accuracy.get_xlabel()) == ("AUC, 95 % interval", "accuracy, 95 % interval")


@pytest.mark.parametrize(
    ("name", "keys", "series"),
    [
        ("by_length_language", ["AUC", "accuracy"], ["detector", "lstm"]),
        ("by_words_imdb", ["AUC", "accuracy"], ["classifier"]),
        ("out_of_set_language", ["share reported as out of set", "share that gets a language"], ["unseen"]),
    ],
)
def test_what_depends_on_the_length(panels: Panels, name: str, keys: list[str], series: list[str]) -> None:
    drawn = panels(name)
    assert [axes.get_ylabel() for axes in drawn] == keys
    for axes, column in zip(drawn, (-2, -1), strict=True):
        rows = [line.split(",") for line in FILES[name][1:]]
        for line, one in zip(axes.lines, series, strict=True):
            assert line.get_label() == one
            points = [(float(x), float(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
            assert points == [(float(row[0]), float(row[column])) for row in rows if row[1] == one]
        assert axes.get_xscale() == "log"
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "10"]


def test_a_length_at_which_nothing_is_answered_has_no_accuracy(panels: Panels) -> None:
    drawn = panels("answers_by_length_language")
    assert [axes.get_ylabel() for axes in drawn] == ["coverage", "accuracy of answered", "log loss"]
    _, answered, loss = drawn
    assert [list(map(float, line.get_ydata())) for line in loss.lines] == [[0.6, 0.1], [0.7, 0.5]]
    missing, found = answered.lines[1].get_ydata()
    assert missing != missing  # no answer, no accuracy
    assert found == 0.8


def test_bars_stand_beside_their_names(panels: Panels) -> None:
    (axes,) = panels("bits_language")
    assert names(axes) == ["english", "french"]
    bars = {
        (series.get_label(), round(bar.get_y() + bar.get_height() / 2)): bar.get_width()
        for series in axes.containers
        for bar in series
    }
    assert bars == {("detector", 0): 1.5, ("detector", 1): 1.6, ("lstm", 0): 1.7}


@pytest.mark.parametrize(("name", "words"), [("hardest_language", ["sco", "nan"]), ("words_imdb", ["null", "bad"])])
def test_words_that_look_like_a_missing_value_keep_their_names(panels: Panels, name: str, words: list[str]) -> None:
    (axes,) = panels(name)
    assert names(axes) == words


def test_a_bar_of_a_histogram_reaches_from_its_edge_to_the_next(panels: Panels) -> None:
    (axes,) = panels("histogram_imdb")
    (outline,) = axes.collections[0].get_paths()
    corners = {(float(x), float(y)) for x, y in outline.vertices}
    assert {(0, 3), (0.5, 3), (0.5, 1), (1, 1), (1, 0)} <= corners


def plots_of(languages: int, folder: Path) -> Path:
    """Small files of the plots that have more in them, the more languages there are."""
    folder.mkdir()
    names = [f"language{number}" for number in range(languages)]
    points = [f"{x},{y},{name}" for name in names for x, y in ((0, 0), (0.1, 0.8), (1, 1))]
    counts = [f"{one},{other},{9 if one == other else 1}" for one in names for other in names]
    samples = [f"{name},{temperature},{'abcd ' * 20}" for name in names for temperature in (0.5, 0.8, 1.0)]
    for name, header, rows in (
        ("roc", "false_positive_rate,true_positive_rate,series", points),
        ("confusion", "actual,predicted,count", counts),
        ("samples", "series,temperature,text", samples),
    ):
        (folder / f"{name}_language.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_pictures_grow_with_the_number_of_languages(tmp_path: Path) -> None:
    """100 cells and 30 samples of ten languages; what has no room makes a warning, which fails here."""

    def sizes(languages: int) -> dict[str, tuple[int, int]]:
        drawn = draw_pictures(
            tmp_path / "curves", plots_of(languages, tmp_path / f"{languages}"), tmp_path / f"of_{languages}"
        )
        return {path.stem.split("_")[0]: plt.imread(path).shape[1::-1] for path in drawn}

    assert sizes(2) == dict.fromkeys(("confusion", "roc", "samples"), (600, 450))
    ten = sizes(10)
    assert min(ten["confusion"]) >= 10 * 70  # room for a count and a share in each cell
    assert ten["samples"] == (600, 30 * 75)
