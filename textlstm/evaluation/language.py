"""What `evaluate_language` writes: the contents of metrics/language.json and the points of its plots, from the scores alone.

Pure functions: scores in, numbers and rows out. See `textlstm.detection.heldout` for the scores.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.odds import Floats, posterior
from textlstm.core.params import Evaluate
from textlstm.detection.abstention import OUT_OF_SET, Abstention
from textlstm.detection.evidence import Evidence
from textlstm.detection.heldout import (
    DETECTOR,
    LSTM,
    MIXTURE,
    NGRAMS,
    NOISE,
    NOISE_LENGTHS,
    OWN,
    SEEN_LANGUAGES,
    SYSTEMS,
    TEXT_NGRAMS,
    UNSEEN_LANGUAGES,
    UNSEEN_WORDS,
    Scores,
    evidence_of,
)
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
    SYSTEM_INTERVALS,
    Rows,
    Table,
    confusion_rows,
    histogram_rows,
    reliability_rows,
    roc_rows,
)

_HARDEST, _SHOWN = (
    20,
    10,
)  # characters of the windows by which the hardest languages are found, and how many of these are listed


def language_metrics(
    scores: Scores, languages: Sequence[str], abstention: Abstention, threshold: float, settings: Evaluate, *, seed: int
) -> dict[str, Any]:
    """All figures of metrics/language.json: of the windows of one length.

    Args:
        scores: of the held-out texts.
        languages: names, in the order of the columns.
        abstention: as fitted on training data.
        threshold: least probability of a language that is answered.
        settings: the section `evaluate` of the parameters.
        seed: of the bootstrap and of the choice of windows.
    """
    evidence, labels = evidence_of(scores, OWN, settings.length)
    if evidence.log_likelihoods.shape[1] != len(languages):
        raise TextLSTMError(
            f"the scores are of {evidence.log_likelihoods.shape[1]} languages, expected {len(languages)}: "
            f"{', '.join(languages)}. Run 'dvc repro' to score again"
        )
    chosen = _article_windows(labels, len(languages), settings.article_windows, seed)
    noise = _noise_rows(scores, abstention, threshold)
    parts = {
        system: _figures(labels, scores[f"{system}_{settings.length}"]) | _bits(scores, system)
        for system in (MIXTURE, LSTM, NGRAMS)
    }
    return rounded(
        {
            **_with_intervals(labels, evidence.log_likelihoods, settings, seed),
            **_bits(scores, DETECTOR),
            "windows": len(labels),
            "article_test": _figures(labels[chosen], evidence.log_likelihoods[chosen]),
            **parts,
            TEXT_NGRAMS: _figures(labels, scores[f"{TEXT_NGRAMS}_{settings.length}"]),
            "calibration": _calibration(evidence, labels),
            "abstention": _answers(evidence, labels, abstention, threshold),
            "words": _word_accuracies(scores),
            "noise": {
                f"told_{length}": float(np.mean([told for _, series, told in noise if series == _characters(length)]))
                for length in NOISE_LENGTHS
            },
        }
    )


def language_tables(
    scores: Scores,
    languages: Sequence[str],
    abstention: Abstention,
    threshold: float,
    settings: Evaluate,
    *,
    lengths: Sequence[int],
    seed: int,
) -> dict[str, Table]:
    """Header and rows of each plot, by the name of its file; the arguments are those of `language_metrics`, and all lengths."""
    evidence, labels = evidence_of(scores, OWN, settings.length)
    two = len(languages) == 2  # of more, one curve per language, of the detector alone: no palette tells thirty apart
    roc = [
        point
        for system in (DETECTOR, LSTM, TEXT_NGRAMS)
        for language, answers in zip(
            languages, language_scores(labels, scores[f"{system}_{settings.length}"]), strict=False
        )
        if two or system == DETECTOR
        for point in roc_rows(*answers, system if two else language)
    ]
    margin = evidence.log_likelihoods[:, 0] - evidence.log_likelihoods[:, 1:].max(axis=1)
    predicted = evidence.log_likelihoods.argmax(axis=1)
    names = list(languages)
    return {
        "roc_language": (ROC, roc),
        "confusion_language": (CONFUSION, confusion_rows(labels, predicted, names)),
        "histogram_language": (HISTOGRAM, histogram_rows(margin, labels, names, 1.0)),
        "reliability_language": (RELIABILITY, reliability_rows(*_confidence(evidence, labels), DETECTOR)),
        "systems_language": (SYSTEM_INTERVALS, _system_rows(scores, labels, settings, seed)),
        "by_length_language": (("length", "series", "windows", "auc", "accuracy"), _length_rows(scores, lengths)),
        "bits_language": (("language", "series", "bits_per_character"), _bit_rows(scores, names)),
        "answers_by_length_language": _answer_table(scores, abstention, threshold, lengths),
        "out_of_set_language": (
            ("length", "series", "rejected", "answered"),
            _out_of_set_rows(scores, abstention, threshold, lengths),
        ),
        "hardest_language": (("language", "rejected"), _hardest_rows(scores, abstention, threshold, lengths)),
        "noise_language": (("kind", "series", "told"), _noise_rows(scores, abstention, threshold)),
    }


def _figures(labels: npt.NDArray[np.int64], log_likelihoods: Floats) -> dict[str, float]:
    return {
        "auc": language_auc(labels, log_likelihoods),
        "accuracy": accuracy(labels, log_likelihoods.argmax(axis=1)),
    }


def _with_intervals(
    labels: npt.NDArray[np.int64], log_likelihoods: Floats, settings: Evaluate, seed: int
) -> dict[str, float]:
    return _figures(labels, log_likelihoods) | bootstrap_intervals(
        labels,
        language_scores(labels, log_likelihoods),
        log_likelihoods.argmax(axis=1) == labels,
        rounds=settings.bootstrap,
        block=settings.block,
        seed=seed,
    )


def _bits(scores: Scores, system: str) -> dict[str, float]:
    return {"bits_per_character": float(np.mean(scores[f"bits_{system}"]))}


def _article_windows(labels: npt.NDArray[np.int64], languages: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Indices of `count` windows of each language, drawn with replacement, as the article draws its test strings."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.choice(np.flatnonzero(labels == language), count) for language in range(languages)])


def _confidence(evidence: Evidence, labels: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Probability of the likeliest language, and whether it is the true one."""
    chances = posterior(evidence.log_likelihoods)
    return chances.max(axis=1), chances.argmax(axis=1) == labels


