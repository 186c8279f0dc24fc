"""Fit NB-SVM, the counted n-grams beside the sentiment LSTM. Sees the reviews to learn from and no others.

Reads   data/split/imdb/train.parquet
Writes  models/nbsvm/
Run     python -m stages.train_nbsvm
"""

from textlstm.core import paths
from textlstm.core.params import load_params
from textlstm.core.parquet import read_parquet
from textlstm.core.stage import run
from textlstm.sentiment.nbsvm import NbsvmConfig, train_nbsvm


def main() -> None:
    params = load_params()
    table = read_parquet(paths.TRAIN_IMDB)
    nbsvm = params.nbsvm
    config = NbsvmConfig(nbsvm.longest, nbsvm.skips, nbsvm.tail, nbsvm.bits, params.vectorize.punctuation)
    texts, labels = table["text"].tolist(), table["label"].to_numpy()
    model = train_nbsvm(texts, labels, config, min_reviews=nbsvm.min_reviews, strength=nbsvm.strength, seed=params.seed)
    model.save(paths.NBSVM_MODEL)
    print(f"imdb: {int((model.weights != 0).sum()):,} buckets of n-grams weighted, from {len(table):,} reviews")


if __name__ == "__main__":
    run(main)
