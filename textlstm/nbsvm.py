"""Sentiment from counted n-grams: the partner of the LSTM, strong where an LSTM is weak and the other way round.

This is NB-SVM (Wang and Manning 2012, https://aclanthology.org/P12-2018/) with a logistic loss: a linear model over which n-grams of one
to three words a review holds, each scaled by how much more often it stands in positive reviews than in negative ones,

    r = log((p + 1) / |p + 1|) - log((q + 1) / |q + 1|)

where p and q count the positive and the negative reviews that hold it. N-grams are told apart by a hash (Weinberger et al. 2009), so the
model is one vector and needs no dictionary.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from textlstm.datasets import POSITIVE
from textlstm.files import atomic_folder, read_arrays, read_fields, write_arrays, write_json
from textlstm.params import Nbsvm as Settings
from textlstm.tokenizer import words_of

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio: multiplying spreads neighbours (Knuth, TAOCP 6.4)


@dataclass(frozen=True)
class NbsvmModel:
    """One weight for each bucket of n-grams; the log-odds of a review are the sum over its n-grams, plus the bias."""

    weights: npt.NDArray[np.float32]  # (buckets,)
    bias: float
    longest: int  # words in an n-gram, at most
    weight: float  # its share beside an LSTM

    def log_odds(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Natural logarithm of the odds that each review is positive, shape (n,)."""
        presence = ngram_matrix(texts, self.longest, len(self.weights))
        return np.asarray(presence @ self.weights + self.bias, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the weights that are not zero to a folder."""
        with atomic_folder(folder) as temporary:
            used = np.flatnonzero(self.weights)
            shape = np.array([len(self.weights), self.longest])
            write_json(temporary / "about.json", {"weight": self.weight})
            write_arrays(
                temporary / "weights.npz", buckets=used.astype(np.int32), weights=self.weights[used], bias=self.bias, shape=shape
            )

    @classmethod
    def load(cls, folder: Path) -> "NbsvmModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        arrays = read_arrays(folder / "weights.npz", "buckets", "weights", "bias", "shape")
        size, longest = arrays["shape"].tolist()
        weights = np.zeros(size, dtype=np.float32)
        weights[arrays["buckets"]] = arrays["weights"]
        return cls(weights, float(arrays["bias"]), longest, read_fields(folder / "about.json", "weight")["weight"])


def train_nbsvm(texts: Sequence[str], labels: npt.NDArray[Any], settings: Settings, *, seed: int) -> NbsvmModel:
    """Fit the model.

    Args:
        texts: reviews.
        labels: POSITIVE or NEGATIVE, shape (n,).
        settings: the section `nbsvm` of the parameters.
        seed: of the solver.
    """
    presence = ngram_matrix(texts, settings.longest, 2**settings.bits)
    ratio = log_count_ratio(presence, labels, least=settings.least_reviews)
    scaled = presence.multiply(ratio).tocsr()
    scaled.eliminate_zeros()
    used = np.unique(scaled.indices)
    model = LogisticRegression(C=settings.strength, solver="liblinear", dual=True, random_state=seed, max_iter=1000)
    model.fit(scaled[:, used], labels == POSITIVE)
    weights = np.zeros(presence.shape[1], dtype=np.float32)
    weights[used] = model.coef_[0] * ratio[used]
    return NbsvmModel(weights, float(model.intercept_[0]), settings.longest, settings.weight)


def log_count_ratio(presence: sp.csr_matrix, labels: npt.NDArray[Any], *, least: int) -> npt.NDArray[np.float32]:
    """How much each column speaks for a positive review, 0 for columns that fewer than `least` reviews hold; shape (columns,).

    >>> log_count_ratio(sp.csr_matrix([[1, 0], [0, 1]]), np.array([1, 0]), least=1).round(3).tolist()
    [0.693, -0.693]
    """
    positive = np.asarray(presence[labels == POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    negative = np.asarray(presence[labels != POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    ratio = np.log((positive + 1) / (positive + 1).sum()) - np.log((negative + 1) / (negative + 1).sum())
    return np.where(positive + negative >= least, ratio, 0.0).astype(np.float32)


def ngram_matrix(texts: Sequence[str], longest: int, buckets: int) -> sp.csr_matrix:
    """Which buckets of n-grams each review holds: ones in a sparse matrix of shape (n, buckets); `buckets` is a power of two."""
    known: dict[str, int] = {}
    columns, ends = [], [0]
    for text in texts:
        words = words_of(text)
        hashes = np.array([known.setdefault(word, zlib.crc32(word.encode())) for word in words], dtype=np.uint64) + np.uint64(1)
        found, grams = [hashes], hashes
        for length in range(2, longest + 1):
            grams = (grams[:-1] * _MIX if len(grams) else grams) + hashes[length - 1 :]
            found.append(grams)
        spread = (np.concatenate(found) * _MIX) >> np.uint64(64 - buckets.bit_length() + 1)
        columns.append(np.unique(spread).astype(np.int32))
        ends.append(ends[-1] + len(columns[-1]))
    indices = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int32)
    return sp.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, ends), shape=(len(texts), buckets))
