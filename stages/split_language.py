"""Clean the text of one language and cut it: the first words to learn from, the rest to test on.

Reads   the language's text (see "languages" in params.yaml)
Writes  data/split/language/<language>/train.txt, heldout.txt
Run     python -m stages.split_language english
"""

from pathlib import Path

from textlstm.core import paths
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.splits import split_file


def main(language: str) -> None:
    params = load_params()
    learnt, tested = split_file(
        Path(params.language(language).text),
        paths.training_text(language),
        paths.heldout_text(language),
        params.split.learn,
        most=params.split.characters,
        least=2,
        name=language,
    )
    print(f"{language}: {learnt:,} characters to learn from, {tested:,} to test on")


if __name__ == "__main__":
    run(main)
