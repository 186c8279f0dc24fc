"""Collect the characters of all languages' training texts and drawn words: the one vocabulary that their models share.

Reads   data/split/language/<language>/train.txt, data/words/<language>.txt
Writes  data/vectors/characters.json
Run     python -m stages.vocabulary
"""

from textlstm.core import paths
from textlstm.core.files import read_text, remove_others
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.language.vocabulary import Vocabulary


def main() -> None:
    params = load_params()
    for folder in (paths.SPLIT_LANGUAGES, paths.DRAWN_WORDS):
        remove_others(folder, params.languages)
    texts = [read_text(place(language)) for language in params.languages for place in (paths.training_text, paths.drawn_words)]
    vocabulary = Vocabulary.learn(texts, min_count=params.vectorize.min_count)
    vocabulary.save(paths.VOCABULARY)
    print(f"{vocabulary.size} character ids: <start>, <unknown> and {''.join(vocabulary.characters)!r}")


if __name__ == "__main__":
    run(main)
