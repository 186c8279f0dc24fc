"""Score the reviews to test on, from their text, exactly as a user's review is scored.

Reads   models/imdb/, models/nbsvm/, data/split/imdb/test.parquet
Writes  data/scores/imdb.npz: log-odds of both models (n,), of them together, and label (n,)
Run     python -m stages.score_imdb
"""

from textlstm import paths, reproducible
from textlstm.files import write_arrays
from textlstm.imdb import read_table
from textlstm.nbsvm import NbsvmModel
from textlstm.odds import combine
from textlstm.params import load_params
from textlstm.sentiment_model import SentimentModel, directions_at_once
from textlstm.stage import run


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads, side_by_side=directions_at_once(params.imdb))
    test = read_table(paths.TEST_IMDB)
    texts, ngrams = test["text"].tolist(), NbsvmModel.load(paths.NBSVM_MODEL)
    lstm_odds, ngram_odds = SentimentModel.load(paths.IMDB_MODEL).log_odds(texts), ngrams.log_odds(texts)
    both = combine(lstm_odds, ngram_odds, ngrams.weight)
    write_arrays(paths.SCORES_IMDB, both=both, lstm=lstm_odds, ngrams=ngram_odds, label=test["label"].to_numpy())
    print(f"imdb: {len(test):,} reviews scored")


if __name__ == "__main__":
    run(main)
