"""Turn the sentiment scores into metrics and plots.

Reads   data/scores/imdb.npz
Writes  metrics/imdb.json, metrics/headline_imdb.json, metrics/plots/<name>_imdb.csv
Run     python -m stages.evaluate_imdb
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays, write_csv, write_json
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.evaluation.sentiment import PARTS, SYSTEMS, sentiment_metrics, sentiment_tables


def main() -> None:
    params = load_params()
    names = ("label", "words", *(f"sentence_{name}" for name in ("label", "words", *PARTS)))
    scores, threshold = read_arrays(paths.SCORES_IMDB, *SYSTEMS, *names), params.sentiment.threshold
    metrics = sentiment_metrics(scores, params.imdb.protocol, params.evaluate, threshold=threshold, seed=params.seed)
    tables = sentiment_tables(scores, params.evaluate, threshold=threshold, seed=params.seed)
    for name, (header, rows) in tables.items():
        write_csv(paths.plot(name), header, rows)
    write_json(paths.METRICS_IMDB, metrics)
    headline = {"accuracy": metrics["accuracy"], "auc": metrics["auc"], "lstm_accuracy": metrics["lstm"]["accuracy"]}
    write_json(paths.HEADLINE_IMDB, {"imdb": headline})
    print(
        f"imdb, {metrics['protocol']}: accuracy {metrics['accuracy']:.4f} ({metrics['accuracy_low']:.4f} to "
        f"{metrics['accuracy_high']:.4f}), AUC {metrics['auc']:.4f}; accuracy of the LSTM alone "
        f"{metrics['lstm']['accuracy']:.4f}, of NB-SVM alone {metrics['nbsvm']['accuracy']:.4f}; of single sentences "
        f"{metrics['sentences']['accuracy']:.4f}"
    )


if __name__ == "__main__":
    run(main)
