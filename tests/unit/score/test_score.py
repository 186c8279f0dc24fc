"""`textlstm score` with models that only look at the first letter: what is read and written, in parts, and again."""

import bz2
import csv
import datetime as dt
import decimal
import gzip
import io
import json
import lzma
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textlstm import __main__ as command
from textlstm.core.errors import TextLSTMError
from textlstm.score import parts, rows, run
from textlstm.score.answering import Question
from textlstm.score.layout import Layout
from textlstm.score.records import records_of_csv
from textlstm.score.rows import Batch

NAMES = ["language", "language_probability", "reason", "sentiment", "positive_probability", "sentiment_reason"]
TEXTS = ["un", "deux, trois", 'a "quoted" word', "two\nlines", "", " ", "été", "x\r", "\t", "🙂", "'", 'éa,"\n,"b']
ONE_LINE = [text for text in TEXTS if "\n" not in text and "\r" not in text]


@dataclass(frozen=True)
class FirstLetter(Question):
    """Finds English where the first character is ASCII, French elsewhere."""

    def answers(self, batch: Batch) -> dict[str, list[Any]]:
        found = [answer_of(text, batch.problems.get(number)) for number, text in enumerate(batch.texts)]
        columns = zip(*found, strict=True) if found else [()] * len(NAMES)
        return {self.prefix + name: list(column) for name, column in zip(NAMES, columns, strict=True)}

    def load(self) -> None:
        """There is nothing to load."""


def answer_of(text: str | None, problem: str | None = None) -> tuple[Any, ...]:
    if not text:
        return None, None, problem or "no letters", None, None, problem or "no words"
    return "english" if text[0].isascii() else "french", 0.5 + 1 / (len(text) + 7), None, "positive", 1 / 3, None


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Parts of a few rows, models that are there, and an empty folder to work in."""
    models = tmp_path / "models"
    (models / "table").mkdir(parents=True)
    for place in ("imdb", "nbsvm"):
        (models / place).mkdir()
    for place in ("detection.json", "abstention.json", "sentiment.json", "table/a", "imdb/a", "nbsvm/a"):
        (models / place).write_text(place)
    monkeypatch.setattr(parts, "PART", 64)
    monkeypatch.setattr(parts, "ROWS", 3)
    monkeypatch.setattr(rows, "_ROWS", 2)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def score(*inputs: str, output: str = "out", column: str | None = None, runner: Any = None, **asked: Any) -> None:
    question = FirstLetter(Path("../models"), None, None, asked.get("threshold"), asked.get("prefix", ""))
    run.score(inputs, Path(output), column, question, runner or run.locally(1))


def records(texts: list[str]) -> list[dict[str, Any]]:
    """Rows of several columns."""
    return [{"id": number, "text": text, "more": f"{number};x"} for number, text in enumerate(texts)]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A file of rows, in the format and the compression that its name tells."""
    if ".parquet" in path.name:
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=5)
        return path
    text = io.StringIO(newline="")
    if ".jsonl" in path.name:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    elif ".txt" in path.name:
        text.writelines(row["text"] + "\n" for row in rows)
    else:
        writer = csv.DictWriter(text, list(rows[0]), delimiter="\t" if ".tsv" in path.name else ",")
        writer.writeheader()
        writer.writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(compress(data, path.suffix))
    return path


