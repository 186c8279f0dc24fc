"""Show what the sentiment model learnt: the frequent words that push a review up or down most.

Reads   models/imdb/, models/nbsvm/, models/sentiment.json
Writes  metrics/plots/words_imdb.csv: log-odds of reviews of one word, under both models together and each alone
Run     python -m stages.show_imdb
"""

from textlstm.core import paths
from textlstm.core.files import write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.evaluation.explain import outermost_words
from textlstm.nn import reproducible
from textlstm.sentiment.classifier import SentimentClassifier

FREQUENT = 2000  # words asked about
SHOWN = 20  # words of each side


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads)
    classifier = SentimentClassifier.load(paths.IMDB_MODEL.parent)
    words = classifier.lstm.tokenizer.words[:FREQUENT]
    rows = outermost_words(words, dict(zip(("both", "LSTM", "n-grams"), classifier.log_odds(words), strict=True)), most=SHOWN)
    write_csv(paths.plot("words_imdb"), ("word", "series", "log_odds"), rows)
    shown = list(dict.fromkeys(word for word, *_ in rows))
    print(f"imdb: up most: {' '.join(shown[:5])}; down most: {' '.join(reversed(shown[-5:]))}")


if __name__ == "__main__":
    run(main)
