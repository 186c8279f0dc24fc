"""Many languages at once against lingua, held to the same: accuracy and AUC by length, and who is taken for whom.

Reads   models/ and data/split/language/ of the experiment language_ten, which is run first if it has not been run at this commit
Writes  benchmarks/results/ten_languages.json, ten_languages.md, docs/pictures/ten_languages.png
Run     python -m benchmarks.ten_languages [RUN]
        RUN is the folder of another run with many languages; the experiment's is kept in
        .textlstm/experiments/language_ten/
"""

import itertools
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks import common
from benchmarks.peers import OURS, PEERS, codes_of, installable, load_peer
from textlstm.core import paths
from textlstm.core.files import read_text, write_json, write_text
from textlstm.core.odds import posterior
from textlstm.core.params import load_params
from textlstm.detection.detector import load_background, load_detector, load_parts, load_table, table_models
from textlstm.detection.evidence import window_evidence
from textlstm.evaluation.metrics import calibration_error, rounded
from textlstm.experiments.named import outputs

EXPERIMENT = "language_ten"
EXACT = f"{OURS}, exact"
_OUTPUTS = (
    *(paths.LANGUAGE_MODELS, paths.NGRAM_MODELS, paths.BACKGROUND_MODEL),
    *(paths.TABLE, paths.ABSTENTION, paths.DETECTION_SETTINGS),
    paths.SPLIT_LANGUAGES,
)


def main() -> None:
    """Measure all systems on the same windows, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="folder that holds models/ and data/split/language/ of a run")
    parser.add_argument("--lengths", type=int, nargs="+", default=[5, 10, 20], help="characters in a window")
    parser.add_argument("--shown", type=int, default=10, help="length of the confusion matrix; one of the lengths")
    parser.add_argument("--peers", nargs="*", default=["lingua", "langid", "fasttext"], choices=PEERS, help="which")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    parser.add_argument("--picture", type=Path, default=common.PICTURES / "ten_languages.png", help="picture to write")
    chosen = parser.parse_args()

    names, _ = installable(chosen.peers)
    for name in names:
        load_peer(name, codes_of(["english", "french"]))  # a peer that is missing is told before anything is trained
    folder = chosen.run or outputs(EXPERIMENT, _OUTPUTS)
    params = load_params()
    models = folder / "models"
    languages = list(load_detector(models).languages)
    table, parts = load_table(models, languages), load_parts(models, languages)
    mixtures = [part.mixture(params.ngram.weight) for part in parts.values()]
    texts = [read_text(folder / paths.heldout_text(language)) for language in languages]
    codes = codes_of(languages)
    peers = [load_peer(name, codes) for name in names]
    lengths = sorted({*chosen.lengths, chosen.shown})
    asked = {OURS: table_models(table), EXACT: (mixtures, load_background(models, parts).model)}
    evidence = {name: window_evidence(*of_system, texts, lengths) for name, of_system in asked.items()}

    systems: dict[str, Any] = {name: {"version": "this checkout"} for name in asked}
    systems |= {peer.name: peer.about() for peer in peers}
    subsets = {}
    confusions = {}
    for length in lengths:
        windows, labels = common.windows_of_texts(texts, length)
        answers = {peer.name: common.answers_of(peer, windows) for peer in peers}
        likelihoods = {name: of_system[length][0].log_likelihoods for name, of_system in evidence.items()}
        answers = {name: common.Answers(one, logarithms=True) for name, one in likelihoods.items()} | answers
        subsets[str(length)] = calibration_of_subsets(likelihoods[OURS], labels)
        for name, answer in answers.items():
            figures = common.with_intervals(labels, answer, block=params.evaluate.block, seed=params.seed)
            systems[name].setdefault("by_length", {})[str(length)] = {"windows": len(windows), **figures}
            if length == chosen.shown:
                confusions[name] = _confusion(labels, answer.scores)
        print(f"{len(windows):,} windows of {length} characters scored", flush=True)

    size = {"strings": len(table.values), "order": table.order, "megabytes": table.nbytes / 1e6}
    results = rounded({"languages": languages, "systems": systems, "table": size, "calibration": subsets})
    results["confusion"] = {
        "length": chosen.shown,
        "actual in rows": {name: matrix.tolist() for name, matrix in confusions.items()},
    }
    write_json(chosen.results / "ten_languages.json", results)
    write_text(chosen.results / "ten_languages.md", "\n".join(_report(results)) + "\n")
    _draw(
        chosen.picture,
        languages,
        {name: confusions[name] for name in (OURS, *(peer.name for peer in peers[:1]))},
        chosen.shown,
    )
    print("\n".join(_report(results)))


def calibration_of_subsets(log_likelihoods: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """Expected calibration error among all languages, and the mean over all pairs of them, each on its own windows."""

    def error(columns: list[int]) -> float:
        rows = np.isin(labels, columns)
        chances = posterior(log_likelihoods[rows][:, columns])
        correct = np.array(columns)[chances.argmax(axis=1)] == labels[rows]
        return calibration_error(chances.max(axis=1), correct)

    pairs = [list(pair) for pair in itertools.combinations(range(log_likelihoods.shape[1]), 2)]
    errors = [error(pair) for pair in pairs]
    return {
        "all": error(list(range(log_likelihoods.shape[1]))),
        "pairs": float(np.mean(errors)),
        "worst pair": float(np.max(errors)),
    }


def _confusion(labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Windows of each language (rows) by the answer; of equal scores the first counts."""
    count = scores.shape[1]
    return np.bincount(labels * count + scores.argmax(axis=1), minlength=count * count).reshape(count, count)


