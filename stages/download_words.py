"""Fetch the frequencies of words in 42 languages.

Reads   data/sources.yaml, the package index (or the mirror)
Writes  data/raw/words/<code>.tsv: word, and minus the logarithm of its share of all words in hundredths of powers of ten
Run     python -m stages.download_words
"""

from textlstm.core import paths
from textlstm.core.files import write_folder
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.archives import check_content, load_source, read_word_lists
from textlstm.data.download import fetch, mirror_setting


def main() -> None:
    params = load_params()
    settings = params.download
    source = load_source("wordfreq")
    archive = fetch(source, mirror=mirror_setting(settings.mirror), retries=settings.retries, timeout=settings.timeout)
    lists = read_word_lists(archive)
    check_content(source, "lists", lists.items(), archive)
    write_folder(paths.RAW_WORDS, {f"{name}.tsv": text for name, text in lists.items()})
    words = sum(len(text.splitlines()) for text in lists.values())
    print(f"wordfreq: {len(lists)} word lists, {words:,} words")


if __name__ == "__main__":
    run(main)
