"""How the benchmarks count: ties, answers that are missing, and every window once."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.common import (
    Answers,
    answers_of,
    figures,
    right,
    sentiment_figures,
    table,
    windows_of_texts,
    with_intervals,
)
from benchmarks.dictionaries import stems
from benchmarks.domains import by_length
from benchmarks.peers import Peer, installable
from benchmarks.report import side_by_side
from benchmarks.snippets import Rated, read_snippets
from benchmarks.speed import Task, cut, enough, ratios
from benchmarks.training import flops
from textlstm.core.params import load_params

ROOT = Path(__file__).parents[2]
PEAK = "large = bytearray(30_000_000); from benchmarks.peers import peak_memory; print(peak_memory())"
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
    classes = by_length(reviews, (100, 200, 400), "reviews")
    assert [len(inside) for inside in classes.values()] == [2, 1, 1, 2]
    assert [name.rpartition("of ")[2] for name in classes] == [
        "at most 100 words",
        "101 to 200",
        "201 to 400",
        "more than 400",
    ]
    assert list(by_length(reviews[2:3], (100, 200, 400), "reviews")) == ["of 101 to 200"]


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


def test_a_peer_without_an_answer_is_a_toss() -> None:
    known = {"bonjour": {"fr": 0.9, "de": 0.1}, "hello": {"en": 0.8, "fr": 0.2}}
    peer = Peer("made up", "", "", "", {"en": "eng", "fr": "fra"}, label=str, ask=lambda text: known.get(text, {}))
    answers = answers_of(peer, ["bonjour", "hello", "12"])
    assert answers.scores.tolist() == [[0.0, 0.9], [0.8, 0.2], [0.0, 0.0]]
    assert list(peer.labels(["a", "b"])) == ["a", "b"]


def test_a_peer_that_this_python_cannot_have_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(sys, "version", "3.11.7 (made up)")
    names, missing = installable(["lingua", "whichlang"])
    assert names == ["lingua"]
    assert missing == {"whichlang": "not installable here: needs Python 3.12, this is 3.11.7"}
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    assert installable(["lingua", "whichlang"]) == (["lingua", "whichlang"], {})


def test_the_adapters_load_nothing_that_a_cold_process_would_pay_for() -> None:
    code = "import sys; before = set(sys.modules); import benchmarks.peers; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"benchmarks.peers"} <= set(done.stdout.split()) <= {"__future__", "benchmarks", "benchmarks.peers"}


def test_memory_is_that_of_this_process_alone() -> None:
    held = bytearray(200_000_000)  # by the parent, while the child starts
    megabytes = float(subprocess.check_output([sys.executable, "-c", PEAK], cwd=ROOT, text=True))
    assert 30 < megabytes < len(held) / 1e6


def test_strings_are_cut_from_each_text_in_turn() -> None:
    strings = cut(["a" * 100, "b" * 50], 5, 7, np.random.default_rng(0))
    assert strings == ["aaaaa", "bbbbb", "aaaaa", "bbbbb", "aaaaa", "bbbbb", "aaaaa"]


@pytest.mark.parametrize(("each", "count"), [(0.0, 1000), (0.001, 640), (0.1, 10), (9.0, 10)])
def test_a_slow_system_is_given_fewer_texts(each: float, count: int) -> None:
    task = Task("made up", ["text"] * 1000, singly=False)
    assert len(enough(lambda part: each * len(part.texts), task, seconds=1.0).texts) == count
    assert len(enough(lambda part: each * len(part.texts), task._replace(texts=["text"]), seconds=1.0).texts) == 1


def timed(microseconds: float) -> dict[str, Any]:
    """What is measured of a system, all of one size."""
    values = {"best": microseconds / 2, "median": microseconds}
    return {"microseconds": {"5 characters": values}, "cold": values, "megabytes": values}


def test_ratios_are_of_medians_and_in_brackets_of_the_best() -> None:
    header, rows = ratios({"ours": timed(1.0), "fast": timed(0.25)}, "ours", ["fast", "not measured"])
    assert header == ["", "ours", "fast", "fast / ours", "ours / fast"]
    assert rows[0] == ["5 characters, µs per text", "1.00", "0.250", "0.250 (0.250)", "4.00 (4.00)"]
    assert len(rows) == 3


def test_quality_and_speed_stand_in_one_table() -> None:
    about = {"version": "1", "held": "", "learnt": "news"}
    quality = {"auc": 0.75, "accuracy": 0.5}
    by_length = {"by_length": {"5": quality}, "words": {"words": quality}}
    lines = side_by_side(
        {"languages": ["english", "french"], "systems": {"textlstm": by_length}},
        {
            "machine": {"processor": "made up", "load": [0.0, 1.0]},
            "missing": {"whichlang": "not installable here"},
            "detectors": {"textlstm": about | timed(1.0), "not asked": about | timed(300.0)},
        },
    )
    assert "|  | textlstm | not asked |" in lines
    assert "| AUC, windows of 5 | 0.750 |  |" in lines
    assert "| accuracy, words | 0.500 |  |" in lines
    assert "| 5 characters, µs per text | 1.00 | 300 |" in lines
    assert "| whichlang | not installable here |  |  |" in lines


def test_operations_of_a_training_step_are_counted_by_hand() -> None:
    settings = load_params().language_model.model_copy(
        update={"ensemble_size": 1, "batch": 1, "window": 1, "layers": 2, "embedding": 2, "units": 3}
    )
    assert flops(settings, 5) == 6 * (12 * (2 + 3) + 12 * (3 + 3) + 3 * 5)
    assert flops(settings.model_copy(update={"batch": 4, "window": 8, "ensemble_size": 2}), 5) == 64 * flops(
        settings, 5
    )