def _calibration(evidence: Evidence, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """Expected calibration error, and the mean of -log probability of the true language (nats)."""
    true = np.take_along_axis(evidence.log_likelihoods, labels[:, None], axis=1)[:, 0]
    return {
        "ece": calibration_error(*_confidence(evidence, labels)),
        "log_loss": float(np.mean(np.logaddexp.reduce(evidence.log_likelihoods, axis=1) - true)),
    }


def _answers(
    evidence: Evidence, labels: npt.NDArray[np.int64], abstention: Abstention, threshold: float
) -> dict[str, float]:
    """Coverage is the share that gets a language; of these, the share that gets the true one; and the share reported as out of set."""
    reasons = abstention.reasons(evidence, threshold)
    answered = np.array([reason is None for reason in reasons])
    correct = evidence.log_likelihoods.argmax(axis=1) == labels
    figures = {"coverage": float(np.mean(answered)), "false_out_of_set": _share(reasons, OUT_OF_SET)}
    return figures | ({"accuracy_of_answered": float(np.mean(correct[answered]))} if answered.any() else {})


def _share(reasons: npt.NDArray[np.object_], wanted: str | None) -> float:
    return float(np.mean(reasons == wanted))


def _system_rows(scores: Scores, labels: npt.NDArray[np.int64], settings: Evaluate, seed: int) -> Rows:
    rows = []
    for system in SYSTEMS:
        figures = _with_intervals(labels, scores[f"{system}_{settings.length}"], settings, seed)
        rows.append((system, *(float(figures[name]) for name in SYSTEM_INTERVALS[1:])))
    return rows


def _length_rows(scores: Scores, lengths: Sequence[int]) -> Rows:
    rows = []
    for system in SYSTEMS:
        for length in lengths:
            _, labels = evidence_of(scores, OWN, length)
            rows.append((length, system, len(labels), *_figures(labels, scores[f"{system}_{length}"]).values()))
    return rows


def _bit_rows(scores: Scores, languages: Sequence[str]) -> Rows:
    return [
        (language, system, float(bits))
        for system in SYSTEMS
        for language, bits in zip(languages, scores[f"bits_{system}"], strict=True)
    ]


_ANSWERS = ("ece", "log_loss", "coverage", "accuracy_of_answered", "false_out_of_set")


def _answer_table(scores: Scores, abstention: Abstention, threshold: float, lengths: Sequence[int]) -> Table:
    rows: Rows = []
    for group, series in ((OWN, "held-out text"), (UNSEEN_WORDS, "words never drawn")):
        for length in lengths:
            evidence, labels = evidence_of(scores, group, length)
            if len(labels):
                figures = _calibration(evidence, labels) | _answers(evidence, labels, abstention, threshold)
                rows.append((length, series, *(figures.get(name, "") for name in _ANSWERS)))
    return ("length", "series", *_ANSWERS), rows


def _out_of_set_rows(scores: Scores, abstention: Abstention, threshold: float, lengths: Sequence[int]) -> Rows:
    """Shares of windows of other languages that are reported as out of set, and shares that get a language."""
    rows = []
    for length in lengths:
        seen, unseen = (evidence_of(scores, group, length)[0] for group in (SEEN_LANGUAGES, UNSEEN_LANGUAGES))
        own_letters = Evidence(
            *(values[unseen.foreign == 0] for values in unseen)
        )  # windows without letters of another script
        for series, evidence in (
            ("languages that the background learnt", seen),
            ("other languages", unseen),
            ("other languages, without foreign letters", own_letters),
        ):
            if len(evidence.known):
                reasons = abstention.reasons(evidence, threshold)
                rows.append((length, series, _share(reasons, OUT_OF_SET), _share(reasons, None)))
    return rows


def _characters(length: int) -> str:
    return f"{length} characters"


def _word_accuracies(scores: Scores) -> dict[str, float]:
    """Accuracy on whole words never learnt from, by system; without any where no language has a list of words."""
    labels = scores["words_label"]
    systems = (DETECTOR, MIXTURE, LSTM, NGRAMS) if len(labels) else ()
    return {system: accuracy(labels, scores[f"words_{system}"].argmax(axis=1)) for system in systems}


def _noise_rows(scores: Scores, abstention: Abstention, threshold: float) -> list[tuple[str, str, float]]:
    """Shares of the texts of each kind of noise that get no language, for whatever reason."""
    rows = []
    for length in NOISE_LENGTHS:
        evidence, owners = evidence_of(scores, NOISE, length)
        told = np.array([reason is not None for reason in abstention.reasons(evidence, threshold)])
        names = scores[f"{NOISE}_names"]
        rows += [
            (str(names[owner]), _characters(length), float(np.mean(told[owners == owner])))
            for owner in np.unique(owners)
        ]
    return rows


def _hardest_rows(scores: Scores, abstention: Abstention, threshold: float, lengths: Sequence[int]) -> Rows:
    """The languages that the background never saw whose windows are least often reported as out of set."""
    length = max((one for one in lengths if one <= _HARDEST), default=min(lengths))
    evidence, owners = evidence_of(scores, UNSEEN_LANGUAGES, length)
    told = np.array([reason == OUT_OF_SET for reason in abstention.reasons(evidence, threshold)])
    names = scores[f"{UNSEEN_LANGUAGES}_names"]
    shares = [(str(names[owner]), float(np.mean(told[owners == owner]))) for owner in np.unique(owners)]
    return sorted(shares, key=lambda pair: (pair[1], pair[0]))[:_SHOWN]
