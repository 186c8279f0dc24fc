"""Count the character n-grams of other languages: what text looks like that is in none of the detector's.

Reads   data/split/others/learn.json, data/vectors/characters.json
Writes  models/background/
Run     python -m stages.train_background
"""

from textlstm import paths
from textlstm.background import Background
from textlstm.files import read_json
from textlstm.params import load_params
from textlstm.stage import run
from textlstm.vocabulary import Vocabulary


def main() -> None:
    params = load_params()
    texts, vocabulary = read_json(paths.other_languages("learn")), Vocabulary.load(paths.VOCABULARY)
    background = Background.learn(
        texts.values(), vocabulary, order=params.background.order, characters=params.background.characters
    )
    background.save(paths.BACKGROUND_MODEL)
    print(f"background: {sum(map(len, background.model.codes)):,} strings counted in {len(texts)} translations")


if __name__ == "__main__":
    run(main)
