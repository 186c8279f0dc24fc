"""The worked examples, run on the trained models. They must have been trained: `make repro` comes first."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ["-m", "doctest", str(ROOT / "docs/python.md")]
DOCSTRING = [
    "-c",
    "import doctest, sys, textlstm; done = doctest.testmod(textlstm); sys.exit(done.failed or not done.attempted)",
]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("example", [DOCUMENT, DOCSTRING], ids=["docs/python.md", "docstring"])
def test_the_worked_examples_do_what_they_show(example: list[str]) -> None:
    done = subprocess.run([sys.executable, *example], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
