"""Vectors for words, counted from the reviews that are learnt from: where the LSTM's word vectors start.

The first number of a vector says how much the word speaks for a positive review (see `textlstm.sentiment.nbsvm`); the
others say in which contexts it occurs: the positive pointwise mutual information with the most frequent words nearby,
squeezed by a singular value decomposition (Levy, Goldberg and Dagan 2015, https://aclanthology.org/Q15-1016/). A
network that starts there has less to learn from few reviews.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from textlstm.sentiment.nbsvm_training import log_count_ratio
from textlstm.sentiment.tokenizer import PAD, UNKNOWN

Floats = npt.NDArray[np.float32]

_CONTEXTS = 2000  # most frequent words that count as company
_NEARBY = 5  # words to each side
_SPREAD = 0.3  # standard deviation of the numbers


def counted_vectors(reviews: Sequence[npt.NDArray[Any]], labels: npt.NDArray[Any], size: int, width: int) -> Floats:
    """A vector for each word id.

    Args:
        reviews: word ids, one array per review.
        labels: POSITIVE or NEGATIVE, shape (n,).
        size: number of word ids; ids are ordered by falling frequency.
        width: numbers in a vector.

    Returns:
        Shape (size, width); zeros for padding.
    """
    ids = np.concatenate(reviews)
    ends = np.cumsum([0, *map(len, reviews)])
    presence = sp.csr_matrix((np.ones(len(ids), dtype=np.float32), ids, ends), shape=(len(reviews), size))
    presence.sum_duplicates()
    presence.data[:] = 1
    vectors = np.zeros((size, width), dtype=np.float32)
    vectors[:, 0] = log_count_ratio(presence, labels, min_reviews=1)
    company = _company_vectors(reviews, size, width - 1)
    vectors[:, 1 : 1 + company.shape[1]] = company
    vectors[PAD] = 0
    return vectors


def _company_vectors(reviews: Sequence[npt.NDArray[Any]], size: int, width: int) -> Floats:
    contexts = min(_CONTEXTS, size)
    gap = np.full(_NEARBY, PAD)
    stream = np.concatenate([part.astype(np.int64) for review in reviews for part in (review, gap)])
    counts = np.zeros(size * contexts, dtype=np.float32)
    for distance in range(1, _NEARBY + 1):
        for word, near in ((stream[:-distance], stream[distance:]), (stream[distance:], stream[:-distance])):
            kept = (word > UNKNOWN) & (near > UNKNOWN) & (near < contexts)
            counts += np.bincount(word[kept] * contexts + near[kept], minlength=len(counts))
    together = counts.reshape(size, contexts)
    chance = together.sum(axis=0) ** 0.75
    together /= together.sum(axis=1, keepdims=True) + 1
    together /= chance / max(chance.sum(), 1.0) + 1e-9
    information = np.log(np.maximum(together, 1.0))  # (V, C)
    values, directions = np.linalg.eigh(information.T @ information)
    values, directions = values[::-1][:width], directions[:, ::-1][:, :width]
    signs = np.where(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])] < 0, -1.0, 1.0)
    vectors = information @ (directions * signs) * np.maximum(values, 1e-6) ** -0.25
    return np.asarray(vectors * (_SPREAD / max(float(vectors.std()), 1e-6)), dtype=np.float32)
