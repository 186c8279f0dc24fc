"""Fit, on training data, when the detector answers with no language.

Reads   models/table/, data/calibration/<language>.json
Writes  models/abstention.json
Run     python -m stages.calibrate_detector
"""

from textlstm.core import paths
from textlstm.core.files import read_fields, remove_orphans
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data.calibration_texts import FITTED_ON, FRESH_WORDS, KINDS, TEXT, UNSEEN_WORDS
from textlstm.detection.abstention import Blocks, fit_abstention
from textlstm.detection.detector import load_table, table_models
from textlstm.detection.evidence import window_evidence


def main() -> None:
    params = load_params()
    languages, lengths = list(params.languages), params.score.lengths
    remove_orphans(paths.CALIBRATION, languages)
    texts = {language: read_fields(paths.calibration_text(language), *KINDS) for language in languages}
    models, background = table_models(load_table(paths.MODELS, languages))
    blocks: dict[str, dict[int, Blocks]] = {}
    for kind in FITTED_ON:
        found = [window_evidence(models, background, [of_language[kind]], lengths) for of_language in texts.values()]
        blocks[kind] = {length: [(one[length][0], label) for label, one in enumerate(found)] for length in lengths}
    abstention = fit_abstention(
        blocks[TEXT],
        blocks[FRESH_WORDS],
        blocks[UNSEEN_WORDS],
        false_out_of_set=params.abstention.false_out_of_set,
    )
    abstention.save(paths.ABSTENTION)
    print(
        "out of set above the languages by more than, in nats: "
        + ", ".join(
            f"{limit:.1f} at {length}" for length, limit in zip(abstention.lengths, abstention.limits, strict=True)
        )
    )


if __name__ == "__main__":
    run(main)
