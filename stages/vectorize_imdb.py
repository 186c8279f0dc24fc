"""Learn the words of the reviews to learn from, the unlabelled ones included, and turn these reviews into word ids.

Reads   data/split/imdb/train.parquet, unlabelled.parquet
Writes  data/vectors/imdb/words.json; data/vectors/imdb/reviews.npz: ids (all reviews end to end), offsets (n + 1,) and
        labels (n,) of the reviews to learn from, and unlabelled, the ids of the others
Run     python -m stages.vectorize_imdb
"""

import itertools

import numpy as np

from textlstm.core import paths
from textlstm.core.files import write_arrays
from textlstm.core.params import load_params
from textlstm.core.parquet import read_column, read_parquet
from textlstm.core.stage import run
from textlstm.sentiment.tokenizer import Tokenizer, encode_reviews


def main() -> None:
    params = load_params()
    texts = (read_column(path, "text") for path in (paths.TRAIN_IMDB, paths.UNLABELLED_IMDB))
    tokenizer = Tokenizer.learn(
        itertools.chain.from_iterable(texts), params.vectorize.words, punctuation=params.vectorize.punctuation
    )
    ids, offsets = encode_reviews(tokenizer, read_column(paths.TRAIN_IMDB, "text"))
    unlabelled, _ = encode_reviews(tokenizer, read_column(paths.UNLABELLED_IMDB, "text"))
    labels = read_parquet(paths.TRAIN_IMDB, ["label"])["label"].to_numpy()
    tokenizer.save(paths.TOKENIZER)
    write_arrays(paths.WORD_IDS, ids=ids, offsets=offsets, labels=labels, unlabelled=unlabelled)
    print(
        f"imdb: {tokenizer.size:,} word ids, {len(ids):,} words and {len(unlabelled):,} without a label, half of the reviews have more "
        f"than {np.median(np.diff(offsets)):.0f}"
    )


if __name__ == "__main__":
    run(main)
