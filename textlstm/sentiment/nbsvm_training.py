"""How NB-SVM is trained: see `textlstm.sentiment.nbsvm`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from textlstm.core.labels import POSITIVE
from textlstm.sentiment.nbsvm import BucketWeights, NbsvmConfig, NbsvmModel, review_buckets
from textlstm.sentiment.tokenizer import draw_sentences, split_sentences, words_of


def train_nbsvm(
    texts: Iterable[str],
    labels: npt.NDArray[Any],
    config: NbsvmConfig,
    *,
    min_reviews: int,
    strength: float,
    seed: int,
    most: int = 0,
    sentences: int = 0,
    sentence_strength: float = 1.0,
) -> NbsvmModel:
    """Fit the model.

    Args:
        texts: reviews, read once: those that the weights are not fitted on are counted and let go.
        labels: POSITIVE or NEGATIVE, shape (n,).
        config: which features are counted.
        min_reviews: features in fewer reviews, or in fewer of the sentences, are left out.
        strength: inverse of the regularisation.
        seed: of the solver, of what `most` draws, and of the sentences.
        most: the weights are fitted on at most so many reviews, see `drawn_reviews`.
        sentences: at most so many of each of these reviews are learnt from too, each with the label of its review: see
            `draw_sentences`; 0 = none.
        sentence_strength: inverse of the regularisation of the weights of sentences.
    """
    positive, drawn = labels == POSITIVE, drawn_reviews(labels, most, seed=seed)
    random, pieces = np.random.default_rng(seed), list[Sequence[str]]()
    sides, weights = list[bool](), list[float]()  # of each sentence

    def read() -> Iterator[list[str]]:
        for text, kept, side in zip(texts, drawn, positive, strict=True):
            words = words_of(text, punctuation=config.punctuation)
            if kept and sentences:
                found = split_sentences(words)
                chosen = draw_sentences(len(found), sentences, random)
                pieces.extend(found[place] for place in chosen)
                sides.extend([side] * len(chosen))
                weights.extend(
                    [1.0 / np.sqrt(len(chosen))] * len(chosen)
                )  # the more there are, the less each one decides
            yield words

    counts, held = _count(review_buckets(read(), config.of_reviews), positive, drawn, config)
    of_reviews = _fit(counts, held, positive[drawn], np.ones(len(held)), min_reviews, strength, seed)
    del counts, held
    if not pieces:
        return NbsvmModel(of_reviews, None, config)
    side = np.array(sides)
    counts, held = _count(review_buckets(pieces, config.of_sentences), side, np.ones_like(side), config)
    of_sentences = _fit(counts, held, side, np.array(weights), min_reviews, sentence_strength, seed, np.float16)
    return NbsvmModel(of_reviews, of_sentences, config)


def _count(
    features: Iterable[npt.NDArray[np.int32]],
    positive: npt.NDArray[np.bool_],
    kept: npt.NDArray[np.bool_],
    config: NbsvmConfig,
) -> tuple[npt.NDArray[np.int32], list[npt.NDArray[np.int32]]]:
    """How many negative and positive texts hold each feature, (2, 2 ** bits), and the features of those that are kept."""
    counts = np.zeros((2, 2**config.bits), dtype=np.int32)
    held = []
    for buckets, side, keep in zip(features, positive.astype(int), kept, strict=True):
        counts[side, buckets] += 1
        if keep:
            held.append(buckets)
    return counts, held


def _fit(
    counts: npt.NDArray[np.int32],
    held: list[npt.NDArray[np.int32]],
    positive: npt.NDArray[np.bool_],
    importance: npt.NDArray[np.float64],
    min_reviews: int,
    strength: float,
    seed: int,
    kind: type[np.floating] = np.float32,
) -> BucketWeights:
    """The weights that tell the positive of some texts, (n,), from the others; each counts by its importance, (n,)."""
    ratio = _ratio(counts[1], counts[0], min_reviews)
    features, used = _matrix([buckets[ratio[buckets] != 0] for buckets in held], ratio)
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=seed, max_iter=1000)
    model.fit(features, positive, sample_weight=importance)
    weights = np.zeros(len(ratio), dtype=np.float32)
    weights[used] = model.coef_[0] * ratio[used]
    return BucketWeights.from_all(weights.astype(kind), float(model.intercept_[0]))


def drawn_reviews(labels: npt.NDArray[Any], most: int, *, seed: int) -> npt.NDArray[np.bool_]:
    """Which reviews are among at most `most` that `seed` draws, (n,); all of them if `most` is 0.

    Each label keeps its share, and at least one review.
    """
    if not most or len(labels) <= most:
        return np.ones(len(labels), dtype=np.bool_)
    random, drawn = np.random.default_rng(seed), np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        drawn[random.choice(rows, max(len(rows) * most // len(labels), 1), replace=False)] = True
    return drawn


def log_count_ratio(presence: sp.csr_matrix, labels: npt.NDArray[Any], *, min_reviews: int) -> npt.NDArray[np.float32]:
    """How much each column speaks for a positive review, 0 where fewer than `min_reviews` reviews hold it; (columns,).

    >>> log_count_ratio(sp.csr_matrix([[1, 0], [0, 1]]), np.array([1, 0]), min_reviews=1).astype(float).round(3).tolist()
    [0.693, -0.693]
    """
    positive, negative = (
        np.asarray(presence[rows].sum(axis=0)).ravel() for rows in (labels == POSITIVE, labels != POSITIVE)
    )
    return _ratio(positive, negative, min_reviews)


def _ratio(positive: npt.NDArray[Any], negative: npt.NDArray[Any], min_reviews: int) -> npt.NDArray[np.float32]:
    """The same from how many positive and negative reviews hold each column."""
    p, q = (counts.astype(np.float64) + 1 for counts in (positive, negative))
    ratio = np.log(p / p.sum()) - np.log(q / q.sum())
    return np.where(positive + negative >= min_reviews, ratio, 0.0).astype(np.float32)


def _matrix(
    held: Sequence[npt.NDArray[np.int32]], ratio: npt.NDArray[np.float32]
) -> tuple[sp.csr_matrix, npt.NDArray[np.intp]]:
    """The ratio of each bucket that each review holds, (n, m), and the m buckets that any holds, ascending.

    In the types that the solver reads, so that it copies neither.
    """
    ends = np.cumsum([0, *map(len, held)])
    buckets = np.concatenate([np.zeros(0, dtype=np.int32), *held])
    seen = np.zeros(len(ratio), dtype=np.bool_)
    seen[buckets] = True
    columns = np.cumsum(seen, dtype=np.int32) - np.int32(1)
    used = np.flatnonzero(seen)
    entries = (ratio[buckets].astype(np.float64), columns[buckets], ends)
    return sp.csr_matrix(entries, shape=(len(held), len(used))), used
