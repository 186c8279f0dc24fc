"""Which words are negated, and that a model that counts sees it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm
from textlstm.sentiment.negation import mark_negation
from textlstm.sentiment.tokenizer import words_of


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("not bad at all", ["not", "not bad", "not at", "not all"]),
        ("it was good", ["it", "was", "good"]),
        ("never boring, always good", ["not", "not boring", ",", "always", "good"]),
        ("I can't recommend it enough", ["i", "can", "not", "not recommend", "not it", "not enough"]),
        ("cannot fail", ["can", "not", "not fail"]),
        ("far from perfect, from here", ["far", "not", "not perfect", ",", "from", "here"]),
        ("no plot but good", ["not", "not plot", "but", "good"]),
        ("isn't it hardly good", ["is", "not", "not it", "not", "not good"]),
        ("not a b c d e f", ["not", "not a", "not b", "not c", "not d", "not e", "f"]),
    ],
)
def test_words_after_a_negation_are_marked(text: str, marked: list[str]) -> None:
    assert mark_negation(words_of(text), 5) == marked


@given(st.lists(st.sampled_from(["good", "not", "isn't", "far", "from", ".", "can't"]), max_size=30), st.integers(1, 6))
def test_every_word_is_still_there(words: list[str], reach: int) -> None:
    found = mark_negation(words, reach)
    plain = [word.removeprefix("not ") for word in found]
    assert plain.count("good") == words.count("good")
    assert plain.count(".") == words.count(".")
    assert all(
        not word.startswith("not ") for word in mark_negation([word for word in words if word in ("good", ".")], reach)
    )


def test_a_negated_word_weighs_the_other_way_in_sentences_and_reviews_are_as_before() -> None:
    texts = [
        "not bad . fun fun . fine",
        "good . so good . nice",
        "bad . so bad . dull",
        "not good . sad sad . poor",
    ] * 4
    labels = np.array([1, 1, 0, 0] * 4)
    models = [
        train_nbsvm(
            texts, labels, NbsvmConfig(1, 0, 0, 16, True, negation), min_reviews=1, strength=1.0, seed=7, sentences=3
        )
        for negation in (0, 5)
    ]
    plain, marked = (model.log_odds(["it was never bad", "it was never good"]) for model in models)
    assert marked[0] > 0 > marked[1]
    assert not plain[0] > 0 > plain[1]
    long = "good " * 128
    assert models[0].log_odds([long]) == models[1].log_odds([long])
