"""What `metrics/studies/` holds: figures of the pipeline with other seeds and with less data.

A study belongs to the parameters that it was made with, and says them; under other parameters its figures are no longer
those of the models, so whoever shows them asks `fitting` first. Does not run anything: see
`textlstm.experiments.studies`.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textlstm.core.config import at, flat
from textlstm.core.files import read_json

SPREAD, CURVE = "spread", "learning_curve"

# What a series is called, and where its figures stand in metrics/<dataset>.json; "" is the top.
SERIES = {
    "language": {"detector": "", "lstm": "lstm", "ngrams": "ngrams"},
    "imdb": {"classifier": "", "lstm": "lstm", "nbsvm": "nbsvm"},
}
HEADLINES = {dataset: next(iter(series)) for dataset, series in SERIES.items()}
FIGURES = ("auc", "accuracy")
TOLERANCE = 0.003  # another processor rounds differently; a seed changes more

# Parameters, or whole sections, that no figure of a dataset depends on: those of the other one, of downloads (digests
# hold what comes out), of intervals and of what is only shown. A parameter that is not named here counts for both.
APART = {
    "language": (
        *("download", "score", "evaluate.bootstrap", "evaluate.block", "evaluate.article_windows"),
        *(
            "split.seed",
            "split.reviews",
            "vectorize.words",
            "vectorize.punctuation",
            "imdb",
            "nbsvm",
            "pretrain",
            "sentiment",
        ),
    ),
    "imdb": (
        *("download", "score", "evaluate"),
        *("languages", "split.characters", "words", "vectorize.min_count"),
        *("language_model", "ngram", "background", "table", "abstention"),
    ),
}


def parameters_of(dataset: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the figures of a dataset may depend on, by dotted key, out of the contents of params.yaml."""
    apart = APART[dataset]
    return {
        key: value for key, value in flat(params).items() if not any(f"{key}.".startswith(f"{name}.") for name in apart)
    }


def figures_of(dataset: str, metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """AUC and accuracy of each series, out of the contents of metrics/<dataset>.json."""
    return {name: {figure: at(metrics, key)[figure] for figure in FIGURES} for name, key in SERIES[dataset].items()}


def summary(values: Sequence[float]) -> dict[str, float]:
    """Mean, standard deviation (of a sample: n - 1), least and largest.

    >>> summary([1.0, 2.0, 3.0])
    {'mean': 2.0, 'standard_deviation': 1.0, 'least': 1.0, 'largest': 3.0}
    """
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {
        "mean": statistics.fmean(values),
        "standard_deviation": deviation,
        "least": min(values),
        "largest": max(values),
    }


def summaries(by_seed: Iterable[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """The `summary` of each figure of each series over what `figures_of` gave for each seed."""
    runs = list(by_seed)
    return {
        series: {figure: summary([run[series][figure] for run in runs]) for figure in figures}
        for series, figures in runs[0].items()
    }


def fitting(
    folder: Path, params: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The studies in a folder, by name, each without the datasets that it says nothing about any more.

    Args:
        folder: metrics/studies.
        params: the contents of params.yaml; a study must have been made with these. A parameter that has come since does
            not count by itself: what it changes shows in the figures.
        metrics: the contents of metrics/<dataset>.json; a study begins or ends with them, so figures further away than
            `TOLERANCE` are those of other code.
    """
    found = {name: folder / f"{name}.json" for name in (SPREAD, CURVE)}
    studies = {name: read_json(path) for name, path in found.items() if path.exists()}
    kept = {
        name: {
            dataset: part
            for dataset, part in study.items()
            if _unchanged(part["parameters"], parameters_of(dataset, params))
            and _near(own_figures(name, part), figures_of(dataset, metrics[dataset]))
        }
        for name, study in studies.items()
    }
    return {name: study for name, study in kept.items() if study}


def _unchanged(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether parameters are the same, but for such as have come since; a language more is no such parameter."""
    new = now.keys() - then.keys()
    return all(key in now and now[key] == value for key, value in then.items()) and not any(
        key.startswith("languages.") for key in new
    )


def _near(one: Any, other: Any) -> bool:
    """Whether two nested mappings have the same keys and numbers that are as near as those of two processors."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_near(value, other[key]) for key, value in one.items())
    return bool(abs(one - other) <= TOLERANCE)


def own_figures(study: str, part: Mapping[str, Any]) -> Any:
    """What the part of one dataset says of the pipeline as it is: the first seed, or the last size."""
    return next(iter(part["seeds"].values())) if study == SPREAD else part["points"][-1]["figures"]
