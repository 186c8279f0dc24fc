"""The plots of `dvc plots`, as pictures for MLflow and the README: drawn from the same files, equal files give equal bytes."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator


def draw_pictures(curves: Path, plots: Path, folder: Path) -> list[Path]:
    """Draw each file of `plots` whose name, without its last word, is one of `_KINDS`, and all loss curves as one."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for path in sorted(plots.glob("*.csv")):
        kind = path.stem.rpartition("_")[0]
        if kind in _KINDS:
            # only an empty cell is missing: "nan" and "null" are words, and "nan" is the code of a language
            table = pd.read_csv(path, keep_default_na=False, na_values=[""])
            drawn.append(_draw(folder / f"{path.stem}.png", _KINDS[kind], table))
    losses = {path.stem: pd.read_csv(path) for path in sorted(curves.glob("*.csv"))}
    if losses:
        drawn.append(_draw(folder / "loss.png", _losses, losses))
    return drawn


def draw_learning_curve(studies: Path, path: Path) -> None:
    """Draw what more data are worth, from the files learning_curve_<dataset>.csv that `studies` holds."""
    files = {dataset: studies / f"learning_curve_{dataset}.csv" for dataset in ("language", "imdb")}
    tables = {dataset: pd.read_csv(file) for dataset, file in files.items() if file.exists()}
    if not tables:
        return
    figure, panels = plt.subplots(
        2, len(tables), figsize=(5 * len(tables), 7), layout="constrained", sharex="col", squeeze=False
    )
    for column, (dataset, table) in enumerate(tables.items()):
        for axes, key in zip(panels[:, column], ("auc", "accuracy"), strict=True):
            for series, rows in table.groupby("series", sort=False):
                axes.plot(rows["size"], rows[key], marker="o", label=str(series))
            axes.set(xscale="log", ylabel=key.replace("auc", "AUC"))
            sizes = sorted(set(table["size"]))
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30, ha="right")
            axes.minorticks_off()
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0, column].set_title(dataset.replace("imdb", "IMDB"), fontweight="bold")
        panels[0, column].legend()
        panels[1, column].set_xlabel(
            "reviews learnt from" if dataset == "imdb" else "characters learnt from, each language"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def _draw(path: Path, draw: Any, data: Any) -> Path:
    figure, panels = plt.subplots(1, _PANELS.get(draw, 1), figsize=_SIZES.get(draw, _size)(data), layout="constrained")
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    draw(panels, data)
    figure.suptitle(path.stem.replace("_", " ").replace("roc", "ROC"), fontweight="bold")
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)
    return path


def _size(_: Any) -> tuple[float, float]:
    return 6, 4.5  # inches


def _confusion_size(table: pd.DataFrame) -> tuple[float, float]:
    side = max(4.5, 1.5 + 0.7 * table["actual"].nunique())
    return side + 1.5, side


def _samples_size(table: pd.DataFrame) -> tuple[float, float]:
    return 6, max(4.5, 0.75 * len(table))


def _bars_size(table: pd.DataFrame) -> tuple[float, float]:
    return 6, 1.5 + 0.17 * table.iloc[:, 0].nunique()


def _panels_size(_: Any) -> tuple[float, float]:
    return 10, 4


def _roc(axes: Axes, table: pd.DataFrame) -> None:
    for series, rows in table.groupby("series", sort=False):
        axes.plot(rows["false_positive_rate"], rows["true_positive_rate"], label=str(series))
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")


def _histogram(axes: Axes, table: pd.DataFrame) -> None:
    for series, rows in table.groupby("series", sort=False):
        axes.fill_between(rows["score"], rows["count"], step="post", alpha=0.4, label=str(series))
    axes.set(xlabel="score", ylabel="count")
    axes.set_ylim(bottom=0)
    axes.legend(title="true label")


def _reliability(axes: Axes, table: pd.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as often right as sure")
    most = table["count"].max()
    for series, rows in table.groupby("series", sort=False):
        (line,) = axes.plot(rows["confidence"], rows["accuracy"], label=str(series), alpha=0.7)
        axes.scatter(
            rows["confidence"], rows["accuracy"], s=10 + 150 * rows["count"] / most, color=line.get_color(), alpha=0.5
        )
    low = min(table["confidence"].min(), table["accuracy"].min(), 0.5)
    axes.set(xlabel="confidence", ylabel="share of right answers", xlim=(low, 1.01), ylim=(low, 1.02), aspect="equal")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")


def _confusion(axes: Axes, table: pd.DataFrame) -> None:
    names = list(dict.fromkeys(table["actual"]))
    counts = table["count"].to_numpy().reshape(len(names), len(names))
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(names)):
        for column in range(len(names)):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}\n{shares[row, column]:.1%}",
                ha="center",
                va="center",
                color=colour,
            )
    axes.set_xticks(range(len(names)), names, rotation=45 if len(names) > 4 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="actual")


