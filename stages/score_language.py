"""Score every window of the held-out texts under every language's models, and show how a few strings are scored.

Reads   models/language/, models/ngram/, models/background/, data/split/language/<language>/heldout.txt,
        data/split/others/heldout.json, data/split/others/unseen.json, data/calibration/<language>.json
Writes  data/scores/language.npz, data/scores/doubt.npz, metrics/plots/conditional_probabilities.csv
Run     python -m stages.score_language
"""

import numpy as np

from textlstm.core import paths
from textlstm.core.files import read_fields, read_json, read_text, remove_others, write_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data import calibration_texts as calibration
from textlstm.detection.background import Background
from textlstm.detection.evidence import window_evidence
from textlstm.evaluation.language import HELDOUT, OWN, UNDRAWN, UNSEEN, evidence_arrays
from textlstm.evaluation.tables import Scores
from textlstm.language.lstm import LanguageModel
from textlstm.language.mixture import Counting
from textlstm.language.scoring import CharacterModel, conditional_probabilities, score_texts
from textlstm.nn import reproducible


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads)
    for folder in (paths.LANGUAGE_MODELS, paths.NGRAM_MODELS, paths.SPLIT_LANGUAGES):
        remove_others(folder, params.languages)
    remove_others(paths.CURVES, [*params.languages, "imdb"])
    lstm = {language: LanguageModel.load(paths.language_model(language)) for language in params.languages}
    counting = {language: Counting.load(paths.ngram_model(language)) for language in params.languages}
    texts = {language: read_text(paths.heldout_text(language)) for language in params.languages}
    mixed = {language: model.beside(lstm[language]) for language, model in counting.items()}
    kinds: dict[str, dict[str, CharacterModel]] = {
        "mixed": mixed,
        "lstm": {**lstm},
        "ngram": {language: model.text for language, model in counting.items()},
        "counting": {language: model.alone() for language, model in counting.items()},
    }
    scores = score_texts(kinds, texts, params.score.lengths)
    write_arrays(paths.SCORES_LANGUAGE, **scores)
    background = Background.load(paths.BACKGROUND_MODEL)
    arrays: Scores = {}
    passages_of = {
        OWN: texts,
        UNDRAWN: {
            language: read_fields(paths.calibration_text(language), *calibration.KINDS)[calibration.UNDRAWN]
            for language in params.languages
        },
        HELDOUT: read_json(paths.other_languages("heldout")),
        UNSEEN: read_json(paths.other_languages("unseen")),
    }
    for group, passages in passages_of.items():
        found = window_evidence(list(mixed.values()), background, list(passages.values()), params.score.lengths)
        for length, (evidence, owners) in found.items():
            arrays |= evidence_arrays(group, length, evidence, owners)
        arrays[f"{group}_names"] = np.array(list(passages), dtype=np.str_)
    write_arrays(paths.SCORES_DOUBT, **arrays)
    write_csv(
        paths.CONDITIONAL,
        ("string", "given", "character", "series", "probability"),
        conditional_probabilities(mixed, params.score.examples),
    )
    windows = {length: len(scores[f"label_{length}"]) for length in params.score.lengths}
    print("windows scored: " + ", ".join(f"{count:,} of {length}" for length, count in windows.items()))


if __name__ == "__main__":
    run(main)
