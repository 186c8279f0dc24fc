"""YAML is read as DVC reads it, and whatever a file holds ends as a value or as one line."""

import os
import resource
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from dvc.exceptions import DvcException
from dvc.utils.serialize import load_yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.yaml12 import dumped
from textlstm.core.config import checked
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_text
from textlstm.core.params import check_params
from textlstm.core.yaml_files import DEEPEST, LARGEST, MOST, parse_yaml, read_yaml
from textlstm.experiments.named import Experiment
from textlstm.experiments.study import load_study

SCALARS = (
    "010 -010 09 0o10 0o9 0b11 0x1F 0xZZ +7 1_000 0_ 1__0 _1 1:30 190:20:30 1:2.5 "
    "1e-3 5e-05 1.5E+3 1e3 1. .5 -.5 1_0.5 1e400 .inf -.INF .nan .NaN nan inf "
    "yes no on off y n Yes NO true True TRUE tRUE false null Null ~ nil None "
    "2001-01-01 2001-1-1 2001-12-14t21:59:43.10-05:00 12:30 = << - + . .. ... 'yes' \"010\" 'it''s' \"\\x41\\u00e9\" "
    "!!str,010 !!int,'010' !!float,1 !!bool,yes !!null,x !!binary,QUI= !!set,{b} &a,1 @ ` %"
)


@pytest.mark.filterwarnings("ignore::Warning")  # of DVC's reader, about 1e3 in YAML 1.1
@pytest.mark.parametrize("scalar", [scalar.replace(",", " ") for scalar in SCALARS.split(" ")])
def test_a_value_is_the_one_that_dvc_reads(scalar: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    for text in (f"a: {scalar}\n", f"- {scalar}\r\n- x\r\n", f"{scalar}: a\n", f"%YAML 1.1\n---\na: {scalar}\n"):
        path.write_bytes(text.encode())
        try:
            expected = load_yaml(path)
        except (DvcException, ArithmeticError, LookupError, TypeError, ValueError):  # the latter escape from DVC
            with pytest.raises(TextLSTMError):
                read_yaml(path)
        else:
            assert repr(read_yaml(path) or {}) == repr(expected)


@pytest.mark.parametrize(
    "text",
    ["a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", "\ufeffa: é\n", "a: |\n  b\r\n  c\r\n", "", "# nothing\n", "a: &x [1]\nb: *x\n"],
)  # fmt: skip
def test_a_file_is_read_as_dvc_reads_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode())
    assert (read_yaml(path) or {}) == load_yaml(path)


def aliases(first: str, rest: str, levels: int, times: int) -> str:
    """Each line repeats the one before it."""
    lines = (f"a{level}: &a{level} " + rest % ",".join([f"*a{level - 1}"] * times) for level in range(1, levels))
    return "\n".join([f"a0: &a0 {first}", *lines])


