"""A sentiment LSTM that answers: the log-odds that a review is positive. In numpy: see `textlstm.nn.inference`.

How it is built and trained is in `textlstm.sentiment.lstm_training`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import check_digests, model_folder, read_arrays, read_record, write_arrays, write_json
from textlstm.nn.inference import Lstm, Weights
from textlstm.nn.one_thread import one_thread
from textlstm.sentiment.tokenizer import PAD, Tokenizer, review_words

_ROWS = 256  # chunks, or padded reviews, read at once: their gates fit into a processor's cache

Review = npt.NDArray[np.int32]  # ids of one review, shape (its number of words + 1,)


def pad_left(reviews: Sequence[Review], width: int) -> npt.NDArray[np.int32]:
    """Reviews as one array (B, width), padded at the left and cut to their last ids.

    >>> pad_left([np.array([1, 5, 6]), np.array([1, 7])], 3).tolist()
    [[1, 5, 6], [0, 1, 7]]
    """
    padded = np.full((len(reviews), width), PAD, dtype=np.int32)
    for row, review in zip(padded, reviews, strict=True):
        kept = review[-width:]
        row[width - len(kept) :] = kept
    return padded


def split_into_chunks(review: Review, chunk: int) -> npt.NDArray[np.int32]:
    """A review as chunks, (P, chunk); the last one is padded at the right.

    >>> split_into_chunks(np.array([1, 5, 6]), 2).tolist()
    [[1, 5], [6, 0]]
    """
    chunks = np.full((-(-len(review) // chunk), chunk), PAD, dtype=np.int32)
    chunks.reshape(-1)[: len(review)] = review
    return chunks


@dataclass(frozen=True)
class ModelConfig:
    """What asking saved weights takes: how a review is laid out for them, and what the output means."""

    length: int  # ids of a review that are read, its last ones
    pooling: str
    chunk: int
    tail: int  # the mean over the states of so many last ids decides too; 0 = not
    bucketed: bool  # whether shorter reviews are read as they are, or padded to `length`
    labels: dict[str, int]  # the output is the log-odds of the label with the number 1


@dataclass(frozen=True)
class SentimentModel:
    """Weights with their tokenizer: reviews in, log-odds out."""

    weights: Weights  # named as the layers of `textlstm.sentiment.lstm_training`
    tokenizer: Tokenizer
    config: ModelConfig

    @cached_property
    def _lstm(self) -> Lstm:
        """Its layers, that which reads from the end after the other."""
        suffix = "/recurrent_kernel"
        names = [name.removesuffix(suffix) for name in self.weights if name.endswith(suffix)]
        layers = sorted(names, key=lambda name: "backward" in name)
        return Lstm.from_keras(
            [(self.weights[f"{name}/kernel"], self.weights[name + suffix], self.weights[f"{name}/bias"])
             for name in layers]
        )  # fmt: skip

    def log_odds(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Natural logarithm of the odds that each review is positive, shape (n,).

        Raises:
            TextLSTMError: a review has no word at all.
        """
        words = review_words(texts, punctuation=self.tokenizer.punctuation)
        return self.log_odds_of_ids([self.tokenizer.ids_of(of_review) for of_review in words])

    @one_thread()
    def log_odds_of_ids(self, reviews: Sequence[Review]) -> npt.NDArray[np.float64]:
        """The same from word ids, as the tokenizer gives them: `<start>` and at least one word each.

        The reviews beside it do not change the last bit of an answer.
        """
        reviews = [review[-self.config.length :] for review in reviews]
        pooled = np.empty((len(reviews), len(self.weights["log_odds/kernel"])), dtype=np.float32)
        if reviews:
            numbers = np.zeros(self.tokenizer.size, dtype=np.intp)  # of each id among those that occur
            occurring = np.unique(np.concatenate([*reviews, [PAD]]))
            numbers[occurring] = np.arange(len(occurring))
            table = self._lstm.table(self.weights["embedding/embeddings"][occurring])
            for rows, answers in self._pooled(reviews, table, numbers):
                pooled[rows] = answers
        parts = pooled.astype(np.float64) * self.weights["log_odds/kernel"][:, 0]
        return np.asarray(parts.sum(axis=1) + self.weights["log_odds/bias"][0])

    def _pooled(
        self, reviews: Sequence[Review], table: npt.NDArray[np.float32], numbers: npt.NDArray[np.intp]
    ) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]]:
        """Some reviews at a time, and what of their states decides: indices (b,) and numbers (b, F).

        Args:
            reviews: ids, none longer than `config.length`.
            table: what each id that occurs gives to the gates.
            numbers: the row of each id in the table.
        """
        lengths = np.array([len(review) for review in reviews])
        if self.config.pooling == "last":
            for order in np.array_split(np.argsort(lengths, kind="stable"), -(-len(reviews) // _ROWS)):
                width = lengths[order].max() if self.config.bucketed else self.config.length
                padded = pad_left([reviews[row] for row in order], width)
                mask = padded != PAD if self.config.bucketed else None
                yield order, self._lstm.read(table, numbers[padded], mask)[:, -1]
            return
        chunks = -(-lengths // self.config.chunk)
        portions = np.cumsum(chunks) // _ROWS
        for order in np.split(np.arange(len(reviews)), np.flatnonzero(np.diff(portions)) + 1):
            rows = np.concatenate([split_into_chunks(reviews[row], self.config.chunk) for row in order])
            states = self._lstm.read(table, numbers[rows])  # (chunks, chunk, D * H)
            begins = np.cumsum([0, *chunks[order]])
            yield order, np.stack([
                self._mean_max(states[begin:end].reshape(-1, states.shape[-1])[: lengths[row]])
                for row, begin, end in zip(order, begins, begins[1:], strict=False)
            ])  # fmt: skip

    def _mean_max(self, states: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Maximum and mean over the states (words, F) of a review, and the mean over those of its tail: see `ReviewPooling`."""
        parts = [states.max(axis=0), states.mean(axis=0)]
        if self.config.tail:
            parts.append(states[-self.config.tail :].mean(axis=0))
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Write weights, words and configuration to a folder that holds all that is needed to use the model."""
        with model_folder(folder) as temporary:
            write_arrays(temporary / "weights.npz", **self.weights)
            self.tokenizer.save(temporary / "words.json")
            write_json(temporary / "config.json", asdict(self.config))

    @classmethod
    def load(cls, folder: Path) -> "SentimentModel":
        """Read what `save` wrote; a missing or broken folder is a TextLSTMError."""
        config = read_record(folder / "config.json", ModelConfig)
        tokenizer = Tokenizer.load(folder / "words.json")
        weights = read_arrays(folder / "weights.npz", "embedding/embeddings", "log_odds/kernel", "log_odds/bias")
        size = len(weights["embedding/embeddings"])
        if size != tokenizer.size:
            raise TextLSTMError(
                f"{folder}: the network has {size} word ids, expected {tokenizer.size}, one for each word of its list. "
                "Its files do not belong together: run 'dvc repro' to make them again"
            )
        check_digests(folder)
        return cls(weights, tokenizer, config)
