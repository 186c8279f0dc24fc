"""Log-odds of the sentiment classifier to probabilities that mean what they say, for texts of any length.

A sum over the n-grams of four words and one over those of four hundred are no odds of the same kind: neither is the
line between positive and negative at 0, nor does a step from it weigh the same. So the log-odds are multiplied by a scale
and moved by a bias that depend on the number of words, as Platt (1999) has it for one scale and one bias, fitted on
sentences of reviews that nothing was learnt from. Those of whole reviews are odds already: they stay as they are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textlstm.core.odds import Floats

POINTS = (3, 8, 20, 50, 150)  # words; from the last one on nothing is changed


@dataclass(frozen=True)
class LengthCalibration:
    """Scale and bias at some numbers of words; between them they go straight along the logarithm, beyond them they stay."""

    words: npt.NDArray[np.int64]  # (k,), ascending
    scale: Floats  # (k,)
    bias: Floats  # (k,)

    def __call__(self, log_odds: Floats, words: npt.NDArray[np.int64]) -> Floats:
        """The calibrated log-odds of texts of so many words, shape (n,).

        >>> LengthCalibration(np.array([2, 8]), np.array([1.0, 3.0]), np.zeros(2))(np.ones(3), np.array([1, 4, 9])).tolist()
        [1.0, 2.0, 3.0]
        """
        place = np.log2(np.maximum(words, 1))
        points = np.log2(self.words)
        return np.asarray(log_odds * np.interp(place, points, self.scale) + np.interp(place, points, self.bias))


def fit_calibration(
    log_odds: Floats, words: npt.NDArray[np.int64], positive: npt.NDArray[np.bool_]
) -> LengthCalibration:
    """The calibration under which the labels are likeliest, held near one that changes nothing, as from the last point on.

    Args:
        log_odds: of texts that nothing was learnt from, (n,).
        words: their lengths, (n,).
        positive: whether they are, (n,).
    """
    from scipy.optimize import minimize

    place, sides = np.log2(np.maximum(words, 1)), np.where(positive, 1.0, -1.0)
    shares = np.stack([np.interp(place, np.log2(POINTS), row) for row in np.eye(len(POINTS))], axis=1)  # (n, points)
    scaled = shares * log_odds[:, None]
    features = np.concatenate([scaled[:, :-1], shares[:, :-1]], axis=1)  # of the points that are fitted
    start = np.repeat([1.0, 0.0], len(POINTS) - 1)

    def loss(values: Floats) -> tuple[float, Floats]:
        margins = sides * (features @ values + scaled[:, -1])
        slope = -sides * np.exp(-np.logaddexp(0.0, margins))
        apart = values - start
        return np.logaddexp(0.0, -margins).sum() + apart @ apart / 2, features.T @ slope + apart

    scale, bias = np.split(minimize(loss, start, jac=True, method="L-BFGS-B").x, 2)
    return LengthCalibration(np.array(POINTS), np.append(scale, 1.0), np.append(bias, 0.0))