REFUSED = [
    ("a: 1\nb: {c: 1, c: 2}", "'c' stands twice in one mapping: name it once, line 2, column 11"),
    ("<<: {a: 1}\nb: 1\nb: 2", "'b' stands twice in one mapping: name it once, line 3, column 1"),
    (aliases("[1]", "[%s]", 12, 10), f"more than {MOST:,} keys and values, those that aliases repeat counted again, line"),
    (aliases("{x: 1}", "{<<: [%s]}", 12, 10), f"more than {MOST:,} keys and values, .* line"),
    (aliases("[1]", "[%s]", 60, 1), f"more than {DEEPEST} levels in one another, line"),
    ("a: &a [1, *a]", "the alias 'a' stands in what it names, line 1, column 11"),
    ("a: *b", "found undefined alias 'b', line 1, column 4"),
    ("b:\n " + "[" * 1000 + "]" * 1000, f"more than {DEEPEST} levels in one another, line 2"),
    ("{" * 100_000, f"more than {DEEPEST} levels in one another, line 1"),
    ("\n".join(" " * level + "a:" for level in range(1000)), f"more than {DEEPEST} levels in one another, line 32"),
    ("- " * 1000 + "a", f"more than {DEEPEST} levels in one another, line 1"),
    ("a:\n  b: " + "1" * 5000, "a number of more than 300 digits, line 2, column 6"),
    ("a: 0x" + "f" * 5000, "a number of more than 300 digits, line 1, column 4"),
    ("a: 1\nb: 2001-99-99", r"a value that cannot be read \(month must be in 1..12\), line 2, column 4"),
    ("a: 1\nb: \x00", r"a character that may not stand in it \(0x0000\), line 2"),
    ("a:\n\tb: 1", "found character .* that cannot start any token, line 2, column 1"),
    ("a: 1\nb: !!python/object/apply:os.system [ls]", "could not determine a constructor .* line 2, column 4"),
    ("a: !own 1", "could not determine a constructor for the tag '!own', line 1, column 4"),
    ("a: !!bool maybe", r"a value that cannot be read \('maybe'\), line 1, column 4"),
    ("a: !!int ''", r"a value that cannot be read .* line 1, column 4"),
    ("a: !!binary abc", "failed to decode base64 data: .* line 1, column 4"),
    ("? {a: 1}\n: 2", "a value that cannot be read .*unhashable.* line 1"),
    ("? [[1]]\n: 2", "a value that cannot be read .*unhashable.* line 1"),
    ("<<: 1", "expected a mapping or list of mappings for merging, but found scalar, line 1"),
    ("a: 1\n---\nb: 2", "expected a single document in the stream but found another document, line 2"),
    ("%YAML 9.9\n---\na: 1", "found incompatible YAML document .* line 1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[f"{text[:20]!r}" for text, _ in REFUSED])
def test_what_is_no_plain_yaml_is_one_line_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode())
    began = time.process_time()
    with pytest.raises(TextLSTMError, match=rf"^\S+params\.yaml: expected YAML: .*{message}") as caught:
        read_yaml(path)
    assert time.process_time() - began < 10
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_file_of_100_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TextLSTMError, match=rf"expected at most {LARGEST:,} bytes of YAML, got 100,000,000"):
        read_yaml(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # kB


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "params.yaml")
    with pytest.raises(TextLSTMError, match="expected a file, got a device or a pipe"):
        read_yaml(tmp_path / "params.yaml")