def _characters(axes: Axes, table: pd.DataFrame) -> None:
    strings = list(dict.fromkeys(table["string"]))
    most = table["log_odds"].abs().max()
    for row, string in enumerate(strings):
        odds = table.loc[table["string"] == string, "log_odds"].to_numpy()
        place = (0, len(odds), row + 0.9, row + 0.1)
        image = axes.imshow(odds[None], cmap="RdBu", vmin=-most, vmax=most, extent=place, aspect="auto")
        for column, character in enumerate(string):
            colour = "white" if abs(odds[column]) > 0.7 * most else "black"
            axes.text(column + 0.5, row + 0.5, character, ha="center", va="center", color=colour)
        axes.text(len(odds) + 0.3, row + 0.5, f"{odds.sum():+.1f}", va="center", color="grey")
    axes.set(xlim=(0, max(map(len, strings)) + 2), ylim=(len(strings), 0))
    axes.axis("off")
    sides = dict(zip(np.sign(table["log_odds"]), table["series"], strict=True))
    axes.figure.colorbar(
        image, ax=axes, label=f"log odds: {sides.get(1, 'first')} above 0, {sides.get(-1, 'others')} below"
    )


def _bars(axes: Axes, table: pd.DataFrame) -> None:
    """The last column by the first, from above in the order of the table, and by `series` if there is one."""
    name, value = table.columns[0], table.columns[-1]
    places = {one: place for place, one in enumerate(dict.fromkeys(table[name]))}
    groups = list(table.groupby("series", sort=False)) if "series" in table else [("", table)]
    for index, (series, rows) in enumerate(groups):
        offset = (index + 0.5) / len(groups) - 0.5
        heights = rows[name].map(places) + 0.8 * offset
        axes.barh(heights, rows[value], height=0.8 / len(groups), label=str(series))
    axes.set_yticks(range(len(places)), list(places), fontsize=8)
    axes.set(xlabel=_label(value), ylim=(len(places) - 0.5, -0.5))
    if len(groups) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))


def _systems(panels: Sequence[Axes], table: pd.DataFrame) -> None:
    """AUC and accuracy of each system, with their 95 % intervals."""
    for axes, key in zip(panels, ("auc", "accuracy"), strict=True):
        for place, (_, row) in enumerate(table.iterrows()):
            axes.plot([row[f"{key}_low"], row[f"{key}_high"]], [place, place], color="grey")
            axes.plot(row[key], place, "o", color="C0")
        axes.set_yticks(range(len(table)), table["series"] if axes is panels[0] else [""] * len(table))
        axes.set(xlabel=f"{_label(key)}, 95 % interval", ylim=(len(table) - 0.5, -0.5))
        axes.grid(alpha=0.3, axis="x")


def _against_length(
    *keys: str, column: str = "length", unit: str = "characters"
) -> Callable[[Sequence[Axes], pd.DataFrame], None]:
    """One panel per column against the column of lengths."""

    def draw(panels: Sequence[Axes], table: pd.DataFrame) -> None:
        for axes, key in zip(panels, keys, strict=True):
            for series, rows in table.groupby("series", sort=False):
                axes.plot(rows[column], rows[key], marker="o", markersize=4, label=str(series))
            lengths = sorted(set(table[column]))
            axes.set(xscale="log", xlabel=unit, ylabel=_label(key))
            axes.set_xticks(lengths, [f"{length:.0f}" for length in lengths])
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    return draw


def _label(key: str) -> str:
    return _LABELS.get(key, key.replace("_", " "))


def _samples(axes: Axes, table: pd.DataFrame) -> None:
    for row, (series, temperature, text) in enumerate(table[["series", "temperature", "text"]].itertuples(index=False)):
        y = 1 - row / len(table)
        axes.text(0, y, f"{series}, temperature {temperature}", va="top", color="grey")
        axes.text(0, y - 0.3 / len(table), "\n".join(textwrap.wrap(text, 54)), va="top", family="monospace")
    axes.axis("off")


def _losses(axes: Axes, losses: dict[str, pd.DataFrame]) -> None:
    for name, rows in losses.items():
        axes.plot(rows["epoch"], rows["loss"], marker="o", label=name)
    axes.set(xlabel="epoch", ylabel="training loss (nats)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()


_LABELS = {"auc": "AUC", "rejected": "share reported as out of set", "answered": "share that gets a language"}
_by_length = _against_length("auc", "accuracy")
_by_words = _against_length("auc", "accuracy", column="words", unit="words")
_answers_by_length = _against_length("coverage", "accuracy_of_answered", "log_loss")
_out_of_set = _against_length("rejected", "answered")
_PANELS: dict[Any, int] = {_systems: 2, _by_length: 2, _by_words: 2, _answers_by_length: 3, _out_of_set: 2}
_SIZES: dict[Any, Callable[[Any], tuple[float, float]]] = {
    _confusion: _confusion_size,
    _samples: _samples_size,
    _bars: _bars_size,
    **dict.fromkeys(_PANELS, _panels_size),
}

_KINDS = {
    "answers_by_length": _answers_by_length,
    "bits": _bars,
    "by_length": _by_length,
    "by_words": _by_words,
    "characters": _characters,
    "confusion": _confusion,
    "hardest": _bars,
    "histogram": _histogram,
    "noise": _bars,
    "out_of_set": _out_of_set,
    "reliability": _reliability,
    "roc": _roc,
    "samples": _samples,
    "systems": _systems,
    "words": _bars,
}
