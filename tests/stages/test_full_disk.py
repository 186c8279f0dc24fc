"""A full disk is blamed on the place that is on it."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from textlstm.core.files import atomic, name_full_disk, write_text
from textlstm.core.stage import explain


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk of 256 kB cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_write_that_fills_the_disk_names_the_file(small_disk: Path) -> None:
    path = small_disk / "new" / "a.txt"
    with pytest.raises(OSError, match="No space left") as caught:
        write_text(path, "x" * 1_000_000)
    assert explain(caught.value).startswith(f"{path}: the disk is full")


def test_a_copy_onto_a_full_disk_names_the_target_not_the_source(tmp_path: Path, small_disk: Path) -> None:
    source, path = tmp_path / "source", small_disk / "a.bin"
    source.write_bytes(bytes(1_000_000))
    with pytest.raises(OSError, match="No space left") as caught, atomic(path) as temporary:
        shutil.copyfile(source, temporary)
    assert explain(caught.value).startswith(f"{path}: the disk is full")


def test_a_full_folder_for_temporary_files_is_named(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(small_disk))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left") as caught, atomic(tmp_path / "a.bin"):
        (small_disk / "filled").write_bytes(bytes(1_000_000))
    assert explain(caught.value).startswith(f"{small_disk}: the disk is full")
    assert explain(full).startswith(f"{small_disk}: the disk is full")


def test_another_error_keeps_its_name(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "no", "b")
    name_full_disk(error, tmp_path)
    assert error.filename == "b"
