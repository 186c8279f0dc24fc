"""Sentiment from counted n-grams (NB-SVM), the partner of the LSTM: strong where that is weak, and the reverse.

This is NB-SVM (Wang and Manning 2012, https://aclanthology.org/P12-2018/) with a logistic loss: a linear model over
which n-grams of one to three words a review holds, each scaled by how much more often it stands in positive reviews
than in negative ones,

    r = log((p + 1) / |p + 1|) - log((q + 1) / |q + 1|)

where p and q count the positive and the negative reviews that hold it. Two kinds of features stand beside those of the
paper, since they know what it does not: pairs of words with others between them ("not ... good"), and the n-grams of
the tail of a review, where people say what they think on the whole, as features of their own. All are told apart by a
hash (Weinberger et al. 2009), so the model is one vector and needs no dictionary.

A second set of weights is learnt from single sentences. In a whole review few n-grams have to say much, and one that
stands in a sentence of no opinion weighs nothing among so many; where a sentence is all that there is, they are wrong
about the line between positive and negative. In sentences negated words are words of their own
(`textlstm.sentiment.negation`). Short texts are answered with the weights of sentences, long ones with those
of whole reviews, and between them with both.

How it is trained is in `textlstm.sentiment.nbsvm_training`.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import (
    check_digests,
    how_to_make,
    model_folder,
    read_arrays,
    read_record,
    write_arrays,
    write_json,
)
from textlstm.sentiment.negation import mark_negation
from textlstm.sentiment.tokenizer import words_of

_MIX = np.uint64(
    0x9E3779B97F4A7C15
)  # 2**64 divided by the golden ratio: multiplying spreads neighbours (Knuth, TAOCP 6.4)
_AT_ONCE = 2**17  # words, and buckets, of a review whose arrays are held at once
_KNOWN = 2**20  # words whose numbers are kept
_SHORT, _LONG = 32, 128  # words up to which a text is a sentence, and from which on it is a review
_TAIL = np.uint64(0xD6E8FEB86659FD93)  # odd: what tells the n-grams of the tail from all others


@dataclass(frozen=True)
class NbsvmConfig:
    """Which features of a review are counted, and in how many buckets."""

    longest: int  # words in an n-gram, at most
    skips: int  # words between those of a pair, at most; 0 = no pairs
    tail: int  # the n-grams of so many last words are features of their own; 0 = none
    bits: int  # 2 ** bits buckets
    punctuation: bool  # whether punctuation marks count as words
    negation: int = 0  # in sentences, so many words after a negation are other words than elsewhere; 0 = none

    @property
    def of_reviews(self) -> "NbsvmConfig":
        """The same for whole reviews, in which the n-grams of two and three words are enough to see a negation."""
        return replace(self, negation=0)

    @property
    def of_sentences(self) -> "NbsvmConfig":
        """The same for single sentences, which have no tail."""
        return replace(self, tail=0)


@dataclass(frozen=True)
class BucketWeights:
    """One weight for each bucket of features; the log-odds of a text are the sum over its features, plus the bias.

    Most buckets have no weight. Which have one is kept in a bit each, and the place of a weight is the number of bits
    that are set before its own (a succinct bit vector, Jacobson 1989): a quarter of the memory of all buckets' weights,
    and nothing to be laid out when it is loaded.
    """

    used: npt.NDArray[np.uint64]  # (2 ** bits / 64,): a bit for each bucket, the lowest first
    weights: npt.NDArray[np.floating]  # (m,): of the buckets that have one, in their order
    bias: float

    @classmethod
    def from_all(cls, weights: npt.NDArray[np.floating], bias: float) -> "BucketWeights":
        """From the weights of all buckets, (2 ** bits,)."""
        used = np.packbits(weights != 0, bitorder="little").view("<u8").astype(np.uint64)
        return cls(used, weights[weights != 0], bias)

    @cached_property
    def _before(self) -> npt.NDArray[np.int64]:
        """How many buckets before each 64 have a weight."""
        counts = np.bitwise_count(self.used)
        return np.cumsum(counts, dtype=np.int64) - counts

    def log_odds(self, features: Iterable[npt.NDArray[np.int32]]) -> npt.NDArray[np.float64]:
        """Of texts, from the buckets of each, shape (n,)."""
        sums = [self._weights_of(buckets).sum(dtype=np.float64) for buckets in features]
        return np.array(sums, dtype=np.float64) + self.bias

    def _weights_of(self, buckets: npt.NDArray[np.int32]) -> npt.NDArray[np.floating]:
        """Those that some of the buckets have."""
        if len(buckets) > _AT_ONCE:
            parts = np.split(buckets, range(_AT_ONCE, len(buckets), _AT_ONCE))
            return np.concatenate([self._weights_of(part) for part in parts])
        word, bit = buckets >> 6, (buckets & 63).astype(np.uint64)
        below = self.used[word] & ((np.uint64(2) << bit) - np.uint64(1))  # the bucket's own bit and those before it
        has = (below >> bit).astype(np.bool_)
        return np.asarray(self.weights[self._before[word[has]] + np.bitwise_count(below[has]) - 1])

    def save(self, path: Path) -> None:
        """Write the weights to a file of arrays."""
        write_arrays(path, used=self.used, weights=self.weights, bias=self.bias)

    @classmethod
    def load(cls, path: Path, bits: int) -> "BucketWeights":
        """Read what `save` wrote of 2 ** bits buckets; a missing or broken file is a TextLSTMError."""
        arrays = read_arrays(path, "used", "weights", "bias")
        buckets, set_bits = 64 * len(arrays["used"]), int(np.bitwise_count(arrays["used"]).sum())
        if (buckets, set_bits) != (2**bits, len(arrays["weights"])):
            raise TextLSTMError(
                f"{path}: expected a bit for each of {2**bits:,} buckets and a weight for each bit that is set, got "
                f"{buckets:,} bits, {set_bits:,} of them set, and {len(arrays['weights']):,} weights. {how_to_make(path)}"
            )
        return cls(arrays["used"], arrays["weights"], float(arrays["bias"]))


@dataclass(frozen=True)
class NbsvmModel:
    """The weights of features of whole reviews and of single sentences."""

    reviews: BucketWeights
    sentences: BucketWeights | None  # in float16, half the size; None: whole reviews alone were learnt from
    config: NbsvmConfig

    def log_odds(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Natural logarithm of the odds that each text is positive, shape (n,)."""
        return self.log_odds_of_words([words_of(text, punctuation=self.config.punctuation) for text in texts])

    def log_odds_of_words(self, texts: Sequence[Sequence[str]]) -> npt.NDArray[np.float64]:
        """The same from the words of each text."""
        share = share_of_reviews(np.array([len(words) for words in texts], dtype=np.int64))
        if self.sentences is None:
            share[:] = 1.0
        found: npt.NDArray[np.float64] = np.zeros(len(texts))
        for weights, part, config in (
            (self.reviews, share, self.config.of_reviews),
            (self.sentences, 1.0 - share, self.config.of_sentences),
        ):
            rows = np.flatnonzero(part > 0).tolist()
            if weights is not None and rows:
                found[rows] += part[rows] * weights.log_odds(review_buckets([texts[row] for row in rows], config))
        return found

    def save(self, folder: Path) -> None:
        """Write the weights, and what their buckets stand for, to a folder."""
        with model_folder(folder) as temporary:
            write_json(temporary / "config.json", asdict(self.config))
            self.reviews.save(temporary / "reviews.npz")
            if self.sentences is not None:
                self.sentences.save(temporary / "sentences.npz")

    @classmethod
    def load(cls, folder: Path) -> "NbsvmModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        config = read_record(folder / "config.json", NbsvmConfig)
        reviews = BucketWeights.load(folder / "reviews.npz", config.bits)
        path = folder / "sentences.npz"
        sentences = BucketWeights.load(path, config.bits) if path.exists() else None
        check_digests(folder)
        return cls(reviews, sentences, config)


