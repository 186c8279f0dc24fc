"""Write files so that a reader finds the old one or the new one, never half of one.

Everything is written to a temporary file in the same folder and moved into place when it is complete. What is written
holds no date and no path, so equal content means equal bytes.
"""

import contextlib
import csv
import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError

_DIGESTS = "digests.json"  # in the folder of a model
_PIECE = 1 << 22  # bytes
_PASSAGE = 1000  # characters, at least
_TEMPORARY = re.compile(r"\.(\d+)\.[a-z0-9_]{8}\.(?:tmp|old)$")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

T = TypeVar("T")


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it to `path` when the block ends well, delete it when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_hidden(path), suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        name_full_disk(error, path)  # while it is full: the temporary file is still there
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """The same for a folder: filled under another name, then swapped in; the old one is deleted when the new one is in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_hidden(path), suffix=".tmp"))
    old = temporary.with_suffix(".old")
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            path.replace(old)
        temporary.replace(path)
    except OSError as error:
        name_full_disk(error, path)
        raise
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def model_folder(path: Path) -> Iterator[Path]:
    """`atomic_folder` for a trained model: the digests of its files are written beside them, for `check_digests`."""
    with atomic_folder(path) as temporary:
        yield temporary
        write_json(temporary / _DIGESTS, _digests(temporary))


def check_digests(folder: Path) -> None:
    """Raise TextLSTMError unless a model's folder holds the files that `model_folder` left there, and no others.

    Of arrays, names, sizes and checksums are compared here; `read_arrays` compares the checksums with the contents.
    """
    require(folder)
    expected = read_json(folder / _DIGESTS)
    try:
        got = _digests(folder)
    except zipfile.BadZipFile as error:
        raise TextLSTMError(
            f"{folder}: expected arrays (.npz), got a broken file ({error}). {how_to_make(folder)}"
        ) from None
    if got != expected:
        names = sorted({*got, *expected}) if isinstance(expected, dict) else []
        wrong = [name for name in names if got.get(name) != expected.get(name)]
        raise TextLSTMError(
            f"{folder}: {', '.join(wrong) or _DIGESTS} is not what was written when the model was trained: damaged, or "
            "of another model. 'textlstm verify --files' restores what was altered, from DVC's cache. "
            f"{how_to_make(folder)}"
        )


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("[!.]*") if path.is_file() and path.name != _DIGESTS)
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def _digest(path: Path) -> str:
    """SHA-256 of a file; of arrays, of the names, sizes and checksums in the table of contents."""
    if path.suffix != ".npz":
        return hash_file(path)
    with zipfile.ZipFile(path) as archive:
        contents = [[entry.filename, entry.file_size, entry.CRC] for entry in archive.infolist()]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def _hidden(path: Path) -> str:
    """How the name of a temporary file begins: as the file's own, which may be as long as the system allows, and the process.

    >>> _hidden(Path("models/imdb.json")) == f".imdb.json.{os.getpid()}."
    True
    >>> len(_hidden(Path("é" * 127)).encode()) < 120
    True
    """
    return f".{os.fsencode(path.name)[:100].decode(errors='ignore')}.{os.getpid()}."


def remove_leftovers(*folders: Path) -> None:
    """Delete the temporary files and folders in `folders` whose process has ended: what was being written when it was killed."""
    for folder in folders:
        for path in list(folder.rglob(".*")):
            if (match := _TEMPORARY.search(path.name)) and not _lives(int(match[1])):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def name_full_disk(error: OSError, *places: Path) -> None:
    """Give an error about a full disk the name of the place that is on it, one of `places` or the folder for temporary files.

    Python names none where a write fails, and where a copy fails the file that was read.
    """
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return
    candidates = {place: next(part for part in (place, *place.absolute().parents) if part.exists()) for place in places}
    folder = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - only looked at
    if folder.is_dir() and folder.stat().st_dev not in {part.stat().st_dev for part in candidates.values()}:
        candidates[folder] = folder
    fullest = min(candidates, key=lambda place: shutil.disk_usage(candidates[place]).free, default=None)
    if fullest is not None:
        error.filename, error.filename2 = str(fullest), None


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        TextLSTMError: there is no such file, or it is not UTF-8.
    """
    return "".join(read_pieces(path))


