"""Downloads from a server on this machine that lies, stalls, cuts off, fails or is not there; and pip without an index."""

import errno
import hashlib
import http.server
import os
import socket
import threading
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import hash_file
from textlstm.data import download
from textlstm.data.archives import Source
from textlstm.data.download import cache_folder, fetch, mirror_setting

CONTENT = b"the right content" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()

Answer = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives the next of its server's answers; the last one for ever."""

    server: "Server"

    def do_GET(self) -> None:
        answers = self.server.answers
        self.server.asked.append(self.path)
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


class Server(http.server.ThreadingHTTPServer):
    """An HTTP server on this machine with a list of answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


def right(handler: Handler) -> None:
    send(handler, CONTENT)


def wrong(handler: Handler) -> None:
    send(handler, b"<html>please log in</html>")


def send(handler: Handler, content: bytes, announced: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if announced is None else announced))
    handler.end_headers()
    handler.wfile.write(content)


def cut_off(handler: Handler) -> None:
    send(handler, CONTENT[:500], announced=len(CONTENT))


def stall(handler: Handler) -> None:
    send(handler, CONTENT[:500], announced=len(CONTENT))
    handler.wfile.flush()
    handler.server.closing.wait(10)


def silent(handler: Handler) -> None:
    handler.server.closing.wait(10)


def fail(code: int) -> Answer:
    return lambda handler: handler.send_error(code)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.closing.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which are not waited."""
    waited: list[float] = []
    monkeypatch.setattr("pooch.core.time", types.SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTLSTM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def web(server: Server, sha256: str = SHA256) -> Source:
    return Source("example", "a.tar.gz", len(CONTENT), f"sha256:{sha256}", "", f"{server.url}/original/a.tar.gz", {})


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_right_content_is_kept_and_not_fetched_again(server: Server, cache: Path, waits: list[float]) -> None:
    server.answers = [right]
    for _ in range(2):
        path = fetch(web(server))
        assert path == cache / "a.tar.gz"
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/original/a.tar.gz"]
    assert files(cache) == ["a.tar.gz"]
    assert waits == []


def test_an_md5_will_do(server: Server) -> None:
    server.answers = [right]
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    source = Source("example", "a.tar.gz", len(CONTENT), f"md5:{md5}", "", f"{server.url}/a.tar.gz", {})
    assert fetch(source).read_bytes() == CONTENT


def test_a_cached_file_that_does_not_fit_is_fetched_again(server: Server, cache: Path) -> None:
    server.answers = [right]
    cache.mkdir()
    (cache / "a.tar.gz").write_bytes(b"left by an older version")
    assert fetch(web(server)).read_bytes() == CONTENT


def test_two_failures_and_then_the_right_answer(server: Server, cache: Path, waits: list[float]) -> None:
    server.answers = [fail(500), fail(503), right]
    assert fetch(web(server), retries=4).read_bytes() == CONTENT
    assert len(server.asked) == 3
    assert waits == [1, 2]  # seconds, growing
    assert files(cache) == ["a.tar.gz"]


@pytest.mark.parametrize("first", [wrong, cut_off, stall], ids=["wrong content", "cut off", "stalled"])
def test_one_bad_answer_and_then_the_right_one(server: Server, waits: list[float], first: Answer) -> None:
    server.answers = [first, right]
    assert fetch(web(server), retries=1, timeout=0.5).read_bytes() == CONTENT
    assert waits == [1]


def test_wrong_content_is_told_and_not_kept(server: Server, cache: Path, waits: list[float]) -> None:
    server.answers = [wrong]
    with pytest.raises(TextLSTMError) as caught:
        fetch(web(server), retries=1)
    message = str(caught.value)
    assert message.startswith(f"{server.url}/original/a.tar.gz: wrong content: ")
    assert SHA256 in message
    assert hashlib.sha256(b"<html>please log in</html>").hexdigest() in message
    assert "Nothing was kept" in message
    assert "set download.mirror" in message
    assert files(cache) == []
    assert len(server.asked) == 2


def test_wrong_content_leaves_the_cached_file_alone(server: Server, cache: Path, waits: list[float]) -> None:
    server.answers = [wrong]
    cache.mkdir()
    (cache / "a.tar.gz").write_bytes(b"left by an older version")
    with pytest.raises(TextLSTMError, match="wrong content"):
        fetch(web(server), retries=0)
    assert (cache / "a.tar.gz").read_bytes() == b"left by an older version"
    assert files(cache) == ["a.tar.gz"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (cut_off, r"IncompleteRead\(500 bytes read, 1200 more expected\)"),
        (stall, "timed out"),
        (silent, "timed out"),
        (fail(500), "500 Server Error"),
        (fail(404), "404 Client Error"),
    ],
    ids=["cut off", "stalled", "silent", "500", "404"],
)
def test_no_complete_answer_is_told_with_its_reason(
    server: Server, cache: Path, waits: list[float], answer: Answer, reason: str
) -> None:
    server.answers = [answer]
    expected = (
        rf"{server.url}/original/a.tar.gz: expected a.tar.gz, got no complete answer after 2 tries "
        rf"\(.*{reason}.*\). Check the network"
    )
    with pytest.raises(TextLSTMError, match=expected):
        fetch(web(server), retries=1, timeout=0.3)
    assert len(server.asked) == 2
    assert files(cache) == []


