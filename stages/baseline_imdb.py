"""Fit the linear baseline on the reviews to learn from, and score the reviews to test on with it.

Reads   data/split/imdb/train.parquet, test.parquet
Writes  data/scores/imdb_linear.npz: score (n,), positive where the review is
Run     python -m stages.baseline_imdb
"""

from textlstm import paths
from textlstm.files import write_arrays
from textlstm.imdb import read_table
from textlstm.linear import train_linear
from textlstm.params import load_params
from textlstm.stage import run


def main() -> None:
    params = load_params()
    train, test = read_table(paths.TRAIN_IMDB), read_table(paths.TEST_IMDB)
    model = train_linear(train["text"].tolist(), train["label"].to_numpy(), seed=params.seed)
    write_arrays(paths.SCORES_IMDB_LINEAR, score=model.decision_function(test["text"].tolist()))
    print(f"imdb: a linear model of {len(model[0].vocabulary_):,} words fitted on {len(train):,} reviews")


if __name__ == "__main__":
    run(main)
