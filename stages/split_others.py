"""Choose, from the translations into other languages, what the background learns from and what it is tested on.

Reads   data/raw/udhr/
Writes  data/split/others/{learn,heldout,unseen}.json: texts by the name of the translation
Run     python -m stages.split_others
"""

from textlstm.core import paths
from textlstm.core.files import read_text, require, write_json
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.translations import own_translations, split_others

PASSAGE = 100  # characters of each translation tested on


def main() -> None:
    params = load_params()
    require(paths.RAW_UDHR)
    translations = {path.stem: read_text(path) for path in sorted(paths.RAW_UDHR.glob("*.txt"))}
    own = own_translations(params.languages.values())
    others = split_others(
        translations, [*own, *params.background.leave_out], fraction=params.split.learn, passage=PASSAGE
    )
    for part, texts in others._asdict().items():
        write_json(paths.other_languages(part), texts)
    print(
        f"other languages: {len(others.learn)} translations to learn from, {len(others.heldout)} of these and {len(others.unseen)} "
        "never seen to test on"
    )


if __name__ == "__main__":
    run(main)
