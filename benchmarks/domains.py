"""The sentiment model by the length of a review, and on texts that are no reviews of films; beside its two parts and VADER.

Reads   models/imdb/, models/nbsvm/, models/sentiment.json, data/split/imdb/test.parquet, the texts of `benchmarks.snippets`
Writes  benchmarks/results/domains.json, domains.md
Run     python -m benchmarks.domains

Nothing is trained or chosen on these texts: a score above 0 is positive everywhere.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.snippets import Rated, rated_snippets
from textlstm.core import paths
from textlstm.core.files import write_json, write_text
from textlstm.core.labels import NEGATIVE, POSITIVE
from textlstm.core.odds import probability_of
from textlstm.core.params import load_params
from textlstm.core.parquet import read_parquet
from textlstm.evaluation.explain import word_contributions
from textlstm.evaluation.metrics import rounded
from textlstm.language.scoring import Floats
from textlstm.nn import reproducible
from textlstm.sentiment.classifier import SentimentClassifier
from textlstm.sentiment.tokenizer import draw_sentences, split_sentences, words_of

_LENGTHS = (100, 200, 400)  # words at most, of all classes of length of reviews but the last
_OF_SENTENCES = (5, 10, 20, 50)
_SENTENCES = 4  # of each review, at most
_CLEAR = 0.5  # a text rated nearer to 0 is taken for neither positive nor negative
_SHOWN = (  # sentences of which is shown what decides
    "not bad at all",
    "never boring",
    "far from perfect",
    "I did not enjoy this film",
    "not worth the ticket",
    "well worth the ticket",
    "I wanted to like it but could not",
    "never a dull moment",
    "the plot makes no sense",
    "i really liked the movie and had fun",
)
_SYSTEMS = ("textlstm", "LSTM alone", "n-grams alone", "VADER")

Ask = Callable[[Sequence[str]], list[Floats]]


def main() -> None:
    """Ask all systems about all texts, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument(
        "--models",
        type=Path,
        default=paths.IMDB_MODEL.parent,
        help="folder with the models imdb and nbsvm and sentiment.json",
    )
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    chosen = parser.parse_args()

    params = load_params()
    reproducible.set_up(params.seed, params.threads)
    ask = _systems(chosen.models)
    table = read_parquet(paths.TEST_IMDB)
    reviews = [
        Rated(1.0 if label == POSITIVE else -1.0, text)
        for label, text in zip(table["label"], table["text"], strict=True)
    ]
    kinds = by_length(_sentences(reviews, params.seed), _OF_SENTENCES, "sentences of held-out reviews")
    kinds |= by_length(reviews, _LENGTHS, "held-out reviews") | rated_snippets()
    threshold = params.sentiment.threshold
    results: dict[str, Any] = {"clear": _CLEAR, "vader": version("vaderSentiment"), "texts": {}}
    for kind, rated in kinds.items():
        clear = [one for one in rated if abs(one.rating) >= _CLEAR and words_of(one.text)]
        labels = np.array([POSITIVE if one.rating > 0 else NEGATIVE for one in clear])
        answers = ask([one.text for one in clear])
        results["texts"][kind] = {
            "count": len(clear),
            "positive": float(np.mean(labels == POSITIVE)),
            "words": float(np.median([len(words_of(one.text)) for one in clear])),
            "systems": {
                name: common.sentiment_figures(scores, labels, params.seed)
                for name, scores in zip(_SYSTEMS, answers, strict=True)
            },
        }
        sure = np.maximum(probability_of(answers[0]), probability_of(-answers[0])) >= threshold
        right = (answers[0] > 0) == (labels == POSITIVE)
        results["texts"][kind] |= {"answered": float(sure.mean()), "right": float((right & sure).mean())}
        print(f"{kind}: {len(clear):,}", flush=True)
    results["words"] = _deciding_words(SentimentClassifier.load(chosen.models))
    results = rounded(results)
    write_json(chosen.results / "domains.json", results)
    write_text(chosen.results / "domains.md", "\n".join(_report(results)) + "\n")
    print("\n".join(_report(results)))


