"""Clean the text of one language and cut it: the first words to learn from, the rest to test on.

Reads   the language's text (see "languages" in params.yaml)
Writes  data/split/language/<language>/train.txt, heldout.txt
Run     python -m stages.split_language english
"""

from pathlib import Path

from textlstm.core import paths
from textlstm.core.files import read_text, write_text
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.core.text import clean
from textlstm.data.splits import split_words


def main(language: str) -> None:
    params = load_params()
    text = clean(read_text(Path(params.language(language).text)))
    train, heldout = split_words(text, params.split.learn, least=2, name=language)
    train = train[: params.split.characters or None]
    write_text(paths.training_text(language), train)
    write_text(paths.heldout_text(language), heldout)
    print(f"{language}: {len(train):,} characters to learn from, {len(heldout):,} to test on")


if __name__ == "__main__":
    run(main)
