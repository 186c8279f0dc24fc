"""`textlstm verify` and `textlstm repro` on a small reproduction: planted bytes are found, one runs at a time, kills leave nothing."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipeline.small import Clone, inherited

pytestmark = pytest.mark.slow


def _textlstm(clone: Clone, *words: str) -> subprocess.CompletedProcess[str]:
    return clone.run(sys.executable, "-m", "textlstm", *words, check=False)


def _cached(clone: Clone, path: Path) -> Path:
    """The object in DVC's cache of a file of the workspace."""
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    return clone.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def _alter(path: Path) -> None:
    """Another byte, with the size and the time that the file had."""
    before = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_all_is_as_it_was_made(clone: Clone) -> None:
    done = _textlstm(clone, "verify", "--files")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("none altered or missing")


def test_a_clean_clone_in_another_place_makes_the_same_bytes(clone: Clone, tmp_path: Path) -> None:
    place = tmp_path / "another place"
    place.mkdir()
    done = clone.run(sys.executable, "-m", "textlstm", "verify", check=False, TMPDIR=str(place))
    assert done.returncode == 0, done.stderr[-4000:]
    stages = yaml.safe_load((clone.folder / "dvc.lock").read_bytes())["stages"]
    outputs = sum(len(stage.get("outs", [])) for name, stage in stages.items() if name != "track")
    last = done.stdout.splitlines()[-1]
    assert last == f"reproduced: {outputs} outputs of {len(stages)} stages, the same bytes"
    assert list(place.iterdir()) == []


NAMES = ["models/abstention.json", "models/table/table.npz", "metrics/language.json"]


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_byte_is_found_and_put_right(clone: Clone, name: str) -> None:
    path = clone.folder / name
    right, kept = path.read_bytes(), _cached(clone, path)
    _alter(path)
    if kept.exists():  # DVC takes it for unchanged by its size and time, but what is in git it may read again
        assert clone.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    done = _textlstm(clone, "verify", "--files")
    assert done.returncode == 1
    assert f"{name} (" in done.stderr
    assert "altered in the workspace" in done.stderr
    if not kept.exists():  # metrics are in git, not in the cache
        assert "deleted. Run 'dvc repro'" in done.stderr
        assert not path.exists()
        clone.repro()
        assert path.read_bytes() == right
        return
    assert path.read_bytes() == right
    _alter(kept)
    done = _textlstm(clone, "verify", "--files")
    assert "altered in DVC's cache; restored from the workspace" in done.stderr
    assert kept.read_bytes() == right
    _alter(kept)
    _alter(path)
    done = _textlstm(clone, "verify", "--files")
    assert "altered in DVC's cache and the workspace; deleted" in done.stderr
    clone.repro()
    assert path.read_bytes() == right
    assert _textlstm(clone, "verify", "--files").returncode == 0


def test_a_list_of_files_in_the_cache_is_made_anew(clone: Clone) -> None:
    lock = yaml.safe_load((clone.folder / "dvc.lock").read_bytes())
    md5 = next(out["md5"] for out in lock["stages"]["compile_detector"]["outs"] if out["path"] == "models/table")
    kept = clone.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    right = kept.read_bytes()
    _alter(kept)
    done = _textlstm(clone, "verify", "--files")
    assert "its list of files was altered in DVC's cache; made anew" in done.stderr
    assert done.returncode == 1
    assert kept.read_bytes() == right
    kept.unlink()
    done = _textlstm(clone, "verify", "--files")
    assert (done.returncode, kept.read_bytes()) == (1, right)
    assert "its list of files is missing from DVC's cache; made anew" in done.stderr


def test_what_is_missing_is_told_and_brought_back(clone: Clone) -> None:
    path = clone.folder / "models/table/table.npz"
    right = path.read_bytes()
    path.unlink()
    done = _textlstm(clone, "verify", "--files")
    assert (done.returncode, path.read_bytes()) == (1, right)
    assert "models/table/table.npz (compile_detector): missing; restored from DVC's cache" in done.stderr


def test_a_cut_lock_is_put_back_and_nothing_is_trained(clone: Clone) -> None:
    lock = clone.folder / "dvc.lock"
    right = lock.read_bytes()
    lock.write_bytes(b"")
    assert clone.run("dvc", "repro", check=False).returncode != 0
    done = _textlstm(clone, "repro")
    assert done.returncode == 0, done.stderr
    assert "dvc.lock was cut off in the middle of a write; put back from" in done.stderr
    assert "train_" not in "".join(line for line in done.stdout.splitlines() if line.startswith("Running"))
    before, after = (
        {name: stage.get("outs") for name, stage in yaml.safe_load(content)["stages"].items() if name != "track"}
        for content in (right, lock.read_bytes())
    )
    assert before == after


def test_one_reproduction_at_a_time_and_a_stop_leaves_no_process(clone: Clone) -> None:
    clone.change({"seed": 11})
    command = [sys.executable, "-m", "textlstm", "repro"]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = subprocess.Popen(command, cwd=clone.folder, env=inherited(), start_new_session=True, **options)
    assert running.stdout
    for line in running.stdout:
        if "stages.draw_words" in line:
            break
    second = _textlstm(clone, "repro")
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith("textlstm repro: another one works in ")
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM
    assert "textlstm repro: stopped; " in said
    assert "Traceback" not in said
    time.sleep(1.0)
    left = [entry for entry in Path("/proc").glob("[0-9]*/cwd") if _is(entry, clone.folder)]
    assert left == []
    clone.git("checkout", "--quiet", "params.yaml", "dvc.lock")


def _is(link: Path, folder: Path) -> bool:
    try:
        return link.resolve() == folder.resolve() and b"daemon" not in (link.parent / "cmdline").read_bytes()
    except OSError:
        return False