def read_pieces(path: Path) -> Iterator[str]:
    """The text of a UTF-8 file in pieces of a few megabytes: joined, they are the text. A byte order mark is left out.

    A piece ends after a space or a line end where there is one. A file that is no longer than a piece is one.

    Raises:
        TextLSTMError: as `read_text`.
    """
    begin, rest = 0, b""
    with _opened(path) as file:
        while read := file.read(_PIECE - len(rest)):
            block = rest + read
            end = len(block) if len(block) < _PIECE else _piece_end(block)
            piece, rest = block[:end], block[end:]
            yield _decoded(path, piece, begin)
            begin += end
    if rest:
        yield _decoded(path, rest, begin)


def read_passages(path: Path, characters: int) -> str:
    """At most so many characters of a UTF-8 file: up to ten equal passages from all parts of it, joined by spaces.

    A passage begins and ends between words. A text that is not longer is returned whole, as any is if `characters` is 0.

    Raises:
        TextLSTMError: as `read_text`.
    """
    count = min(max(characters // _PASSAGE, 1), 10)
    size, most = path.stat().st_size if path.is_file() else 0, characters // count
    if not characters or size <= 4 * characters:
        text = read_text(path)
        if not characters or len(text) <= characters:
            return text
        begins = np.linspace(0, len(text) - most, count).astype(int).tolist()
        return " ".join(_whole_words(text[begin : begin + most]) for begin in begins)
    passages = []
    with _opened(path) as file:
        for begin in np.linspace(0, size - 4 * most, count).astype(int).tolist():
            file.seek(begin)
            block = file.read(4 * most)  # so many characters have no more bytes
            first = next(place for place, byte in enumerate(block) if byte & 0xC0 != 0x80)
            passages.append(_whole_words(_decoded(path, block[first : _piece_end(block)], begin + first)[:most]))
    return " ".join(passages)


def _whole_words(passage: str) -> str:
    """A passage without the words that it may have cut, and one space less.

    >>> _whole_words("an beings are bo")
    'beings are'
    """
    _, space, rest = passage[:-1].partition(" ")
    kept, last_space, _ = (rest if space else passage[:-1]).rpartition(" ")
    return kept if last_space else passage[:-1]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file that is to be read as text."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise TextLSTMError(f"{path}: no such file. {how_to_make(path)}") from None
    except IsADirectoryError:
        raise TextLSTMError(f"{path}: expected a text file, got a folder") from None
    with file:
        yield file


def _piece_end(block: bytes) -> int:
    """Where to cut: after the last white space, or before the last character where there is none."""
    end = max(block.rfind(b" "), block.rfind(b"\n")) + 1
    if not end:
        end = len(block) - 1
        while end > 1 and block[end] & 0xC0 == 0x80:  # the second byte of a character, or a later one
            end -= 1
    return end


def _decoded(path: Path, content: bytes, begin: int) -> str:
    """Bytes of a file, those from `begin` on, as text."""
    try:
        return content.decode("utf-8" if begin else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextLSTMError(
            f"{path}: expected UTF-8 text, got the byte 0x{error.object[error.start]:02x} at offset {begin + error.start}. "
            "Save the file as UTF-8 and run again"
        ) from None


def how_to_make(path: Path) -> str:
    """What to do about a missing file: run the pipeline, when it is one of the pipeline's own; otherwise look at the path."""
    own = not path.is_absolute() and path.parts[:1] in {("data",), ("models",), ("metrics",)}
    return "Run 'dvc repro' (or 'make repro') to make it" if own else "Check the path"


def require(*places: Path, hint: str = "") -> None:
    """Raise TextLSTMError for the first of `places` that does not exist; `hint` says what to do, by default `how_to_make`."""
    for place in places:
        if not place.exists():
            raise TextLSTMError(f"{place}: no such file. {hint or how_to_make(place)}")


def find_models(models: Path | None, *needed: Path) -> Path:
    """The folder of the trained models.

    Args:
        models: the folder; by default the one inside an installed wheel, or else `models` of the current folder.
        needed: what must be in it, as `textlstm.core.paths` names it.

    Raises:
        TextLSTMError: it is not there, or lacks something that is needed.
    """
    folder = models or (paths.INSTALLED_MODELS if paths.INSTALLED_MODELS.is_dir() else paths.MODELS)
    hint = "Run 'make repro' to train the models, or name the folder that holds them"
    require(*(folder / place.relative_to(paths.MODELS) for place in needed), hint=hint)
    return folder


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    with atomic(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON that people can read: indented, in the order given, one line end at the end."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON; a missing or broken file is a TextLSTMError."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise TextLSTMError(
            f"{path}: expected JSON, got something else at line {error.lineno}. {how_to_make(path)}"
        ) from None


def read_record(path: Path, kind: type[T]) -> T:
    """Read JSON into a dataclass; other fields than it has are a TextLSTMError."""
    return kind(**read_fields(path, *(field.name for field in dataclasses.fields(kind))))  # type: ignore[arg-type]


def write_sealed(path: Path, record: Any) -> None:
    """Write a dataclass as JSON, with a digest of its values."""
    values = dataclasses.asdict(record)
    write_json(path, values | {"digest": _digest_of(values)})


def read_sealed(path: Path, kind: type[T]) -> T:
    """Read what `write_sealed` wrote; other fields, or values that do not fit the digest, are a TextLSTMError."""
    values = read_fields(path, *(field.name for field in dataclasses.fields(kind)), "digest")  # type: ignore[arg-type]
    if values.pop("digest") != _digest_of(values):
        raise TextLSTMError(f"{path}: its values do not fit its digest: it was altered. {how_to_make(path)}")
    return kind(**values)


def _digest_of(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def read_fields(path: Path, *names: str) -> dict[str, Any]:
    """Read a JSON object; other fields than `names` are a TextLSTMError."""
    value = read_json(path)
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        got = ", ".join(value) if isinstance(value, dict) else type(value).__name__
        raise TextLSTMError(
            f"{path}: expected the fields {', '.join(names)}, got {got}: written by another version? {how_to_make(path)}"
        )
    return value


def read_format(path: Path, expected: str, key: str) -> dict[str, Any]:
    """A JSON object whose `format` is the expected one, with a list of strings under `key`; anything else is a TextLSTMError."""
    value = read_json(path)
    got = value.get("format") if isinstance(value, dict) else None
    if got != expected:
        raise TextLSTMError(
            f"{path}: expected a file of the format {expected!r}, got {got!r}. Run 'dvc repro' to make it again"
        )
    entries = value.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise TextLSTMError(
            f"{path}: expected a list of strings under {key!r}, got something else. Run 'dvc repro' to make it again"
        )
    return dict(value)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file; floats keep six significant digits."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in rows)


def write_arrays(path: Path, **arrays: npt.ArrayLike) -> None:
    """Write named arrays as one .npz file whose bytes depend on nothing but the values.

    `numpy.savez` asks for ZIP64 headers, which Python 3.11.2 and 3.11.7 write differently.
    """
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            values, entry = np.asarray(array), zipfile.ZipInfo(f"{name}.npy", _ZIP_TIME)
            entry.file_size = values.nbytes  # or nearly so: whether it takes ZIP64
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, values, allow_pickle=False)


def read_arrays(path: Path, *names: str) -> dict[str, npt.NDArray[Any]]:
    """Read what `write_arrays` wrote; a missing or broken file, or one without `names`, is a TextLSTMError. Pickles are refused."""
    require(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, TypeError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise TextLSTMError(
            f"{path}: expected arrays (.npz), got a broken file ({error}). {how_to_make(path)}"
        ) from None
    if missing := [name for name in names if name not in arrays]:
        raise TextLSTMError(
            f"{path}: expected the arrays {', '.join(names)}, got none called {', '.join(missing)}: an older file? {how_to_make(path)}"
        )
    return arrays


def remove_orphans(folder: Path, languages: Iterable[str]) -> None:
    """Delete what `folder` holds of languages that params.yaml no longer names (endings do not count).

    No stage writes them any more, and DVC leaves them: a dependency on the whole folder would differ from that of a
    fresh clone.
    """
    names = set(languages)
    for child in sorted(folder.iterdir()) if folder.is_dir() else []:
        if child.stem not in names and not child.name.startswith("."):
            shutil.rmtree(child) if child.is_dir() else child.unlink()


def write_folder(path: Path, texts: dict[str, str]) -> None:
    """Write a folder of UTF-8 texts, all or nothing."""
    with atomic_folder(path) as folder:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
