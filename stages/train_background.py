"""Count the character n-grams of other languages: what text looks like that is in none of the detector's.

Reads   data/split/others/learn.json, data/vectors/characters.json
Writes  models/background/
Run     python -m stages.train_background
"""

from textlstm.core import paths
from textlstm.core.files import read_json
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.detection.background import Background
from textlstm.language.vocabulary import Vocabulary


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
