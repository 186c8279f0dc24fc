"""What `textlstm verify` says of a reproduction in a clean clone; whole ones are in tests/pipeline/test_verify.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from textlstm.core import paths
from textlstm.experiments.verify import TOLERANCE, compare


def lock(**changed: str) -> dict[str, Any]:
    """Stages of a dvc.lock, with other digests of some outputs."""
    md5 = {"a": "1", "b": "2", "c": "3"} | changed
    return {
        "first": {"outs": [{"path": "a", "md5": md5["a"]}]},
        "second": {"outs": [{"path": "b", "md5": md5["b"]}, {"path": "c", "md5": md5["c"]}]},
        "track": {"outs": [{"path": str(paths.TRACKED), "md5": md5.get("tracked", "4")}]},
    }


def figures(root: Path, accuracy: float) -> Path:
    for file in (paths.HEADLINE_LANGUAGE, paths.HEADLINE_IMDB):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(json.dumps({"imdb": {"accuracy": accuracy}}))
    return root


def test_the_first_output_that_differs_is_named_with_its_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, clone = figures(tmp_path / "root", 0.9), figures(tmp_path / "clone", 0.9)
    assert compare(lock(), lock(tracked="5"), root, clone, other_hardware=False) == 0
    assert capsys.readouterr().out == "reproduced: 3 outputs of 3 stages, the same bytes\n"
    assert compare(lock(), lock(b="9", c="9"), root, clone, other_hardware=False) == 1
    assert capsys.readouterr().err == "2 of 3 outputs have other bytes; the first is b of the stage second\n"


@pytest.mark.parametrize(("apart", "status"), [(TOLERANCE * 0.9, 0), (TOLERANCE * 1.1, 1)])
def test_other_hardware_may_differ_by_the_tolerance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], apart: float, status: int
) -> None:
    root, clone = figures(tmp_path / "root", 0.9), figures(tmp_path / "clone", 0.9 + apart)
    assert compare(lock(), lock(a="9"), root, clone, other_hardware=True) == status
    assert ("expected 0.9, got" in capsys.readouterr().err) == (status == 1)
