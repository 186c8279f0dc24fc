"""Files are whole or absent, and equal content means equal bytes."""

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textlstm.core import files
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import (
    atomic,
    atomic_folder,
    how_to_make,
    read_arrays,
    read_json,
    read_passages,
    read_pieces,
    read_text,
    remove_orphans,
    require,
    write_arrays,
    write_csv,
    write_json,
    write_text,
)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_text_is_read_in_pieces_that_cut_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text.txt"
    monkeypatch.setattr(files, "_PIECE", 12)
    for text in (
        "\ufeffla libert\u00e9\nou la mort " * 5,
        "\u4e16\u754c" * 20,
        "",
        "a" * 12,
        "a" * 13,
        "\U0001f600" * 9,
    ):
        path.write_text(text, encoding="utf-8")
        pieces = list(read_pieces(path))
        assert "".join(pieces) == text.removeprefix("\ufeff")
        assert all(len(piece.encode()) <= 12 for piece in pieces)
        if " " in text:
            assert all(piece[-1] in " \n" for piece in pieces)
    path.write_bytes(b"good text here \xff and more")
    with pytest.raises(TextLSTMError, match="got the byte 0xff at offset 15"):
        read_text(path)


@pytest.mark.parametrize("letter", ["w", "\u00e9", "\u4e16", "\U0001f600"])
@pytest.mark.parametrize("words", [10, 900, 3000, 40_000])
def test_passages_come_from_all_parts_and_hold_whole_words(tmp_path: Path, letter: str, words: int) -> None:
    path = tmp_path / "text.txt"
    text = " ".join(f"{letter}{number:05}" for number in range(words))
    path.write_text(text, encoding="utf-8")
    assert read_passages(path, 0) == read_passages(path, len(text)) == text
    passages = read_passages(path, 5000)
    if len(text) <= 5000:
        assert passages == text
        return
    assert 4000 < len(passages) <= 5000
    found = passages.split(" ")
    assert set(found) <= set(text.split(" "))
    assert found == sorted(set(found))  # in order, and none twice
    assert found[0] < f"{letter}{words // 20:05}"
    assert found[-1] > f"{letter}{words * 3 // 4:05}"


def test_passages_of_a_text_without_spaces(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\u4e16\u754c" * 30_000, encoding="utf-8")
    assert 4900 < len(read_passages(path, 5000).replace(" ", "")) <= 5000


def test_an_exception_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="halfway"), atomic(path) as temporary:
        temporary.write_text("new, but")
        raise RuntimeError("halfway")
    assert contents(tmp_path) == {"file.txt": b"old"}


def test_an_exception_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="halfway"), atomic(tmp_path / "file.txt"):
        raise RuntimeError("halfway")
    assert contents(tmp_path) == {}


def test_the_reader_sees_the_old_file_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep/er/file.txt"
    write_text(path, "old")
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644


def _disk_full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("owner", "name", "write"),
    [
        (Path, "write_bytes", lambda path: write_text(path, "new")),
        (Path, "write_bytes", lambda path: write_json(path, {"new": 1})),
        (files.zipfile.ZipFile, "open", lambda path: write_arrays(path, new=[1])),
        (files.csv, "writer", lambda path: write_csv(path, ("new",), [(1,)])),
    ],
    ids=["text", "json", "arrays", "csv"],
)
def test_a_full_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, write: Any
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(owner, name, _disk_full)
    with pytest.raises(OSError, match="No space left on device"):
        write(path)
    monkeypatch.undo()
    assert contents(tmp_path) == {"file": b"old"}