def test_nobody_there(cache: Path, waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    source = Source("example", "a.tar.gz", 1, "sha256:0", "", f"http://127.0.0.1:{port}/a.tar.gz", {})
    with pytest.raises(
        TextLSTMError, match=r"got no complete answer after 3 tries \(ConnectionError: .*Connection refused\)"
    ):
        fetch(source, retries=2)
    assert waits == [1, 2]
    assert files(cache) == []


def test_a_full_disk_leaves_no_file(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers = [right]

    def no_space(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pooch.downloaders.HTTPDownloader.__call__", no_space)
    with pytest.raises(OSError, match="No space left"):
        fetch(web(server), retries=3)
    assert files(cache) == []


# Mirrors


def test_a_mirror_url_takes_the_place_of_the_host(server: Server, cache: Path) -> None:
    server.answers = [right]
    source = Source("example", "a.tar.gz", 1, "sha256:0", "", "http://127.0.0.1:9/a.tar.gz", {})
    for base in (f"{server.url}/data", f"{server.url}/data/"):
        path = fetch(source, mirror=base)
        assert path.read_bytes() == CONTENT
        assert path.parent.parent == cache  # apart from the originals: a mirror may pack its archives differently
    assert set(server.asked) == {"/data/a.tar.gz"}


def test_a_mirror_url_serves_wheels_too(server: Server) -> None:
    server.answers = [right]
    assert fetch(WHEEL, mirror=server.url).read_bytes() == CONTENT
    assert server.asked == [f"/{WHEEL.file}"]


def test_a_mirror_url_without_the_file_is_told(server: Server, waits: list[float]) -> None:
    server.answers = [fail(404)]
    with pytest.raises(TextLSTMError, match=rf"{server.url}/x/a.tar.gz: expected a.tar.gz, got no complete answer"):
        fetch(web(server), mirror=f"{server.url}/x", retries=0)


def test_a_mirror_folder_is_read_in_place(server: Server, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "a.tar.gz").write_bytes(b"packed differently")
    assert fetch(web(server), mirror=str(folder)) == folder / "a.tar.gz"
    assert server.asked == []
    assert not cache.exists()


def test_a_mirror_folder_may_be_in_the_home_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.tar.gz").write_bytes(b"x")
    assert fetch(web(server), mirror="~") == tmp_path / "a.tar.gz"


def test_a_mirror_folder_without_the_file_is_told(server: Server, tmp_path: Path) -> None:
    with pytest.raises(
        TextLSTMError, match=rf"download.mirror: {tmp_path}: expected the file a.tar.gz in it, got none"
    ):
        fetch(web(server), mirror=str(tmp_path))
    assert server.asked == []


def test_a_mirror_folder_that_is_not_there_is_told(server: Server) -> None:
    with pytest.raises(TextLSTMError, match=r"download.mirror: /no/where: no such folder. Give a folder or a base URL"):
        fetch(web(server), mirror="/no/where")


def test_the_environment_wins_over_the_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mirror_setting("/parameter") == "/parameter"
    monkeypatch.setenv("TEXTLSTM_MIRROR", "/environment")
    assert mirror_setting("/parameter") == "/environment"
    monkeypatch.setenv("TEXTLSTM_MIRROR", "")
    assert mirror_setting("/parameter") == ""


def test_a_relative_mirror_is_of_the_repository_also_for_an_experiment_in_a_clone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DVC_ROOT", "/clone")
    assert mirror_setting("mirror") == "/clone/mirror"
    monkeypatch.setenv("TEXTLSTM_ROOT", "/repository")
    assert mirror_setting("mirror") == "/repository/mirror"
    assert mirror_setting("https://example.invalid") == "https://example.invalid"


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("TEXTLSTM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "textlstm"


# Wheels

WHEEL = Source(
    "example", "example_textlstm-1.0-py3-none-any.whl", 1, f"sha256:{SHA256}", "example-textlstm==1.0", "", {}
)


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip, and no index that it could reach."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")


@pytest.mark.usefixtures("no_index")
def test_no_index_is_told_with_what_pip_said(cache: Path) -> None:
    with pytest.raises(TextLSTMError) as caught:
        fetch(WHEEL, retries=0, timeout=1)
    message = str(caught.value)
    assert message.startswith(
        f"example-textlstm==1.0: expected {WHEEL.file} with the hash sha256:{SHA256} from the package index, got none"
    )
    assert "No matching distribution found for example-textlstm==1.0" in message
    assert message.endswith(
        "Check the network and pip's settings, or set download.mirror to a folder that has the file"
    )
    assert files(cache) == []


def _wheel(folder: Path) -> bytes:
    """The smallest wheel that pip downloads."""
    folder.mkdir()
    with zipfile.ZipFile(folder / WHEEL.file, "w") as archive:
        place = "example_textlstm-1.0.dist-info"
        archive.writestr(f"{place}/METADATA", "Metadata-Version: 2.1\nName: example-textlstm\nVersion: 1.0\n")
        archive.writestr(f"{place}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{place}/RECORD", "")
    return (folder / WHEEL.file).read_bytes()


def _with_hash(content: bytes) -> Source:
    return Source("example", WHEEL.file, 1, f"sha256:{hashlib.sha256(content).hexdigest()}", WHEEL.wheel, "", {})


@pytest.mark.usefixtures("no_index")
def test_a_wheel_is_fetched_by_pip_as_the_user_has_set_it_up(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    path = fetch(_with_hash(content))
    assert path == cache / WHEEL.file
    assert path.read_bytes() == content
    assert files(cache) == [WHEEL.file]


@pytest.mark.usefixtures("no_index")
def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(TextLSTMError, match=r"(?s)got none. pip said:.*THESE PACKAGES DO NOT MATCH THE HASHES"):
        fetch(WHEEL)
    assert files(cache) == []


def _no_pip(*_: object, **__: object) -> None:
    raise AssertionError("pip was called")


def test_a_cached_wheel_is_used_if_its_hash_fits(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.subprocess, "run", _no_pip)
    cache.mkdir()
    (cache / WHEEL.file).write_bytes(CONTENT)
    assert fetch(WHEEL) == cache / WHEEL.file
    (cache / WHEEL.file).write_bytes(CONTENT[:-1])
    with pytest.raises(AssertionError, match="pip was called"):
        fetch(WHEEL)


def test_a_wheel_in_a_mirror_folder_is_read_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.subprocess, "run", _no_pip)
    (tmp_path / WHEEL.file).write_bytes(b"packed differently")
    assert fetch(WHEEL, mirror=str(tmp_path)) == tmp_path / WHEEL.file


def test_a_wheel_that_a_mirror_folder_lacks_comes_from_pip(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.subprocess, "run", _no_pip)
    with pytest.raises(AssertionError, match="pip was called"):
        fetch(WHEEL, mirror=str(tmp_path))


def test_the_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    assert hash_file(tmp_path / "a") == SHA256
