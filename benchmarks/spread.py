"""How far the figures move with the seed of the training alone: the LSTMs trained with five seeds, all else as the pipeline left it.

Reads   dvc.lock, params.yaml, and what the pipeline has made: data/vectors, data/split, models/, metrics/
Writes  metrics/studies/spread.json
Run     python -m benchmarks.spread [language|imdb]: after `dvc repro`; stopped and run again, it goes on where it stopped

The first seed is that of params.yaml, and its figures are the pipeline's own. Splits, drawn words and all that is counted stay.
"""

from benchmarks import common
from benchmarks.again import METRICS, Again, chosen_datasets, update
from textlstm.core import paths
from textlstm.evaluation.metrics import rounded
from textlstm.evaluation.studies import SPREAD, summaries

SEEDS = 5
FIRST = {"language": "train_language", "imdb": "train_imdb"}  # the stages from here on are run again


def main() -> None:
    """Measure what has not been measured yet, and write the figures of all seeds."""
    parser = common.parser(__doc__)
    parser.add_argument("datasets", nargs="*", help=f"which of {', '.join(METRICS)}; by default all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    chosen = parser.parse_args()
    for dataset in chosen_datasets(chosen.datasets):
        again = Again(dataset, FIRST[dataset])
        first = again.params["seed"]
        figures = {first: again.own}
        for seed in range(first + 1, first + chosen.seeds):
            figures[seed] = again.figures({"seed": seed})["figures"]
        part = {
            "parameters": again.parameters,
            "seeds": {str(seed): of_seed for seed, of_seed in figures.items()},
            "summary": rounded(summaries(figures.values())),
        }
        update(paths.STUDIES / f"{SPREAD}.json", dataset, part)
        for series, summary in part["summary"].items():
            print(f"{dataset}, {series}: " + "; ".join(f"{figure} {_text(values)}" for figure, values in summary.items()))


def _text(values: dict[str, float]) -> str:
    """Mean, standard deviation and range, as text.

    >>> _text({"mean": 0.9, "standard_deviation": 0.002, "least": 0.897, "largest": 0.903})
    '0.9000 ± 0.0020 (0.8970 to 0.9030)'
    """
    return f"{values['mean']:.4f} ± {values['standard_deviation']:.4f} ({values['least']:.4f} to {values['largest']:.4f})"


if __name__ == "__main__":
    common.run(main)
