"""Train the sentiment LSTM. Sees the reviews to learn from and no others.

Reads   data/vectors/imdb/words.json, reviews.npz; pretrained.npz if imdb.vectors says so
Writes  models/imdb/, metrics/curves/imdb.csv
Run     python -m stages.train_imdb
"""

import numpy as np

from textlstm.core import paths
from textlstm.core.files import read_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.nn import reproducible
from textlstm.nn.checkpoint import checkpointing
from textlstm.sentiment.lstm_training import parallel_directions, train_sentiment_model
from textlstm.sentiment.pretraining import Pretrained
from textlstm.sentiment.tokenizer import Tokenizer


def main() -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads, inter_op_threads=parallel_directions(params.imdb))
    arrays = read_arrays(paths.WORD_IDS, "ids", "offsets", "labels")
    reviews = np.split(arrays["ids"].astype(np.int32), arrays["offsets"][1:-1])
    tokenizer, settings = Tokenizer.load(paths.TOKENIZER), params.imdb
    if settings.vectors != "pretrained":
        paths.PRETRAINED_WEIGHTS.unlink(missing_ok=True)  # of a stage that is no longer there: see `remove_orphans`
    pretrained = (
        Pretrained.load(paths.PRETRAINED_WEIGHTS, settings, tokenizer.size)
        if settings.vectors == "pretrained"
        else None
    )
    inputs = [paths.TOKENIZER, paths.WORD_IDS, *([paths.PRETRAINED_WEIGHTS] if pretrained else [])]
    with checkpointing(params.model_dump(include={"imdb", "seed", "threads"}), inputs) as checkpoint:
        model, losses = train_sentiment_model(
            reviews,
            arrays["labels"],
            tokenizer,
            settings,
            seed=params.seed,
            pretrained=pretrained,
            checkpoint=checkpoint,
        )
        model.save(paths.IMDB_MODEL)
        write_csv(paths.curve("imdb"), ("epoch", "loss"), enumerate(losses, start=1))
    parameters = sum(array.size for array in model.weights.values())
    print(f"imdb: {parameters:,} parameters, loss {losses[-1]:.4f} on the {len(reviews):,} reviews learnt from")


if __name__ == "__main__":
    run(main)
