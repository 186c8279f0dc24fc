"""How sure the detector may be, and when it answers with no language at all.

Odds. Log-likelihoods are sums over characters, and log-odds from them multiply evidence as if the models were right. They are divided by a
temperature (Guo et al. 2017, arXiv 1706.04599) that depends on how much was read:

    probability of a language = softmax(scale * n ** -exponent * log-likelihoods)     n: characters of the text that the languages know

with two numbers fitted by maximum likelihood. Among texts of one length the order of two languages' log-odds stays what it was.

Neither. A text is in none of the languages when the background (`textlstm.detection.background`) finds it likelier than the best of them
does by more than a margin, which depends on its length; a letter that none of the languages has costs them all the same.

Cannot tell. So it is with a text without letters, and with one whose likeliest language is less probable than a threshold.

All numbers are fitted on training data, none of which is fair by itself: the models have learnt the training text by heart and find its
windows too easy, words drawn afresh lack all order, and words of the lists that were never drawn are rarer than those that people write. The
temperature is fitted on the first two in equal parts and a small share of the third, the margin on all three in equal parts: without the
third, odds of text from elsewhere are too high, and much of it seems to be in neither language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import atomic_folder, read_record, write_json
from textlstm.core.odds import posterior
from textlstm.detection.evidence import Evidence
from textlstm.language.scoring import Floats

NO_LETTERS, NEITHER, TOO_CLOSE = "no letters", "neither", "too close"  # reasons for an answer without a language
_FILE = "doubt.json"

Labels = npt.NDArray[np.int64]
Blocks = Sequence[tuple[Evidence, int]]  # windows of one kind of text and one language, and which


@dataclass(frozen=True)
class Doubt:
    """The numbers that turn evidence into an answer."""

    scale: float
    exponent: float
    foreign: float  # log-probability of a letter that none of the languages has, under each of them
    lengths: list[int]  # where the margin is known; between them it is interpolated, beyond them it stays
    margins: list[float]  # nats
    threshold: float  # least probability of a language that is answered

    def calibrated(self, evidence: Evidence) -> Floats:
        """Log-likelihoods divided by the temperature, shape (n, languages): their differences are calibrated log-odds."""
        return temper(evidence, self.scale, self.exponent)

    def excess(self, evidence: Evidence) -> Floats:
        """How much likelier than under the best language a text is under the background, less the margin: above 0 is neither. (n,)."""
        read = evidence.known + evidence.foreign
        return np.asarray(against_languages(evidence, self.foreign) - np.interp(read, self.lengths, self.margins))

    def reasons(self, evidence: Evidence) -> list[str | None]:
        """Why a text gets no language, None where it gets its likeliest."""
        surest = posterior(self.calibrated(evidence)).max(axis=1)
        found = zip(evidence.letters, self.excess(evidence), surest, strict=True)
        return [
            NO_LETTERS if not letters else NEITHER if excess > 0 else TOO_CLOSE if chance < self.threshold else None
            for letters, excess, chance in found
        ]

    def save(self, folder: Path) -> None:
        """Write the numbers to a folder."""
        with atomic_folder(folder) as temporary:
            write_json(temporary / _FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "Doubt":
        """Read what `save` wrote; a missing or broken file is a TextLSTMError."""
        return read_record(folder / _FILE, cls)


def temper(evidence: Evidence, scale: float, exponent: float) -> Floats:
    """Log-likelihoods divided by the temperature of their length, shape (n, languages)."""
    return np.asarray(evidence.log_likelihoods * (scale * np.maximum(evidence.known, 1.0) ** -exponent)[:, None])


def against_languages(evidence: Evidence, foreign: float) -> Floats:
    """Log-likelihood under the background less that under the best language, shape (n,)."""
    return np.asarray(evidence.background - evidence.log_likelihoods.max(axis=1) - foreign * evidence.foreign)


def fit_temperature(kinds: Sequence[tuple[float, Mapping[int, Blocks]]]) -> tuple[float, float]:
    """Scale and exponent under which the true languages are likeliest.

    Every length counts the same, and so does every block of a kind and length. The exponent is held between 0 and 0.9, so that a temperature
    never falls as a text grows, and never rises so fast that more evidence would say less.

    Args:
        kinds: weight of each kind of text; and for each window length, windows and the index of their language. A kind may lack lengths.
    """
    from scipy.optimize import minimize  # here: whoever only asks a detector need not wait for it

    lengths = sorted({length for _, blocks in kinds for length in blocks if blocks[length]})

    def loss(point: Floats) -> float:
        scale, exponent = float(np.exp(point[0])), float(point[1])
        losses = []
        for length in lengths:
            present = [(weight, blocks[length]) for weight, blocks in kinds if blocks.get(length)]
            means = [np.mean([_surprise(temper(one, scale, exponent), label) for one, label in blocks]) for _, blocks in present]
            losses.append(np.average(means, weights=[weight for weight, _ in present]))
        return float(np.mean(losses))

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-5.0, 5.0), (0.0, 0.9)])
    return float(np.exp(found.x[0])), float(found.x[1])


def _surprise(log_likelihoods: Floats, label: int) -> float:
    """Mean of -log probability of the true language."""
    return float(np.mean(np.logaddexp.reduce(log_likelihoods, axis=1) - log_likelihoods[:, label]))


def foreign_log_probability(blocks: Blocks) -> float:
    """Logarithm of the share of letters that none of the languages has in their own texts, with one such letter added."""
    foreign = sum(int(evidence.foreign.sum()) for evidence, _ in blocks)
    letters = sum(int(evidence.letters.sum()) for evidence, _ in blocks)
    return float(np.log((foreign + 1) / (letters + 1)))


def fit_margin(blocks: Blocks, foreign: float, share: float, *, least: float = -np.inf) -> float:
    """The margin above which `share` of the languages' own windows lie, every block counting the same; at least `least`."""
    values = np.concatenate([against_languages(evidence, foreign) for evidence, _ in blocks])
    weights = np.concatenate([np.full(len(evidence.known), 1.0 / len(evidence.known)) for evidence, _ in blocks])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    place = min(int(np.searchsorted(reached, 1.0 - share - 1e-12)), len(values) - 1)
    return float(max(values[order][place], least))


