"""What `evaluate_language` writes: the contents of metrics/language.json and the points of its plots, from the scores alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.odds import Floats, posterior
from textlstm.core.params import Evaluate
from textlstm.detection.calibration import NEITHER, Doubt
from textlstm.detection.evidence import Evidence
from textlstm.evaluation.metrics import (
    accuracy,
    bootstrap_intervals,
    calibration_error,
    language_auc,
    language_scores,
    rounded,
)
from textlstm.evaluation.tables import (
    CONFUSION,
    HISTOGRAM,
    RELIABILITY,
    ROC,
    Rows,
    Scores,
    confusion_rows,
    histogram_rows,
    reliability_rows,
    roc_rows,
)


def language_metrics(
    scores: Scores, languages: list[str], settings: Evaluate, *, lengths: list[int], seed: int
) -> dict[str, Any]:
    """All figures of `metrics/language.json`.

    Args:
        scores: see `textlstm.language.scoring.score_texts`.
        languages: names, in the order of the columns.
        settings: the section `evaluate` of the parameters.
        lengths: window lengths that were scored.
        seed: of the bootstrap and of the choice of windows.
    """
    labels, detector = scores[f"label_{settings.length}"], scores[f"mixed_{settings.length}"]
    if detector.shape[1] != len(languages):
        raise TextLSTMError(
            f"the scores are of {detector.shape[1]} languages, expected {len(languages)}: {', '.join(languages)}. "
            "Run 'dvc repro' to score again"
        )
    chosen = _protocol_windows(labels, len(languages), settings.protocol_windows, seed)

    def alone(kind: str) -> dict[str, Any]:
        return {
            **_with_intervals(labels, scores[f"{kind}_{settings.length}"], settings, seed),
            "bits_per_character": dict(zip(languages, scores[f"bits_{kind}"].tolist(), strict=True)),
            "by_length": {str(length): _both(scores[f"label_{length}"], scores[f"{kind}_{length}"]) for length in lengths},
        }

    return rounded(
        {
            **alone("mixed"),
            "windows": len(labels),
            "seed_protocol": _both(labels[chosen], detector[chosen]),
            "lstm": alone("lstm"),
            "baselines": {"ngram": alone("ngram"), "ngram_with_words": alone("counting")},
        }
    )


def _with_intervals(labels: npt.NDArray[np.int64], log_likelihoods: Floats, settings: Evaluate, seed: int) -> dict[str, float]:
    return _both(labels, log_likelihoods) | bootstrap_intervals(
        labels,
        language_scores(labels, log_likelihoods),
        log_likelihoods.argmax(axis=1) == labels,
        rounds=settings.bootstrap,
        block=settings.block,
        seed=seed,
    )


def _both(labels: npt.NDArray[np.int64], log_likelihoods: Floats) -> dict[str, float]:
    return {"auc": language_auc(labels, log_likelihoods), "accuracy": accuracy(labels, log_likelihoods.argmax(axis=1))}


def _protocol_windows(labels: npt.NDArray[np.int64], languages: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Indices of `count` windows of each language, drawn with replacement, as the article draws its test strings."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.choice(np.flatnonzero(labels == language), count) for language in range(languages)])


def language_plots(scores: Scores, languages: list[str], length: int) -> dict[str, tuple[tuple[str, ...], Rows]]:
    """Header and rows of each plot about languages, by file name."""
    labels = scores[f"label_{length}"]
    two = len(languages) == 2  # of more, one curve per language, of the detector alone: no palette tells thirty apart
    roc = [
        point
        for kind, name in (("mixed", "detector"), ("lstm", "LSTM"), ("ngram", "n-gram"))
        for language, answers in zip(languages, language_scores(labels, scores[f"{kind}_{length}"]), strict=False)
        if two or kind == "mixed"
        for point in roc_rows(*answers, name if two else language)
    ]
    log_likelihoods = scores[f"mixed_{length}"]
    margin = log_likelihoods[:, 0] - log_likelihoods[:, 1:].max(axis=1)
    return {
        "roc_language": (ROC, roc),
        "confusion_language": (CONFUSION, confusion_rows(labels, log_likelihoods.argmax(axis=1), languages)),
        "histogram_language": (HISTOGRAM, histogram_rows(margin, labels, languages, 1.0)),
    }


# Windows of the languages' held-out texts, and of words of theirs that the training never drew; of other languages that the background saw,
# and of those that it did not.
GROUPS = OWN, UNDRAWN, HELDOUT, UNSEEN = ("own", "undrawn", "heldout", "unseen")
_HARDEST, _SHOWN = 20, 10  # characters of the windows by which the hardest languages are found, and how many of these are listed


def evidence_arrays(group: str, length: int, evidence: Evidence, owners: npt.NDArray[np.int64]) -> Scores:
    """Evidence of windows, and the texts that they come from, as arrays to be written."""
    return {f"{group}_{field}_{length}": values for field, values in (*evidence._asdict().items(), ("owner", owners))}


def evidence_of(scores: Scores, group: str, length: int) -> tuple[Evidence, npt.NDArray[np.int64]]:
    """What `evidence_arrays` made arrays of."""
    return (
        Evidence(*(scores[f"{group}_{field}_{length}"] for field in Evidence._fields)),
        scores[f"{group}_owner_{length}"],
    )


def doubt_metrics(scores: Scores, doubt: Doubt, *, length: int, lengths: list[int]) -> dict[str, Any]:
    """What the detector knows about its own answers: `calibration`, `doubt`, `undrawn_words` and `neither` in `metrics/language.json`.

    Args:
        scores: see `evidence_arrays`, for all `GROUPS` and lengths; and `<group>_names`, what the texts are called.
        doubt: as fitted on training data.
        length: of the windows of the headline.
        lengths: of windows that were scored.
    """
    calibration, undrawn, answers, neither = {}, {}, {}, {}
    for one in lengths:
        evidence, labels = evidence_of(scores, OWN, one)
        words, of_words = evidence_of(scores, UNDRAWN, one)
        if len(of_words):
            undrawn[str(one)] = _calibration(words, of_words, doubt) | _answers(words, of_words, doubt)
        calibration[str(one)] = _calibration(evidence, labels, doubt)
        answers[str(one)] = _answers(evidence, labels, doubt)
        others = {group: evidence_of(scores, group, one)[0] for group in (HELDOUT, UNSEEN)}
        unseen = others[UNSEEN]
        others["unseen_own_letters"] = Evidence(*(values[unseen.foreign == 0] for values in unseen))  # no script gives them away
        neither[str(one)] = {group: _not_own(found, doubt) for group, found in others.items() if len(found.known)}
    return rounded(
        {
            "calibration": {
                "scale": doubt.scale,
                "exponent": doubt.exponent,
                **calibration[str(length)],
                "by_length": calibration,
            },
            "doubt": {"threshold": doubt.threshold, **answers[str(length)], "by_length": answers},
            "undrawn_words": {"by_length": undrawn},
            "neither": {"by_length": neither, "hardest": _hardest(scores, doubt, lengths)},
        }
    )


def _confidence(labels: npt.NDArray[np.int64], log_likelihoods: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Probability of the likeliest language, and whether it is the true one."""
    return posterior(log_likelihoods).max(axis=1), log_likelihoods.argmax(axis=1) == labels


