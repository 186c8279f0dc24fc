"""The sentiment model against linear models, all trained on the same reviews in one run: accuracy, AUC, and seconds of training.

Reads   params.yaml, experiments/seed_imdb.yaml, data/split/imdb/train.parquet, data/split/imdb/test.parquet
Writes  benchmarks/results/sentiment_<protocol>.json, sentiment_<protocol>.md
Run     python -m benchmarks.sentiment

The protocol is that of the two tables; for the official one give those that an experiment under it has left, with
--train and --test.
"""

import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from benchmarks import common
from textlstm.core import paths
from textlstm.core.files import write_json, write_text
from textlstm.core.params import Params, check_params, load_params, merged
from textlstm.core.parquet import read_parquet
from textlstm.core.yaml_files import read_yaml
from textlstm.data.reviews import limit_reviews
from textlstm.evaluation.metrics import rounded
from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.sentiment.classifier import SentimentClassifier
from textlstm.sentiment.lstm import pad_left
from textlstm.sentiment.lstm_training import train_sentiment_model
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import log_count_ratio, train_nbsvm
from textlstm.sentiment.tokenizer import Tokenizer, words_of

_TUTORIAL = Path("experiments/seed_imdb.yaml")
_OFFICIAL = 25_000  # reviews in a half

_WHAT = {
    "textlstm": "the two below together",
    "textlstm, LSTM alone": "bidirectional LSTM over chunks of a review",
    "textlstm, n-grams alone": "NB-SVM over hashed n-grams of one to three words, pairs with words between them, and the end once more",
    "TF-IDF of words, linear SVM": "Joachims (1998); C 0.25",
    "TF-IDF of words and pairs, linear SVM": "the same with pairs of words; C 1",
    "NB-SVM, words and pairs": "Wang and Manning (2012), logistic loss; C 1",
    "NB-SVM, up to three words": "the same with three words",
}

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


class Data(NamedTuple):
    """The reviews of one protocol."""

    train: list[str]
    labels: Labels
    test: list[str]
    truth: Labels


class Cost(NamedTuple):
    """What a training took."""

    seconds: float
    processor_seconds: float  # of all threads: what it takes where other work goes on beside it


