"""`textlstm ask`: what it prints of which input, and how it ends, with models that only look at the text's first letter."""

import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm import __main__ as command
from textlstm.ask import batches_of_lines
from textlstm.detection.spans import Span

ROOT = Path(__file__).parents[2]
LANGUAGES = {"a": "english", "é": "french"}


class Detector:
    """Knows two languages by their first letters."""

    languages = ("english", "french")

    def __init__(self, models: Path | None, exact: bool) -> None:
        self.asked: list[Any] = [models, exact]

    def predict(
        self, texts: list[str], *, languages: list[str] | None = None, threshold: float | None = None
    ) -> list[Any]:
        self.asked += [languages, threshold, len(texts)]
        found = [LANGUAGES.get(text[:1]) for text in texts]
        return [
            SimpleNamespace(language=name, reason=None if name else "no letters", margin=2.5, probability=0.75)
            for name in found
        ]

    def spans(self, texts: list[str], *, languages: list[str] | None = None) -> list[list[Span]]:
        return [
            [Span(0, 2, "english", 0.995), Span(2, len(text), None, None)] if len(text) > 2 else [] for text in texts
        ]


class Classifier:
    """Likes every text."""

    def predict(self, texts: list[str], *, threshold: float | None = None) -> list[Any]:
        assert threshold in (None, 0.0)
        return [
            SimpleNamespace(sentiment="positive", probability=0.9, reason=None)
            if text
            else SimpleNamespace(sentiment=None, probability=None, reason="no words")
            for text in texts
        ]


def stand_ins() -> tuple[dict[str, Any], list[Detector]]:
    """Modules in place of those that load models, and the detectors that they will have loaded."""
    detection, sentiment = (
        ModuleType("textlstm.detection.detector"),
        ModuleType("textlstm.loading"),
    )
    loaded: list[Detector] = []

    def load_detector(models: Path | None = None, *, exact: bool = False) -> Detector:
        loaded.append(Detector(models, exact))
        return loaded[-1]

    vars(detection)["load_detector"] = load_detector
    vars(sentiment)["load_classifier"] = lambda _=None: Classifier()
    return {module.__name__: module for module in (detection, sentiment)}, loaded


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Detector]:
    modules, loaded = stand_ins()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return loaded


