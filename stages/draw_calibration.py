"""Put together the text of one language on which the detector's doubt is fitted: training data only.

Reads   data/split/language/<language>/train.txt, data/words/<language>.txt, data/raw/words/<code>.tsv of all languages in params.yaml
Writes  data/calibration/<language>.json: see textlstm.data.calibration_texts
Run     python -m stages.draw_calibration english
"""

from textlstm.core import paths
from textlstm.core.files import read_text, write_json
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.calibration_texts import calibration_texts
from textlstm.data.words import own_words, read_list


def main(language: str) -> None:
    params = load_params()
    code = params.language(language).words
    shares: dict[str, float] = {}
    if code and params.words.characters:
        codes = {other.words for other in params.languages.values() if other.words} - {code}
        others = [read_list(read_text(paths.RAW_WORDS / f"{other}.tsv")) for other in sorted(codes)]
        own = read_list(read_text(paths.RAW_WORDS / f"{code}.tsv"))
        shares = own_words(own, others, foreign=params.words.foreign, rare_letter=params.words.rare_letter)
    text, learnt = read_text(paths.training_text(language)), read_text(paths.drawn_words(language))
    texts = calibration_texts(text, learnt, shares, characters=params.doubt.characters, code=code, seed=params.seed + 1)
    write_json(paths.calibration_text(language), texts)
    print(f"{language}: " + ", ".join(f"{len(value):,} characters of {kind}" for kind, value in texts.items()))


if __name__ == "__main__":
    run(main)
