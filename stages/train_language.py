"""Train the character LSTM of one language. Sees the text to learn from and drawn words, nothing held out.

Reads   data/vectors/characters.json, data/vectors/language/<language>.npz
Writes  models/language/<language>/, metrics/curves/<language>.csv
Run     python -m stages.train_language english
"""

from textlstm.core import paths
from textlstm.core.files import read_arrays, write_csv
from textlstm.core.params import load_params
from textlstm.core.stage import run
from textlstm.language.lstm_training import train_language_model
from textlstm.language.vocabulary import Vocabulary
from textlstm.nn import reproducible
from textlstm.nn.checkpoint import checkpointing


def main(language: str) -> None:
    params = load_params()
    reproducible.set_up(params.seed, params.threads, inter_op_threads=params.language_model.ensemble_size)
    vocabulary = Vocabulary.load(paths.VOCABULARY)
    ids = read_arrays(paths.language_vectors(language), "text", "words")
    settings = params.model_dump(include={"language_model", "seed", "threads"})
    with checkpointing(settings, [paths.VOCABULARY, paths.language_vectors(language)]) as checkpoint:
        model, losses = train_language_model(
            ids["text"],
            ids["words"],
            vocabulary,
            params.language_model,
            seed=params.seed,
            name=language,
            checkpoint=checkpoint,
        )
        model.save(paths.language_model(language))
        write_csv(paths.curve(language), ("epoch", "loss"), enumerate(losses, start=1))
    parameters = sum(array.size for array in model.weights.values())
    print(f"{language}: {parameters:,} parameters, loss {losses[-1]:.4f} on what was learnt from")


if __name__ == "__main__":
    run(main)
