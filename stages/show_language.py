"""Show what the language models learnt: which characters speak for which language, and text that the LSTMs make up.

Reads   models/language/, models/ngram/
Writes  metrics/plots/{characters,samples}_language.csv
Run     python -m stages.show_language
"""

from textlstm.core import paths
from textlstm.core.files import write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.evaluation.explain import character_log_odds
from textlstm.evaluation.sampling import sample
from textlstm.language.lstm import LanguageModel
from textlstm.language.mixture import Counting
from textlstm.nn import reproducible

TEMPERATURES = (0.5, 0.8, 1.0)
SAMPLED = 100  # characters


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads)
    lstm = {language: LanguageModel.load(paths.language_model(language)) for language in params.languages}
    mixed = {language: Counting.load(paths.ngram_model(language)).beside(model) for language, model in lstm.items()}
    write_csv(
        paths.plot("characters_language"),
        ("string", "given", "character", "series", "log_odds"),
        character_log_odds(mixed, params.score.examples),
    )
    texts = [
        (language, temperature, text)
        for language, model in lstm.items()
        for temperature, text in zip(TEMPERATURES, sample(model, TEMPERATURES, length=SAMPLED, seed=params.seed), strict=True)
    ]
    write_csv(paths.plot("samples_language"), ("series", "temperature", "text"), texts)
    for language, temperature, text in texts:
        print(f"{language}, temperature {temperature}: {text}")


if __name__ == "__main__":
    run(main)
