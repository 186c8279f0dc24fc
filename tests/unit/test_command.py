"""The command `textlstm`: what it says of itself, how it ends, and which code it runs."""

import io
import os
import pkgutil
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from setuptools import find_packages

from textlstm import __main__ as command
from textlstm.experiments import named, studies, sweep
from textlstm.experiments.runner import StoppedError

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMMANDS = ["ask", "score", "page", "repro", "verify", "experiment", "sweep", "studies", "report", "promote", "track"]
LIBRARIES = {
    "dvc",
    "fastapi",
    "keras",
    "matplotlib",
    "mlflow",
    "numpy",
    "optuna",
    "pandas",
    "scipy",
    "sklearn",
    "tensorflow",
    "uvicorn",
    "yaml",
}
HELP = """
import sys
from textlstm.__main__ import main
try:
    main([*sys.argv[1:], "--help"])
finally:
    print("imported", *sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=lambda words: " ".join(words) or "all")
def test_help_imports_no_library(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", HELP, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    said, _, imported = done.stdout.partition("imported ")
    assert (done.returncode, done.stderr) == (0, "")
    assert said.startswith(" ".join(["usage: textlstm", *words, "[-h]"]))
    assert not LIBRARIES & set(imported.split())
    assert (
        words
        or [line.split()[0] for line in said.splitlines() if line.startswith("    ") and line[4] != " "] == COMMANDS
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "textlstm: error: the following arguments are required: COMMAND"),
        (["a text without a command"], "textlstm: error: argument COMMAND: invalid choice: 'a text without a command'"),
        (["ask"], "textlstm ask: error: expected a text, got none. Give it as an argument or on standard input"),
        (["ask", "--only", "mood", "a text"], "textlstm ask: error: argument --only: invalid choice: 'mood'"),
        (["ask", "--threshold", "50%", "a"], "argument --threshold: expected a number from 0 to 1, got '50%'"),
        (["ask", "--threshold", "1.01", "a"], "argument --threshold: expected a number from 0 to 1, got '1.01'"),
        (["ask", "--threshold", "nan", "a"], "argument --threshold: expected a number from 0 to 1, got 'nan'"),
        (
            ["ask", "--only", "sentiment", "--exact", "a"],
            "--exact and --spans are about the language: not allowed with --only",
        ),
        (["ask", "--only", "sentiment", "--languages", "a,b", "a"], "not allowed with --only sentiment"),
        (["sweep"], "textlstm sweep: error: the following arguments are required: STUDY"),
        (["studies", "spraed"], "textlstm studies: error: argument study: invalid choice: 'spraed'"),
        (["report", "main", "HEAD"], "textlstm: error: unrecognized arguments: HEAD"),
        (["promote", "--register-only", "--first-of-its-data"], "not allowed with argument --register-only"),
    ],
)
def test_wrong_usage_ends_with_2(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ask", "a text"], "textlstm ask: models/detection.json: no such file. Run 'make repro' to train the models"),
        (["experiment"], "textlstm experiment: experiments: no such file. Check the path"),
        (["studies", "--sizes", "5"], "textlstm studies: --sizes: expected the dataset that they are of, got none"),
        (
            ["report"],
            "textlstm report: metrics/language.json: no such file. Run 'dvc repro' (or 'make repro') to make it",
        ),
        (["report", "--pictures", "file/pictures"], "textlstm report: file/pictures: Not a directory"),
        (["track"], "textlstm track: dvc.lock: no such file. Check the path"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_1(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert command.main(words) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(message)
    assert printed.err.count("\n") == 1


PRINTING = [["--help"], ["score", "--help"], ["experiment"], ["report"]]


RUN = """
import sys
from textlstm.__main__ import main
status = main(sys.argv[1:])
status or print("\\u00e9\\u2026")
sys.exit(status)
"""


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_reader_that_goes_away_ends_any_subcommand_without_a_word(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode in (
        (0, 141) if "--help" in words else (141,)
    )  # argparse ignores it where nothing is buffered


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_is_no_fault(words: list[str], closed: str) -> None:
    command = ["bash", "-c", f'"$0" -c "$@" {closed}>&-', sys.executable, RUN, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr.startswith("usage: " if "--help" in words and closed == "1" else "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=str,
)
@pytest.mark.parametrize("words", PRINTING[2:], ids=" ".join)
def test_a_terminal_that_is_not_utf_8_gets_replacement_characters(words: list[str], variables: dict[str, str]) -> None:
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"\n??\n")


def test_what_would_steer_a_terminal_is_escaped_in_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["ask", "--models", "x\x1b[31m\u202ey", "a text"]) == 1
    assert capsys.readouterr().err.startswith(r"textlstm ask: x\x1b[31m\u202ey/detection.json: no such file")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "titles", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        command.main(["experiment"])


def test_an_interrupted_sweep_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    for interrupted, status in ((True, 130), (False, 0)):
        monkeypatch.setattr(sweep, "run_study", lambda file, ended=interrupted: ended)
        assert command.main(["sweep", "studies/smoke.yaml"]) == status


@pytest.mark.parametrize("words", [["experiment", "seed_imdb"], ["studies"]], ids=lambda words: words[0])
def test_what_was_stopped_ends_with_130(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise StoppedError

    monkeypatch.setattr(named, "run_named", stopped)
    monkeypatch.setattr(studies, "measure", stopped)
    assert command.main(words) == 130
    assert capsys.readouterr().err == f"textlstm {words[0]}: interrupted; what was complete is kept\n"


def test_what_a_subcommand_starts_is_of_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str | None] = []
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(named, "run_named", lambda name: found.append(shutil.which("python")))
    assert command.main(["experiment", "seed_imdb"]) == 0
    assert found == [str(Path(sys.executable).parent / "python")]


def test_the_installed_command_is_this_one() -> None:
    assert PROJECT["project"]["scripts"] == {"textlstm": "textlstm.__main__:main"}
    assert pkgutil.resolve_name(PROJECT["project"]["scripts"]["textlstm"]) is command.main
    installed = find_packages(str(ROOT), include=PROJECT["tool"]["setuptools"]["packages"]["find"]["include"])
    assert {name.split(".")[0] for name in installed} == {"textlstm"}
    assert {path.parent for path in (ROOT / "textlstm").rglob("*.py")} == {
        ROOT / name.replace(".", "/") for name in installed
    }


def test_a_stage_imports_its_own_checkout_and_not_what_is_installed(tmp_path: Path) -> None:
    """As in an experiment of `dvc exp run --temp` or `--queue`, which works in a checkout of its own."""
    for package in ("stages", "textlstm"):
        (tmp_path / package).mkdir()
        shutil.copy(ROOT / package / "__init__.py", tmp_path / package)
    (tmp_path / "stages" / "where.py").write_text("import textlstm\n\nprint(textlstm.__file__)\n", encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    words = [sys.executable, "-m", "stages.where"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path / 'textlstm' / '__init__.py'}\n"