def main() -> None:
    """Train and score all systems, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("--train", type=Path, default=paths.TRAIN_IMDB, help="reviews to learn from")
    parser.add_argument("--test", type=Path, default=paths.TEST_IMDB, help="reviews to test on")
    parser.add_argument(
        "--reviews", type=int, default=0, help="at most so many of each label in each part, for a trial; 0: all"
    )
    parser.add_argument("--steps", type=int, default=20, help="steps of the tutorial timed before and again after ours")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    chosen = parser.parse_args()

    params = load_params()
    experiment = read_yaml(_TUTORIAL)
    tutorial = check_params(merged(params.model_dump(), experiment["params"]), str(_TUTORIAL))
    reproducible.set_up(params.seed, params.threads)
    train, test = (
        limit_reviews(read_parquet(path), chosen.reviews, seed=params.seed) for path in (chosen.train, chosen.test)
    )
    data = Data(train["text"].tolist(), train["label"].to_numpy(), test["text"].tolist(), test["label"].to_numpy())
    protocol = "official" if len(data.train) == len(data.test) == _OFFICIAL else "holdout"

    step = _tutorial_step(data, tutorial)
    before = _seconds_per_step(step, chosen.steps)
    systems = _ours(data, params)
    after = _seconds_per_step(step, chosen.steps)
    library = f"scikit-learn {version('scikit-learn')}"
    steps = tutorial.imdb.epochs * -(-len(data.train) // tutorial.imdb.batch)
    for name, fit in _peers(params.seed).items():
        begin = _now()
        answer = fit(data.train, data.labels)
        cost = _since(begin)
        systems[name] = {
            "version": library,
            "training": cost._asdict(),
            **common.sentiment_figures(answer(data.test), data.truth, params.seed),
        }
        print(f"{name}: accuracy {systems[name]['accuracy']:.4f}, {cost.seconds:.1f} s", flush=True)

    two_epochs = Cost(*(steps * (one + other) / 2 for one, other in zip(before, after, strict=True)))
    results = rounded(
        {
            "machine": common.machine(),
            "protocol": protocol,
            "reviews": {"train": len(data.train), "test": len(data.test)},
            "tutorial": {
                "epochs": tutorial.imdb.epochs,
                "steps": steps,
                "steps_timed": 2 * chosen.steps,
                "published": experiment["published"]["accuracy"],
                **two_epochs._asdict(),
            },
            "systems": systems,
        }
    )
    write_json(chosen.results / f"sentiment_{protocol}.json", results)
    write_text(chosen.results / f"sentiment_{protocol}.md", "\n".join(_report(results)) + "\n")
    print("\n".join(_report(results)))


def _ours(data: Data, params: Params) -> dict[str, dict[str, Any]]:
    """The LSTM, the counted n-grams and both together, from texts to log-odds, as the pipeline trains them."""
    reproducible.set_up(
        params.seed, params.threads
    )  # the tutorial's model has drawn random numbers: begin as the stage does
    begin = _now()
    tokenizer = Tokenizer.learn(data.train, params.vectorize.words, punctuation=params.vectorize.punctuation)
    reviews = [tokenizer.encode(text) for text in data.train]
    lstm, _ = train_sentiment_model(reviews, data.labels, tokenizer, params.imdb, seed=params.seed)
    lstm_cost = _since(begin)
    begin = _now()
    nbsvm = params.nbsvm
    config = NbsvmConfig(nbsvm.longest, nbsvm.skips, nbsvm.tail, nbsvm.bits, params.vectorize.punctuation)
    ngrams = train_nbsvm(
        data.train,
        data.labels,
        config,
        min_reviews=nbsvm.min_reviews,
        strength=nbsvm.strength,
        seed=params.seed,
        most=nbsvm.reviews,
    )
    ngrams_cost = _since(begin)
    log_odds = SentimentClassifier(lstm, ngrams, nbsvm.weight, nbsvm.sentence_weight).log_odds(data.test)
    both = Cost(*(one + other for one, other in zip(lstm_cost, ngrams_cost, strict=True)))
    answers = {
        "textlstm": (both, log_odds.classifier),
        "textlstm, LSTM alone": (lstm_cost, log_odds.lstm),
        "textlstm, n-grams alone": (ngrams_cost, log_odds.nbsvm),
    }
    return {
        name: {
            "version": "this checkout",
            "training": cost._asdict(),
            **common.sentiment_figures(scores, data.truth, params.seed),
        }
        for name, (cost, scores) in answers.items()
    }


Answer = Callable[[Sequence[str]], Scores]
Fit = Callable[[Sequence[str], Labels], Answer]


def _peers(seed: int) -> dict[str, Fit]:
    """Linear models with scikit-learn alone, in their usual settings."""
    return {
        "TF-IDF of words, linear SVM": lambda texts, labels: _tfidf(texts, labels, 1, seed),
        "TF-IDF of words and pairs, linear SVM": lambda texts, labels: _tfidf(texts, labels, 2, seed),
        "NB-SVM, words and pairs": lambda texts, labels: _nbsvm(texts, labels, 2, seed),
        "NB-SVM, up to three words": lambda texts, labels: _nbsvm(texts, labels, 3, seed),
    }


def _tfidf(texts: Sequence[str], labels: Labels, longest: int, seed: int) -> Answer:
    """Joachims (1998)."""
    vectorizer = TfidfVectorizer(analyzer=_grams(longest), min_df=2, sublinear_tf=True, dtype=np.float32)
    model = LinearSVC(C=0.25 if longest == 1 else 1.0, random_state=seed).fit(vectorizer.fit_transform(texts), labels)
    return lambda others: np.asarray(model.decision_function(vectorizer.transform(others)))


def _nbsvm(texts: Sequence[str], labels: Labels, longest: int, seed: int) -> Answer:
    """Wang and Manning (2012), with the logistic loss of Mesnil et al. (2014); every n-gram has a column of its own, nothing is hashed."""
    vectorizer = CountVectorizer(analyzer=_grams(longest), min_df=2, binary=True, dtype=np.float32)
    presence = vectorizer.fit_transform(texts)
    ratio = sp.diags(log_count_ratio(presence, labels, min_reviews=1))
    model = LogisticRegression(C=1.0, solver="liblinear", dual=True, random_state=seed, max_iter=1000)
    model.fit((presence @ ratio).tocsr(), labels)
    return lambda others: np.asarray(model.decision_function((vectorizer.transform(others) @ ratio).tocsr()))


def _grams(longest: int) -> Callable[[str], list[str]]:
    def grams(text: str) -> list[str]:
        words = words_of(text)
        return [
            " ".join(words[begin : begin + length])
            for length in range(1, longest + 1)
            for begin in range(len(words) - length + 1)
        ]

    return grams


def _tutorial_step(data: Data, tutorial: Params) -> Callable[[], None]:
    """One training step of the tutorial's model, in plain Keras: full batches, padded to its length, as it was written."""
    settings = tutorial.imdb
    layers = keras.layers
    tokenizer = Tokenizer.learn(data.train[:2000], tutorial.vectorize.words, punctuation=tutorial.vectorize.punctuation)
    network = keras.Sequential(
        [
            layers.Embedding(tutorial.vectorize.words, settings.embedding),
            layers.LSTM(settings.units),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(settings.optimizer, "binary_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(tutorial.seed)

    def step() -> None:
        rows = random.choice(len(data.train), settings.batch, replace=False)
        words = pad_left([tokenizer.encode(data.train[row]) for row in rows], settings.length)
        network.train_on_batch(words, data.labels[rows].astype(np.float32)[:, None])

    step()  # builds the graph
    return step


def _seconds_per_step(step: Callable[[], None], count: int) -> Cost:
    begin = _now()
    for _ in range(count):
        step()
    return Cost(*(spent / count for spent in _since(begin)))


def _now() -> Cost:
    return Cost(time.perf_counter(), time.process_time())


def _since(begin: Cost) -> Cost:
    return Cost(*(now - then for now, then in zip(_now(), begin, strict=True)))


def _report(results: dict[str, Any]) -> list[str]:
    tutorial, reviews, machine = results["tutorial"], results["reviews"], results["machine"]
    rows = []
    for name, system in results["systems"].items():
        spent = system["training"]
        shares = [spent[key] / tutorial[key] for key in ("seconds", "processor_seconds")]
        rows.append(
            [name, _WHAT[name], system["version"], common.interval(system, "accuracy"), common.interval(system, "auc"),
             f"{spent['seconds']:.0f}", f"{spent['processor_seconds']:.0f}", f"{shares[0]:.2f}", f"{shares[1]:.2f}",
             f"{spent['seconds']:.0f}" if system["accuracy"] >= tutorial["published"] else "not reached"]
        )  # fmt: skip
    tutorial_name = f"the tutorial's {tutorial['epochs']} epochs ({tutorial['steps']:,} steps, {tutorial['steps_timed']} of them timed)"
    rows.append(
        [
            tutorial_name,
            "its network, not trained to the end",
            "this checkout",
            "",
            "",
            f"{tutorial['seconds']:.0f}",
            f"{tutorial['processor_seconds']:.0f}",
            "1.00",
            "1.00",
            f"{tutorial['seconds']:.0f}",
        ]
    )
    about = (
        f"{reviews['train']:,} reviews to learn from, {reviews['test']:,} to test on (protocol: {results['protocol']}); 95 % bootstrap "
        f"intervals. Training from texts to a model, in one run on {machine['processor']} ({machine['cores']} cores, load "
        f"{machine['load']} at the end, which the seconds feel and the processor seconds hardly do). The tutorial's seconds are "
        f"extrapolated from {tutorial['steps_timed']} steps; it published an accuracy of {tutorial['published']:.2%} after them, on the "
        "official test half. A system that is as accurate on these reviews took at most the seconds of its training to reach that."
    )
    return [
        "<!-- Written by python -m benchmarks.sentiment. -->",
        about,
        "",
        *common.table(
            [
                "system",
                "what it is",
                "version",
                "accuracy",
                "AUC",
                "training, s",
                "processor s",
                "share of the tutorial's s",
                "of its processor s",
                f"s to {tutorial['published']:.2%}",
            ],
            rows,
        ),
    ]


if __name__ == "__main__":
    common.run(main)
