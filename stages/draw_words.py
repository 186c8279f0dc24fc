"""Draw words of one language by their frequency: to learn from beside its text, and to calibrate the detector on.

Reads   data/raw/words/<code>.tsv of all languages in params.yaml, data/split/language/<language>/train.txt
Writes  data/words/<language>.txt, empty if the language has no list or no words are asked for;
        data/calibration/<language>.json, see textlstm.data.calibration_texts
Run     python -m stages.draw_words english
"""

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_passages, read_pieces, read_text, write_json, write_text
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.calibration_texts import calibration_texts, words_in
from textlstm.data.words import draw_words, flattened, own_words, read_list


def main(language: str) -> None:
    params = load_params()
    code, settings = params.language(language).words, params.words
    text, words = paths.training_text(language), ""
    shares: dict[str, float] = {}
    if code and settings.characters:
        codes = {other.words for other in params.languages.values() if other.words} - {code}
        others = [read_list(_list(other)) for other in sorted(codes)]
        own = read_list(_list(code))
        shares = own_words(own, others, foreign=settings.foreign, rare_letter=settings.rare_letter)
        words = draw_words(flattened(shares, settings.power), settings.characters, code=code, seed=params.seed)
    most = params.abstention.characters
    seen = set[str]().union(*(words_in(piece) & shares.keys() for piece in (*read_pieces(text), words)))
    texts = calibration_texts(read_passages(text, most), seen, shares, characters=most, code=code, seed=params.seed + 1)
    write_text(paths.drawn_words(language), words)
    write_json(paths.calibration_text(language), texts)
    print(
        f"{language}: {len(words):,} characters of words drawn; to calibrate on "
        + ", ".join(f"{len(value):,} characters of {kind}" for kind, value in texts.items())
    )


def _list(code: str) -> str:
    """The list of words with this code; if there are lists, but not that one, a TextLSTMError names all codes."""
    path = paths.RAW_WORDS / f"{code}.tsv"
    codes = sorted(file.stem for file in paths.RAW_WORDS.glob("*.tsv"))
    if codes and code not in codes:
        raise TextLSTMError(
            f'params.yaml: languages: words: expected one of the {len(codes)} codes {", ".join(codes)}, or "" for none, got {code!r}'
        )
    return read_text(path)


if __name__ == "__main__":
    run(main)
