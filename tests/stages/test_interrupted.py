"""Ctrl-C ends a stage by its signal, with two lines in place of a traceback."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WAITS = """
import sys, time
sys.argv = ["stages/train_imdb.py"]
from textlstm.core.stage import run
def main():
    print("works", flush=True)
    time.sleep(60)
run(main)
"""


def interrupted() -> tuple[int, list[str]]:
    """The status of a stage that is interrupted at its work, and the lines that it says."""
    with subprocess.Popen([sys.executable, "-c", WAITS], cwd=ROOT, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "works\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    return process.returncode, said.strip().splitlines()


def test_ctrl_c_is_two_lines_and_the_status_of_a_signal() -> None:
    assert interrupted() == (
        -signal.SIGINT,  # 130 in a shell
        [
            "train_imdb: interrupted; its outputs are as they were before",
            "train_imdb: python -m stages.train_imdb runs it again; what was complete is not repeated, and a training goes on where it was",
        ],
    )


def test_under_dvc_which_has_deleted_the_outputs_it_says_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "train_imdb")
    assert interrupted()[1][0] == "train_imdb: interrupted; its last outputs are in DVC's cache, or in git"


def test_ctrl_c_while_modules_are_imported_is_silent() -> None:
    command = [sys.executable, "-v", "-m", "stages.train_imdb"]  # -v tells of each import
    with subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if "import 'numpy.linalg'" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in said