def compress(data: bytes, compression: str) -> bytes:
    if compression in (".bz2", ".xz"):
        return {".bz2": bz2.compress, ".xz": lzma.compress}[compression](data)
    if compression == ".gz":
        return gzip.compress(data[:50]) + gzip.compress(data[50:])  # two members, as of files put together
    return pa.compress(data, "zstd", asbytes=True) if compression == ".zst" else data


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; of CSV all cells are text, empty ones None."""
    if ".parquet" in path.name:
        return pq.read_table(path).to_pylist()
    with pa.input_stream(path) if path.suffix != ".xz" else lzma.open(path) as stream:
        text = stream.read().decode()
    if ".jsonl" in path.name:
        return [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    if ".txt" in path.name:
        lines = [line.split("\t", len(NAMES)) for line in text.removesuffix("\n").split("\n")]
        return [dict(zip([*NAMES, "text"], [cell or None for cell in line], strict=True)) for line in lines]
    found = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if ".tsv" in path.name else ",")
    return [{name: cell or None for name, cell in row.items()} for row in found]


def as_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: None if cell in (None, "") else str(cell) for name, cell in row.items()} for row in rows]


@pytest.mark.parametrize("target", ["out.csv", "out.tsv.gz", "out.jsonl", "out.parquet", "out.jsonl.zst", "out.csv.xz"])
@pytest.mark.parametrize("source", ["in.csv", "in.tsv.bz2", "in.jsonl", "in.parquet", "in.csv.gz", "in.jsonl.zst"])
def test_every_row_keeps_its_columns_and_gets_an_answer(source: str, target: str) -> None:
    rows = records(TEXTS * 2)
    score(str(written(Path(source), rows)), output=target)
    expected = [row | dict(zip(NAMES, answer_of(row["text"]), strict=True)) for row in rows]
    assert as_text(read(Path(target))) == as_text(expected)
    if source.split(".")[1] in ("jsonl", "parquet") and target.split(".")[1] in ("jsonl", "parquet"):
        assert read(Path(target)) == expected  # types too
    assert not Path(f"{target}.parts").exists()


@pytest.mark.parametrize("target", ["out.txt", "out.txt.gz", "out.csv", "out.jsonl", "out.parquet"])
def test_each_line_of_a_text_is_a_row(target: str) -> None:
    written(Path("in.txt"), records(ONE_LINE))
    score("in.txt", output=target)
    assert [row["text"] or "" for row in read(Path(target))] == ONE_LINE
    assert [row["language"] for row in read(Path(target))] == [answer_of(text)[0] for text in ONE_LINE]


CELLS = st.text(st.sampled_from("aé,\"\n;'\t 🙂x"), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_says_stays_byte_for_byte(cells: list[tuple[str, str]], line_end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows([("text", "b"), *cells])
    Path("in.csv").write_bytes(text.getvalue().encode())
    Path("out.csv").unlink(missing_ok=True)
    score("in.csv", output="out.csv")
    with Path("out.csv").open(newline="") as file:
        got = list(csv.reader(file))
    assert [row[:2] for row in got] == [["text", "b"], *map(list, cells)]
    data = Path("out.csv").read_bytes().decode()
    for line, _ in records_of_csv(text.getvalue(), ","):
        assert line.removesuffix("\n").removesuffix("\r") + "," in data


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('a,"\n\r'), max_size=40))
def test_no_character_of_csv_is_lost(text: str) -> None:
    for columns in (0, 2):
        found = list(records_of_csv(text, ",", columns))
        assert "".join(line for line, _ in found) == text
        assert all(fields is None or len(fields) in (0, columns or len(fields)) for _, fields in found)
    text = text + "\n"
    certain = "".join(line for line, _ in records_of_csv(text, ",", 2, complete=False))
    assert text.startswith(certain)


@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet", "in.txt", "in.csv.gz"])
def test_parts_and_processes_change_no_byte(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written(Path(source), records(ONE_LINE * 8))
    kind = source.split(".", 1)[1]
    score(source, output=f"parts.{kind}")
    monkeypatch.setattr(parts, "PART", 1 << 20)
    monkeypatch.setattr(rows, "_ROWS", 10_000)
    score(source, output=f"whole.{kind}")
    if kind == "parquet":
        assert pq.read_table(f"parts.{kind}").equals(pq.read_table(f"whole.{kind}"))
    else:
        assert Path(f"parts.{kind}").read_bytes() == Path(f"whole.{kind}").read_bytes()


def test_columns_of_parquet_keep_their_types_and_what_is_said_about_them() -> None:
    table = pa.table(
        {
            "when": pa.array([dt.datetime(2026, 11, 25, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
            "price": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2)),
            "tags": pa.array([["a"], None]),
            "body": pa.array(["one", "élan"]).dictionary_encode(),
            "blob": pa.array([b"\xff", b""]),
        }
    ).replace_schema_metadata({"made": "by hand"})
    pq.write_table(table, "in.parquet")
    score("in.parquet", output="out.parquet", column="body")
    found = pq.read_table("out.parquet")
    assert found.schema.metadata[b"made"] == b"by hand"
    assert found.select(table.column_names).cast(table.schema).equals(table)
    assert [found.schema.field(name).type for name in NAMES] == [
        *(pa.string(), pa.float64(), pa.string(), pa.string(), pa.float64(), pa.string()),
    ]
    assert found["language"].to_pylist() == ["english", "french"]


def test_numbers_of_json_stay_as_they_are_written() -> None:
    line = '{"n": 1.50, "big": 12345678901234567890, "text": "\\u00e9t\\u00e9", "nested": {"a": [1, {}]}}'
    Path("in.jsonl").write_text(line + '\n\n{"text": "a"}')
    score("in.jsonl", output="out.jsonl")
    first, second = Path("out.jsonl").read_text().splitlines()
    assert first.startswith(line[:-1] + ', "language": "french", ')
    assert json.loads(second)["language"] == "english"


BROKEN = {
    "in.txt": (b"a\n\xff\xfe\n" + b"x" * 1_200_000 + b"\nb\n", ["not UTF-8", "too long"]),
    "in.csv": (
        b"text,b\na,1\n\xff,2\n" + b"x" * 1_200_000 + b',3\nshort\n"open,5\nb,\xff\nb,1,2\n',
        ["not UTF-8", "too long", "broken row", "broken row", None, "broken row"],
    ),
    "in.jsonl": (
        b'{"text": "a"}\n{"text": "\xff"}\n[1]\n{"text": null}\n{"text": 5}\n{}\n{"text": "b"}\nnonsense\n',
        ["not UTF-8", "broken row", "missing", "broken row", "missing", None, "broken row"],
    ),
}


@pytest.mark.parametrize("source", BROKEN)
@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_broken_row_costs_only_itself(source: str, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    data, expected = BROKEN[source]
    Path(source).write_bytes(data)
    score(source, output=target)
    data = Path(target).read_bytes() if "parquet" not in target else b""
    if data:
        Path(target).write_text(data.decode("utf-8", "replace"))
    csv.field_size_limit(2**31 - 1)
    got = read(Path(target))
    reasons = [row["reason"] for row in got]
    assert reasons[0] is None
    assert reasons[1 : len(expected) + 1] == expected
    assert all((row["language"] is None) == (row["reason"] is not None) for row in got)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[-1] for line in told] == [reason for reason in expected if reason]
    assert f"{Path(source).absolute()}, row 2: {expected[0]}" == told[0]


LONG = {
    "in.txt": b"a\n" + b"x" * 50_000 + b"\n\xc3\xa9\nc",
    "in.csv": b'n,text\n1,a\n2,"' + b"x" * 50_000 + b'"\n3,"\xc3\xa9"\n4,c\n',
    "in.jsonl": b'{"text": "a"}\n{"text": "' + b"x" * 50_000 + b'"}\n{"text": "\xc3\xa9"}\n{"text": "c"}\n',
}


@pytest.mark.parametrize("size", [100, 1_000, 8_000])
@pytest.mark.parametrize("source", [*LONG, *(f"{name}.gz" for name in LONG)])
@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet", "out.txt"])
def test_a_line_that_is_too_long_to_be_held_costs_only_itself(
    source: str, target: str, size: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parts, "PART", size)
    monkeypatch.setattr(parts, "_LONGEST_LINE", 10_000)
    data = LONG[source.removesuffix(".gz")]
    Path(source).write_bytes(gzip.compress(data) if source.endswith(".gz") else data)
    if target == "out.txt":
        if "csv" in source:
            return
        score(source, output=target)
        rows = [line.split("\t") for line in Path(target).read_text().splitlines()]
        got = [{"text": row[-1], "language": row[0] or None, "reason": row[2] or None} for row in rows]
    else:
        score(source, output=target)
        got = read(Path(target))
    assert [row["language"] for row in got] == ["english", None, "french", "english"]
    assert [row["reason"] for row in got] == [None, "too long", None, None]
    assert 0 < len(got[1]["text"]) <= 1_000
    assert [row["text"] for row in got[2:]] == ["é", "c"]
    assert capsys.readouterr().err == f"{Path(source).absolute()}, row 2: too long\n"


class Endless(io.BytesIO):
    """A line of 4 GB, and then a short one."""

    block, left = b"x" * (1 << 20), 1 << 12

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        return self.block if self.left >= 0 else b"\na\n" if self.left == -1 else b""


def test_a_line_of_any_length_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what is kept of it, and by the most memory that was in use."""
    monkeypatch.setattr(parts, "_LONGEST_LINE", 4 << 20)
    tracemalloc.start()
    try:
        (first, beginning, length), *rest = parts._pieces(Endless(), Layout("text", "text", ("text",)))
        assert (first, len(beginning), length) == (0, 4_000, (1 << 32) + 1)
        assert rest == [(length, b"a\n", 0)]
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(120)  # what is quadratic takes hours
def test_quotation_marks_that_open_again_and_again_are_read_in_linear_time() -> None:
    line = 'x"y,"z\n'  # by itself and inside of quotation marks it leaves one open
    found = list(records_of_csv(line * 300_000, ",", 2))
    assert "".join(written for written, _ in found) == line * 300_000
    few = list(records_of_csv(line * 20, ",", 2))
    assert [fields for _, fields in few[:-1]] == [None] * 19


