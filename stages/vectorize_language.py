"""Collect the characters of all training texts and drawn words, the vocabulary that all models share, and turn texts into ids.

Reads   data/split/language/<language>/train.txt, data/words/<language>.txt
Writes  data/vectors/characters.json; data/vectors/language/<language>.npz: ids of the text and of the drawn words, shapes (n,)
Run     python -m stages.vectorize_language
"""

from pathlib import Path

import numpy as np

from textlstm.core import paths
from textlstm.core.files import atomic_folder, read_pieces, remove_orphans, write_arrays
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.language.vocabulary import Ids, Vocabulary


def main() -> None:
    params = load_params()
    for folder in (paths.SPLIT_LANGUAGES, paths.DRAWN_WORDS):
        remove_orphans(folder, params.languages)
    texts = [place(name) for name in params.languages for place in (paths.training_text, paths.drawn_words)]
    pieces = (piece for text in texts for piece in read_pieces(text))
    vocabulary = Vocabulary.learn(pieces, min_count=params.vectorize.min_count)
    vocabulary.save(paths.VOCABULARY)

    def encoded(path: Path) -> Ids:
        return np.concatenate([vocabulary.encode(""), *map(vocabulary.encode, read_pieces(path))])

    sizes = []
    with atomic_folder(paths.LANGUAGE_VECTORS) as folder:
        for name in params.languages:
            text, words = encoded(paths.training_text(name)), encoded(paths.drawn_words(name))
            write_arrays(folder / paths.language_vectors(name).name, text=text, words=words)
            sizes.append(f"{len(text):,} of {name} text and {len(words):,} of words")
    print(
        f"{vocabulary.size} character ids: <start>, <unknown> and {''.join(vocabulary.characters)!r}; ids to learn from: "
        + ", ".join(sizes)
    )


if __name__ == "__main__":
    run(main)
