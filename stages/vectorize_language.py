"""Turn one language's texts into character ids, one byte a character.

Reads   data/vectors/characters.json, data/split/language/<language>/
Writes  data/vectors/language/<language>.npz: train and heldout, shapes (n,)
Run     python -m stages.vectorize_language english
"""

from textlstm import paths
from textlstm.files import read_text, write_arrays
from textlstm.stage import run
from textlstm.vocabulary import UNKNOWN, Vocabulary


def main(language: str) -> None:
    vocabulary = Vocabulary.load(paths.VOCABULARY)
    train = vocabulary.encode(read_text(paths.training_text(language)))
    heldout = vocabulary.encode(read_text(paths.heldout_text(language)))
    write_arrays(paths.language_vectors(language), train=train, heldout=heldout)
    print(
        f"{language}: {len(train):,} + {len(heldout):,} ids of {train.itemsize} byte(s), {(heldout == UNKNOWN).sum()} unknown in heldout"
    )


if __name__ == "__main__":
    run(main)