def test_null_and_what_is_not_utf8_in_parquet() -> None:
    pq.write_table(pa.table({"text": pa.array([b"a", None, b"\xff", "é".encode()])}), "in.parquet")
    score("in.parquet", output="out.parquet")
    assert [row["reason"] for row in read(Path("out.parquet"))] == [None, "missing", "not UTF-8", None]


def test_many_broken_rows_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.txt").write_bytes(b"\xff\n" * 500)
    score("in.txt", output="out.csv")
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == "and 490 rows more without an answer"
    assert [line.split(", ")[1] for line in told.err.splitlines()[:-1]] == [f"row {n}: not UTF-8" for n in range(1, 11)]
    assert "500 rows, 500 of them without an answer" in told.out


def test_folders_and_patterns() -> None:
    for name in ("in/b.csv", "in/a.csv", "in/sub/c.csv", "in/.hidden.csv", "in/_x.csv"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        written(Path(name), records([Path(name).stem]))
    Path("in/notes.md").write_text("no data")
    score("in", output="out.csv")
    assert [row["text"] for row in read(Path("out.csv"))] == ["a", "b", "c"]
    score("in/[ab].csv", "in/sub/c.csv", output="some")
    files = sorted(Path("some").iterdir())
    assert [path.name for path in files] == [f"part-{number:08}.csv" for number in range(3)]
    assert [read(path)[0]["text"] for path in files] == ["a", "b", "c"]
    score("some", output="again.jsonl", prefix="second_")
    assert {"language", "second_language"} <= read(Path("again.jsonl"))[0].keys()


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.txt", "in.parquet", "in.csv.gz"])
@pytest.mark.parametrize("target", ["csv", "parquet"])
def test_nothing_in_is_nothing_out(name: str, target: str) -> None:
    written(Path(name), records(["a"]))
    if "parquet" in name:
        pq.write_table(pq.read_table(name).slice(0, 0), name)
    elif "csv" in name:
        Path(name).write_bytes(compress(b"id,text\n", Path(name).suffix))
    elif "jsonl" in name:
        return  # names no column
    else:
        Path(name).write_bytes(b"")
    score(name, output=f"out.{target}")
    assert read(Path(f"out.{target}")) == []


MESSAGES = {
    "no_such.csv": "no such file",
    "wrong.doc": r"expected a name that ends in \.txt, \.csv",
    "wrong.parquet.gz": "expected a name that ends in",
    "no_column.csv": "expected a column 'text', got 'a', 'b'",
    "empty.csv": "expected a heading",
    "twice.csv": "expected columns of different names, got a twice",
    "number.parquet": "expected text in the column 'text', got int64",
    "broken.parquet": "expected Parquet",
    "cut.csv.gz": r"expected a complete \.gz file",
    "other_column.jsonl": "expected a column 'text', got 'a'",
    "taken.csv": "expected no column 'language' yet",
    "empty_folder": "expected files that end in",
    "none_*.csv": "expected files of this name",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_what_cannot_be_read_is_said_and_nothing_is_written(name: str) -> None:
    contents = {
        "wrong.doc": b"a",
        "wrong.parquet.gz": b"a",
        "no_column.csv": b"a,b\n1,2\n",
        "empty.csv": b"",
        "twice.csv": b"text,a,a\n1,2,3\n",
        "broken.parquet": b"PAR1nonsense",
        "cut.csv.gz": gzip.compress(b"text\n" + b"a\n" * 99)[:-12],
        "other_column.jsonl": b'{"a": 1, "b": 2}\n',
        "taken.csv": b"text,language\na,b\n",
    }
    if name in contents:
        Path(name).write_bytes(contents[name])
    if name == "number.parquet":
        pq.write_table(pa.table({"text": [1]}), name)
    if name == "empty_folder":
        Path(name).mkdir()
    with pytest.raises(TextLSTMError, match=MESSAGES[name]):
        score(name, output="out.csv")
    assert not Path("out.csv").exists()


def test_inputs_of_other_columns_are_refused() -> None:
    written(Path("a.csv"), records(["a"]))
    Path("b.csv").write_text("text,other\na,b\n")
    with pytest.raises(TextLSTMError, match="expected the format and the columns of"):
        score("a.csv", "b.csv", output="out.csv")
    with pytest.raises(TextLSTMError, match="expected one column"):
        score("a.csv", output="out.txt")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "sentiment", "--languages", "english,french"], "not allowed with --only sentiment"),
        (["--address", "127.0.0.1:6379"], "expected --engine ray with it"),
        (["--jobs", "0"], "expected a number from 1, got '0'"),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["score", "in.csv", "--output", "out.csv", *words])
    assert message in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_an_output_that_is_there_is_left_alone() -> None:
    written(Path("in.csv"), records(["a"]))
    Path("out.csv").write_text("mine")
    with pytest.raises(TextLSTMError, match="expected no such file yet"):
        score("in.csv", output="out.csv")
    assert Path("out.csv").read_text() == "mine"


