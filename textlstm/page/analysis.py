"""What the page shows of a text: the answers, and how much each character and each word says for them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textlstm.core.odds import posterior, probability_of
from textlstm.core.text import as_whole, clean
from textlstm.detection.detector import Detector, LanguagePrediction, table_models
from textlstm.detection.table_reader import TableReader
from textlstm.evaluation.explain import word_contributions
from textlstm.language.scoring import reading
from textlstm.sentiment.classifier import SentimentClassifier, SentimentPrediction
from textlstm.sentiment.tokenizer import words_of

CHARACTERS = 1000  # of a text that are coloured, its first ones
WORDS = 120  # of a text that are coloured, its first ones
LEVELS = 4  # of a colour's strength
_STRONG = 3.0  # nats of the strongest


class Character(NamedTuple):
    """A character as the models read it."""

    text: str
    side: str  # the language that it speaks for: the likeliest or the runner-up; "" for neither
    level: int  # how much, 0 to `LEVELS`
    log_odds: float  # of the likeliest language against the runner-up, nats
    given: str  # what the models know of what came before
    chances: dict[str, float]  # P(character | what came before) in each language


class LanguageView(NamedTuple):
    """What the page shows of a text's language."""

    prediction: LanguagePrediction
    bars: list[tuple[str, float]]  # probability of each candidate, the highest first; none where the odds mean nothing
    pair: tuple[str, str]  # the likeliest language and the runner-up
    characters: list[Character]
    spans: list[tuple[str, str | None, float | None]]  # the text in parts: what it says, its language, the probability
    cut: bool  # whether only the beginning is coloured


class Word(NamedTuple):
    """A word of a text, and what it adds to the log-odds that the text is positive: without it they would be less by so much."""

    text: str
    lstm: float
    ngrams: float


class SentimentView(NamedTuple):
    """What the page shows of a text's sentiment."""

    prediction: SentimentPrediction
    lstm: float | None  # probability of a positive text as each part sees it; None without an answer
    ngrams: float | None
    words: list[Word]
    unknown: list[str]  # words that stand in too few film reviews to have been learnt
    cut: bool


def language_view(
    detector: Detector, text: str, languages: Sequence[str] | None, threshold: float | None
) -> LanguageView:
    """The language of a text, which of its parts are in which, and what each character says for the two likeliest ones."""
    (prediction,) = detector.predict([text], languages=languages, threshold=threshold)
    ranked = sorted(prediction.log_likelihoods, key=lambda name: -prediction.log_likelihoods[name])
    (chances,) = posterior(np.array([[prediction.log_likelihoods[name] for name in ranked]]))
    bars = [] if prediction.probability is None else list(zip(ranked, chances.tolist(), strict=True))
    pair = (ranked[0], ranked[1])
    (spans,) = detector.spans([text], languages=languages)
    cleaned = as_whole(clean(text))
    return LanguageView(
        prediction,
        bars,
        pair,
        _characters(detector, cleaned[:CHARACTERS], ranked, pair),
        [(text[one.begin : one.end], one.language, one.probability) for one in spans],
        len(cleaned) > CHARACTERS,
    )


def _characters(detector: Detector, text: str, names: Sequence[str], pair: tuple[str, str]) -> list[Character]:
    if not text or not isinstance(detector.reader, TableReader):
        return []
    table = detector.reader.table
    models = dict(zip(detector.languages, table_models(table)[0], strict=True))
    readings = {name: reading(models[name].log_probabilities(models[name].vocabulary.encode(text))) for name in names}
    found = []
    for place, character in enumerate(text):
        odds = float(readings[pair[0]][place] - readings[pair[1]][place])
        level = level_of(odds)
        side = pair[0 if odds > 0 else 1] if level else ""
        chances = {name: float(np.exp(readings[name][place])) for name in names}
        begin = max(place - table.order + 1, 0)
        given = ("<start>" if not begin else "…") + text[begin:place]
        found.append(Character(character, side, level, odds, given, chances))
    return found


def sentiment_view(classifier: SentimentClassifier, text: str) -> SentimentView:
    """The sentiment of a text, what its two parts say of it, and what each word adds for either."""
    (prediction,) = classifier.predict([text])
    tokenizer = classifier.lstm.tokenizer
    words = words_of(text, punctuation=tokenizer.punctuation)
    if not words:
        return SentimentView(prediction, None, None, [], [], False)
    odds, added = word_contributions(classifier.log_odds_of_words, words, most=WORDS)
    lstm, ngrams = (probability_of(np.asarray(one)).item() for one in (odds.lstm[0], odds.nbsvm[0]))
    shown = [
        Word(word, float(of_lstm), float(of_ngrams))
        for word, of_lstm, of_ngrams in zip(words, added.lstm, added.nbsvm, strict=False)
    ]
    unknown = [word for word in dict.fromkeys(words[:WORDS]) if word[0].isalnum() and not tokenizer.knows_any([word])]
    return SentimentView(prediction, lstm, ngrams, shown, unknown, len(words) > WORDS)


def level_of(value: float) -> int:
    """The strength of the colour of so many nats, 0 to `LEVELS`."""
    return min(round(abs(value) / _STRONG * LEVELS + 0.2), LEVELS)
