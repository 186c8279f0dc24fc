"""Files that people hand to the page: each is answered by a process of `textlstm score`, whose progress is what is in its folder.

Everything lies in one temporary folder, which goes with the server; the answers of a file go an hour after it has come.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from textlstm.core.errors import TextLSTMError
from textlstm.score.files import COMPRESSIONS, FORMATS, format_of

MOST = 20_000_000  # bytes of a file
_AT_ONCE = 2  # files that are answered at a time
_KEPT = 3600.0  # seconds
_LONGEST = 1800.0  # seconds that answering a file may take
_LONGEST_NAME = 80  # characters
_SAID = "said.log"  # what the process has printed
_UNUSUAL = re.compile(r"[^\w.@+-]")  # in the name of a file
_NAME = re.compile(r'filename="([^"]*)"')
_FIELD = re.compile(r'[; ]name="([^"]*)"')


class Upload(NamedTuple):
    """What came with a form."""

    name: str  # of the file
    content: bytes
    fields: dict[str, str]  # the other fields


class Progress(NamedTuple):
    """How far a file is."""

    name: str
    state: str  # "running", "done" or "failed"
    rows: int
    share: float  # of the file's bytes, 0 to 1
    message: str  # what went wrong, or what was said about rows without an answer
    output: Path


def read_form(body: bytes, content_type: str) -> Upload:
    """A form with one file in it, as browsers send it (multipart/form-data, RFC 7578).

    Raises:
        TextLSTMError: it is no such form, or holds no file.
    """
    kind, _, rest = content_type.partition(";")
    boundary = re.search(r'boundary="?([^";]+)"?', rest)
    if kind.strip().lower() != "multipart/form-data" or not boundary:
        raise TextLSTMError(f"expected a form with a file (multipart/form-data), got {content_type[:60]!r}")
    name, content, fields = "", None, dict[str, str]()
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode("latin-1"))[1:-1]:
        head, separator, value = part.partition(b"\r\n\r\n")
        field, file = (pattern.search(head.decode("utf-8", "replace")) for pattern in (_FIELD, _NAME))
        if not separator or not field:
            raise TextLSTMError("expected the parts of a form, got something else")
        if file:
            name, content = file[1].replace("\\", "/").rpartition("/")[2], value
        else:
            fields[field[1]] = value.decode("utf-8", "replace")
    if not name or content is None:
        raise TextLSTMError("expected a file, got none. Choose one first")
    return Upload(name, content, fields)


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    source: Path
    output: Path


class Scoring:
    """The files of a server, and the processes that answer them."""

    def __init__(self, folder: Path, models: Path) -> None:
        self._folder, self._models = folder, models
        self._running: dict[str, _Running] = {}

    def start(self, upload: Upload, output: str, options: Sequence[str]) -> str:
        """Begin to answer a file, and return the number under which `progress` knows it.

        Args:
            upload: the file.
            output: the ending of the file with the answers, "" for that of the file.
            options: for `textlstm score`.

        Raises:
            TextLSTMError: the file's name tells no format, or as many files as may are being answered already.
        """
        format_of(Path(upload.name))
        if output and output not in FORMATS:
            raise TextLSTMError(f"expected an output format ({', '.join(FORMATS)}), got {output!r}")
        self._forget()
        if sum(running.process.poll() is None for running in self._running.values()) >= _AT_ONCE:
            raise TextLSTMError(f"{_AT_ONCE} files are being answered already. Try again when they are done")
        number = uuid.uuid4().hex
        folder = self._folder / number
        folder.mkdir()
        endings = "".join(_endings(upload.name))
        name = (_UNUSUAL.sub("_", upload.name.removesuffix(endings))[-_LONGEST_NAME:].lstrip(".-") or "file") + endings
        (folder / name).write_bytes(upload.content)
        answers = f"answers-{name.partition('.')[0]}{output or endings}"
        command = [sys.executable, "-m", "textlstm", "score", name, "--output", answers, "--jobs", "1"]
        with (folder / _SAID).open("wb") as said:
            process = subprocess.Popen(
                [*command, "--models", str(self._models), *options],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        self._running[number] = _Running(process, folder / name, folder / answers)
        return number

    def progress(self, number: str) -> Progress | None:
        """How far a file is; None if there is none of that number."""
        running = self._running.get(number)
        if running is None:
            return None
        process, source, output = running
        rows, done = 0, 0
        for path in output.with_name(f"{output.name}.parts").glob("[0-9]*.json"):
            with contextlib.suppress(OSError, ValueError):
                report = json.loads(path.read_text(encoding="utf-8"))
                rows, done = rows + report["rows"], done + report["size"]
        status = process.poll()
        said = (
            source.with_name(_SAID)
            .read_text(encoding="utf-8", errors="replace")
            .replace(f"{source.parent}{os.sep}", "")
        )
        state = "running" if status is None else "failed" if status else "done"
        share = 1.0 if state == "done" else min(done / max(source.stat().st_size, 1), 1.0)
        return Progress(source.name, state, rows, share, said.removeprefix("textlstm score: ").strip(), output)

    def close(self) -> None:
        """End all processes."""
        for running in self._running.values():
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()

    def _forget(self) -> None:
        """Delete what is old, and end what takes too long."""
        now = time.time()
        for number, (process, source, _) in list(self._running.items()):
            age = now - source.stat().st_mtime
            if process.poll() is None and age > _LONGEST:
                process.kill()
            if process.poll() is not None and age > _KEPT:
                del self._running[number]
                shutil.rmtree(source.parent)


def _endings(name: str) -> list[str]:
    """The endings of a file's name that tell its format and its compression."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    return suffixes[-2:] if suffixes[-1:] and suffixes[-1] in COMPRESSIONS else suffixes[-1:]
