"""Fit the linear baseline on the reviews to learn from, and score the reviews to test on with it.

Reads   data/split/imdb/train.parquet, test.parquet
Writes  data/scores/imdb_linear.npz: score (n,), positive where the review is
Run     python -m stages.baseline_imdb
"""

from textlstm.core import paths
from textlstm.core.files import write_arrays
from textlstm.core.params import load_params
from textlstm.core.parquet import read_parquet
from textlstm.core.stage import run
from textlstm.sentiment.baseline import train_linear_svm


def main() -> None:
    params = load_params()
    train, test = read_parquet(paths.TRAIN_IMDB), read_parquet(paths.TEST_IMDB)
    texts, labels = train["text"].tolist(), train["label"].to_numpy()
    model = train_linear_svm(texts, labels, punctuation=params.vectorize.punctuation, seed=params.seed)
    write_arrays(paths.SCORES_IMDB_LINEAR, score=model.decision_function(test["text"].tolist()))
    print(f"imdb: a linear model of {len(model[0].vocabulary_):,} words fitted on {len(train):,} reviews")


if __name__ == "__main__":
    run(main)
