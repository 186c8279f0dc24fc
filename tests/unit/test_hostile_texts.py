"""The text path on generated texts of every kind, with tiny models: an answer for each, finite, in order, and the same alone."""

import math
import random
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.detection.test_table_reader import detector
from tests.unit.sentiment.test_lstm import LABELS, TEXTS, tiny, untrained
from textlstm.core.text import clean
from textlstm.detection.abstention import REASONS
from textlstm.detection.detector import Detector
from textlstm.sentiment.classifier import SentimentClassifier
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm

Models = tuple[Detector, SentimentClassifier]

PLANES = range(0, sys.maxunicode, 0x10000)
PIECES = (
    "the cat ", "l’été ", "bad film", "good", "привет ", "東京", "\u0627\u0644", "한", "\u1112\u1161\u11ab",
    "\x00", "\x1b[31m", "\x07", "\r", "\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\ufeff", "\ufffd",
    "\u200b", "\u200d", "\u202e", "\u2066", "\u2069", "\u061c", "\u00ad", "\ufe0f", "\U000e0041", "\U000e0100",
    "\ud800", "\udc00", "\udcff", "\ud83d", "\u0301", "\u0323", "\u0344", "\u0345", "\u0f73", "\u3099", "\uff9e", "\u034f",
    "İ", "ŉ", "ß", "Σ", "ﬁ", "\ufdfa", "Ａ", "²", "…", "´", "👩\u200d👧", "⭐", "&amp;", "&#0;", "&#x110000;", "&#55296;", "&lt;",
    "<b", "</b>", "<a b=", ">", "<!--", "-->", "http://", "www.", "x@y.org", "@a", "#a", "9f86d081884c", "1a", "--", "!!!", "? .",
    "'", "’’", "_", "+/", "=", " ",
)  # fmt: skip

# What failed once, or took hours, and what is like it.
KEPT = [
    *("", " ", "\x00", "\ud800", "\udc80\udcff", "\ud83d\udc69", "\ufffe\uffff", "\U0010ffff", "\U000e0001"),
    *("\u0301\u0323" * 50_000, "e" + "\u0301\u0323" * 50_000, "\u0344\u0323" * 5_000, "\uff9e\u0301" * 5_000),
    *("\u0f73\u0f74" * 5_000, "\u0301\u200b\u0323\u034f" * 5_000, "İ" + "\u0323" * 30, "ế" + "\u0307" * 40),
    *("\u202ethe cat\u202c", "\x1b[2Jthe cat", "the\x85cat\u2028sat", "\r\n", "<" * 5_000, "<a " * 5_000, "&" * 5_000),
    *("&#" * 5_000 + "38;" * 5_000, "1a" * 5_000, "@a" * 5_000, "! " * 5_000, "\ufdfa" * 500, "www." * 5_000),
]


@pytest.fixture(scope="module")
def models(settings: Callable[..., Any]) -> Models:
    config = NbsvmConfig(3, 2, 5, 10, True)
    nbsvm = train_nbsvm(TEXTS, LABELS, config, min_reviews=1, strength=1.0, seed=7)
    return detector(), SentimentClassifier(untrained(tiny(settings)), nbsvm, 0.5)


def check(models: Models, texts: Sequence[str], alone: Sequence[int]) -> None:
    """What must hold of the answers; those of some texts are compared with the answers that they get alone."""
    detecting, classifying = models
    for text in texts:
        for runs in (False, True):
            cleaned = clean(text, runs=runs)
            assert clean(cleaned, runs=runs) == cleaned, ascii(text[:200])
            cleaned.encode("utf-8")
    languages, sentiments = detecting.predict(texts), classifying.predict(texts)
    assert len(languages) == len(sentiments) == len(texts)
    for text, found, felt in zip(texts, languages, sentiments, strict=True):
        assert (found.language in detecting.languages, found.reason in REASONS) in ((True, False), (False, True))
        for number in (found.margin, found.probability, *found.log_likelihoods.values(), found.out_of_set_score):
            assert number is None or not math.isnan(number), ascii(text[:200])
        assert found.probability is None or 0 <= found.probability <= 1
        assert all(map(math.isfinite, found.log_likelihoods.values())), ascii(text[:200])
        assert (felt.sentiment is None) == (felt.probability is None)
        assert felt.probability is None or 0 <= felt.probability <= 1, ascii(text[:200])
        if not any(unicodedata.category(character)[0] == "L" for character in clean(text)):
            assert found.reason == "no letters", ascii(text[:200])
    backwards = slice(50, None, -1)
    assert detecting.predict(texts[backwards]) == languages[backwards]
    assert classifying.predict(texts[backwards]) == sentiments[backwards]
    for place in alone:
        assert detecting.predict([texts[place]]) == [languages[place]], ascii(texts[place][:200])
        assert classifying.predict([texts[place]]) == [sentiments[place]], ascii(texts[place][:200])


def made_of(pieces: Sequence[str], seed: int, count: int) -> list[str]:
    """So many texts: pieces in any order, some again and again, with characters of any plane between them."""
    chance = random.Random(f"{seed} {pieces!a}")
    texts = []
    for _ in range(count):
        parts = chance.choices(pieces, k=chance.randint(0, 6))
        parts += [chr(chance.choice(PLANES) + chance.randrange(0x10000)) for _ in range(chance.randint(1, 3))]
        chance.shuffle(parts)
        if chance.random() < 0.1:
            parts[0] *= chance.choice([2, 31, 70])
        texts.append("".join(parts))
    return texts


def test_what_failed_once(models: Models) -> None:
    check(models, KEPT, range(len(KEPT)))


@settings(max_examples=300)
@given(
    st.lists(st.one_of(st.text(max_size=20), st.sampled_from(PIECES)), max_size=5).map("".join), st.binary(max_size=30)
)
def test_any_text_is_answered(models: Models, text: str, data: bytes) -> None:
    check(models, [text, data.decode("utf-8", "surrogateescape"), "the cat"], range(3))


@pytest.mark.slow
def test_a_hundred_thousand_texts_are_answered(models: Models, capsys: pytest.CaptureFixture[str]) -> None:
    count, asked = 250, set[str]()
    few = st.lists(st.one_of(st.text(max_size=8), st.sampled_from(PIECES)), min_size=1, max_size=12)

    @settings(max_examples=480, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(few, st.integers(0, 2**32 - 1))
    def ask(pieces: list[str], seed: int) -> None:
        texts = made_of(pieces, seed, count)
        asked.update(texts)
        check(models, texts, range(0, count, 100))

    ask()
    with capsys.disabled():
        print(f"\n{len(asked):,} different texts were asked")
    assert len(asked) >= 100_000
