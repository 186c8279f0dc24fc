"""Collect the characters of all training texts and drawn words, the vocabulary that all models share, and turn texts into ids.

Reads   data/split/language/<language>/train.txt, data/words/<language>.txt
Writes  data/vectors/characters.json; data/vectors/language/<language>.npz: ids of the text and of the drawn words, shapes (n,)
Run     python -m stages.vectorize_language
"""

from textlstm.core import paths
from textlstm.core.files import atomic_folder, read_text, remove_orphans, write_arrays
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.language.vocabulary import Vocabulary


def main() -> None:
    params = load_params()
    for folder in (paths.SPLIT_LANGUAGES, paths.DRAWN_WORDS):
        remove_orphans(folder, params.languages)
    texts = {name: read_text(paths.training_text(name)) for name in params.languages}
    words = {name: read_text(paths.drawn_words(name)) for name in params.languages}
    vocabulary = Vocabulary.learn([*texts.values(), *words.values()], min_count=params.vectorize.min_count)
    vocabulary.save(paths.VOCABULARY)
    with atomic_folder(paths.LANGUAGE_VECTORS) as folder:
        for name in params.languages:
            place = folder / paths.language_vectors(name).name
            write_arrays(place, text=vocabulary.encode(texts[name]), words=vocabulary.encode(words[name]))
    print(
        f"{vocabulary.size} character ids: <start>, <unknown> and {''.join(vocabulary.characters)!r}; ids to learn from: "
        + ", ".join(f"{len(texts[name]):,} of {name} text and {len(words[name]):,} of words" for name in texts)
    )


if __name__ == "__main__":
    run(main)
