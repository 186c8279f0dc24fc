"""Score the reviews to test on, from their text, exactly as a user's review is scored.

Reads   models/imdb/, models/nbsvm/, models/sentiment.json, data/split/imdb/test.parquet
Writes  data/scores/imdb.npz: log-odds of both models (n,), of them together, and label (n,)
Run     python -m stages.score_imdb
"""

from textlstm.core import paths
from textlstm.core.files import write_arrays
from textlstm.core.params import load_params
from textlstm.core.parquet import read_parquet
from textlstm.core.stage import run
from textlstm.nn import reproducible
from textlstm.sentiment.classifier import SentimentClassifier
from textlstm.sentiment.lstm import parallel_directions


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads, inter_op_threads=parallel_directions(params.imdb))
    test = read_parquet(paths.TEST_IMDB)
    both, lstm, nbsvm = SentimentClassifier.load(paths.IMDB_MODEL.parent).log_odds(test["text"].tolist())
    write_arrays(paths.SCORES_IMDB, both=both, lstm=lstm, ngrams=nbsvm, label=test["label"].to_numpy())
    print(f"imdb: {len(test):,} reviews scored")


if __name__ == "__main__":
    run(main)
