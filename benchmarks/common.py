"""What the benchmarks share: figures with intervals, tables in Markdown, and what they ran on."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.peers import Peer
from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.labels import POSITIVE
from textlstm.evaluation.metrics import auc, bootstrap_intervals, language_scores
from textlstm.language.scoring import Floats

RESULTS = Path("benchmarks/results")
PICTURES = paths.PICTURES

_ROUNDS = 1000  # draws for an interval


class Answers(NamedTuple):
    """What a system says about texts."""

    scores: Floats  # (n, languages)
    logarithms: bool  # log-likelihoods; else probabilities, or shares that stand for them


def answers_of(peer: Peer, texts: Iterable[str]) -> Answers:
    """What a peer says about each text, one by one; where it has no answer, all columns of the row are equal."""
    told = [peer.ask(text) for text in texts]
    return Answers(np.array([[answer.get(code, 0.0) for code in peer.codes] for answer in told]), peer.logarithms)


def right(labels: npt.NDArray[np.int64], scores: Floats) -> Floats:
    """How far each answer is right: 1 or 0, and a half (a third, …) where as many languages share the highest score: a toss.

    >>> right(np.array([0, 0, 1]), np.array([[2.0, 1.0], [1.0, 1.0], [2.0, 1.0]])).tolist()
    [1.0, 0.5, 0.0]
    """
    best = scores == scores.max(axis=1, keepdims=True)
    return np.asarray(best[np.arange(len(labels)), labels] / best.sum(axis=1))


def figures(labels: npt.NDArray[np.int64], answers: Answers) -> dict[str, float]:
    """AUC, accuracy, and the share of the texts for which all languages score the same."""
    scores = answers.scores
    same = scores.max(axis=1) == scores.min(axis=1)
    return {
        "auc": float(np.mean([auc(positive, one) for positive, one in _against_rest(labels, answers)])),
        "accuracy": float(np.mean(right(labels, scores))),
        "no_answer": float(np.mean(same)),
    }


def with_intervals(labels: npt.NDArray[np.int64], answers: Answers, *, block: int, seed: int) -> dict[str, float]:
    """The same, with 95 % intervals; `block` neighbours are drawn together."""
    exact: Any = right(labels, answers.scores)
    return figures(labels, answers) | bootstrap_intervals(
        labels, _against_rest(labels, answers), exact, rounds=_ROUNDS, block=block, seed=seed
    )


def sentiment_figures(scores: Floats, truth: npt.NDArray[np.int64], seed: int) -> dict[str, float]:
    """Accuracy and AUC of reviews with their 95 % intervals; above 0 a score says positive, 0 is a toss."""
    answered: Any = np.where(scores == 0, 0.5, (scores > 0) == (truth == POSITIVE))
    return {
        "accuracy": float(np.mean(answered)),
        "auc": auc(truth, scores),
        **bootstrap_intervals(truth, [(truth == POSITIVE, scores)], answered, rounds=_ROUNDS, block=1, seed=seed),
    }


def _against_rest(labels: npt.NDArray[np.int64], answers: Answers) -> list[tuple[npt.NDArray[np.bool_], Floats]]:
    """What each AUC is about: of two languages the difference of their scores, of more each one's probability."""
    if answers.logarithms or answers.scores.shape[1] == 2:
        return language_scores(labels, answers.scores)
    return [(labels == language, column) for language, column in enumerate(answers.scores.T)]


def windows_of_texts(texts: Iterable[str], length: int) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Every window of `length` characters of each text, and the number of the text that it comes from."""
    windows, labels = [], []
    for label, text in enumerate(texts):
        found = [text[begin : begin + length] for begin in range(len(text) - length + 1)]
        windows += found
        labels += [label] * len(found)
    return windows, np.array(labels)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, the first column at the left, the others at the right."""
    marks = ["---"] + ["---:"] * (len(header) - 1)
    return [f"| {' | '.join(row)} |" for row in (header, marks, *rows)]


def interval(values: dict[str, float], key: str) -> str:
    """A figure with its interval, as text."""
    return f"{values[key]:.4f} ({values[f'{key}_low']:.3f}–{values[f'{key}_high']:.3f})"


def machine() -> dict[str, Any]:
    """What the times depend on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line that shows its defaults."""
    return argparse.ArgumentParser(
        description=(description or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )


def run(main: Callable[[], None]) -> None:
    """Call `main`; a TextLSTMError ends the process with status 1 and one message."""
    try:
        main()
    except TextLSTMError as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except ModuleNotFoundError as error:
        print(
            f"{Path(sys.argv[0]).stem}: the package {error.name} is missing. Install the peers: "
            "pip install --require-hashes -r benchmarks/requirements.txt",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
