"""Turn the language scores into metrics and plots.

Reads   data/scores/language.npz
Writes  metrics/language.json, metrics/plots/{roc,confusion,histogram}_language.csv
Run     python -m stages.evaluate_language
"""

from textlstm import paths
from textlstm.evaluation import language_metrics, language_plots
from textlstm.files import read_arrays, write_csv, write_json
from textlstm.params import load_params
from textlstm.stage import run


def main() -> None:
    params = load_params()
    languages, settings = list(params.languages), params.evaluate
    scores = read_arrays(paths.SCORES_LANGUAGE, *(f"label_{length}" for length in params.score.lengths))
    metrics = language_metrics(scores, languages, settings, lengths=params.score.lengths, seed=params.seed)
    for name, (header, rows) in language_plots(scores, languages, settings.length).items():
        write_csv(paths.plot(name), header, rows)
    write_json(paths.METRICS_LANGUAGE, metrics)
    lstm, ngram = metrics["lstm"], metrics["baselines"]["ngram"]
    print(
        f"language: AUC {metrics['auc']:.4f} ({metrics['auc_low']:.4f} to {metrics['auc_high']:.4f}), accuracy {metrics['accuracy']:.4f}; "
        f"LSTM alone: AUC {lstm['auc']:.4f}, n-gram alone: AUC {ngram['auc']:.4f}"
    )


if __name__ == "__main__":
    run(main)
