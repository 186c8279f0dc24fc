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


# Short and clear, or nothing to judge by. The first list was found wanting before sentences were learnt from; the second
# was written down before the model that is tested was asked.
FOUND = {
    "negative": [
        *("i hate it", "this film is terrible", "not good", "the movie was not good", "I did not enjoy this film"),
        *("I really disliked it", "do not watch", "hated every minute", "what a disaster", "a waste of time"),
        *("nobody should see this", "far from perfect", "I wanted to like it but could not", "not worth the ticket"),
        "everything about it is wrong",
    ],
    "positive": [
        *("not bad at all", "couldn't be better", "I can't recommend it enough", "loved it", "brilliant"),
        *("best film of the year", "I would watch it again", "never boring", "surprisingly good"),
        *("well worth the ticket", "it made me cry with joy"),
    ],
    None: ["the movie", "xyzzy", "and", "12345", "👎👎👎", "Le film est nul"],
}
OTHERS = {
    "negative": [
        *("awful", "it is boring", "not funny at all", "the worst movie ever", "avoid this one", "I fell asleep"),
        *("a complete waste of money", "the plot makes no sense", "it was not worth it", "I want my money back"),
        *("it could have been better", "nothing works in it", "poorly written"),
    ],
    "positive": [
        *("I love this film", "this is a masterpiece", "I was not disappointed", "what a wonderful story"),
        *("highly recommended", "great acting", "she was excellent", "never a dull moment", "one of my favorites"),
        *("simply beautiful", "I enjoyed every minute", "a must see", "you will not regret it"),
    ],
    None: ["the", "zzkqw", "2024", "C'est un très bon film", "🙂🙂", "a film"],
}


@pytest.mark.parametrize(("texts", "least"), [(FOUND, 28), (OTHERS, 31)], ids=["found", "others"])
def test_one_sentence_is_decided_or_left_open(texts: dict[str | None, list[str]], least: int) -> None:
    expected = [(text, sentiment) for sentiment, some in texts.items() for text in some]
    assert len(expected) == 32
    answers = ask("--only", "sentiment", *(text for text, _ in expected))
    wrong = [
        text for (text, sentiment), answer in zip(expected, answers, strict=True) if answer["sentiment"] != sentiment
    ]
    assert len(expected) - len(wrong) >= least, wrong


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


# Text as it comes, one line per kind of trouble.
ENGLISH_AS_IT_COMES = [
    "well... okay... maybe?!",  # runs of marks
    "see you tomorrow 🎉🎉🎉",  # emoji
    "my favourite number is 7️⃣",  # key caps, variation selectors
    "happy birthday 👨‍👩‍👦",  # joiners
    "Ｗｅ ａｒｅ ｈｅｒｅ",  # compatibility forms
    "𝐭𝐡𝐞 𝐰𝐞𝐚𝐭𝐡𝐞𝐫 is ﬁne",
    "Read this first: https://example.com/le-petit-guide-de-la-ville",  # addresses
    "write to jean.dupont@exemple.fr for the tickets",
    "<div class='note'>Please close the door</div>",  # tags
    "salt &amp; pepper &ndash; nothing else",  # entities
    "the word \u201cдом\u201d means house",  # a foreign word in a sentence
    "we met in 京都 last summer",
    "thin\u00adgs we forg\u200bot",  # invisible characters
]
FRENCH_AS_IT_COMES = [
    "bon... alors... on y va ?!!",
    "merci beaucoup ❤️❤️❤️",
    "à demain 👩‍👧",
    "Ｎｏｕｓ ｓｏｍｍｅｓ ｌà",
    "la ﬂeur et le ﬁlm",
    "Notre adresse : www.example.com/find-out-where-we-are/today",
    "merci @the_big_apple #holidays pour votre aide",
    "<em>Il fait beau</em><br>aujourd&rsquo;hui",
    "&Ccedil;a va tr&egrave;s bien",
    "le mot (спасибо) veut dire merci",
    "e\u0301te\u0301 comme hiver, nous sommes la\u0300",  # accents of their own
    "l´eau de la rivie\u0300re",  # apostrophes
    "qu'",  # an elided word
]
NO_LANGUAGE = [
    "bvcxq zzpkw tqrgx",
    "qwerqw lkjhlkj mnbvmn",
    "c2VuZCBoZWxwIHNvb24gcGxlYXNlIG5vdw==",
    "e3b0c44298fc1c149afbf4c8996fb924",
    "0d1f3c9e-7b1a-4e0e-9a51-2f6f0c7b8d3e",
    "gur dhvpx oebja sbk whzcf bire",  # a cipher
]


def test_text_as_it_comes_gets_its_language() -> None:
    answers = ask("--only", "language", *ENGLISH_AS_IT_COMES, *FRENCH_AS_IT_COMES)
    expected = ["english"] * len(ENGLISH_AS_IT_COMES) + ["french"] * len(FRENCH_AS_IT_COMES)
    assert [answer["language"] for answer in answers] == expected


def test_what_is_no_language_gets_none() -> None:
    answers = ask("--only", "language", *NO_LANGUAGE)
    assert [answer["language"] for answer in answers] == [None] * len(NO_LANGUAGE)
    assert {answer["reason"] for answer in answers} <= {"no letters", "no language", "out of set"}


def test_words_that_only_look_like_codes_do_not_trouble_a_sentence() -> None:
    answers = ask("--only", "language", "the b2b market for mp3 players", "le 1er mai, de l'h2o en mp3 ou en b2b")
    assert [answer["language"] for answer in answers] == ["english", "french"]


def test_text_in_other_scripts_is_out_of_set_whatever_words_stand_in_it() -> None:
    answers = ask(
        "--only", "language", "привет как дела, my friend", "我今天用 iPhone 看书", "dzień dobry, jak się masz"
    )
    assert [(answer["language"], answer["reason"]) for answer in answers] == [(None, "out of set")] * 3


def test_a_review_with_accents_of_their_own_reads_like_one_with_composed_letters() -> None:
    composed, apart = ask("--only", "sentiment", "a naïve cliché, badly told", "a nai\u0308ve cliche\u0301, badly told")
    assert composed["positive_probability"] == apart["positive_probability"]


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
