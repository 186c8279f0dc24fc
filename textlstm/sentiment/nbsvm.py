"""Sentiment from counted n-grams (NB-SVM), the partner of the LSTM: strong where that is weak, and the reverse.

This is NB-SVM (Wang and Manning 2012, https://aclanthology.org/P12-2018/) with a logistic loss: a linear model over
which n-grams of one to three words a review holds, each scaled by how much more often it stands in positive reviews
than in negative ones,

    r = log((p + 1) / |p + 1|) - log((q + 1) / |q + 1|)

where p and q count the positive and the negative reviews that hold it. Two kinds of features stand beside those of the
paper, since they know what it does not: pairs of words with others between them ("not ... good"), and the n-grams of
the tail of a review, where people say what they think on the whole, as features of their own. All are told apart by a
hash (Weinberger et al. 2009), so the model is one vector and needs no dictionary.
"""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from textlstm.core.files import atomic_folder, read_arrays, read_record, write_arrays, write_json
from textlstm.core.labels import POSITIVE
from textlstm.sentiment.tokenizer import words_of

_MIX = np.uint64(
    0x9E3779B97F4A7C15
)  # 2**64 divided by the golden ratio: multiplying spreads neighbours (Knuth, TAOCP 6.4)
_TAIL = np.uint64(0xD6E8FEB86659FD93)  # odd: what tells the n-grams of the tail from all others


@dataclass(frozen=True)
class NbsvmConfig:
    """Which features of a review are counted, and in how many buckets."""

    longest: int  # words in an n-gram, at most
    skips: int  # words between those of a pair, at most; 0 = no pairs
    tail: int  # the n-grams of so many last words are features of their own; 0 = none
    bits: int  # 2 ** bits buckets
    punctuation: bool  # whether punctuation marks count as words


@dataclass(frozen=True)
class NbsvmModel:
    """One weight for each bucket of features; the log-odds of a review are the sum over its features, plus the bias."""

    weights: npt.NDArray[np.float32]  # (2 ** bits,)
    bias: float
    config: NbsvmConfig

    def log_odds(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Natural logarithm of the odds that each review is positive, shape (n,)."""
        return np.asarray(feature_matrix(texts, self.config) @ self.weights + self.bias, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the weights that are not zero, and what their buckets stand for, to a folder."""
        with atomic_folder(folder) as temporary:
            used = np.flatnonzero(self.weights)
            write_json(temporary / "config.json", asdict(self.config))
            write_arrays(
                temporary / "weights.npz", buckets=used.astype(np.int32), weights=self.weights[used], bias=self.bias
            )

    @classmethod
    def load(cls, folder: Path) -> "NbsvmModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        config = read_record(folder / "config.json", NbsvmConfig)
        arrays = read_arrays(folder / "weights.npz", "buckets", "weights", "bias")
        weights = np.zeros(2**config.bits, dtype=np.float32)
        weights[arrays["buckets"]] = arrays["weights"]
        return cls(weights, float(arrays["bias"]), config)


def train_nbsvm(
    texts: Sequence[str], labels: npt.NDArray[Any], config: NbsvmConfig, *, min_reviews: int, strength: float, seed: int
) -> NbsvmModel:
    """Fit the model.

    Args:
        texts: reviews.
        labels: POSITIVE or NEGATIVE, shape (n,).
        config: which features are counted.
        min_reviews: features in fewer reviews are left out.
        strength: inverse of the regularisation.
        seed: of the solver.
    """
    from sklearn.linear_model import LogisticRegression  # here: whoever only asks a model need not wait for it

    presence = feature_matrix(texts, config)
    ratio = log_count_ratio(presence, labels, min_reviews=min_reviews)
    scaled = presence.multiply(ratio).tocsr()
    scaled.eliminate_zeros()
    used = np.unique(scaled.indices)
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=seed, max_iter=1000)
    model.fit(scaled[:, used], labels == POSITIVE)
    weights = np.zeros(presence.shape[1], dtype=np.float32)
    weights[used] = model.coef_[0] * ratio[used]
    return NbsvmModel(weights, float(model.intercept_[0]), config)


def log_count_ratio(presence: sp.csr_matrix, labels: npt.NDArray[Any], *, min_reviews: int) -> npt.NDArray[np.float32]:
    """How much each column speaks for a positive review, 0 where fewer than `min_reviews` reviews hold it; (columns,).

    >>> log_count_ratio(sp.csr_matrix([[1, 0], [0, 1]]), np.array([1, 0]), min_reviews=1).round(3).tolist()
    [0.693, -0.693]
    """
    positive = np.asarray(presence[labels == POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    negative = np.asarray(presence[labels != POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    ratio = np.log((positive + 1) / (positive + 1).sum()) - np.log((negative + 1) / (negative + 1).sum())
    return np.where(positive + negative >= min_reviews, ratio, 0.0).astype(np.float32)


def feature_matrix(texts: Sequence[str], config: NbsvmConfig) -> sp.csr_matrix:
    """Which buckets of features each review holds: ones in a sparse matrix of shape (n, 2 ** bits)."""
    known: dict[str, int] = {}
    columns, ends = [], [0]
    for text in texts:
        words = words_of(text, punctuation=config.punctuation)
        hashes = np.array(
            [known.setdefault(word, zlib.crc32(word.encode())) for word in words], dtype=np.uint64
        ) + np.uint64(1)
        found = _ngrams(hashes, config.longest)
        for apart in range(2, min(config.skips + 2, len(words))):
            found.append(hashes[:-apart] * _MIX + hashes[apart:] * np.uint64(2 * apart + 1))
        if config.tail:
            found += [(grams * _MIX) ^ _TAIL for grams in _ngrams(hashes[-config.tail :], config.longest)]
        spread = (np.concatenate(found) * _MIX) >> np.uint64(64 - config.bits)
        columns.append(np.unique(spread).astype(np.int32))
        ends.append(ends[-1] + len(columns[-1]))
    indices = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int32)
    return sp.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, ends), shape=(len(texts), 2**config.bits))


def _ngrams(hashes: npt.NDArray[np.uint64], longest: int) -> list[npt.NDArray[np.uint64]]:
    """The number of each n-gram, those of one word first, from the numbers of the words."""
    found = [hashes]
    for length in range(2, longest + 1):
        shorter = found[-1]
        found.append((shorter[:-1] * _MIX if len(shorter) else shorter) + hashes[length - 1 :])
    return found
