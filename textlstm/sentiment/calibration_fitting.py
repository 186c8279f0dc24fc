"""How the calibration of the sentiment classifier is fitted: see `textlstm.sentiment.calibration`."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from textlstm.core.odds import Floats
from textlstm.sentiment.calibration import LengthCalibration

POINTS = (3, 8, 20, 50, 150)  # words; from the last one on nothing is changed


def fit_calibration(
    log_odds: Floats, words: npt.NDArray[np.int64], positive: npt.NDArray[np.bool_]
) -> LengthCalibration:
    """The calibration under which the labels are likeliest, held near one that changes nothing, as from the last point on.

    Args:
        log_odds: of texts that nothing was learnt from, (n,).
        words: their lengths, (n,).
        positive: whether they are, (n,).
    """
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