def give(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


ODD = b"\n \na\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f\rg\r\n\xff\xc3\n\xc3\xa9t\xc3\xa9\n\nlast"
LINES = ["", " ", "a\x0bb\x0cc\x1cd\x85e\u2028f\rg", "\ufffd\ufffd", "été", "", "last"]


def test_every_line_of_standard_input_gets_one_line_in_its_order(
    loaded: list[Detector], monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    give(monkeypatch, ODD)
    assert command.main(["ask", "--json"]) == 1
    printed = capsysbinary.readouterr()
    answers = [json.loads(line) for line in printed.out.removesuffix(b"\n").split(b"\n")]
    assert [answer["text"] for answer in answers] == LINES
    assert [answer["reason"] for answer in answers] == [
        *("no letters", "no letters", None, "not UTF-8", None, "no letters", "no letters")
    ]
    assert set(answers[3].values()) == {"\ufffd\ufffd", "not UTF-8", None}
    told = b"textlstm ask: line 4: not UTF-8: expected UTF-8, got other bytes. Convert it, such as with iconv\n"
    assert printed.err == told
    assert answers[4] == {
        "text": "été",
        "language": "french",
        "reason": None,
        "margin": 2.5,
        "language_probability": 0.75,
        "sentiment": "positive",
        "sentiment_reason": None,
        "positive_probability": 0.9,
    }
    give(monkeypatch, ODD)
    assert command.main(["ask"]) == 1
    rows = capsysbinary.readouterr().out.decode().removesuffix("\n").split("\n")
    assert len(rows) == len(LINES)
    assert rows[0].split() == ["none:", "no", "letters", "2.500", "0.750", "none:", "no", "words", "-"]
    assert rows[2].split() == ["english", "2.500", "0.750", "positive", "0.900", "a", "b", "c", "d", "e", "f", "g"]


def test_a_table_has_its_texts_last_and_columns_of_fixed_widths(
    loaded: list[Detector], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "a\x1b[31m " + "long " * 1000
    assert command.main(["ask", "a\nb", "été", long, ""]) == 0
    rows = capsys.readouterr().out.split("\n")
    assert [row.split() for row in rows[:1]] == [["language", "margin", "probability", "sentiment", "positive", "text"]]
    place = rows[0].index("text")
    assert [row[place:] for row in rows] == ["text", "a b", "été", f"a\\x1b[31m {'long ' * 11}"[:59] + "…", "", ""]
    give(monkeypatch, "a b\nété".encode())
    assert command.main(["ask"]) == 0
    assert capsys.readouterr().out.split("\n") == [*rows[1:3], ""]
    assert command.main(["ask", "--only", "sentiment", "a b"]) == 0
    assert [row.split() for row in capsys.readouterr().out.splitlines()] == [
        ["sentiment", "positive", "text"],
        ["positive", "0.900", "a", "b"],
    ]


def test_spans_are_marked_in_the_whole_text_and_listed_in_json(
    loaded: list[Detector], capsys: pytest.CaptureFixture[str]
) -> None:
    long = "a " + "\x1b é" * 40
    assert command.main(["ask", "--spans", "--only", "language", long, "a"]) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("[english 0.99] a [none] " + " ".join(["\\x1b é"] * 40).replace("é \\x1b", "é\\x1b"))
    assert second.endswith("  a")
    assert command.main(["ask", "--spans", "--json", "--only", "language", "a b"]) == 0
    (answer,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert answer["spans"] == [
        {"begin": 0, "end": 2, "language": "english", "probability": 0.995},
        {"begin": 2, "end": 3, "language": None, "probability": None},
    ]
    assert command.main(["ask", "--json", "--only", "language", "a b"]) == 0
    assert "spans" not in json.loads(capsys.readouterr().out)


def test_options_reach_the_detector(loaded: list[Detector], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["ask", "a", "b"]) == 0
    assert loaded.pop().asked == [None, False, None, None, 2]
    words = [
        "--exact",
        "--threshold",
        "0",
        "--languages",
        "french,english",
        "--languages",
        "english",
        "--models",
        "elsewhere",
    ]
    assert command.main(["ask", *words, "a"]) == 0
    assert loaded.pop().asked == [Path("elsewhere"), True, ["french", "english", "english"], 0.0, 1]


def test_an_unknown_language_is_wrong_usage(loaded: list[Detector], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["ask", "--languages", "french,klingon", "a"])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    expected = "textlstm ask: error: argument --languages: expected some of english, french, got 'klingon'\n"
    assert printed.err.endswith(expected)


def test_a_word_of_the_command_line_that_is_not_utf_8_costs_only_itself(
    loaded: list[Detector], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["ask", "--json", "a", "a\udcff"]) == 1
    printed = capsys.readouterr()
    answers = [json.loads(line) for line in printed.out.splitlines()]
    assert [(answer["text"], answer["language"], answer["reason"]) for answer in answers] == [
        ("a", "english", None),
        ("a\ufffd", None, "not UTF-8"),
    ]
    assert printed.err.startswith("textlstm ask: text 2: not UTF-8: ")
    assert command.main(["ask", "--only", "sentiment", "a\udcff"]) == 1
    assert capsys.readouterr().out.splitlines()[1].split() == ["none:", "not", "UTF-8", "-", "a\ufffd"]


@pytest.mark.parametrize("length", [1_000_001, 5_000_000])
def test_a_line_that_is_too_long_costs_only_itself(
    length: int, loaded: list[Detector], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, b"a\n" + b"x" * length + b"\na" + "é".encode() * 999_999)
    assert command.main(["ask", "--json"]) == 1
    printed = capsys.readouterr()
    answers = [json.loads(line) for line in printed.out.splitlines()]
    assert [answer["language"] for answer in answers] == ["english", None, "english"]
    assert set(answers[1].values()) == {None, "too long"}
    assert len(answers[2]["text"]) == 1_000_000
    told = "textlstm ask: line 2: too long: expected at most 1,000,000 characters, got more. Split it\n"
    assert printed.err == told


def test_many_lines_without_an_answer_are_counted(
    loaded: list[Detector], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, b"\xff\na\n" * 10_000)
    assert command.main(["ask"]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 20_000
    *named, rest = printed.err.splitlines()
    assert [line.split(": ")[1] for line in named] == [f"line {number}" for number in range(1, 21, 2)]
    assert rest == "textlstm ask: and 9,990 more without an answer"


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\U000e0041", "\ue000"])
def test_what_would_steer_a_terminal_is_shown_as_an_escape_and_stays_in_json(
    character: str, loaded: list[Detector], capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"a{character}[31m"
    assert command.main(["ask", text]) == 0
    assert capsys.readouterr().out.endswith(f"  a{repr(character)[1:-1]}[31m\n")
    assert command.main(["ask", "--json", text]) == 0
    printed = capsys.readouterr().out
    assert character in json.loads(printed)["text"]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", printed)


class Blocks(io.BytesIO):
    """A stream of which so many bytes are there at a time."""

    def __init__(self, *blocks: bytes) -> None:
        super().__init__()
        self.blocks = list(blocks)

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.blocks.pop(0) if self.blocks else b""


@given(st.lists(st.sampled_from([b"\n", b"a", "é".encode(), b"\r", b"\r\n", b"\xff", "\u2028".encode()])), st.data())
def test_lines_do_not_depend_on_the_blocks_that_they_come_in(parts: list[bytes], data: st.DataObject) -> None:
    content = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    places = [0, *cuts, len(content)]
    blocks = [content[begin:end] for begin, end in itertools.pairwise(places) if begin < end]
    *complete, rest = content.split(b"\n")
    expected = [*(line.removesuffix(b"\r") for line in complete), *([rest] if rest else [])]
    batches = list(batches_of_lines(Blocks(*blocks)))
    assert all(batches)
    assert [line for batch in batches for line in batch] == expected


def test_no_more_is_read_than_is_answered() -> None:
    stream = Blocks(b"one\ntw", b"o", b"\n", b"three")
    batches = batches_of_lines(stream)
    assert (next(batches), len(stream.blocks)) == ([b"one"], 3)
    assert (next(batches), len(stream.blocks)) == ([b"two"], 1)
    assert (next(batches), list(batches)) == ([b"three"], [])


class Endless(io.BytesIO):
    """A line of 4 GB, and then a short one."""

    block, left = b"x" * (1 << 18), 1 << 14

    def read1(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        return self.block if self.left >= 0 else b"\na\n" if self.left == -1 else b""


def test_a_line_of_any_length_is_not_held() -> None:
    """By what is kept of it, and by the most memory that was in use."""
    tracemalloc.start()
    try:
        first, *rest = itertools.chain.from_iterable(batches_of_lines(Endless()))
        assert (len(first), rest) == (4_000_001, [b"a"])
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_short_lines_are_answered_a_few_thousand_at_a_time() -> None:
    batches = list(batches_of_lines(Blocks(b"\n" * 100_000)))
    assert sum(map(len, batches)) == 100_000
    assert max(map(len, batches)) < 10_000


RUN = """
import sys
from tests.unit.test_ask import stand_ins
sys.modules.update(stand_ins()[0])
from textlstm.__main__ import main
sys.exit(main(["ask", *sys.argv[1:]]))
"""


@contextmanager
def running(*words: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, which is killed at the end, or after a minute."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        watch = threading.Timer(60, process.kill)
        watch.start()
        try:
            yield process
        finally:
            watch.cancel()
            process.kill()


def send(process: subprocess.Popen[bytes], content: bytes) -> None:
    assert process.stdin
    process.stdin.write(content)
    process.stdin.flush()


def test_who_sends_one_line_and_waits_gets_its_answer() -> None:
    with running("--json") as process:
        assert process.stdin
        assert process.stdout
        for text in ("a", "", "été"):
            send(process, f"{text}\n".encode())
            assert json.loads(process.stdout.readline())["text"] == text
        send(process, b"no end of line")
        process.stdin.close()
        assert json.loads(process.stdout.read())["text"] == "no end of line"
        assert process.wait() == 0


@pytest.mark.parametrize("lines", [1, 100_000], ids=["at its end", "on the way"])
def test_it_is_quiet_when_its_reader_goes_away(lines: int) -> None:
    with running() as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        if lines > 1:
            send(process, b"a\n")
            process.stdout.readline()
        process.stdout.close()
        try:
            send(process, b"a\n" * lines)
            process.stdin.close()
        except BrokenPipeError:  # it has ended already
            process.stdin = None
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_it_can_be_interrupted_while_it_waits() -> None:
    with running() as process:
        assert process.stdout
        assert process.stderr
        send(process, b"a\n")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"textlstm ask: interrupted; what was complete is kept\n"
        assert process.wait() == 130


ASCII = [
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
]


@pytest.mark.parametrize("variables", ASCII)
def test_a_terminal_that_is_not_utf_8_gets_replacement_characters_and_json_stays_exact(
    variables: dict[str, str],
) -> None:
    text = "été 東京 " + "long " * 30
    with running("--only", "language", text, **variables) as process:
        printed, told = process.communicate()
    assert (process.returncode, told) == (0, b"")
    assert f"  {text[:59]}…".encode("ascii", "replace") in printed
    with running("--json", text, **variables) as process:
        printed, told = process.communicate()
    assert (process.returncode, told) == (0, b"")
    assert json.loads(printed)["text"] == text


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_closed_streams_are_named(closed: str) -> None:
    command = ["bash", "-c", f'"$0" -c "$1" {closed}', sys.executable, RUN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, input="a\n", timeout=60)
    assert done.returncode == (2 if "<" in closed else 1)
    assert "got none" in done.stderr if "<" in closed else "standard output" in done.stderr
    assert "Traceback" not in done.stderr
