"""Turn one language's texts into character ids, one byte a character.

Reads   data/vectors/characters.json, data/split/language/<language>/, data/words/<language>.txt
Writes  data/vectors/language/<language>.npz: train, heldout and words, shapes (n,)
Run     python -m stages.vectorize_language english
"""

from textlstm.core import paths
from textlstm.core.files import read_text, write_arrays
from textlstm.core.stage import run
from textlstm.language.vocabulary import UNKNOWN, Vocabulary


def main(language: str) -> None:
    vocabulary = Vocabulary.load(paths.VOCABULARY)
    train = vocabulary.encode(read_text(paths.training_text(language)))
    heldout = vocabulary.encode(read_text(paths.heldout_text(language)))
    words = vocabulary.encode(read_text(paths.drawn_words(language)))
    write_arrays(paths.language_vectors(language), train=train, heldout=heldout, words=words)
    unknown = int((heldout == UNKNOWN).sum())
    print(
        f"{language}: {len(train):,} ids to learn from and {len(words):,} of drawn words, {len(heldout):,} to test on "
        f"({unknown} unknown), {train.itemsize} byte(s) each"
    )


if __name__ == "__main__":
    run(main)
