"""The trained models on plain sentences. They must have been trained: `make repro` comes first."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def ask(*words: str, given: str | None = None) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "textlstm", "ask", "--json", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, input=given)
    return [json.loads(line) for line in done.stdout.splitlines()]


ENGLISH = [
    "the cat sat on the mat",
    "Where is the nearest station?",
    "water",
    "we would like two tickets",
    "thank you",
    "HELLO WORLD",
]
FRENCH = [
    "le chat est sur la table",
    "Où est la gare la plus proche ?",
    "l'eau",
    "nous voudrions deux billets",
    "merci",
    "BONJOUR LE MONDE",
]
GOOD = [
    "i really liked the movie and had fun",
    "a wonderful film, the best of the year",
    "great acting and a moving story",
]
BAD = ["professional disappointment", "a boring, stupid waste of two hours", "the worst film i have ever seen"]


def test_plain_sentences_are_told_apart() -> None:
    answers = ask("--only", "language", *ENGLISH, *FRENCH)
    assert [answer["language"] for answer in answers] == ["english"] * len(ENGLISH) + ["french"] * len(FRENCH)


def test_the_tutorials_reviews_get_the_right_sentiment() -> None:
    answers = ask("--only", "sentiment", *GOOD, *BAD)
    assert [answer["sentiment"] for answer in answers] == ["positive"] * len(GOOD) + ["negative"] * len(BAD)


def test_case_and_white_space_and_apostrophes_do_not_matter_to_the_language() -> None:
    plain, loud, spaced, typographic = ask(
        "--only", "language", "c'est la vie", "C'EST LA VIE", "  c'est   la vie ", "c’est la vie"
    )
    margin = plain["margin"]
    assert loud["margin"] == spaced["margin"] == typographic["margin"] == margin


def test_a_worse_word_lowers_the_probability() -> None:
    better, worse = ask("--only", "sentiment", "the acting was great", "the acting was awful")
    assert worse["positive_probability"] < better["positive_probability"]  # type: ignore[operator]


def test_more_text_makes_the_language_surer() -> None:
    short, long = ask("--only", "language", "the", "the rights of the people of this country")
    assert long["margin"] > short["margin"]  # type: ignore[operator]


@pytest.mark.parametrize("text", ["1 2 3 4 5", "...", "?!", "2024-11-24"])
def test_digits_and_marks_say_nothing(text: str) -> None:
    (answer,) = ask("--only", "language", text)
    assert (answer["language"], answer["reason"], answer["margin"]) == (None, "no letters", 0.0)


OTHERS = [
    "漢字",
    "привет",
    "guten Morgen, wie geht es dir",
    "hola, como estas hoy",
    "hyvää huomenta kaikille",
]


def test_other_languages_are_out_of_set() -> None:
    answers = ask("--only", "language", *OTHERS)
    assert [(answer["language"], answer["reason"]) for answer in answers] == [(None, "out of set")] * len(OTHERS)


def test_text_near_to_one_of_the_languages_gets_no_language_either() -> None:
    (answer,) = ask("--only", "language", "buongiorno a tutti, come state oggi")
    assert (answer["language"], answer["reason"]) == (None, "out of set")


def test_what_is_a_word_of_both_cannot_be_told_apart() -> None:
    answers = ask("--only", "language", "nation", "possible", "simple")
    assert [(answer["language"], answer["reason"]) for answer in answers] == [(None, "low confidence")] * 3


def test_the_table_says_it_in_words() -> None:
    command = [sys.executable, "-m", "textlstm", "ask", "--only", "language", "1 2 3", "привет", "water"]
    table = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [" ".join(line.split()) for line in table[1:3]] == [
        "none: no letters 0.000 0.500 1 2 3",
        "none: out of set - - привет",
    ]
    assert (table[3].split()[0], table[3].split()[-1]) == ("english", "water")


def test_lines_are_read_from_standard_input() -> None:
    answers = ask("--only", "language", given="good morning\nbonne nuit\n\n")
    assert [answer["language"] for answer in answers] == ["english", "french", None]


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "textlstm", "ask", "--models", str(tmp_path), "hello"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make repro" in done.stderr
    assert "Traceback" not in done.stderr
