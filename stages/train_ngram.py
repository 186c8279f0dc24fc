"""Count the character n-grams of one language: the bar for the LSTM, and its partner in the detector.

Reads   data/vectors/characters.json, data/vectors/language/<language>.npz
Writes  models/ngram/<language>/
Run     python -m stages.train_ngram english
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.language.mixture import NgramMixture
from textlstm.language.ngram import NgramModel
from textlstm.language.vocabulary import Vocabulary


def main(language: str) -> None:
    params = load_params()
    ids = read_arrays(paths.language_vectors(language), "text", "words")
    vocabulary, settings = Vocabulary.load(paths.VOCABULARY), params.ngram
    longest = max(settings.order, settings.words_order if len(ids["words"]) else 0)
    named = "ngram.order" if longest == settings.order else "ngram.words_order"
    counted, with_words = NgramModel.learn(ids["text"], vocabulary, longest, parameter=named), None
    text = counted.up_to(settings.order)
    if len(ids["words"]):
        words = NgramModel.learn(ids["words"], vocabulary, settings.words_order)
        with_words = words.plus(counted.up_to(settings.words_order), settings.text_counts)
    NgramMixture(text, with_words).save(paths.ngram_model(language))
    strings = [sum(map(len, model.codes)) for model in (text, with_words) if model]
    print(f"{language}: {strings[0]:,} strings counted in the text, {strings[-1]:,} with drawn words")


if __name__ == "__main__":
    run(main)
