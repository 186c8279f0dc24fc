"""Stages write the same bytes in an odd environment, and the same in a path with spaces and accents."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY
from tests.yaml12 import dumped, loaded
from textlstm.core.config import with_values

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
STAGES = (["check_params"], ["split_language", "left"], ["split_language", "right"], ["draw_words", "left"])


def outputs(folder: Path, umask: int = 0o022, **changes: str | None) -> dict[str, bytes]:
    """What some stages write in a new folder, with other variables of the environment; None takes one away."""
    folder.mkdir(parents=True)
    params = with_values(loaded((ROOT / "params.yaml").read_text(encoding="utf-8")), TINY)
    params["languages"] = {name: {"text": f"{name}.txt", "words": ""} for name in ("left", "right")}
    (folder / "params.yaml").write_text(dumped(params), encoding="utf-8")
    for name, letters in (("left", "abc été "), ("right", "xyz naïve ")):
        (folder / f"{name}.txt").write_text(letters * 200, encoding="utf-8")
    given = {key: value for key, value in os.environ.items() if key not in changes}
    given |= {key: value for key, value in changes.items() if value is not None} | {"PYTHONPATH": str(ROOT)}
    for words in STAGES:
        command = [sys.executable, "-m", f"stages.{words[0]}", *words[1:]]
        done = subprocess.run(command, cwd=folder, env=given, umask=umask, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return outputs(tmp_path_factory.mktemp("usual") / "here")


CASES: dict[str, dict[str, str | None]] = {
    "no home": {"HOME": None, "USER": None, "LOGNAME": None},
    "a home that is not there": {"HOME": "/nowhere"},
    "the C locale": {"LC_ALL": "C", "LANG": None},
    "the POSIX locale": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a locale that is not installed": {"LC_ALL": "xx_XX.ISO-8859-1"},
    "no folder for temporary files": {"TMPDIR": "/nowhere"},
}


@pytest.mark.parametrize("case", CASES)
def test_the_bytes_are_the_same(case: str, tmp_path: Path, usual: dict[str, bytes]) -> None:
    assert len(usual) > 6
    assert outputs(tmp_path / "here", **CASES[case]) == usual
    if case == "the C locale":
        assert outputs(tmp_path / "in a dépôt", **CASES[case]) == usual


def test_a_strict_umask_and_a_path_with_spaces_and_accents_change_nothing(
    tmp_path: Path, usual: dict[str, bytes]
) -> None:
    assert outputs(tmp_path / "un dépôt à moi", umask=0o077) == usual
