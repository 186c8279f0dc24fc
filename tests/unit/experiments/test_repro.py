"""`textlstm repro` around `dvc repro`: what kills leave is put right, and a killed make takes it along. Whole ones: tests/pipeline."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from textlstm.experiments.repro import remove_cut_rwlock


def test_a_list_of_dvcs_that_was_cut_off_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    remove_cut_rwlock()
    rwlock = tmp_path / ".dvc/tmp/rwlock"
    rwlock.parent.mkdir(parents=True)
    for content, kept in (("{}", True), ('{"a": {"read": []}}', True), ("", False), ('{"a": {"re', False)):
        rwlock.write_text(content)
        remove_cut_rwlock()
        assert rwlock.exists() == kept


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can ask to be killed with a parent")
def test_it_ends_if_make_was_killed_before_it_could_ask(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"MAKELEVEL=1 '{sys.executable}' -m textlstm repro 2> '{said}' & kill -9 $$"
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=False, start_new_session=True)
    until = time.monotonic() + 60
    while "has ended" not in (said.read_text() if said.exists() else "") and time.monotonic() < until:
        time.sleep(0.1)
    assert said.read_text() == "textlstm repro: make, which started it, has ended\n"
