"""What surrounds every stage: arguments, one message for what a user can mend, and a traceback for a bug."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from textlstm.core import stage
from textlstm.core.errors import TextLSTMError
from textlstm.core.git import git


@pytest.fixture(autouse=True)
def _as_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/checkout/stages/example.py"])
    monkeypatch.setattr(stage, "die_with_parent", lambda: None)


def _raise(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


def test_a_stage_that_ends_well_says_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    stage.run(lambda: print("done"))
    assert capsys.readouterr() == ("done\n", "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TextLSTMError("a.txt: no such file"), "example: a.txt: no such file\n"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/a.npz"),
            "example: data/a.npz: the disk is full. Nothing was replaced; free some space and run again\n",
        ),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            "example: the disk is full. Nothing was replaced; free some space and run again\n",
        ),
        (
            PermissionError(errno.EACCES, os.strerror(errno.EACCES), "data/a.npz"),
            "example: data/a.npz: no permission to read or write it. Check the owner and the mode of the file and its folder\n",
        ),
        (
            NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), "data/raw/a.txt"),
            "example: data/raw/a.txt: Not a directory\n",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_message(
    error: Exception, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        stage.run(_raise(error))
    assert ended.value.code == 1
    assert capsys.readouterr() == ("", message)


def test_under_dvc_the_way_back_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DVC_STAGE", "example")
    with pytest.raises(SystemExit):
        stage.run(_raise(TextLSTMError("a.txt: no such file")))
    assert "'dvc checkout' brings them back" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        stage.run(_raise(ZeroDivisionError("a bug")))


@pytest.mark.parametrize("words", [[], ["english", "french"]])
def test_a_wrong_number_of_words_is_told_with_the_right_ones(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/checkout/stages/example.py", *words])
    with pytest.raises(SystemExit) as ended:
        stage.run(lambda language: None)
    assert ended.value.code == 2
    message = f"example: expected 1 argument(s), got {len(words)}. Usage: python -m stages.example LANGUAGE\n"
    assert capsys.readouterr().err == message


def test_a_word_reaches_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[str] = []
    monkeypatch.setattr(sys, "argv", ["/checkout/stages/example.py", "english"])
    stage.run(got.append)
    assert got == ["english"]


def test_an_experiment_that_a_shallow_clone_would_lose_is_refused_at_its_first_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, work, made = tmp_path / "root", tmp_path / "root/work", []
    who = ("-c", "user.name=t", "-c", "user.email=t@x.invalid")
    git("init", "--quiet", str(tmp_path / "whole"), folder=tmp_path)
    for number in "12":
        git(*who, "commit", "--quiet", "--allow-empty", "-m", number, folder=tmp_path / "whole")
    git("clone", "--quiet", "--depth", "1", (tmp_path / "whole").as_uri(), str(root), folder=tmp_path)
    work.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.setenv("DVC_EXP_NAME", "some")
    monkeypatch.chdir(root)
    stage.run(lambda: made.append("in the workspace"))  # DVC takes nothing back then
    monkeypatch.chdir(work)
    with pytest.raises(SystemExit, match="1"):
        stage.run(lambda: made.append("in a temporary folder"))
    assert "shallow clone" in capsys.readouterr().err
    monkeypatch.delenv("DVC_EXP_NAME")
    stage.run(lambda: made.append("no experiment"))
    assert made == ["in the workspace", "no experiment"]
