"""What moves the models, and text that they make up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

from tests.unit.language.test_lstm import TEXT, VOCABULARY, tiny, train, untrained
from tests.unit.language.test_scoring import LEFT, RIGHT, Uniform
from textlstm.evaluation.explain import character_log_odds, outermost_words
from textlstm.evaluation.plots import draw_pictures
from textlstm.evaluation.sampling import sample
from textlstm.language.scoring import text_log_likelihood
from textlstm.language.vocabulary import Vocabulary

MODELS = {"left": LEFT, "right": RIGHT}


def test_log_odds_of_characters_are_those_done_by_hand() -> None:
    rows = character_log_odds(MODELS, ["abc"])
    assert [row[:4] for row in rows] == [
        ("abc", "<start>", "a", "left"),  # 1/2 against 1/4
        ("abc", "<start>a", "b", "left"),  # 1/2 against 1/8
        ("abc", "<start>ab", "c", "right"),  # 1/4 against 1/2
    ]
    np.testing.assert_allclose([row[4] for row in rows], np.log([2, 4, 1 / 2]))


@pytest.mark.parametrize("string", ["a", "abca", "bcabcaac"])
def test_log_odds_of_characters_sum_to_those_of_the_string_against_the_best_other(string: str) -> None:
    models = {**MODELS, "even": Uniform(LEFT.vocabulary, 3)}
    first, *others = (text_log_likelihood(model.log_probabilities(model.vocabulary.encode(string))) for model in models.values())
    assert sum(row[4] for row in character_log_odds(models, [string])) == pytest.approx(first - max(others))


def test_an_unknown_character_speaks_for_nobody() -> None:
    vocabulary = Vocabulary(("a", "b", "c"))
    rows = character_log_odds({"few": Uniform(vocabulary, 2), "same": Uniform(vocabulary, 3)}, ["a?"])
    assert rows[1][4] == 0.0


def test_the_outermost_words_are_ranked_by_the_first_log_odds() -> None:
    log_odds = {"both": np.array([0.5, -2.0, 3.0, 0.0, -0.1]), "LSTM": np.array([9.0, 8.0, 7.0, 6.0, 5.0])}
    rows = outermost_words(["fine", "bad", "great", "the", "of"], log_odds, most=1)
    assert rows == [("great", "both", 3.0), ("great", "LSTM", 7.0), ("bad", "both", -2.0), ("bad", "LSTM", 8.0)]


def test_few_words_are_each_shown_once() -> None:
    rows = outermost_words(["fine", "bad", "the"], {"both": np.array([0.5, -2.0, 0.0])}, most=20)
    assert [word for word, *_ in rows] == ["fine", "the", "bad"]


CASES: list[dict[str, Any]] = [
    {},
    {"output": "sigmoid"},
    {"target": "after_window"},
    {"embedding": 4, "window": 20},  # longer than what is sampled
]


@pytest.mark.parametrize("changes", CASES)
def test_samples_have_their_length_and_repeat_with_their_seed(settings: Callable[..., Any], changes: dict[str, Any]) -> None:
    model = untrained(tiny(settings, **changes))
    texts = sample(model, (0.5, 1.0), length=12, seed=7)
    assert [len(text) for text in texts] == [12, 12]
    assert set("".join(texts)) <= set(TEXT)  # neither <start> nor <unknown>
    assert texts == sample(model, (0.5, 1.0), length=12, seed=7)
    assert texts != sample(model, (0.5, 1.0), length=12, seed=8)


@pytest.mark.parametrize("target", ["every_position", "after_window"])
def test_a_cold_sample_ends_up_in_the_text_that_was_learnt(settings: Callable[..., Any], target: str) -> None:
    model, _ = train(tiny(settings, target=target, units=12, epochs=8))
    (text,) = sample(model, (0.05,), length=30, seed=7)
    assert text[-12:] in TEXT  # a, b, c, d in turn, once a window like those learnt from has come up


def test_hot_samples_follow_the_model(settings: Callable[..., Any]) -> None:
    """The share of each first character among many samples is its probability."""
    model = untrained(tiny(settings))
    firsts = sample(model, [1.0] * 20_000, length=1, seed=7)
    logs = np.array([model.log_probabilities(VOCABULARY.encode(character))[0, 0] for character in VOCABULARY.characters])
    wanted = np.exp(logs) / np.exp(logs).sum()
    shares = [firsts.count(character) / len(firsts) for character in VOCABULARY.characters]
    np.testing.assert_allclose(shares, wanted, atol=0.015)


def test_what_was_learnt_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "characters_language.csv").write_text(
        "string,given,character,series,log_odds\nab,<start>,a,left,0.5\nab,<start>a,b,right,-2\n"
    )
    (plots / "samples_language.csv").write_text("series,temperature,text\nleft,0.5,abc abc\n")
    (plots / "words_imdb.csv").write_text("word,series,log_odds\nnull,both,1\nnull,LSTM,2\nbad,both,-1\nbad,LSTM,-2\n")
    first, second = (draw_pictures(tmp_path / "curves", plots, tmp_path / name) for name in ("one", "two"))
    assert [path.name for path in first] == ["characters_language.png", "samples_language.png", "words_imdb.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def plots_of(languages: int, folder: Path) -> Path:
    """Small files of the plots that have more in them, the more languages there are."""
    folder.mkdir()
    names = [f"language{number}" for number in range(languages)]
    points = [f"{x},{y},{name}" for name in names for x, y in ((0, 0), (0.1, 0.8), (1, 1))]
    counts = [f"{one},{other},{9 if one == other else 1}" for one in names for other in names]
    samples = [f"{name},{temperature},{'abcd ' * 20}" for name in names for temperature in (0.5, 0.8, 1.0)]
    for name, header, rows in (
        ("roc", "false_positive_rate,true_positive_rate,series", points),
        ("confusion", "actual,predicted,count", counts),
        ("samples", "series,temperature,text", samples),
    ):
        (folder / f"{name}_language.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_pictures_grow_with_the_number_of_languages(tmp_path: Path) -> None:
    """100 cells and 30 samples of ten languages; what has no room makes a warning, which fails here."""

    def sizes(languages: int) -> dict[str, tuple[int, int]]:
        drawn = draw_pictures(tmp_path / "curves", plots_of(languages, tmp_path / f"{languages}"), tmp_path / f"of_{languages}")
        return {path.stem.split("_")[0]: plt.imread(path).shape[1::-1] for path in drawn}

    assert sizes(2) == dict.fromkeys(("confusion", "roc", "samples"), (600, 450))
    ten = sizes(10)
    assert min(ten["confusion"]) >= 10 * 70  # room for a count and a share in each cell
    assert ten["samples"] == (600, 30 * 75)