def _systems(models: Path) -> Ask:
    """Texts in, the scores of each of `_SYSTEMS` out."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    classifier = SentimentClassifier.load(models)
    vader = SentimentIntensityAnalyzer()

    def ask(texts: Sequence[str]) -> list[Floats]:
        rules = np.array([vader.polarity_scores(text)["compound"] for text in texts])
        return [*classifier.log_odds(texts), rules]

    return ask


def _deciding_words(classifier: SentimentClassifier) -> list[dict[str, Any]]:
    """What each word of a few sentences adds to the log-odds, for both parts, and what the classifier says of the sentence."""
    found = []
    for sentence in _SHOWN:
        words = words_of(sentence)
        _, added = word_contributions(classifier.log_odds_of_words, words, most=len(words))
        (answer,) = classifier.predict([sentence])
        parts = {"LSTM": added.lstm, "n-grams": added.nbsvm}
        found.append(
            {
                "sentence": sentence,
                "probability": answer.probability,
                "adds": {
                    name: [[word, float(odds)] for word, odds in zip(words, of, strict=True)]
                    for name, of in parts.items()
                },
            }
        )
    return found


def _sentences(reviews: Sequence[Rated], seed: int) -> list[Rated]:
    """Some sentences of each review, each rated as its review is."""
    found, random = [], np.random.default_rng(seed)
    for review in reviews:
        sentences = split_sentences(words_of(review.text))
        found += [
            Rated(review.rating, " ".join(sentences[place]))
            for place in draw_sentences(len(sentences), _SENTENCES, random)
        ]
    return found


def by_length(texts: Sequence[Rated], lengths: Sequence[int], what: str) -> dict[str, list[Rated]]:
    """Texts in classes of length: each class has a name, and those that nobody is in are left out."""
    classes: dict[str, list[Rated]] = {}
    names = [f"{what} of at most {lengths[0]} words"]
    names += [f"of {low + 1} to {high}" for low, high in pairwise(lengths)]
    names += [f"of more than {lengths[-1]}"]
    counts = np.searchsorted(lengths, [len(words_of(text.text)) for text in texts])
    for number, name in enumerate(names):
        inside = [text for text, count in zip(texts, counts, strict=True) if count == number]
        if inside:
            classes[name] = inside
    return classes


def _report(results: dict[str, Any]) -> list[str]:
    rows = []
    for kind, of in results["texts"].items():
        cells = [f"{system['accuracy']:.3f} / {system['auc']:.3f}" for system in of["systems"].values()]
        decided = f"{of['right']:.3f} / {of['answered'] - of['right']:.3f} / {1 - of['answered']:.3f}"
        rows.append(
            [kind, f"{of['count']:,}", f"{of['positive']:.2f}", f"{of['words']:.0f}", cells[0], decided, *cells[1:]]
        )
    about = (
        f"Accuracy / AUC of the sentiment model, of each of its parts, and of VADER {results['vader']} (rules and a lexicon). "
        f"The sentences and tweets are those of Hutto and Gilbert (2014) whose mean rating, from -4 to 4, "
        f"is at least {results['clear']} away from 0. A sentence of a review counts as what its review is, which it often is not. "
        "Intervals are in domains.json."
    )
    return [
        "<!-- Written by python -m benchmarks.domains. -->",
        about,
        "",
        *common.table(
            ["texts", "number", "positive", "words, median", _SYSTEMS[0], "right / wrong / no answer", *_SYSTEMS[1:]],
            rows,
        ),
        "",
        "What each word adds to the log-odds of positive (what they would be less without it), the two words that add most:",
        "",
        *common.table(["sentence", "positive", "LSTM", "n-grams"], [_row_of_words(one) for one in results["words"]]),
    ]


def _row_of_words(one: dict[str, Any]) -> list[str]:
    cells = []
    for added in one["adds"].values():
        most = sorted(added, key=lambda item: -abs(item[1]))[:2]
        cells.append(", ".join(f"{word} {odds:+.2f}" for word, odds in most))
    return [one["sentence"], f"{one['probability']:.2f}", *cells]


if __name__ == "__main__":
    common.run(main)
