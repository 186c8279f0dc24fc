"""Score the reviews to test on exactly as a user's review is scored, beside a linear baseline, and show what the models learnt.

Reads   models/imdb/, models/nbsvm/, models/sentiment.json; data/split/imdb/train.parquet (for the baseline), test.parquet
Writes  data/scores/imdb.npz: scores of each system (n,), above 0 where a review is positive, label (n,) and number of
        words (n,); the same of some sentences of these reviews, as sentence_<name> (m,), but for the baseline's;
        metrics/plots/words_imdb.csv: log-odds of reviews of one word
Run     python -m stages.score_imdb
"""

import itertools
from collections.abc import Sequence

import numpy as np

from textlstm.core import paths
from textlstm.core.files import write_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.parquet import read_batches, read_column, read_parquet
from textlstm.core.stage import run
from textlstm.evaluation.explain import WORDS, outermost_words
from textlstm.sentiment.baseline import train_linear_svm
from textlstm.sentiment.classifier import SentimentClassifier
from textlstm.sentiment.nbsvm_training import drawn_reviews
from textlstm.sentiment.tokenizer import draw_sentences, review_words, split_sentences

FREQUENT = 2000  # words asked about
SHOWN = 15  # words of each side
SENTENCES = 2  # of each review, at most


def main() -> None:
    params = load_params()
    labels, truth = (read_parquet(path, ["label"])["label"].to_numpy() for path in (paths.TRAIN_IMDB, paths.TEST_IMDB))
    classifier = SentimentClassifier.load(paths.MODELS)
    drawn = drawn_reviews(labels, params.nbsvm.reviews, seed=params.seed)
    baseline = train_linear_svm(
        list(itertools.compress(read_column(paths.TRAIN_IMDB, "text"), drawn)),
        labels[drawn],
        punctuation=params.vectorize.punctuation,
        seed=params.seed,
    )
    parts, done, random = [], 0, np.random.default_rng(params.seed)
    sentences: list[Sequence[str]] = []
    of_sentences: list[int] = []
    for batch in read_batches(paths.TEST_IMDB, ["text"]):
        texts = batch.column(0).to_pylist()
        reviews = review_words(texts, punctuation=classifier.lstm.tokenizer.punctuation, first=done + 1)
        log_odds = classifier.log_odds_of_words(reviews)
        lengths = np.array([len(words) for words in reviews])
        parts.append(log_odds._asdict() | {"linear_svm": baseline.decision_function(texts), "words": lengths})
        for words, label in zip(reviews, truth[done:], strict=False):
            found = split_sentences(words)
            places = draw_sentences(len(found), SENTENCES, random)
            sentences += [found[place] for place in places]
            of_sentences += [label] * len(places)
        done += len(texts)
    scores = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    asked = classifier.log_odds_of_words(sentences)._asdict()
    asked |= {"words": np.array([len(words) for words in sentences]), "label": np.array(of_sentences)}
    write_arrays(
        paths.SCORES_IMDB, **scores, label=truth, **{f"sentence_{name}": values for name, values in asked.items()}
    )
    frequent = classifier.lstm.tokenizer.words[:FREQUENT]
    rows = outermost_words(frequent, classifier.log_odds(frequent)._asdict(), most=SHOWN)
    write_csv(paths.plot("words_imdb"), WORDS, rows)
    shown = list(dict.fromkeys(word for word, *_ in rows))
    print(
        f"imdb: {len(truth):,} reviews scored; up most: {' '.join(shown[:5])}; down most: {' '.join(reversed(shown[-5:]))}"
    )


if __name__ == "__main__":
    run(main)
