"""How the benchmarks count: ties, answers that are missing, and every window once."""

import io
import tarfile

import numpy as np
import pytest

from benchmarks.common import Answers, figures, right, sentiment_figures, table, windows_of_texts, with_intervals
from benchmarks.dictionaries import stems
from benchmarks.domains import by_length
from benchmarks.snippets import Rated, read_snippets

LABELS = np.array([0, 0, 1, 1])


def test_a_tie_counts_as_a_toss() -> None:
    assert right(LABELS, np.array([[2.0, 1.0], [0.0, 0.0], [1.0, 1.0], [3.0, 1.0]])).tolist() == [1.0, 0.5, 0.5, 0.0]
    assert right(np.array([2]), np.array([[0.2, 0.4, 0.4]])).tolist() == [0.5]


def test_a_system_that_never_answers_is_chance() -> None:
    silent = Answers(np.zeros((4, 2)), logarithms=False)
    assert figures(LABELS, silent) == {"auc": 0.5, "accuracy": 0.5, "no_answer": 1.0}


def test_two_languages_are_ranked_by_the_difference() -> None:
    answers = Answers(np.array([[0.9, 0.1], [0.5, 0.4], [0.4, 0.1], [0.1, 0.8]]), logarithms=False)
    assert figures(LABELS, answers) == {"auc": 0.75, "accuracy": 0.75, "no_answer": 0.0}


def test_more_languages_are_ranked_each_against_the_rest() -> None:
    chances = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.4, 0.3]])
    labels = np.arange(3)
    expected = np.mean([1.0, 1.0, 1.0])
    assert figures(labels, Answers(chances, logarithms=False))["auc"] == expected
    assert figures(labels, Answers(np.log(chances), logarithms=True))["auc"] == expected


def test_intervals_hold_the_figure() -> None:
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 200)
    scores = random.normal(size=(400, 2)) + np.eye(2)[labels]
    values = with_intervals(labels, Answers(scores, logarithms=True), block=10, seed=1)
    for key in ("auc", "accuracy"):
        assert values[f"{key}_low"] < values[key] < values[f"{key}_high"]


def test_a_dictionary_is_read_in_its_encoding_without_names_and_flags() -> None:
    words = "4\nété/S.\nParis/F\naujourd'hui\nœuvre\tpo:nom\nsage\n"
    expected = {"été", "œuvre", "sage"}
    assert stems(words.encode(), b"# made up\nSET UTF-8\nTRY aeiou\n") == expected
    assert stems(words.encode("iso8859-15"), b"SET ISO8859-15\n") == expected
    assert stems(b"1\n\xe9t\xe9\n", b"TRY aeiou\n") == {"été"}
    assert stems(b"1\n\xbf\xf3\xb3ty\n", b"SET microsoft-cp1250\n") == {"żółty"}


@pytest.mark.parametrize(("header", "rows"), [(["a", "b"], [["1", "2"]])])
def test_a_table_in_markdown(header: list[str], rows: list[list[str]]) -> None:
    assert table(header, rows) == ["| a | b |", "| --- | ---: |", "| 1 | 2 |"]


def test_a_sentiment_score_of_nought_is_a_toss() -> None:
    values = sentiment_figures(np.array([1.0, -2.0, 0.0, 3.0]), np.array([1, 0, 1, 0]), seed=1)
    assert values["accuracy"] == 0.625
    assert values["auc"] == 0.5
    assert values["accuracy_low"] < 0.625 < values["accuracy_high"]


def test_reviews_fall_into_one_class_of_length_each() -> None:
    reviews = [Rated(1.0, " ".join(["word"] * count)) for count in (1, 100, 101, 400, 401, 2000)]
    classes = by_length(reviews)
    assert [len(inside) for inside in classes.values()] == [2, 1, 1, 2]
    assert [name.rpartition("of ")[2] for name in classes] == [
        "at most 100 words",
        "101 to 200",
        "201 to 400",
        "more than 400",
    ]
    assert list(by_length(reviews[2:3])) == ["of 101 to 200"]


def test_rated_snippets_are_read_out_of_the_archive() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("movieReviewSnippets", "amazonReviewSnippets", "tweets", "nytEditorialSnippets"):
            content = f"1_1\t-0.35\tso\tso, says {name}\r\n2\t3.5\tbest caf\u00e9\r\n".encode()
            info = tarfile.TarInfo(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    kinds = read_snippets(packed.getvalue())
    assert kinds["tweets"] == [(-0.35, "so\tso, says tweets"), (3.5, "best caf\u00e9")]
    assert len(kinds) == 4


def test_every_window_once() -> None:
    windows, labels = windows_of_texts(["abcd", "xyz"], 3)
    assert windows == ["abc", "bcd", "xyz"]
    assert labels.tolist() == [0, 0, 1]
