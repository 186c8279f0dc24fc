"""Count the character n-grams of one language: the model that the LSTM is measured against.

Reads   data/vectors/characters.json, data/vectors/language/<language>.npz
Writes  models/ngram/<language>/
Run     python -m stages.train_ngram english
"""

from textlstm import paths
from textlstm.files import read_arrays
from textlstm.ngram import NgramModel
from textlstm.params import load_params
from textlstm.scoring import bits_per_character
from textlstm.stage import run
from textlstm.vocabulary import Vocabulary


def main(language: str) -> None:
    params = load_params()
    texts = read_arrays(paths.language_vectors(language))
    model = NgramModel.learn(texts["train"], Vocabulary.load(paths.VOCABULARY), params.ngram.order)
    bits = bits_per_character(model.log_probabilities(texts["heldout"]), texts["heldout"], name=language)
    model.save(paths.ngram_model(language))
    print(f"{language}: {sum(map(len, model.codes)):,} strings counted, {bits:.3f} bits per character on held-out text")


if __name__ == "__main__":
    run(main)