def fit_doubt(
    text: Mapping[int, Blocks],
    drawn: Mapping[int, Blocks],
    undrawn: Mapping[int, Blocks],
    *,
    share_undrawn: float,
    false_neither: float,
    threshold: float,
) -> Doubt:
    """Fit all numbers.

    Args:
        text: for each window length, windows of the training texts and the index of their language.
        drawn: the same of words drawn afresh; without blocks where a language has no list of words.
        undrawn: the same of words that the training never drew.
        share_undrawn: what these weigh among the windows that the temperature is fitted on.
        false_neither: share of the windows of the languages' own texts that may be taken for neither.
        threshold: least probability of a language that is answered.

    Raises:
        TextLSTMError: the texts have no window of any length.
    """
    lengths = sorted(length for length in text if any(len(evidence.known) for evidence, _ in text[length]))
    if not lengths:
        raise TextLSTMError(
            "doubt: expected training texts of at least one of score.lengths characters, got shorter ones. Give longer texts"
        )

    def blocks(length: int, *kinds: Mapping[int, Blocks]) -> Blocks:
        return [block for kind in kinds for block in kind.get(length, []) if len(block[0].known)]

    foreign = foreign_log_probability([block for length in lengths[:1] for block in blocks(length, text, drawn, undrawn)])
    weights = ((1.0 - share_undrawn) / 2, (1.0 - share_undrawn) / 2, share_undrawn)
    weighted = [
        (weight, {length: blocks(length, kind) for length in lengths})
        for weight, kind in zip(weights, (text, drawn, undrawn), strict=True)
    ]
    scale, exponent = fit_temperature([(weight, kind) for weight, kind in weighted if weight > 0])
    margins = []
    for length in lengths:
        least = -np.inf if blocks(length, undrawn) else 0.0  # the learnt text alone knows nothing of other texts
        margins.append(fit_margin(blocks(length, text, drawn, undrawn), foreign, false_neither, least=least))
    return Doubt(scale, exponent, foreign, lengths, margins, threshold)