class StoppedError(Exception):
    pass


def stopping(after: int) -> Any:
    """Answers some parts, then stops."""

    def runner(job: run.Job, reports: dict[int, run.Done]) -> Iterator[run.Done]:
        for number, done in enumerate(run.locally(1)(job, reports)):
            if number == after:
                (job.folder / ".part.tmp").write_text("half")
                raise StoppedError
            yield done

    return runner


@pytest.mark.parametrize("source", ["in.csv", "in.txt.gz", "in.parquet", "in.jsonl"])
@pytest.mark.parametrize("target", ["out.csv", "out", "out.parquet"])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
    source: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written(Path(source), records(ONE_LINE * 40))
    score(source, output=f"undisturbed-{target}")
    calm = capsys.readouterr().out
    answered = []

    def counting(job: run.Job, reports: dict[int, run.Done]) -> Iterator[run.Done]:
        for done in run.locally(1)(job, reports):
            answered.append(done.number)
            yield done

    for after in (0, 1, 2):
        with pytest.raises(StoppedError):
            score(source, output=target, runner=stopping(after))
        assert not Path(target).exists()
    score(source, output=target, runner=counting)
    assert answered
    assert len(set(answered) & {0, 1, 2, 3, 4}) <= 1  # the others were done
    assert capsys.readouterr().out.split(" in ")[0] == calm.split(" in ")[0].replace("undisturbed-", "")
    files = [
        sorted(path.iterdir()) if path.is_dir() else [path] for path in (Path(target), Path(f"undisturbed-{target}"))
    ]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert not Path(f"{target}.parts").exists()


