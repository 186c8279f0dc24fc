"""Split the reviews: 80/20 of the train half by split.seed, or the official halves; a part of those to learn from calibrates.

Reads   data/raw/imdb.parquet
Writes  data/split/imdb/train.parquet, validation.parquet, test.parquet; unlabelled.parquet, which is empty unless there is pre-training
Run     python -m stages.split_imdb
"""

from textlstm.core import paths
from textlstm.core.params import load_params
from textlstm.core.parquet import read_rows, write_batches
from textlstm.core.stage import run
from textlstm.data.reviews import check_labels, hold_out, limit_reviews, read_digests, split_reviews, unlabelled_reviews


def main() -> None:
    params = load_params()
    split = params.split
    table = read_digests(paths.RAW_IMDB)
    train, test = split_reviews(table, protocol=params.imdb.protocol, learn=split.learn, seed=split.seed)
    train = limit_reviews(train, split.reviews, seed=split.seed)
    train, validation = hold_out(train, 1.0 - params.sentiment.validation, seed=f"{split.seed} validation")
    unlabelled = unlabelled_reviews(table) if params.pretrain.datasets else table[:0]
    check_labels(train, paths.TRAIN_IMDB)
    check_labels(test, paths.TEST_IMDB)
    for part, path in (
        (train, paths.TRAIN_IMDB),
        (validation, paths.VALIDATION_IMDB),
        (test, paths.TEST_IMDB),
        (unlabelled, paths.UNLABELLED_IMDB),
    ):
        write_batches(path, read_rows(paths.RAW_IMDB, table.index.isin(part.index)))
    print(
        f"imdb, {params.imdb.protocol}: {len(train):,} reviews to learn from, {len(validation):,} to calibrate on, "
        f"{len(test):,} to test on, {len(unlabelled):,} unlabelled"
    )


if __name__ == "__main__":
    run(main)
