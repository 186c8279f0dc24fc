"""The report against another commit: what it prints, and when it fails."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from textlstm.__main__ import main

ROOT = Path(__file__).parents[3]
LANGUAGE: dict[str, Any] = {
    "auc": 0.95,
    "auc_low": 0.94,
    "accuracy": 0.86,
    "accuracy_low": 0.85,
    "windows": 100,
    "lstm": {"auc": 0.94},
}
IMDB: dict[str, Any] = {
    "auc": 0.97,
    "auc_low": 0.96,
    "accuracy": 0.92,
    "accuracy_low": 0.91,
    "reviews": 50,
    "protocol": "holdout",
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A repository whose last commit has the metrics above; the returned function changes those in the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()

    def write(language: dict[str, Any], imdb: dict[str, Any]) -> None:
        Path("metrics/language.json").write_text(json.dumps(LANGUAGE | language), encoding="utf-8")
        Path("metrics/imdb.json").write_text(json.dumps(IMDB | imdb), encoding="utf-8")

    write({}, {})
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-qm", "base"],
    ):
        subprocess.run(["git", *words], check=True)
    return write


def test_equal_results_pass(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "HEAD"]) == 0
    assert "Nothing is worse by more than its interval." in capsys.readouterr().out


def test_better_and_slightly_worse_results_pass(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write({"auc": 0.945, "lstm": {"auc": 0.96}}, {"accuracy": 0.93})
    assert main(["report", "HEAD"]) == 0
    printed = capsys.readouterr().out
    assert "| auc | 0.9500 | 0.9450 | -0.0050 | within the interval |" in printed
    assert "| accuracy | 0.9200 | 0.9300 | +0.0100 | better |" in printed
    assert "| lstm.auc | 0.9400 | 0.9600 | +0.0200 |  |" in printed


@pytest.mark.parametrize(
    ("language", "imdb", "named"), [({"auc": 0.93}, {}, "language auc"), ({}, {"accuracy": 0.90}, "imdb accuracy")]
)
def test_results_below_the_interval_fail(
    write: Any, capsys: pytest.CaptureFixture[str], language: Any, imdb: Any, named: str
) -> None:
    write(language, imdb)
    assert main(["report", "HEAD"]) == 1
    assert f"Worse by more than the interval: {named}." in capsys.readouterr().out


def test_other_held_out_data_are_not_compared(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write({"auc": 0.5, "windows": 7}, {})
    assert main(["report", "HEAD"]) == 0
    assert "Not comparable: windows differ" in capsys.readouterr().out


def test_a_commit_that_git_does_not_know_is_named(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "origin/nowhere"]) == 1
    assert "origin/nowhere: expected a commit or a branch" in capsys.readouterr().err


def test_the_headlines_are_those_of_the_committed_plots(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["report"]) == 0
    lines = capsys.readouterr().out.splitlines()
    systems = ["detector", "mixture", "lstm", "ngrams", "text_ngrams", "classifier", "lstm", "nbsvm", "linear_svm"]
    assert [line.split()[0] for line in lines] == systems
    for line, file in ((lines[0], "language"), (lines[5], "imdb")):
        figures = json.loads((ROOT / f"metrics/{file}.json").read_text(encoding="utf-8"))
        for key in ("auc", "accuracy"):
            low, high = figures[f"{key}_low"], figures[f"{key}_high"]
            assert f"{key} {figures[key]:.4f} ({low:.4f} to {high:.4f})" in line