def test_parts_of_another_question_are_refused() -> None:
    written(Path("in.csv"), records(ONE_LINE * 5))
    with pytest.raises(StoppedError):
        score("in.csv", output="out.csv", runner=stopping(2))
    with pytest.raises(TextLSTMError, match="what differs: threshold"):
        score("in.csv", output="out.csv", threshold=0.9)
    Path("../models/table/a").write_text("others")
    with pytest.raises(TextLSTMError, match="what differs: models"):
        score("in.csv", output="out.csv")
    Path("../models/table/a").write_text("table/a")
    written(Path("in.csv"), records(ONE_LINE * 6))
    with pytest.raises(TextLSTMError, match="what differs: inputs"):
        score("in.csv", output="out.csv")


def test_two_at_once_do_not_mix() -> None:
    written(Path("in.csv"), records(ONE_LINE * 5))

    def second(job: run.Job, reports: dict[int, run.Done]) -> Iterator[run.Done]:
        with pytest.raises(TextLSTMError, match="another process is at work"):
            score("in.csv", output="out.csv")
        yield from run.locally(1)(job, reports)

    score("in.csv", output="out.csv", runner=second)
    assert len(read(Path("out.csv"))) == 5 * len(ONE_LINE)


@pytest.mark.parametrize("line", ["{}", "{ }", '{"a": 1}', ' {"text": "un"}\t', '{"text": "é" }'])
def test_what_is_appended_to_an_object_leaves_json(line: str) -> None:
    Path("in.jsonl").write_text(f'{{"text": "x"}}\n{line}\n')
    score("in.jsonl", output="out.jsonl")
    row = json.loads(Path("out.jsonl").read_text().splitlines()[1])
    assert row == json.loads(line) | {name: row[name] for name in NAMES}


