"""Turn the sentiment scores into metrics and plots.

Reads   data/scores/imdb.npz, data/scores/imdb_linear.npz
Writes  metrics/imdb.json, metrics/plots/{roc,confusion,histogram,reliability}_imdb.csv
Run     python -m stages.evaluate_imdb
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays, write_csv, write_json
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.evaluation.sentiment import imdb_metrics, imdb_plots


def main() -> None:
    params = load_params()
    scores = read_arrays(paths.SCORES_IMDB, "both", "lstm", "ngrams", "label")
    linear = read_arrays(paths.SCORES_IMDB_LINEAR, "score")
    metrics = imdb_metrics(scores, linear, params.imdb.protocol, params.evaluate, seed=params.seed)
    for name, (header, rows) in imdb_plots(scores, linear).items():
        write_csv(paths.plot(name), header, rows)
    write_json(paths.METRICS_IMDB, metrics)
    nbsvm, baseline = metrics["baselines"]["nbsvm"], metrics["baselines"]["linear"]
    print(
        f"imdb, {metrics['protocol']}: accuracy {metrics['accuracy']:.4f}, AUC {metrics['auc']:.4f}; accuracy of the LSTM alone "
        f"{metrics['lstm']['accuracy']:.4f}, of NB-SVM alone {nbsvm['accuracy']:.4f}, of TF-IDF with a linear model {baseline['accuracy']:.4f}"
    )


if __name__ == "__main__":
    run(main)
