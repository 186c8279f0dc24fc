"""How far the figures move with the seed, and what more data are worth: the pipeline of the last commit with other parameters.

Reads   params.yaml, metrics/ of the last commit
Writes  metrics/studies/spread.json; learning_curve.json, learning_curve_<dataset>.csv and docs/pictures/learning_curve.png
Run     textlstm studies [spread|learning_curve]: both by default; stopped and run again, it goes on where it stopped

Each state is a DVC experiment, <study>-..., and an MLflow run with the tag of its study. The spread varies `seed`: the
words that are drawn and all trainings are drawn anew, while the same text and reviews (`split.seed`) are held out. The
learning curve varies the drawn words, beside the text, which is always there, and the reviews that are learnt from, as
many of each label. With no drawn words, whole batches come from the text, and there are as many more epochs as give the
same number of steps. The first seed and the last size are the last commit itself.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_json, read_text, write_csv, write_json
from textlstm.core.params import merged
from textlstm.core.parquet import read_parquet
from textlstm.evaluation.metrics import rounded
from textlstm.evaluation.plots import draw_learning_curve
from textlstm.evaluation.studies import CURVE, FIGURES, SPREAD, figures_of, parameters_of, summaries
from textlstm.experiments.runner import Experiments, experiments_of

SIZES = {
    "language": [0, 100_000, 1_000_000],  # characters of drawn words, each language
    "imdb": [1000, 2500, 5000, 10_000],  # reviews
}
HEADER = ("series", "size", *FIGURES)
METRICS = {"language": paths.METRICS_LANGUAGE, "imdb": paths.METRICS_IMDB}


def measure(study: str | None, seeds: int, dataset: str | None, sizes: Sequence[int] | None) -> None:
    """Measure what has not been measured yet, and write the figures.

    Args:
        study: "spread" or "learning_curve"; None is both.
        seeds: how many, for the spread.
        dataset: "language" or "imdb", for the learning curve; None is both.
        sizes: of the learning curve of that dataset, in place of the usual ones.
    """
    if sizes and not dataset:
        raise TextLSTMError("--sizes: expected the dataset that they are of, got none. Name it with --dataset")
    wanted = {name: sizes or usual for name, usual in SIZES.items() if dataset in (None, name)}
    if study != CURVE:
        with experiments_of(SPREAD) as experiments:
            spread(experiments, seeds)
    if study != SPREAD:
        with experiments_of(CURVE) as experiments:
            learning_curve(experiments, wanted)


def spread(experiments: Experiments, seeds: int) -> None:
    """Measure the pipeline with `seeds` seeds, the first one that of the baseline, and write what their figures come to."""
    params, first = experiments.params, experiments.params["seed"]
    commits = {first: experiments.baseline}
    for seed in range(first + 1, first + seeds):
        commits[seed] = experiments.run(f"{SPREAD}-{seed}", merged(params, {"seed": seed}))
    for dataset, file in METRICS.items():
        figures = {
            str(seed): figures_of(dataset, experiments.metrics(commit, file)) for seed, commit in commits.items()
        }
        summary = rounded(summaries(figures.values()))
        update(
            paths.STUDIES / f"{SPREAD}.json",
            dataset,
            {"parameters": parameters_of(dataset, params), "seeds": figures, "summary": summary},
        )
        for series, of_series in summary.items():
            print(
                f"{dataset}, {series}: "
                + "; ".join(f"{figure} {_text(values)}" for figure, values in of_series.items())
            )


def learning_curve(experiments: Experiments, sizes: Mapping[str, Sequence[int]]) -> None:
    """Measure the pipeline with less data, and write and draw the curves.

    Args:
        experiments: where it runs.
        sizes: for each dataset, characters of drawn words, or reviews; those that are not below the baseline's are left
            out.
    """
    params, baseline = experiments.params, experiments.baseline
    for dataset, asked in sizes.items():
        full = params["words"]["characters"] if dataset == "language" else learnt_from(experiments, baseline, dataset)
        commits = {
            size: experiments.run(f"{CURVE}-{dataset}-{size}", merged(params, changes(dataset, size, params)))
            for size in smaller(asked, full)
        }
        points = [
            {
                "asked": size,
                "size": learnt_from(experiments, commit, dataset),
                "figures": figures_of(dataset, experiments.metrics(commit, METRICS[dataset])),
            }
            for size, commit in (commits | {full: baseline}).items()
        ]
        update(
            paths.STUDIES / f"{CURVE}.json", dataset, {"parameters": parameters_of(dataset, params), "points": points}
        )
        write_csv(paths.STUDIES / f"{CURVE}_{dataset}.csv", HEADER, rows(points))
        for point in points:
            print(f"{dataset}, {point['size']:,}: {point['figures']}")
    draw_learning_curve(paths.STUDIES, paths.PICTURES / f"{CURVE}.png")


def smaller(sizes: Sequence[int], full: int) -> list[int]:
    """The sizes below the full one, ascending.

    >>> smaller([300, 0, 100, 300], 300)
    [0, 100]
    """
    return sorted({size for size in sizes if size < full})


def changes(dataset: str, asked: int, params: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from `params` at a size.

    Args:
        dataset: "language": `asked` characters of words are drawn for each language; "imdb": `asked` reviews are learnt
            from.
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


def learnt_from(experiments: Experiments, commit: str, dataset: str) -> int:
    """Reviews, or characters of text and drawn words of a language (the mean over languages), that the models of a state learnt from."""
    languages = list(experiments.params["languages"])
    texts = [file for language in languages for file in (paths.training_text(language), paths.drawn_words(language))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if dataset == "imdb":
            experiments.copy_outputs(commit, [paths.TRAIN_IMDB], folder)
            return len(read_parquet(folder / paths.TRAIN_IMDB))
        experiments.copy_outputs(commit, texts, folder)
        return round(sum(len(read_text(folder / text)) for text in texts) / len(languages))


def rows(points: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of the CSV file: each series by itself, its sizes ascending."""
    return [
        (series, point["size"], *(point["figures"][series][figure] for figure in FIGURES))
        for series in points[0]["figures"]
        for point in sorted(points, key=lambda point: point["size"])
    ]


def update(path: Path, dataset: str, part: Mapping[str, Any]) -> None:
    """Replace the part of one dataset in a study's file."""
    known = read_json(path) if path.exists() else {}
    write_json(
        path, {name: part if name == dataset else known[name] for name in METRICS if name == dataset or name in known}
    )


def _text(values: Mapping[str, float]) -> str:
    """Mean, standard deviation and range, as text.

    >>> _text({"mean": 0.9, "standard_deviation": 0.002, "least": 0.897, "largest": 0.903})
    '0.9000 ± 0.0020 (0.8970 to 0.9030)'
    """
    return (
        f"{values['mean']:.4f} ± {values['standard_deviation']:.4f} ({values['least']:.4f} to {values['largest']:.4f})"
    )
