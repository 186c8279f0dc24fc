"""Between log-likelihoods, log-odds and probabilities: what answering needs, without the libraries that measuring answers takes.

`softmax` and `expit` of scipy.special are the same functions but for the last digit. Importing it takes 0.2 s, for
which everybody who asks one text would wait, and asking would need another package.
"""

import functools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def highest(rows: Floats) -> Floats:
    """The highest number of each row, shape (n,), of few columns: column by column, which is several times as fast as along the rows."""
    return functools.reduce(np.maximum, rows.T)


def posterior(log_likelihoods: Floats) -> Floats:
    """Probability of each language, all equally likely beforehand, shape (n, languages).

    >>> posterior(np.log([[0.3, 0.1]])).round(2).tolist()
    [[0.75, 0.25]]
    """
    shifted = np.exp(log_likelihoods - highest(log_likelihoods)[:, None])
    total = functools.reduce(np.add, shifted.T)  # column by column: no rounding depends on how many rows there are
    return np.asarray(shifted / total[:, None])


def combine(lstm: Floats, ngrams: Floats, weight: float | Floats) -> Floats:
    """Weighted mean of log-odds, (n,); `weight` is the share of the n-grams, of all or of each, (n,)."""
    return (1.0 - weight) * lstm + weight * ngrams


def probability_of(log_odds: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))
