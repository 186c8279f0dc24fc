"""Train the word language model that the sentiment LSTM starts from, if the parameters ask for one. Sees no label and no review to test on.

Reads   data/vectors/words.json, data/vectors/imdb.npz
Writes  models/pretrained/: weights.npz and loss.csv, or nothing
Run     python -m stages.pretrain_imdb
"""

import numpy as np

from textlstm.core import paths
from textlstm.core.files import atomic_folder, read_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.nn import reproducible
from textlstm.nn.backend import POLICIES
from textlstm.sentiment.pretraining import pretrain
from textlstm.sentiment.tokenizer import Tokenizer


def main() -> None:
    params = load_params()
    if not params.pretrain.epochs:
        with atomic_folder(paths.PRETRAINED):
            print("imdb: no pre-training (pretrain.epochs is 0)")
        return
    reproducible.set_up(params.seed, params.threads, inter_op_threads=1 + params.imdb.bidirectional)
    arrays = read_arrays(paths.VECTORS_IMDB, "ids", "unlabelled")
    stream = np.concatenate([arrays["ids"], arrays["unlabelled"]])
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
    )
    with atomic_folder(paths.PRETRAINED) as folder:
        pretrained.save(folder / paths.PRETRAINED_WEIGHTS.name)
        write_csv(folder / "loss.csv", ("epoch", "loss"), enumerate(losses, start=1))
    print(f"imdb: pre-trained on {len(stream):,} words, loss {losses[-1]:.4f} nats per word, estimated")


if __name__ == "__main__":
    run(main)
