"""Draw words of one language by their frequency: more to learn from than its text alone.

Reads   data/raw/words/<code>.tsv of all languages in params.yaml
Writes  data/words/<language>.txt, empty if the language has no list or no words are asked for
Run     python -m stages.draw_words english
"""

from textlstm.core import paths
from textlstm.core.files import read_text, write_text
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.words import draw_words, flattened, own_words, read_list


def main(language: str) -> None:
    params = load_params()
    code, settings = params.language(language).words, params.words
    text = ""
    if code and settings.characters:
        codes = {other.words for other in params.languages.values() if other.words} - {code}
        others = [read_list(read_text(paths.RAW_WORDS / f"{other}.tsv")) for other in sorted(codes)]
        own = read_list(read_text(paths.RAW_WORDS / f"{code}.tsv"))
        shares = own_words(own, others, foreign=settings.foreign, rare_letter=settings.rare_letter)
        text = draw_words(flattened(shares, settings.power), settings.characters, code=code, seed=params.seed)
    write_text(paths.drawn_words(language), text)
    print(f"{language}: {len(text):,} characters of words drawn")


if __name__ == "__main__":
    run(main)