def test_a_run_that_was_killed_while_it_put_the_parts_together_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    written(Path("in.csv"), records(ONE_LINE * 5))
    score("in.csv", output="calm.csv")

    def killed(parts: list[Path], path: Path, *_: Any, **__: Any) -> None:
        path.write_text("half")
        raise StoppedError

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(run, "merge", killed)
        score("in.csv", output="out.csv")
    score("in.csv", output="out.csv")
    assert Path("out.csv").read_bytes() == Path("calm.csv").read_bytes()
    assert sorted(path.name for path in Path().iterdir()) == ["calm.csv", "in.csv", "out.csv"]


def test_blank_lines_are_no_rows_of_csv() -> None:
    Path("in.csv").write_text("id,text\n\n\n1,a\n\n2\n\n\n")
    score("in.csv", output="out.csv")
    assert [(row["id"], row["text"], row["reason"]) for row in read(Path("out.csv"))] == [
        ("1", "a", None),
        (None, "2", "broken row"),
    ]


def test_semicolons_and_a_mark_at_the_beginning() -> None:
    Path("in.csv").write_bytes("\ufefftext;n\nélan;1,5\nou;2\n".encode())
    score("in.csv", output="out.csv")
    assert Path("out.csv").read_text().splitlines() == [
        "text;n;language;language_probability;reason;sentiment;positive_probability;sentiment_reason",
        f"élan;1,5;french;{0.5 + 1 / 11!r};;positive;{1 / 3!r};",
        f"ou;2;english;{0.5 + 1 / 9!r};;positive;{1 / 3!r};",
    ]


def test_without_pyarrow_parquet_alone_is_refused() -> None:
    hidden = "import sys; sys.modules['pyarrow'] = None; from pathlib import Path; from textlstm.score.layout import layout_of; "
    Path("in.csv").write_text("text\na\n")
    for name, expected in (("in.csv", "CSV"), ("in.parquet", "needs pyarrow")):
        code = f"{hidden}\ntry: print(layout_of(Path({name!r}), None).format)\nexcept Exception as error: print(error)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert expected in done.stdout