def _report(results: dict[str, Any]) -> list[str]:
    systems = results["systems"]
    lengths = list(systems[OURS]["by_length"])
    rows = []
    for name, system in systems.items():
        cells = [common.interval(system["by_length"][length], key) for key in ("accuracy", "auc") for length in lengths]
        rows.append([name, system["version"], *cells])
    windows = ", ".join(f"{systems[OURS]['by_length'][length]['windows']:,} of {length}" for length in lengths)
    about = (
        f"Every window of the held-out texts in {', '.join(results['languages'])} ({windows} characters), every system held to these "
        "languages; AUC is the mean over each language against the rest. 95 % intervals by the block bootstrap."
    )
    held = (
        f"The table has {results['table']['strings']:,} strings of up to {results['table']['order']} characters, "
        f"{results['table']['megabytes']:.0f} MB. Expected calibration error of {OURS}, among all languages and when it "
        "is held to two:"
    )
    return [
        "<!-- Written by python -m benchmarks.ten_languages. -->",
        about,
        "",
        *common.table(
            [
                "system",
                "version",
                *(f"{what}, {length} characters" for what in ("accuracy", "AUC") for length in lengths),
            ],
            rows,
        ),
        "",
        held,
        "",
        *common.table(
            ["characters", "all", "pairs, mean", "worst pair"],
            [
                [length, *(f"{error:.3f}" for error in errors.values())]
                for length, errors in results["calibration"].items()
            ],
        ),
    ]


def _draw(path: Path, languages: list[str], confusions: dict[str, npt.NDArray[np.int64]], length: int) -> None:
    figure, panels = plt.subplots(
        1, len(confusions), figsize=(6.5 * len(confusions), 6), layout="constrained", squeeze=False
    )
    for panel, (name, matrix) in zip(panels[0], confusions.items(), strict=True):
        shares = matrix / matrix.sum(axis=1, keepdims=True)
        panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*shares.shape):
            colour = "white" if shares[row, column] > 0.5 else "black"
            panel.text(
                column,
                row,
                f"{100 * shares[row, column]:.0f}",
                ha="center",
                va="center",
                color=colour,
                fontsize="small",
            )
        panel.set_xticks(range(len(languages)), languages, rotation=45, ha="right")
        panel.set_yticks(range(len(languages)), languages)
        accuracy = np.trace(matrix) / matrix.sum()
        panel.set(xlabel="answer", ylabel="actual", title=f"{name}: {accuracy:.1%} right")
    figure.suptitle(f"Windows of {length} characters, per cent of each language")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    common.run(main)
