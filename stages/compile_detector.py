"""Distil the models of all languages into the table that answers.

Reads   models/language/, models/ngram/, models/background/; data/vectors/language/<language>.npz of a language without drawn words
Writes  models/table/
Run     python -m stages.compile_detector
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays, remove_orphans
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.detection.detector import BACKGROUND, load_background, load_parts
from textlstm.language.distillation import distil
from textlstm.language.ngram import NgramModel


def main() -> None:
    params = load_params()
    languages, settings = list(params.languages), params.table
    for folder in (paths.LANGUAGE_MODELS, paths.NGRAM_MODELS):
        remove_orphans(folder, languages)
    parts = load_parts(paths.MODELS, languages)
    counted = []
    for language, part in parts.items():
        if part.ngrams.with_words is not None:
            counted.append(part.ngrams.with_words)
        else:
            text = read_arrays(paths.language_vectors(language), "text")["text"]
            counted.append(NgramModel.learn(text, part.ngrams.vocabulary, settings.order))
    table = distil(
        {language: part.mixture(params.ngram.weight) for language, part in parts.items()},
        counted,
        (BACKGROUND, load_background(paths.MODELS, parts).model),
        order=settings.order,
        min_count=settings.min_count,
        steps=settings.steps,
    )
    table.save(paths.TABLE)
    print(f"table: {len(table.values):,} strings of up to {table.order} characters, {table.nbytes / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
