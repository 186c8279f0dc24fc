"""What more data are worth: the pipeline run again with less of it, all else equal.

Reads   dvc.lock, params.yaml, and what the pipeline has made
Writes  metrics/studies/learning_curve.json, learning_curve_<dataset>.csv; docs/pictures/learning_curve.png
Run     python -m benchmarks.learning_curve [language|imdb]: after `dvc repro`; stopped and run again, it goes on where it stopped

Of the language models the drawn words vary, beside the text, which is always there; of the sentiment model the reviews that are learnt
from, as many of each label. What is held out stays the same. The last point is the pipeline itself. With no drawn words, whole batches
come from the text, and there are as many more epochs as give the same number of steps.
"""

from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.again import METRICS, Again, chosen_datasets, update
from textlstm.core import paths
from textlstm.core.files import read_arrays, write_csv
from textlstm.evaluation.plots import draw_learning_curve
from textlstm.evaluation.studies import CURVE, FIGURES

SIZES = {
    "language": [0, 100_000, 1_000_000],  # characters of drawn words, each language
    "imdb": [1000, 2500, 5000, 10_000],  # reviews
}
FIRST = {"language": "draw_words", "imdb": "split_imdb"}  # the stages from here on are run again
HEADER = ("series", "size", *FIGURES)


def main() -> None:
    """Measure what has not been measured yet, and write the curves."""
    parser = common.parser(__doc__)
    parser.add_argument("datasets", nargs="*", help=f"which of {', '.join(METRICS)}; by default all")
    parser.add_argument(
        "--sizes", type=int, nargs="+", help="of one dataset, in place of the usual ones; the full size is always added"
    )
    chosen = parser.parse_args()
    for dataset in chosen_datasets(chosen.datasets):
        again = Again(dataset, FIRST[dataset])
        languages = list(again.params["languages"])

        def size(folder: Path, dataset: str = dataset, languages: list[str] = languages) -> dict[str, Any]:
            return {"size": learnt_from(folder, dataset, languages)}

        full = again.params["words"]["characters"] if dataset == "language" else learnt_from(Path(), dataset, languages)
        points = []
        for asked in smaller(chosen.sizes or SIZES[dataset], full):
            points.append({"asked": asked, **again.figures(changes(dataset, asked, again.params), size)})
            print(f"{dataset}, {asked:,}: {points[-1]['figures']}", flush=True)
        points.append({"asked": full, "figures": again.own, **size(Path())})
        update(paths.STUDIES / f"{CURVE}.json", dataset, {"parameters": again.parameters, "points": points})
        write_csv(paths.STUDIES / f"{CURVE}_{dataset}.csv", HEADER, rows(points))
    draw_learning_curve(paths.STUDIES, common.PICTURES / f"{CURVE}.png")


def smaller(sizes: list[int], full: int) -> list[int]:
    """The sizes below the full one, ascending.

    >>> smaller([300, 0, 100, 300], 300)
    [0, 100]
    """
    return sorted({size for size in sizes if size < full})


def changes(dataset: str, asked: int, params: dict[str, Any]) -> dict[str, Any]:
    """What differs from `params` at a size.

    Args:
        dataset: "language": `asked` characters of words are drawn for each language; "imdb": `asked` reviews are learnt from.
        asked: the size.
        params: the contents of params.yaml.
    """
    if dataset == "imdb":
        return {"split": {"reviews": asked // 2}}
    if asked:
        return {"words": {"characters": asked}}
    settings = params["language_model"]
    epochs = round(settings["epochs"] / (1.0 - settings["words_share"]))
    return {"words": {"characters": 0}, "language_model": {"words_share": 0.0, "epochs": epochs}}


def learnt_from(folder: Path, dataset: str, languages: list[str]) -> int:
    """Reviews, or characters of text and drawn words of a language (the mean over languages), that the models of a folder learnt from."""
    if dataset == "imdb":
        return len(read_arrays(folder / paths.VECTORS_IMDB, "labels")["labels"])
    arrays = [read_arrays(folder / paths.language_vectors(language), "train", "words") for language in languages]
    return round(sum(len(one["train"]) + len(one["words"]) for one in arrays) / len(arrays))


def rows(points: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of the CSV file: each series by itself, its sizes ascending."""
    return [
        (series, point["size"], *(point["figures"][series][figure] for figure in FIGURES))
        for series in points[0]["figures"]
        for point in sorted(points, key=lambda point: point["size"])
    ]


if __name__ == "__main__":
    common.run(main)
