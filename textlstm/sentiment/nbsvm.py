"""Sentiment from counted n-grams: the partner of the LSTM, strong where an LSTM is weak and the other way round.

This is NB-SVM (Wang and Manning 2012, https://aclanthology.org/P12-2018/) with a logistic loss: a linear model over which n-grams of one
to three words a review holds, each scaled by how much more often it stands in positive reviews than in negative ones,

    r = log((p + 1) / |p + 1|) - log((q + 1) / |q + 1|)

where p and q count the positive and the negative reviews that hold it. Two kinds of features stand beside those of the paper, since they
know what it does not: pairs of words with others between them ("not ... good"), and the n-grams of the end of a review, where people say
what they think on the whole, once more for themselves. All are told apart by a hash (Weinberger et al. 2009), so the model is one vector
and needs no dictionary.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from textlstm.core.files import atomic_folder, read_arrays, read_fields, write_arrays, write_json
from textlstm.core.labels import POSITIVE
from textlstm.core.params import Nbsvm as Settings
from textlstm.sentiment.tokenizer import words_of

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio: multiplying spreads neighbours (Knuth, TAOCP 6.4)
_ENDING = np.uint64(0xD6E8FEB86659FD93)  # odd: what tells the n-grams of the end from all others


@dataclass(frozen=True)
class NbsvmModel:
    """One weight for each bucket of features; the log-odds of a review are the sum over its features, plus the bias."""

    weights: npt.NDArray[np.float32]  # (buckets,)
    bias: float
    longest: int  # words in an n-gram, at most
    skips: int  # words between those of a pair, at most
    ending: int  # last words whose n-grams count once more
    weight: float  # its share beside an LSTM

    def log_odds(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Natural logarithm of the odds that each review is positive, shape (n,)."""
        presence = feature_matrix(texts, len(self.weights), longest=self.longest, skips=self.skips, ending=self.ending)
        return np.asarray(presence @ self.weights + self.bias, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the weights that are not zero to a folder."""
        with atomic_folder(folder) as temporary:
            used = np.flatnonzero(self.weights)
            shape = np.array([len(self.weights), self.longest, self.skips, self.ending])
            write_json(temporary / "about.json", {"weight": self.weight})
            write_arrays(
                temporary / "weights.npz", buckets=used.astype(np.int32), weights=self.weights[used], bias=self.bias, shape=shape
            )

    @classmethod
    def load(cls, folder: Path) -> "NbsvmModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        arrays = read_arrays(folder / "weights.npz", "buckets", "weights", "bias", "shape")
        size, longest, skips, ending = arrays["shape"].tolist()
        weights = np.zeros(size, dtype=np.float32)
        weights[arrays["buckets"]] = arrays["weights"]
        weight = read_fields(folder / "about.json", "weight")["weight"]
        return cls(weights, float(arrays["bias"]), longest, skips, ending, weight)


def train_nbsvm(texts: Sequence[str], labels: npt.NDArray[Any], settings: Settings, *, seed: int) -> NbsvmModel:
    """Fit the model.

    Args:
        texts: reviews.
        labels: POSITIVE or NEGATIVE, shape (n,).
        settings: the section `nbsvm` of the parameters.
        seed: of the solver.
    """
    from sklearn.linear_model import LogisticRegression  # here: whoever only asks a model need not wait for it

    features = {"longest": settings.longest, "skips": settings.skips, "ending": settings.ending}
    presence = feature_matrix(texts, 2**settings.bits, **features)
    ratio = log_count_ratio(presence, labels, least=settings.least_reviews)
    scaled = presence.multiply(ratio).tocsr()
    scaled.eliminate_zeros()
    used = np.unique(scaled.indices)
    model = LogisticRegression(C=settings.strength, solver="liblinear", dual=True, random_state=seed, max_iter=1000)
    model.fit(scaled[:, used], labels == POSITIVE)
    weights = np.zeros(presence.shape[1], dtype=np.float32)
    weights[used] = model.coef_[0] * ratio[used]
    return NbsvmModel(weights, float(model.intercept_[0]), **features, weight=settings.weight)


def log_count_ratio(presence: sp.csr_matrix, labels: npt.NDArray[Any], *, least: int) -> npt.NDArray[np.float32]:
    """How much each column speaks for a positive review, 0 for columns that fewer than `least` reviews hold; shape (columns,).

    >>> log_count_ratio(sp.csr_matrix([[1, 0], [0, 1]]), np.array([1, 0]), least=1).round(3).tolist()
    [0.693, -0.693]
    """
    positive = np.asarray(presence[labels == POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    negative = np.asarray(presence[labels != POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    ratio = np.log((positive + 1) / (positive + 1).sum()) - np.log((negative + 1) / (negative + 1).sum())
    return np.where(positive + negative >= least, ratio, 0.0).astype(np.float32)


def feature_matrix(texts: Sequence[str], buckets: int, *, longest: int, skips: int, ending: int) -> sp.csr_matrix:
    """Which buckets of features each review holds.

    Args:
        texts: n reviews.
        buckets: a power of two.
        longest: words in an n-gram, at most.
        skips: pairs of words are features too that have one to so many words between them; 0 = none.
        ending: the n-grams of so many last words are features of their own; 0 = not.

    Returns:
        Ones in a sparse matrix of shape (n, buckets).
    """
    known: dict[str, int] = {}
    columns, ends = [], [0]
    for text in texts:
        words = words_of(text)
        hashes = np.array([known.setdefault(word, zlib.crc32(word.encode())) for word in words], dtype=np.uint64) + np.uint64(1)
        found = _ngrams(hashes, longest)
        found += [
            hashes[:-apart] * _MIX + hashes[apart:] * np.uint64(2 * apart + 1) for apart in range(2, min(skips + 2, len(words)))
        ]
        if ending:
            found += [(grams * _MIX) ^ _ENDING for grams in _ngrams(hashes[-ending:], longest)]
        spread = (np.concatenate(found) * _MIX) >> np.uint64(64 - buckets.bit_length() + 1)
        columns.append(np.unique(spread).astype(np.int32))
        ends.append(ends[-1] + len(columns[-1]))
    indices = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int32)
    return sp.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, ends), shape=(len(texts), buckets))


def _ngrams(hashes: npt.NDArray[np.uint64], longest: int) -> list[npt.NDArray[np.uint64]]:
    """The number of each n-gram, those of one word first, from the numbers of the words."""
    found = [hashes]
    for length in range(2, longest + 1):
        shorter = found[-1]
        found.append((shorter[:-1] * _MIX if len(shorter) else shorter) + hashes[length - 1 :])
    return found
