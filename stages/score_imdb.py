"""Score the reviews to test on, from their text, exactly as a user's review is scored.

Reads   models/imdb/, data/split/imdb/test.parquet
Writes  data/scores/imdb.npz: probability (n,) and label (n,)
Run     python -m stages.score_imdb
"""

from textlstm import paths, reproducible
from textlstm.files import write_arrays
from textlstm.imdb import read_table
from textlstm.params import load_params
from textlstm.sentiment_model import SentimentModel
from textlstm.stage import run


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads)
    test = read_table(paths.TEST_IMDB)
    probability = SentimentModel.load(paths.IMDB_MODEL).predict(test["text"].tolist())
    write_arrays(paths.SCORES_IMDB, probability=probability, label=test["label"].to_numpy())
    print(f"imdb: {len(test):,} reviews scored")


if __name__ == "__main__":
    run(main)
