"""Collect the characters of all languages' training texts: the one vocabulary that their models share.

Reads   data/split/language/<language>/train.txt
Writes  data/vectors/characters.json
Run     python -m stages.vocabulary
"""

from textlstm import paths
from textlstm.files import read_text, remove_others
from textlstm.params import load_params
from textlstm.stage import run
from textlstm.vocabulary import Vocabulary


def main() -> None:
    params = load_params()
    remove_others(paths.SPLIT_LANGUAGES, params.languages)
    texts = [read_text(paths.training_text(language)) for language in params.languages]
    vocabulary = Vocabulary.learn(texts, least=params.vectorize.least_characters)
    vocabulary.save(paths.VOCABULARY)
    print(f"{vocabulary.size} character ids: <start>, <unknown> and {''.join(vocabulary.characters)!r}")


if __name__ == "__main__":
    run(main)
