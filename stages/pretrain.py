"""Train the word language model that a sentiment LSTM starts from. Sees no label and no review to test on.

Reads   data/vectors/imdb/words.json, reviews.npz
Writes  data/vectors/imdb/pretrained.npz, metrics/curves/pretrain_imdb.csv
Run     python -m stages.pretrain imdb: part of the pipeline only where pretrain.datasets asks for it
"""

import numpy as np

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.nn import reproducible
from textlstm.nn.backend import POLICIES
from textlstm.nn.checkpoint import checkpointing
from textlstm.sentiment.pretraining import pretrain
from textlstm.sentiment.tokenizer import Tokenizer


def main(dataset: str) -> None:
    if dataset != "imdb":
        raise TextLSTMError(f"expected the dataset imdb, got {dataset!r}")
    params = load_params()
    reproducible.set_up(params.seed, params.threads, inter_op_threads=1 + params.imdb.bidirectional)
    arrays = read_arrays(paths.WORD_IDS, "ids", "unlabelled")
    stream = np.concatenate([arrays["ids"], arrays["unlabelled"]])
    settings = params.model_dump(include={"imdb", "pretrain", "seed", "threads"})
    with checkpointing(settings, [paths.TOKENIZER, paths.WORD_IDS]) as checkpoint:
        pretrained, losses = pretrain(
            stream,
            Tokenizer.load(paths.TOKENIZER).size,
            params.pretrain,
            embedding=params.imdb.embedding,
            units=params.imdb.units,
            chunk=params.imdb.chunk,
            bidirectional=params.imdb.bidirectional,
            policy=POLICIES[params.imdb.precision],
            seed=params.seed,
            checkpoint=checkpoint,
        )
        pretrained.save(paths.PRETRAINED_WEIGHTS)
        write_csv(paths.curve("pretrain_imdb"), ("epoch", "loss"), enumerate(losses, start=1))
    print(f"imdb: pre-trained on {len(stream):,} words, loss {losses[-1]:.4f} nats per word, estimated")


if __name__ == "__main__":
    run(main)
