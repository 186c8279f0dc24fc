"""How NB-SVM is trained: see `textlstm.sentiment.nbsvm`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from textlstm.core.labels import POSITIVE
from textlstm.sentiment.nbsvm import NbsvmConfig, NbsvmModel, review_buckets
from textlstm.sentiment.tokenizer import words_of


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
    presence = feature_matrix(texts, config)
    ratio = log_count_ratio(presence, labels, min_reviews=min_reviews)
    scaled = presence.multiply(ratio).tocsr()
    scaled.eliminate_zeros()
    used = np.unique(scaled.indices)
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=seed, max_iter=1000)
    model.fit(scaled[:, used], labels == POSITIVE)
    weights = np.zeros(presence.shape[1], dtype=np.float32)
    weights[used] = model.coef_[0] * ratio[used]
    return NbsvmModel.from_buckets(weights, float(model.intercept_[0]), config)


def log_count_ratio(presence: sp.csr_matrix, labels: npt.NDArray[Any], *, min_reviews: int) -> npt.NDArray[np.float32]:
    """How much each column speaks for a positive review, 0 where fewer than `min_reviews` reviews hold it; (columns,).

    >>> log_count_ratio(sp.csr_matrix([[1, 0], [0, 1]]), np.array([1, 0]), min_reviews=1).astype(float).round(3).tolist()
    [0.693, -0.693]
    """
    positive = np.asarray(presence[labels == POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    negative = np.asarray(presence[labels != POSITIVE].sum(axis=0), dtype=np.float64).ravel()
    ratio = np.log((positive + 1) / (positive + 1).sum()) - np.log((negative + 1) / (negative + 1).sum())
    return np.where(positive + negative >= min_reviews, ratio, 0.0).astype(np.float32)


def feature_matrix(texts: Sequence[str], config: NbsvmConfig) -> sp.csr_matrix:
    """Which buckets of features each review holds: ones in a sparse matrix of shape (n, 2 ** bits)."""
    words = [words_of(text, punctuation=config.punctuation) for text in texts]
    columns = list(review_buckets(words, config))
    ends = np.cumsum([0, *map(len, columns)])
    indices = np.concatenate([np.zeros(0, dtype=np.int32), *columns])
    return sp.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, ends), shape=(len(texts), 2**config.bits))