def share_of_reviews(words: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The share of the weights of whole reviews, by the number of words of each text, (n,).

    0 up to `_SHORT`, 1 from `_LONG` on, and between them straight along the logarithm.

    >>> share_of_reviews(np.array([10, 64, 500])).tolist()
    [0.0, 0.5, 1.0]
    """
    logs = np.log2(np.maximum(words, 1))
    return np.asarray(np.clip((logs - np.log2(_SHORT)) / (np.log2(_LONG) - np.log2(_SHORT)), 0.0, 1.0))


class _Hashes(dict[str, int]):
    """The number of each word, found once."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _KNOWN:
            self.clear()
        number = self[word] = zlib.crc32(word.encode()) + 1
        return number


def review_buckets(reviews: Iterable[Sequence[str]], config: NbsvmConfig) -> Iterator[npt.NDArray[np.int32]]:
    """The buckets of the features that each review holds, from its words: ascending, each once."""
    known = _Hashes()
    if config.negation:
        reviews = (mark_negation(words, config.negation) for words in reviews)
    for words in reviews:
        if len(words) <= _AT_ONCE:
            hashes = _hashes(words, known)
            yield _distinct(_features(hashes, hashes[-config.tail :] if config.tail else None, config), config)
            continue
        tail = _hashes(words[-config.tail :], known) if config.tail else None
        held = np.zeros(2**config.bits, np.bool_)
        reach = max(config.longest - 1, config.skips + 1)  # words before a part that its features may begin at
        for begin in range(0, len(words), _AT_ONCE):
            part = _hashes(words[max(begin - reach, 0) : begin + _AT_ONCE], known)
            held[_distinct(_features(part, None if begin else tail, config), config)] = True
        yield np.flatnonzero(held).astype(np.int32)


def _hashes(words: Sequence[str], known: _Hashes) -> npt.NDArray[np.uint64]:
    return np.array([known[word] for word in words], dtype=np.uint64)


def _features(
    hashes: npt.NDArray[np.uint64], tail: npt.NDArray[np.uint64] | None, config: NbsvmConfig
) -> list[npt.NDArray[np.uint64]]:
    """The numbers of the n-grams and pairs of words, and of the n-grams of a tail."""
    found = _ngrams(hashes, config.longest)
    for apart in range(2, min(config.skips + 2, len(hashes))):
        found.append(hashes[:-apart] * _MIX + hashes[apart:] * np.uint64(2 * apart + 1))
    if tail is not None:
        found += [(grams * _MIX) ^ _TAIL for grams in _ngrams(tail, config.longest)]
    return found


def _distinct(features: list[npt.NDArray[np.uint64]], config: NbsvmConfig) -> npt.NDArray[np.int32]:
    """The buckets of the features, ascending, each once."""
    spread = ((np.concatenate(features) * _MIX) >> np.uint64(64 - config.bits)).astype(np.int32)
    spread.sort()
    return spread[np.diff(spread, prepend=np.int32(-1)) > 0]


def _ngrams(hashes: npt.NDArray[np.uint64], longest: int) -> list[npt.NDArray[np.uint64]]:
    """The number of each n-gram, those of one word first, from the numbers of the words."""
    found = [hashes]
    for length in range(2, longest + 1):
        shorter = found[-1]
        found.append((shorter[:-1] * _MIX if len(shorter) else shorter) + hashes[length - 1 :])
    return found
