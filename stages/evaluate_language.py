"""Turn the language scores into metrics and plots.

Reads   data/scores/language.npz, models/abstention.json
Writes  metrics/language.json, metrics/headline_language.json, metrics/plots/<name>_language.csv
Run     python -m stages.evaluate_language
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays, write_csv, write_json
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.detection.abstention import Abstention
from textlstm.detection.heldout import OWN
from textlstm.evaluation.language import language_metrics, language_tables


def main() -> None:
    params = load_params()
    lengths, languages, settings = params.score.lengths, list(params.languages), params.evaluate
    scores = read_arrays(paths.SCORES_LANGUAGE, *(f"{OWN}_owner_{length}" for length in lengths))
    abstention, threshold = Abstention.load(paths.ABSTENTION), params.abstention.threshold
    metrics = language_metrics(scores, languages, abstention, threshold, settings, seed=params.seed)
    tables = language_tables(scores, languages, abstention, threshold, settings, lengths=lengths, seed=params.seed)
    for name, (header, rows) in tables.items():
        write_csv(paths.plot(name), header, rows)
    write_json(paths.METRICS_LANGUAGE, metrics)
    headline = {"auc": metrics["auc"], "accuracy": metrics["accuracy"], "lstm_auc": metrics["lstm"]["auc"]}
    write_json(paths.HEADLINE_LANGUAGE, {"language": headline})
    print(
        f"language: AUC {metrics['auc']:.4f} ({metrics['auc_low']:.4f} to {metrics['auc_high']:.4f}), accuracy "
        f"{metrics['accuracy']:.4f}; AUC of the LSTMs alone {metrics['lstm']['auc']:.4f}, of the n-grams alone "
        f"{metrics['ngrams']['auc']:.4f}; {metrics['abstention']['coverage']:.1%} of the windows get a language"
    )


if __name__ == "__main__":
    run(main)
