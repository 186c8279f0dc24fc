"""Fit, on training data, how sure the detector may be and when it answers with no language.

Reads   models/language/, models/ngram/, models/background/, data/calibration/<language>.json
Writes  models/doubt/
Run     python -m stages.calibrate_language
"""

from textlstm.core import paths
from textlstm.core.files import read_fields, remove_others
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.calibration_texts import DRAWN, KINDS, TEXT, UNDRAWN
from textlstm.detection.background import Background
from textlstm.detection.calibration import Blocks, fit_doubt
from textlstm.detection.evidence import window_evidence
from textlstm.language.lstm import LanguageModel
from textlstm.language.mixture import Counting
from textlstm.nn import reproducible


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads)
    remove_others(paths.CALIBRATION, params.languages)
    texts = {language: read_fields(paths.calibration_text(language), *KINDS) for language in params.languages}
    models = [
        Counting.load(paths.ngram_model(language)).beside(LanguageModel.load(paths.language_model(language)))
        for language in params.languages
    ]
    background, lengths = Background.load(paths.BACKGROUND_MODEL), params.score.lengths
    blocks: dict[str, dict[int, Blocks]] = {}
    for kind in KINDS:
        found = [window_evidence(models, background, [of_language[kind]], lengths) for of_language in texts.values()]
        blocks[kind] = {length: [(one[length][0], label) for label, one in enumerate(found)] for length in lengths}
    doubt = fit_doubt(
        blocks[TEXT],
        blocks[DRAWN],
        blocks[UNDRAWN],
        share_undrawn=params.doubt.undrawn,
        false_neither=params.doubt.false_neither,
        threshold=params.doubt.threshold,
    )
    doubt.save(paths.DOUBT)
    print(
        f"log-odds of n characters are multiplied by {doubt.scale:.3f} * n ** -{doubt.exponent:.3f}; margins of the background: "
        + ", ".join(f"{margin:.1f} at {length}" for length, margin in zip(doubt.lengths, doubt.margins, strict=True))
    )


if __name__ == "__main__":
    run(main)
