"""Score the reviews to test on, from their text, exactly as a user's review is scored.

Reads   models/imdb/, models/nbsvm/, data/split/imdb/test.parquet
Writes  data/scores/imdb.npz: log-odds of both models (n,), of them together, and label (n,)
Run     python -m stages.score_imdb
"""

from textlstm.core import paths
from textlstm.core.files import write_arrays
from textlstm.core.odds import combine
from textlstm.core.params import load_params
from textlstm.core.parquet import read_parquet
from textlstm.core.stage import run
from textlstm.nn import reproducible
from textlstm.sentiment.lstm import SentimentModel, directions_at_once
from textlstm.sentiment.nbsvm import NbsvmModel


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads, side_by_side=directions_at_once(params.imdb))
    test = read_parquet(paths.TEST_IMDB)
    texts, ngrams = test["text"].tolist(), NbsvmModel.load(paths.NBSVM_MODEL)
    lstm_odds, ngram_odds = SentimentModel.load(paths.IMDB_MODEL).log_odds(texts), ngrams.log_odds(texts)
    both = combine(lstm_odds, ngram_odds, ngrams.weight)
    write_arrays(paths.SCORES_IMDB, both=both, lstm=lstm_odds, ngrams=ngram_odds, label=test["label"].to_numpy())
    print(f"imdb: {len(test):,} reviews scored")


if __name__ == "__main__":
    run(main)
