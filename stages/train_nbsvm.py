"""Fit NB-SVM, the counted n-grams beside the sentiment LSTM. Sees the reviews to learn from and no others.

Reads   data/split/imdb/train.parquet
Writes  models/nbsvm/
Run     python -m stages.train_nbsvm
"""

from textlstm.core import paths
from textlstm.core.params import load_params
from textlstm.core.parquet import read_column, read_parquet
from textlstm.core.stage import run
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm


def main() -> None:
    params = load_params()
    labels = read_parquet(paths.TRAIN_IMDB, ["label"])["label"].to_numpy()
    config = NbsvmConfig(
        longest=params.nbsvm.longest,
        skips=params.nbsvm.skips,
        tail=params.nbsvm.tail,
        bits=params.nbsvm.bits,
        punctuation=params.vectorize.punctuation,
        negation=params.nbsvm.negation,
    )
    model = train_nbsvm(
        read_column(paths.TRAIN_IMDB, "text"),
        labels,
        config,
        min_reviews=params.nbsvm.min_reviews,
        strength=params.nbsvm.strength,
        seed=params.seed,
        most=params.nbsvm.reviews,
        sentences=params.nbsvm.sentences,
        sentence_strength=params.nbsvm.sentence_strength,
    )
    model.save(paths.NBSVM_MODEL)
    of_sentences = len(model.sentences.weights) if model.sentences else 0
    print(
        f"imdb: {len(model.reviews.weights):,} buckets of n-grams weighted for reviews and {of_sentences:,} for sentences, "
        f"from {len(labels):,} reviews"
    )


if __name__ == "__main__":
    run(main)
