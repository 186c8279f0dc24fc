"""Distil the models of all languages into the table that answers.

Reads   models/language/, models/ngram/, models/background/; data/vectors/language/<language>.npz of a language without drawn words
Writes  models/table/
Run     python -m stages.compile_detector
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays, remove_orphans
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.detection.detector import load_background, load_parts
from textlstm.detection.distillation import compile_table


def main() -> None:
    params = load_params()
    languages, settings = list(params.languages), params.table
    for folder in (paths.LANGUAGE_MODELS, paths.NGRAM_MODELS):
        remove_orphans(folder, languages)
    parts = load_parts(paths.MODELS, languages)
    table = compile_table(
        parts,
        load_background(paths.MODELS, parts),
        lambda language: read_arrays(paths.language_vectors(language), "text")["text"],
        ngram_weight=params.ngram.weight,
        **settings.model_dump(),
    )
    table.save(paths.TABLE)
    print(f"table: {len(table.values):,} strings of up to {table.order} characters, {table.nbytes / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
