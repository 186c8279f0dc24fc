"""Count the character n-grams of one language: the bar for the LSTM, and its partner in the detector.

Reads   data/vectors/characters.json, data/vectors/language/<language>.npz
Writes  models/ngram/<language>/
Run     python -m stages.train_ngram english
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.language.mixture import Counting
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import bits_per_character
from textlstm.language.vocabulary import Vocabulary


def main(language: str) -> None:
    params = load_params()
    texts = read_arrays(paths.language_vectors(language), "train", "heldout", "words")
    vocabulary, settings = Vocabulary.load(paths.VOCABULARY), params.ngram
    text = NgramModel.learn(texts["train"], vocabulary, settings.order)
    both = None
    if len(texts["words"]):
        words, long = (NgramModel.learn(texts[name], vocabulary, settings.words_order) for name in ("words", "train"))
        both = words.plus(long, settings.text_counts)
    model = Counting(text, both, settings.weight)
    bits = bits_per_character(model.alone().log_probabilities(texts["heldout"]), texts["heldout"], name=language)
    model.save(paths.ngram_model(language))
    print(
        f"{language}: {sum(map(len, text.codes)):,} strings counted in the text, {bits:.3f} bits per character on held-out text"
    )


if __name__ == "__main__":
    run(main)