def test_as_much_as_the_limits_allow_is_read_in_bounded_time() -> None:
    began = time.process_time()
    assert len(parse_yaml("\n".join(f"k{n}: {n}" for n in range(MOST // 2 - 1)), "a.yaml")) == MOST // 2 - 1
    assert len(parse_yaml("a: '" + "x\n" * (LARGEST // 2 - 4) + "'", "a.yaml")["a"]) > LARGEST // 2
    assert time.process_time() - began < 60


WORDS = [
    "seed", "imdb", "languages", "a", "é", "010", "1e-3", "yes", "2001-99-99", "0x1f", "~", "<<", "=", "\ud7ff",
    ": ", ": ", ":", ", ", "- ", "? ", "[", "]", "{", "}", "\n", "\n ", "\n  ", "\n\t", "&a ", "*a", "&b ", "*b", "!!int ", "!!set ",
    "!!omap ", "!!binary ", "!!timestamp ", "!!python/name:os ", "!x ", "'", '"', "\\", "\\x", "|", ">-", "# ", "%YAML 1.1", "---\n",
    "...", "\x00", "\x85", "\u2028", "\ufeff", "\r", "@", "`", "1" * 400, "-", ".", "inf", "1_0", "0o7", "1:2", " ", "%TAG ! !",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=30).map("".join)
NAMES = ["seed", "threads", "imdb", "units", "languages", "english", "text", "score", "lengths", "split", "learn"]
KEYS = st.sampled_from(NAMES)
SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates() | st.binary(max_size=3)
)
VALUES = st.dictionaries(
    KEYS | st.text(max_size=3),
    st.recursive(
        SCALAR,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3) | st.integers(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)  # fmt: skip


def is_a_value_or_one_message(make: Callable[[], Any], where: str = "params.yaml") -> None:
    """Whatever is made is in order, or is refused by lines that name the file."""
    try:
        check_params(make(), where)
    except TextLSTMError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(line.startswith(f"{where}: ") for line in lines), lines


@given(TEXTS, VALUES)
def test_any_text_and_any_values_are_in_order_or_refused(text: str, values: dict[str, Any]) -> None:
    is_a_value_or_one_message(lambda: parse_yaml(text, "params.yaml"))
    is_a_value_or_one_message(lambda: values)


def drawn_value(random: Random, depth: int) -> Any:
    """A nested value; drawn by hand, since hypothesis takes ten times as long for so many."""
    kind = random.randrange(4 if depth else 2)
    if kind == 2:
        return [drawn_value(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 3:
        keys = [random.choice([*NAMES, random.choice(WORDS), 7, None, True, 0.5]) for _ in range(random.randrange(4))]
        return {key: drawn_value(random, depth - 1) for key in keys}
    return random.choice(
        [None, True, 0, -1, 2**31, 10**299, 1.5, float("nan"), float("inf"), date(2001, 1, 1), b"a", *WORDS]
    )


@pytest.mark.slow
def test_50_000_texts_and_values_are_in_order_or_refused(tmp_path: Path) -> None:
    random, began, path = Random(7), time.monotonic(), tmp_path / "params.yaml"
    for _ in range(25_000):
        text = "".join(random.choices(WORDS, k=random.randrange(13)))
        path.write_bytes(text.encode())
        is_a_value_or_one_message(lambda: read_yaml(path), str(path))
    for _ in range(25_000):
        value = {key: drawn_value(random, 3) for key in random.choices(NAMES, k=4)}
        is_a_value_or_one_message(lambda value=value: value, "params.yaml")
    print(f"25,000 texts and 25,000 nested values, {time.monotonic() - began:.0f} s")


@given(TEXTS, VALUES)
def test_an_experiment_of_any_text_and_any_values_is_refused(text: str, values: dict[str, Any]) -> None:
    for make in (lambda: parse_yaml(text, "one.yaml"), lambda: values):
        with pytest.raises(TextLSTMError, match=r"^one\.yaml: "):
            checked(Experiment, make(), "one.yaml", meanings="its source")


def test_a_study_whose_range_has_billions_of_steps_takes_no_memory(tmp_path: Path) -> None:
    study = {
        "name": "a",
        "metric": "metrics/language.json:auc",
        "direction": "maximize",
        "trials": 3,
        "sampler": "grid",
    }
    path, params = tmp_path / "study.yaml", read_yaml(Path(__file__).parents[3] / "params.yaml")
    path.write_text(dumped(study | {"space": {"seed": {"low": 0, "high": 2_000_000_000, "step": 1}}}))
    loaded = load_study(path, params)
    assert (loaded.points, loaded.point(1_999_999_999)) == (2_000_000_001, {"seed": 1_999_999_999})


@pytest.mark.parametrize("text", ["7", "[]", "title: a\n", "title: a\npublished: 1\nmetrics: x\nparams: 3\nmore: 1\n"])
def test_an_experiment_that_lacks_something_says_what(text: str, tmp_path: Path) -> None:
    with pytest.raises(TextLSTMError, match=r"^a\.yaml: "):
        checked(Experiment, parse_yaml(text, "a.yaml"), "a.yaml", meanings="its source")


def test_the_repositorys_own_files_are_within_the_limits() -> None:
    root = Path(__file__).parents[3]
    for path in [root / "dvc.lock", root / "dvc.yaml", *root.glob("experiments/*.yaml"), *root.glob("studies/*.yaml")]:
        assert read_yaml(path) == load_yaml(path)
        assert len(read_text(path)) < LARGEST / 5
