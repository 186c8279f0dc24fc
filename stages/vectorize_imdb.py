"""Learn the words of the reviews to learn from, and turn these reviews into word ids.

Reads   data/split/imdb/train.parquet
Writes  data/vectors/words.json, data/vectors/imdb.npz: ids (all reviews end to end), offsets (n + 1,) and labels (n,)
Run     python -m stages.vectorize_imdb
"""

import numpy as np

from textlstm import paths
from textlstm.files import write_arrays
from textlstm.imdb import encode_reviews, read_table
from textlstm.params import load_params
from textlstm.stage import run
from textlstm.tokenizer import Tokenizer


def main() -> None:
    params = load_params()
    table = read_table(paths.TRAIN_IMDB)
    tokenizer = Tokenizer.learn(table["text"], params.vectorize.words, marks=params.vectorize.marks)
    ids, offsets = encode_reviews(tokenizer, table["text"])
    tokenizer.save(paths.TOKENIZER)
    write_arrays(paths.VECTORS_IMDB, ids=ids, offsets=offsets, labels=table["label"].to_numpy())
    print(
        f"imdb: {tokenizer.size:,} word ids, {len(ids):,} words, half of the reviews have more than {np.median(np.diff(offsets)):.0f}"
    )


if __name__ == "__main__":
    run(main)
