"""Turn the language scores into metrics and plots.

Reads   data/scores/language.npz, data/scores/doubt.npz, models/doubt/
Writes  metrics/language.json, metrics/plots/{roc,confusion,histogram,reliability}_language.csv
Run     python -m stages.evaluate_language
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays, write_csv, write_json
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.detection.calibration import Doubt
from textlstm.evaluation.language import GROUPS, doubt_metrics, doubt_plots, language_metrics, language_plots


def main() -> None:
    params = load_params()
    languages, settings = list(params.languages), params.evaluate
    scores = read_arrays(paths.SCORES_LANGUAGE, *(f"label_{length}" for length in params.score.lengths))
    metrics = language_metrics(scores, languages, settings, lengths=params.score.lengths, seed=params.seed)
    doubt, evidence = Doubt.load(paths.DOUBT), read_arrays(paths.SCORES_DOUBT, *(f"{group}_names" for group in GROUPS))
    metrics |= doubt_metrics(evidence, doubt, length=settings.length, lengths=params.score.lengths)
    plots = language_plots(scores, languages, settings.length) | doubt_plots(evidence, doubt, settings.length)
    for name, (header, rows) in plots.items():
        write_csv(paths.plot(name), header, rows)
    write_json(paths.METRICS_LANGUAGE, metrics)
    lstm, ngram = metrics["lstm"], metrics["baselines"]["ngram"]
    print(
        f"language: AUC {metrics['auc']:.4f} ({metrics['auc_low']:.4f} to {metrics['auc_high']:.4f}), accuracy {metrics['accuracy']:.4f}; "
        f"LSTM alone: AUC {lstm['auc']:.4f}, n-gram alone: AUC {ngram['auc']:.4f}"
    )
    error, answers = metrics["calibration"], metrics["doubt"]
    print(
        f"calibration error {error['ece']:.4f}, before calibration {error['ece_before']:.4f}; {answers['coverage']:.1%} get a language, "
        f"{answers['false_neither']:.1%} are taken for neither"
    )


if __name__ == "__main__":
    run(main)
