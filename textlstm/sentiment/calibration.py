"""Log-odds of the sentiment classifier to probabilities that mean what they say, for texts of any length.

A sum over the n-grams of four words and one over those of four hundred are no odds of the same kind: neither is the
line between positive and negative at 0, nor does a step from it weigh the same. So the log-odds are multiplied by a scale
and moved by a bias that depend on the number of words, as Platt (1999) has it for one scale and one bias, fitted on
sentences of reviews that nothing was learnt from. Those of whole reviews are odds already: they stay as they are.

How it is fitted is in `textlstm.sentiment.calibration_fitting`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textlstm.core.odds import Floats


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
