"""How well training uses the machine, and the language model at the article's sizes beside a script in the article's way.

Reads   params.yaml, experiments/seed_language.yaml, data/vectors/characters.json, data/vectors/language/
Writes  benchmarks/results/training.json, training.md
Run     python -m benchmarks.training

The time of a step is the difference of a longer and a shorter training, divided by their difference in steps: building
the graph takes part in neither. Seconds to the tutorial's accuracy on reviews: `benchmarks.sentiment`.
"""

import contextlib
import io
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.speed import number, summary
from textlstm.core import paths
from textlstm.core.files import read_arrays, write_json, write_text
from textlstm.core.params import LanguageModel, Params, check_params, load_params, merged
from textlstm.core.yaml_files import read_yaml
from textlstm.evaluation.metrics import rounded
from textlstm.language.vocabulary import Vocabulary

_ARTICLE = Path("experiments/seed_language.yaml")
_SIDE = 2048  # of the square matrices whose product gives the peak


def main() -> None:
    """Measure, and write what came out."""
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each training; the median counts")
    parser.add_argument("--epochs", type=int, default=3, help="epochs that the longer training has more")
    parser.add_argument("--results", type=Path, default=common.RESULTS, help="folder to write to")
    chosen = parser.parse_args()

    params = load_params()
    article = check_params(merged(params.model_dump(), read_yaml(_ARTICLE)["params"]), str(_ARTICLE))
    os.environ.update(
        dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(params.threads))
    )
    turns: dict[str, tuple[Callable[..., float], tuple[Any, ...]]] = {
        "NumPy": (numpy_peak, ()),
        "TensorFlow": (tensorflow_peak, (params,)),
        "language model": (our_step, (params, chosen.epochs)),
        "article's sizes, textlstm": (our_step, (article, chosen.epochs)),
        "article's sizes, plain Keras": (plain_step, (article, chosen.epochs)),
    }
    measured: dict[str, list[float]] = {name: [] for name in turns}
    spawn = multiprocessing.get_context("spawn")
    for turn in range(chosen.rounds):
        for name, (function, arguments) in turns.items():
            with ProcessPoolExecutor(1, mp_context=spawn) as process:  # threads cannot be changed once they are set
                measured[name].append(process.submit(function, *arguments).result())
        print(f"round {turn + 1} of {chosen.rounds}", flush=True)
    size = Vocabulary.load(paths.VOCABULARY).size
    results = rounded(
        {
            "machine": common.machine(),
            "threads": params.threads,
            "characters": size,
            "gflop_per_step": flops(params.language_model, size) / 1e9,
            "gflops_peak": {name: max(measured[name]) for name in ("NumPy", "TensorFlow")},
            "seconds_per_step": {name: summary(values) for name, values in list(measured.items())[2:]},
        }
    )
    write_json(chosen.results / "training.json", results)
    write_text(chosen.results / "training.md", "\n".join(report(results)) + "\n")
    print("\n".join(report(results)))


def flops(settings: LanguageModel, size: int) -> int:
    """Floating-point operations of the matrix products in one training step of the target "every_position".

    6 N B T (sum over the layers of 4 H (E + H), + H V): N networks read B windows of T characters; the first layer's H
    cells read E numbers, those of others the H states below, and V logits come out. A product takes a multiplication
    and an addition (2), and the gradients of its inputs and of its weights one product each (x 3).
    """
    units = settings.units
    read = [settings.embedding, *[units] * (settings.layers - 1)]
    weights = sum(4 * units * (width + units) for width in read) + units * size
    return 6 * settings.ensemble_size * settings.batch * settings.window * weights


def numpy_peak() -> float:
    """GFLOP/s of the product of two large float32 matrices."""
    matrix = np.random.default_rng(0).random((_SIDE, _SIDE), dtype=np.float32)
    return _gflops(lambda: matrix @ matrix)


def tensorflow_peak(params: Params) -> float:
    """The same in TensorFlow, with the threads of the pipeline."""
    from textlstm.nn import reproducible
    from textlstm.nn.backend import tf

    reproducible.set_up(params.seed, params.threads)
    matrix = tf.random.uniform((_SIDE, _SIDE))
    return _gflops(lambda: tf.matmul(matrix, matrix).numpy())


def _gflops(product: Callable[[], object], times: int = 10) -> float:
    return 2 * _SIDE**3 / min(_seconds(product) for _ in range(times)) / 1e9


