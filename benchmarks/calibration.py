"""Is it worth calibrating the language detector? Temperatures fitted on training data, beside the odds as the models give them.

Reads   what the pipeline has made: data/calibration/, models/, data/scores/language.npz
Writes  benchmarks/results/calibration.json, calibration.md
Run     python -m benchmarks.calibration: after `dvc repro`

Log-likelihoods are divided by a temperature (Guo et al. 2017, arXiv 1706.04599) that may depend on how much was read:

    probability of a language = softmax(scale * n ** -exponent * log-likelihoods)     n: characters of the text that the
    languages know

fitted by maximum likelihood on three kinds of training text, the first of which the models were trained on. What is
measured is the mean of
-log probability of the true language (nats), on windows of held-out text and on windows of words never drawn, with 95 % intervals of the
difference to no calibration by the paired block bootstrap.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from benchmarks import common
from textlstm.core import paths
from textlstm.core.files import read_arrays, read_fields, write_json, write_text
from textlstm.core.params import Params, load_params
from textlstm.data.calibration_texts import FITTED_ON, KINDS
from textlstm.detection.abstention import Blocks
from textlstm.detection.detector import load_table, table_models
from textlstm.detection.evidence import Evidence, window_evidence
from textlstm.detection.heldout import OWN, UNSEEN_WORDS, evidence_of
from textlstm.evaluation.metrics import rounded
from textlstm.language.scoring import Floats

# Weights of the three kinds of training text, and whether the temperature depends on the length.
CANDIDATES = {
    "one temperature": ((0.475, 0.475, 0.05), False),
    "one temperature, kinds alike": ((1 / 3, 1 / 3, 1 / 3), False),
    "two numbers": ((0.475, 0.475, 0.05), True),
    "two numbers, kinds alike": ((1 / 3, 1 / 3, 1 / 3), True),
}
GROUPS = {OWN: "held-out text", UNSEEN_WORDS: "words never drawn"}
_ROUNDS = 1000

Kinds = Sequence[tuple[float, Mapping[int, Blocks]]]  # the weight of each kind of text, and its windows by length


def main() -> None:
    """Fit every candidate, and write what it gains and costs at each length."""
    common.parser(__doc__).parse_args()
    params = load_params()
    kinds, scores = _training_windows(params), read_arrays(paths.SCORES_LANGUAGE)
    fitted = {"none": (1.0, 0.0)}
    for name, (weights, by_length) in CANDIDATES.items():
        fitted[name] = fit_temperature(list(zip(weights, kinds, strict=True)), by_length=by_length)
    results = {
        name: {
            "scale": scale,
            "exponent": exponent,
            **{
                title: {
                    str(length): _compare(*evidence_of(scores, group, length), scale, exponent, params)
                    for length in params.score.lengths
                }
                for group, title in GROUPS.items()
            },
        }
        for name, (scale, exponent) in fitted.items()
    }
    write_json(common.RESULTS / "calibration.json", rounded(results))
    report = "\n".join(_report(results, params.score.lengths))
    write_text(common.RESULTS / "calibration.md", report + "\n")
    print(report)


def _training_windows(params: Params) -> list[dict[int, Blocks]]:
    """For each kind of training text, windows by length: those that the stage calibrate_detector fits on."""
    languages, lengths = list(params.languages), params.score.lengths
    texts = {language: read_fields(paths.calibration_text(language), *KINDS) for language in languages}
    models, background = table_models(load_table(paths.MODELS, languages))
    kinds = []
    for kind in FITTED_ON:
        found = [window_evidence(models, background, [text[kind]], lengths) for text in texts.values()]
        kinds.append({length: [(one[length][0], label) for label, one in enumerate(found)] for length in lengths})
    return kinds


def temper(evidence: Evidence, scale: float, exponent: float) -> Floats:
    """Log-likelihoods divided by the temperature of their length, shape (n, languages)."""
    return np.asarray(evidence.log_likelihoods * (scale * np.maximum(evidence.known, 1.0) ** -exponent)[:, None])


def fit_temperature(kinds: Kinds, *, by_length: bool = True) -> tuple[float, float]:
    """Scale and exponent under which the true languages are likeliest.

    Every length counts the same, and so does every block of a kind and length; a kind may lack lengths. The exponent is
    held between 0 and 0.9, so that a temperature never falls as a text grows, and never rises so fast that more
    evidence would say less; without `by_length` it is 0.
    """
    lengths = sorted({length for _, blocks in kinds for length in blocks if blocks[length]})

    def loss(point: Floats) -> float:
        scale, exponent = float(np.exp(point[0])), float(point[1])
        losses = []
        for length in lengths:
            present = [(weight, blocks[length]) for weight, blocks in kinds if weight > 0 and blocks.get(length)]
            means = [
                np.mean([_surprise(temper(one, scale, exponent), label).mean() for one, label in blocks])
                for _, blocks in present
            ]
            losses.append(np.average(means, weights=[weight for weight, _ in present]))
        return float(np.mean(losses))

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-5.0, 5.0), (0.0, 0.9 if by_length else 0.0)])
    return float(np.exp(found.x[0])), float(found.x[1])


def _surprise(log_likelihoods: Floats, labels: int | npt.NDArray[np.int64]) -> Floats:
    """-log probability of the true language, shape (n,)."""
    of_true = log_likelihoods[np.arange(len(log_likelihoods)), labels]
    return np.asarray(np.logaddexp.reduce(log_likelihoods, axis=1) - of_true)


def _compare(
    evidence: Evidence, labels: npt.NDArray[np.int64], scale: float, exponent: float, params: Params
) -> dict[str, float]:
    """Log loss, and by how much it exceeds that of no calibration, with a 95 % interval."""
    after = _surprise(temper(evidence, scale, exponent), labels)
    more = after - _surprise(evidence.log_likelihoods, labels)
    random, means = np.random.default_rng(params.seed), np.empty(_ROUNDS)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for index in range(_ROUNDS):
        drawn = []
        for rows in members:
            size = min(params.evaluate.block, len(rows))
            begins = random.integers(0, len(rows) - size + 1, size=-(-len(rows) // size))
            drawn.append(rows[(begins[:, None] + np.arange(size)).ravel()[: len(rows)]])
        means[index] = more[np.concatenate(drawn)].mean()
    low, high = np.quantile(means, [0.025, 0.975])
    return {
        "log_loss": float(after.mean()),
        "more": float(more.mean()),
        "more_low": float(low),
        "more_high": float(high),
    }


def _report(results: Mapping[str, Mapping[str, object]], lengths: Sequence[int]) -> list[str]:
    lines = [
        "<!-- Written by python -m benchmarks.calibration. -->",
        "Log loss in nats by the number of characters. ▲: worse than no calibration by more than chance (the whole 95 % interval",
        "of the difference lies above 0). ▼: better by more than chance.",
    ]
    for title in GROUPS.values():
        rows = []
        for name, result in results.items():
            cells = []
            for length in lengths:
                one = result[title][str(length)]  # type: ignore[index]
                mark = " ▲" if one["more_low"] > 0 else " ▼" if one["more_high"] < 0 else ""
                cells.append(f"{one['log_loss']:.4f}{mark}")
            rows.append([f"{name} ({result['scale']:.2f}, {result['exponent']:.2f})", *cells])
        lines += ["", f"Windows of {title}:", ""]
        lines += common.table(["calibration (scale, exponent)", *map(str, lengths)], rows)
    return lines


if __name__ == "__main__":
    common.run(main)
