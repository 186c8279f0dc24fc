"""The wheel with the trained models inside, in an environment of its own. They must have been trained: `make repro` comes first."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.behaviour.test_python_api import DOCSTRING, DOCUMENT
from tools.build_wheel import build

ROOT = Path(__file__).parents[2]
MOST = 40_000_000  # bytes
pytestmark = [pytest.mark.slow, pytest.mark.network]


class Installed:
    """An environment that has the wheel and what it needs, and an empty folder to use it in."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.folder = folder / "elsewhere"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.programs = folder / "venv" / "bin"
        install = [self.programs / "python", "-m", "pip", "install", "--quiet", str(wheel)]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr  # what pip says of indexes that it does not find is no error

    def run(self, program: str, *words: str, given: str | None = None) -> str:
        """What a program of the environment prints; it must end well, without a word on standard error."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(
            [self.programs / program, *words],
            cwd=self.folder,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), (
            f"{program} {words}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(wheel, tmp_path_factory.mktemp("installed"))


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size <= MOST


def test_nothing_that_only_training_needs_comes_along(installed: Installed) -> None:
    packages = json.loads(installed.run("python", "-m", "pip", "list", "--format=json", "--disable-pip-version-check"))
    assert {package["name"] for package in packages} - {"pip", "setuptools"} == {"numpy", "textlstm", "threadpoolctl"}


def test_the_command_answers_in_any_folder(installed: Installed) -> None:
    asked = installed.run("textlstm", "ask", "--json", "bonjour tout le monde", "a wonderful film")
    french, english = map(json.loads, asked.splitlines())
    assert (french["language"], french["sentiment"], french["sentiment_reason"]) == ("french", None, "not English")
    assert (english["language"], english["sentiment"], english["sentiment_reason"]) == ("english", "positive", None)
    lines = installed.run("textlstm", "ask", "--json", "--only", "language", given="bonjour tout le monde\n\nthank you")
    assert [json.loads(line)["language"] for line in lines.splitlines()] == ["french", None, "english"]


def test_files_are_scored_with_what_came_along(installed: Installed) -> None:
    (installed.folder / "in.csv").write_text("id,text\n1,bonjour tout le monde\n2,thank you\n", encoding="utf-8")
    installed.run("textlstm", "score", "in.csv", "--output", "out.jsonl", "--only", "language")
    lines = (installed.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(row["id"], row["language"]) for row in map(json.loads, lines)] == [("1", "french"), ("2", "english")]


def test_the_page_is_an_extra(wheel: Path, installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    environment = Installed(Path(f"{wheel}[page]"), tmp_path / "page")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [environment.programs / "textlstm", "page", "--port", str(port)]
    with subprocess.Popen(command, cwd=environment.folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert str(port) in process.stdout.readline()
            page = requests.get(f"http://127.0.0.1:{port}/?text=bonjour+tout+le+monde", timeout=30).text
            assert "<strong>french</strong>" in page
            assert requests.get(f"http://127.0.0.1:{port}/static/style.css", timeout=30).ok
            assert "not in this folder of models" in requests.get(f"http://127.0.0.1:{port}/learnt", timeout=30).text
        finally:
            process.terminate()
    command = [installed.programs / "textlstm", "page"]
    without = subprocess.run(command, cwd=installed.folder, capture_output=True, text=True, check=False)
    assert without.returncode == 1
    assert re.fullmatch(
        r"textlstm page: the page needs the package \w+\. Install it: .*textlstm\[page\]'\n", without.stderr
    )


@pytest.mark.parametrize("example", [DOCUMENT, DOCSTRING], ids=["docs/python.md", "docstring"])
def test_the_worked_examples_do_what_they_show(example: list[str], installed: Installed) -> None:
    assert installed.run("python", *example) == ""
