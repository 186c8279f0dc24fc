"""`textlstm repro` around `dvc repro`: what kills leave is put right, and a killed make takes it along. Whole ones: tests/pipeline."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from textlstm.experiments.repro import _remove_temporaries, remove_stale_rwlock


def test_a_list_of_dvcs_that_was_cut_off_or_is_of_the_dead_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    remove_stale_rwlock()
    rwlock = tmp_path / ".dvc/tmp/rwlock"
    rwlock.parent.mkdir(parents=True)
    waits = [sys.executable, "-c", "import time; print('on', flush=True); time.sleep(60)", "dvc"]
    with (
        subprocess.Popen(waits, stdout=subprocess.PIPE) as dvc,
        subprocess.Popen([sys.executable, "-c", ""]) as zombie,
    ):
        assert dvc.stdout
        dvc.stdout.readline()
        until = time.monotonic() + 30
        while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
            time.sleep(0.05)
        for content, kept in (
            ("", False),
            ('{"a": {"re', False),
            ('["a"]', False),
            ('{"a": {"read": [], "write": {}}}', False),
            (f'{{"a": {{"write": {{"pid": {dvc.pid}, "cmd": "dvc repro"}}}}}}', True),
            (f'{{"a": {{"read": [{{"pid": {zombie.pid}, "cmd": "dvc repro"}}]}}}}', False),
            (f'{{"a": {{"write": {{"pid": {os.getppid()}, "cmd": "dvc repro"}}}}}}', False),  # another got its number
            (f'{{"a": {{"write": {{"pid": {zombie.pid}}}, "read": [{{"pid": {dvc.pid}}}]}}}}', True),
        ):
            rwlock.write_text(content)
            remove_stale_rwlock()
            assert rwlock.exists() == kept, content
        dvc.kill()


def test_what_dvc_was_moving_into_place_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data/raw/.UAijX05RDUYBjBYMW6mm7Q.tmp", "data/raw/.mine.tmp", "data/raw/kept.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    _remove_temporaries()
    assert sorted(path.name for path in (tmp_path / "data/raw").iterdir()) == [".mine.tmp", "kept.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can ask to be killed with a parent")
def test_it_ends_if_make_was_killed_before_it_could_ask(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"MAKELEVEL=1 '{sys.executable}' -m textlstm repro 2> '{said}' & kill -9 $$"
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=False, start_new_session=True)
    until = time.monotonic() + 60
    while "has ended" not in (said.read_text() if said.exists() else "") and time.monotonic() < until:
        time.sleep(0.1)
    assert said.read_text() == "textlstm repro: make, which started it, has ended\n"