def our_step(params: Params, epochs: int) -> float:
    """Seconds per step of the language model's training, as the pipeline trains it."""
    from textlstm.language.lstm_training import train_language_model
    from textlstm.nn import reproducible

    settings = params.language_model
    reproducible.set_up(params.seed, params.threads, inter_op_threads=settings.ensemble_size)
    vocabulary = Vocabulary.load(paths.VOCABULARY)
    name = next(iter(params.languages))
    ids = read_arrays(paths.language_vectors(name), "text", "words")

    def train(count: int) -> None:
        changed = settings.model_copy(update={"epochs": count})
        train_language_model(ids["text"], ids["words"], vocabulary, changed, seed=params.seed, name=name)

    alone = round(settings.batch * (1 - settings.words_share))  # windows of the text in a batch
    length = settings.window + (settings.target == "after_window")
    return _seconds_per_step(train, -(-(len(ids["text"]) - length + 1) // alone), epochs)


def plain_step(params: Params, epochs: int) -> float:
    """Seconds per step of a network of these sizes in plain Keras: one-hot windows, one LSTM, `fit` over arrays."""
    from textlstm.language.lstm_training import windows_of
    from textlstm.nn import reproducible
    from textlstm.nn.backend import keras

    settings, size = params.language_model, Vocabulary.load(paths.VOCABULARY).size
    reproducible.set_up(params.seed, params.threads)
    text = read_arrays(paths.language_vectors(next(iter(params.languages))), "text")["text"]
    one_hot = np.eye(size, dtype=bool)[windows_of(text, settings.window + 1)]  # (n, T + 1, V)
    layers = keras.layers
    stack = [
        keras.Input((settings.window, size)),
        layers.LSTM(settings.units),
        layers.Dense(size, activation="softmax"),
    ]
    network = keras.Sequential(stack)
    network.compile(keras.optimizers.RMSprop(settings.learning_rate), "categorical_crossentropy")

    def train(count: int) -> None:
        network.fit(one_hot[:, :-1], one_hot[:, -1], batch_size=settings.batch, epochs=count, verbose=0)

    return _seconds_per_step(train, -(-len(one_hot) // settings.batch), epochs)


def _seconds_per_step(train: Callable[[int], None], steps: int, epochs: int) -> float:
    """`train` is given a number of epochs of `steps` steps."""
    with contextlib.redirect_stdout(io.StringIO()):
        train(1)  # what is built or loaded at the first time only
        shorter, longer = (_seconds(lambda count=count: train(count)) for count in (1, 1 + epochs))
    return (longer - shorter) / (epochs * steps)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def report(results: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    machine, peaks, steps = results["machine"], results["gflops_peak"], results["seconds_per_step"]
    best = max(peaks.values())
    rows = []
    for name, seconds in steps.items():
        achieved = ["", ""]
        if name == "language model":
            gflops = results["gflop_per_step"] / seconds["median"]
            achieved = [number(gflops), f"{gflops / best:.0%}"]
        rows.append(
            [
                name,
                number(1000 * seconds["median"]),
                number(1000 * seconds["best"]),
                number(1 / seconds["median"]),
                *achieved,
            ]
        )
    ours, plain = (steps[f"article's sizes, {who}"]["median"] for who in ("textlstm", "plain Keras"))
    about = (
        f"Training on {machine['processor']} ({machine['cores']} cores, load {machine['load']} at the end) with {results['threads']} "
        f"threads. Peak of a product of float32 matrices of {_SIDE} x {_SIDE}, best of all rounds: NumPy {number(peaks['NumPy'])} GFLOP/s, "
        f"TensorFlow {number(peaks['TensorFlow'])} GFLOP/s. A step of the language model multiplies matrices for "
        f"{results['gflop_per_step']:.2f} GFLOP, 6 N B T (4 H (E + H) + H V) with V = {results['characters']}."
    )
    header = ["training", "ms per step, median", "best", "steps per second", "GFLOP/s", "of the higher peak"]
    return [
        "<!-- Written by python -m benchmarks.training. -->",
        about,
        "",
        *common.table(header, rows),
        "",
        f"At the article's sizes textlstm takes {plain / ours:.1f} times as many steps per second as plain Keras.",
    ]


if __name__ == "__main__":
    common.run(main)
