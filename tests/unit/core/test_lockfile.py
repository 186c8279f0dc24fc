"""The second copy of dvc.lock, and what killed processes leave."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from textlstm.core.files import atomic, atomic_folder, remove_leftovers
from textlstm.core.lockfile import KEPT, LOCK, keep_lock, restore_lock

WHOLE = b"schema: '2.0'\nstages:\n  one:\n    cmd: python -m stages.one\n    outs:\n    - path: a\n      md5: b\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "cut", [b"", WHOLE[:9], WHOLE[:30], WHOLE[:40], b"\0" * 20, b"- a\n", b"schema: '2.0'\nstages: 3\n"]
)
def test_a_lock_that_was_cut_off_is_put_back(cut: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    LOCK.write_bytes(WHOLE)
    keep_lock()
    LOCK.write_bytes(cut)
    restore_lock()
    assert LOCK.read_bytes() == WHOLE
    assert capsys.readouterr().err == f"dvc.lock was cut off in the middle of a write; put back from {KEPT}\n"


def test_a_whole_lock_stays_and_the_copy_follows_it() -> None:
    for content in (WHOLE, WHOLE.replace(b"one", b"two"), b"schema: '2.0'\n"):
        LOCK.write_bytes(content)
        keep_lock()
        restore_lock()
        assert LOCK.read_bytes() == KEPT.read_bytes() == content
    LOCK.write_bytes(b"")
    keep_lock()
    assert KEPT.read_bytes() == b"schema: '2.0'\n"  # an empty one is never kept


def test_without_a_copy_the_lock_of_the_last_commit_is_taken_or_none(capsys: pytest.CaptureFixture[str]) -> None:
    restore_lock()
    assert not LOCK.exists()
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "lock"]):
        LOCK.write_bytes(WHOLE)
        who = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
        subprocess.run(["git", *who, *words], check=True)
    LOCK.write_bytes(b"")
    restore_lock()
    assert LOCK.read_bytes().strip() == WHOLE.strip()
    assert "put back from the last commit" in capsys.readouterr().err
    LOCK.write_bytes(b"")
    Path(".git").rename("elsewhere")
    restore_lock()
    assert not LOCK.exists()
    assert "it is now dvc.lock.broken" in capsys.readouterr().err


def test_what_a_killed_process_was_writing_is_removed(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data/kept.txt").write_text("kept")
    (folder / "data/.gitignore").write_text("kept")
    program = (
        "import os, sys, pathlib\n"
        "from textlstm.core.files import atomic, atomic_folder\n"
        "with atomic(pathlib.Path('data/a.txt')) as one, atomic_folder(pathlib.Path('data/b')) as other:\n"
        "    (other / 'inside').write_text('half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}, check=False
    )
    assert done.returncode == -9
    assert len(list((folder / "data").iterdir())) == 4
    left = next((folder / "data").glob(".b.*.tmp"))
    left.with_suffix(".old").mkdir()
    with atomic(folder / "data/c.txt") as at_work:  # of a process that lives
        remove_leftovers(folder / "data", folder / "none")
        names = {path.name for path in (folder / "data").iterdir()}
        assert names == {".gitignore", "kept.txt", at_work.name}


def test_dvc_counts_no_leftover_as_part_of_a_folder(folder: Path) -> None:
    ignored = (Path(__file__).parents[3] / ".dvcignore").read_text(encoding="utf-8").split()
    with atomic(folder / "a.txt") as temporary, atomic_folder(folder / "b") as other:
        for path in (temporary, other, other.with_suffix(".old")):
            assert any(path.match(pattern) for pattern in ignored), path


def test_a_stage_ends_with_dvc_also_before_its_imports_are_done(tmp_path: Path) -> None:
    """DVC is a process that starts a stage and is killed at once; the stage would write a file after its imports."""
    root = Path(__file__).parents[3]
    mark = tmp_path / "lives on"
    stage = f"import stages, time, pathlib; time.sleep(2); pathlib.Path({str(mark)!r}).touch()"
    for pause in (0.0, 0.01, 0.05, 0.2, 0.5):
        dvc = (
            f"import subprocess, sys, os, time; subprocess.Popen([sys.executable, '-c', {stage!r}]); "
            f"time.sleep({pause}); os.kill(os.getpid(), 9)"
        )
        environment = os.environ | {"DVC_STAGE": "example", "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, "-c", dvc], env=environment, check=False, start_new_session=True)
    time.sleep(4.0)
    assert not mark.exists()
