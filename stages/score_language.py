"""Score every window of the held-out texts under every system, and noise, and show what the models learnt.

Reads   models/table/, models/language/, models/ngram/, models/background/, data/split/language/<language>/heldout.txt,
        data/split/others/heldout.json, data/split/others/unseen.json, data/calibration/<language>.json
Writes  data/scores/language.npz, see textlstm.detection.heldout; metrics/plots/{characters,samples}_language.csv and
        metrics/plots/conditional_probabilities.csv
Run     python -m stages.score_language
"""

from textlstm.core import paths
from textlstm.core.files import read_fields, read_json, read_passages, write_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.data import calibration_texts
from textlstm.data.noise import noise
from textlstm.detection import heldout
from textlstm.detection.detector import load_background, load_parts, load_table, table_models
from textlstm.detection.evidence import EvidenceReader, ModelReader
from textlstm.detection.table_reader import TableReader
from textlstm.evaluation.explain import CHARACTERS, character_log_odds
from textlstm.evaluation.sampling import SAMPLES, samples
from textlstm.language.scoring import CONDITIONAL, CharacterModel, Remembering, conditional_probabilities

NOISES = 200  # texts of each kind and length


def main() -> None:
    params = load_params()
    languages, lengths, examples = list(params.languages), params.score.lengths, params.score.examples
    parts = load_parts(paths.MODELS, languages)
    exact_background = load_background(paths.MODELS, parts).model
    table = load_table(paths.MODELS, languages)
    models, background = table_models(table)
    lstm = {language: Remembering(part.lstm) for language, part in parts.items()}  # reads the held-out text once
    mixture = {language: part.ngrams.beside(lstm[language], params.ngram.weight) for language, part in parts.items()}
    systems: dict[str, list[CharacterModel]] = {
        heldout.DETECTOR: models,
        heldout.MIXTURE: list(mixture.values()),
        heldout.LSTM: list(lstm.values()),
        heldout.NGRAMS: [part.ngrams for part in parts.values()],
        heldout.TEXT_NGRAMS: [part.ngrams.text for part in parts.values()],
    }
    texts = {language: read_passages(paths.heldout_text(language), params.score.characters) for language in languages}
    scores = heldout.own_scores(systems, background, texts, lengths)
    kinds = {
        language: read_fields(paths.calibration_text(language), *calibration_texts.KINDS) for language in languages
    }
    others = {
        heldout.UNSEEN_WORDS: {language: of[calibration_texts.UNSEEN_WORDS] for language, of in kinds.items()},
        heldout.SEEN_LANGUAGES: read_json(paths.other_languages("heldout")),
        heldout.UNSEEN_LANGUAGES: read_json(paths.other_languages("unseen")),
    }
    for group, passages in others.items():
        scores |= heldout.group_scores(group, models, background, passages, lengths)
    reader = TableReader(table)
    readers: dict[str, EvidenceReader] = {heldout.DETECTOR: reader} | {
        system: ModelReader(systems[system], exact_background)
        for system in (heldout.MIXTURE, heldout.LSTM, heldout.NGRAMS)
    }
    scores |= heldout.word_scores(
        readers, {language: of[calibration_texts.TEST_WORDS].split() for language, of in kinds.items()}
    )
    made = {length: noise(list(texts.values()), length, NOISES, seed=params.seed) for length in heldout.NOISE_LENGTHS}
    scores |= heldout.noise_scores(reader, made)
    shown = dict(zip(languages, models, strict=True))
    write_arrays(paths.SCORES_LANGUAGE, **scores)
    write_csv(paths.plot("conditional_probabilities"), CONDITIONAL, conditional_probabilities(shown, examples))
    write_csv(paths.plot("characters_language"), CHARACTERS, character_log_odds(shown, examples))
    write_csv(
        paths.plot("samples_language"), SAMPLES, samples({name: part.lstm for name, part in parts.items()}, params.seed)
    )
    windows = {length: len(scores[f"{heldout.OWN}_owner_{length}"]) for length in lengths}
    print("windows scored: " + ", ".join(f"{count:,} of {length}" for length, count in windows.items()))


if __name__ == "__main__":
    run(main)
