"""Score the reviews to test on exactly as a user's review is scored, beside a linear baseline, and show what the models learnt.

Reads   models/imdb/, models/nbsvm/, models/sentiment.json, data/split/imdb/train.parquet (for the baseline), test.parquet
Writes  data/scores/imdb.npz: scores of each system (n,), above 0 where a review is positive, and label (n,);
        metrics/plots/words_imdb.csv: log-odds of reviews of one word
Run     python -m stages.score_imdb
"""

from textlstm.core import paths
from textlstm.core.files import write_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.parquet import read_parquet
from textlstm.core.stage import run
from textlstm.evaluation.explain import WORDS, outermost_words
from textlstm.sentiment.baseline import train_linear_svm
from textlstm.sentiment.classifier import SentimentClassifier

FREQUENT = 2000  # words asked about
SHOWN = 15  # words of each side


def main() -> None:
    params = load_params()
    train, test = read_parquet(paths.TRAIN_IMDB), read_parquet(paths.TEST_IMDB)
    texts, classifier = test["text"].tolist(), SentimentClassifier.load(paths.MODELS)
    baseline = train_linear_svm(
        train["text"].tolist(), train["label"].to_numpy(), punctuation=params.vectorize.punctuation, seed=params.seed
    )
    scores = classifier.log_odds(texts)._asdict() | {"linear_svm": baseline.decision_function(texts)}
    write_arrays(paths.SCORES_IMDB, **scores, label=test["label"].to_numpy())
    words = classifier.lstm.tokenizer.words[:FREQUENT]
    rows = outermost_words(words, classifier.log_odds(words)._asdict(), most=SHOWN)
    write_csv(paths.plot("words_imdb"), WORDS, rows)
    shown = list(dict.fromkeys(word for word, *_ in rows))
    print(
        f"imdb: {len(test):,} reviews scored; up most: {' '.join(shown[:5])}; down most: {' '.join(reversed(shown[-5:]))}"
    )


if __name__ == "__main__":
    run(main)