def _calibration(evidence: Evidence, labels: npt.NDArray[np.int64], doubt: Doubt) -> dict[str, float]:
    figures = {}
    for suffix, log_likelihoods in (("", doubt.calibrated(evidence)), ("_before", evidence.log_likelihoods)):
        true = np.take_along_axis(log_likelihoods, labels[:, None], axis=1)[:, 0]
        figures[f"ece{suffix}"] = calibration_error(*_confidence(labels, log_likelihoods))
        figures[f"log_loss{suffix}"] = float(np.mean(np.logaddexp.reduce(log_likelihoods, axis=1) - true))
    return figures


def _answers(evidence: Evidence, labels: npt.NDArray[np.int64], doubt: Doubt) -> dict[str, float]:
    """Coverage: the share that gets a language; of these, the share that gets the right one; and the share taken for neither."""
    reasons = doubt.reasons(evidence)
    answered = np.array([reason is None for reason in reasons])
    right = evidence.log_likelihoods.argmax(axis=1) == labels
    figures = {"coverage": float(np.mean(answered)), "false_neither": _share(reasons, NEITHER)}
    return figures | ({"accuracy_of_answered": float(np.mean(right[answered]))} if answered.any() else {})


def _not_own(evidence: Evidence, doubt: Doubt) -> dict[str, float]:
    """Shares of windows of other languages that are told to be so, and that get a language all the same."""
    reasons = doubt.reasons(evidence)
    return {"neither": _share(reasons, NEITHER), "answered": _share(reasons, None)}


def _share(reasons: list[str | None], wanted: str | None) -> float:
    return sum(reason == wanted for reason in reasons) / len(reasons)


def _hardest(scores: Scores, doubt: Doubt, lengths: list[int]) -> dict[str, float]:
    """The never seen languages whose windows are least often told to be in neither language."""
    length = max((one for one in lengths if one <= _HARDEST), default=min(lengths))
    evidence, owners = evidence_of(scores, UNSEEN, length)
    told = np.array([reason == NEITHER for reason in doubt.reasons(evidence)])
    shares = {str(scores["unseen_names"][owner]): float(np.mean(told[owners == owner])) for owner in np.unique(owners)}
    return dict(sorted(shares.items(), key=lambda pair: (pair[1], pair[0]))[:_SHOWN])


def doubt_plots(scores: Scores, doubt: Doubt, length: int) -> dict[str, tuple[tuple[str, ...], Rows]]:
    """Header and rows of the plot of reliability, by file name."""
    evidence, labels = evidence_of(scores, OWN, length)
    series = {"before calibration": evidence.log_likelihoods, "calibrated": doubt.calibrated(evidence)}
    rows: Rows = []
    for name, log_likelihoods in series.items():
        rows += reliability_rows(*_confidence(labels, log_likelihoods), name)
    return {"reliability_language": (RELIABILITY, rows)}