def test_a_device_without_space_raises_and_leaves_no_file(tmp_path: Path) -> None:
    """A real write that fails late: /dev/full takes no byte."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space left on device"), atomic(tmp_path / "file") as temporary:
        temporary.unlink()
        temporary.symlink_to(full)
        temporary.write_text("new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_swapped_whole(tmp_path: Path) -> None:
    path = tmp_path / "models" / "english"
    for content in ("old", "new"):
        with atomic_folder(path) as temporary:
            (temporary / f"{content}.txt").write_text(content)
    assert contents(tmp_path) == {"models/english/new.txt": b"new"}
    assert [child.name for child in path.parent.iterdir()] == ["english"]
    assert path.stat().st_mode & 0o777 == 0o755


def test_an_exception_leaves_the_old_folder_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        (temporary / "a.txt").write_text("old")
    with pytest.raises(OSError, match="No space"), atomic_folder(path) as temporary:
        (temporary / "a.txt").write_text("new")
        _disk_full()
    assert contents(tmp_path) == {"model/a.txt": b"old"}
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


def test_a_failed_swap_does_not_cost_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        (temporary / "a.txt").write_text("old")
    replace, calls = Path.replace, []

    def fail_once_the_old_one_is_away(self: Path, target: Path) -> Path:
        calls.append(target)
        if self.suffix == ".tmp":
            _disk_full()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_once_the_old_one_is_away)
    with pytest.raises(OSError, match="No space"), atomic_folder(path) as temporary:
        (temporary / "a.txt").write_text("new")
    assert contents(tmp_path) == {"model/a.txt": b"old"}


def test_text_is_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf\xc3\xa9t\xc3\xa9\r\n")
    assert read_text(path) == "été\r\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "Liberté".encode("latin-1"),
            "expected UTF-8 text, got the byte 0xe9 at offset 6. Save the file as UTF-8 and run again",
        ),
        ("abc".encode("utf-16"), "expected UTF-8 text, got the byte 0xff at offset 0"),
    ],
)
def test_other_encodings_are_refused_by_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(TextLSTMError, match=message) as caught:
        read_text(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_text_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        TextLSTMError, match=r"data/a.txt: no such file. Run 'dvc repro' \(or 'make repro'\) to make it"
    ):
        read_text(Path("data/a.txt"))
    with pytest.raises(TextLSTMError, match=r"mine.txt: no such file. Check the path"):
        read_text(Path("mine.txt"))
    with pytest.raises(TextLSTMError, match="expected a text file, got a folder"):
        read_text(tmp_path)
    with pytest.raises(TextLSTMError, match=r"b.txt: no such file"):
        require(tmp_path, tmp_path / "b.txt")
    assert how_to_make(tmp_path / "data/a.txt") == "Check the path"


def test_json_keeps_order_and_accents_and_refuses_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": "é", "a": [1, 0.5]})
    assert path.read_text(encoding="utf-8") == '{\n  "b": "é",\n  "a": [\n    1,\n    0.5\n  ]\n}\n'
    assert list(read_json(path)) == ["b", "a"]
    with pytest.raises(ValueError, match="Out of range"):
        write_json(path, {"auc": float("nan")})
    assert list(read_json(path)) == ["b", "a"]


def test_csv_has_six_significant_digits(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, ("x", "name"), [(1 / 3, "a,b"), (np.float64(2e-9), "c"), (5, "é")])
    assert path.read_text(encoding="utf-8") == 'x,name\n0.333333,"a,b"\n2e-09,c\n5,é\n'


def test_arrays_come_back_and_equal_arrays_give_equal_bytes(tmp_path: Path) -> None:
    arrays = {"ids": np.arange(5, dtype=np.uint8), "labels": np.array([0, 1])}
    for name in ("one", "two"):
        write_arrays(tmp_path / name, **arrays)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    digest = hashlib.sha256((tmp_path / "one").read_bytes()).hexdigest()
    assert (
        digest == "cecfb8a16d88b708f927c3a09728545b301058d8710ab04d7d663e03c458a542"
    )  # under any version of Python and NumPy
    back = read_arrays(tmp_path / "one")
    assert list(back) == ["ids", "labels"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


def _pickled(path: Path) -> None:
    np.savez(path.open("wb"), things=np.array([{"a": 1}], dtype=object))


def _truncated(path: Path) -> None:
    write_arrays(path, ids=np.arange(1000))
    path.write_bytes(path.read_bytes()[:-200])


def _flipped(path: Path) -> None:
    write_arrays(path, ids=np.arange(1000))
    content = bytearray(path.read_bytes())
    content[1000] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        _pickled,
        _truncated,
        _flipped,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 not a zip"),
        lambda path: path.write_text("not arrays"),
        lambda path: np.save(path.open("wb"), np.arange(3)),
    ],
    ids=["pickle", "truncated", "flipped", "empty", "not a zip", "text", "one array"],
)
def test_broken_arrays_are_named(tmp_path: Path, spoil: Any) -> None:
    path = tmp_path / "a.npz"
    spoil(path)
    with pytest.raises(TextLSTMError, match=r"a.npz: expected arrays \(.npz\), got a broken file"):
        read_arrays(path)


def test_folders_of_others_are_removed(tmp_path: Path) -> None:
    for name in ("english", "french"):
        (tmp_path / name).mkdir()
    remove_orphans(tmp_path, {"english": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["english"]
    remove_orphans(tmp_path / "absent", [])


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127])
def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    (tmp_path / "in").mkdir()
    with atomic_folder(tmp_path / "in" / name) as folder:
        write_text(folder / name, "text")
    assert contents(tmp_path) == {name: b"text", f"in/{name}/{name}": b"text"}
