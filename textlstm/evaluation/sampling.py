"""Text made up by a language model, character by character: it shows what the model has learnt better than any figure.

Each next character is drawn from P(character | those before it) ** (1 / temperature), made to sum to one: a low
temperature keeps to what is likeliest, 1 draws as the model believes. `<start>` and `<unknown>` are never drawn.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from textlstm.language.lstm import LanguageModel
from textlstm.language.vocabulary import START, UNKNOWN

SAMPLES = ("series", "temperature", "text")
_TEMPERATURES = (0.5, 0.8, 1.0)
_LENGTH = 100  # characters


def samples(models: Mapping[str, LanguageModel], seed: int) -> list[tuple[str, float, str]]:
    """Rows of `SAMPLES`: a text of each model at each of a few temperatures."""
    return [
        (name, temperature, text)
        for name, model in models.items()
        for temperature, text in zip(
            _TEMPERATURES, sample(model, _TEMPERATURES, length=_LENGTH, seed=seed), strict=True
        )
    ]


def sample(model: LanguageModel, temperatures: Sequence[float], *, length: int, seed: int) -> list[str]:
    """One text of `length` characters for each temperature, each above 0."""
    random = np.random.default_rng(seed)
    ids = np.zeros((len(temperatures), 0), dtype=np.int32)
    for _ in range(length):
        odds = model.log_distribution_after(ids) / np.array(temperatures)[:, None]  # (B, V)
        odds[:, [START, UNKNOWN]] = -np.inf
        drawn = np.argmax(
            odds + random.gumbel(size=odds.shape), axis=1
        )  # the Gumbel trick: a draw from the softmax of `odds`
        ids = np.column_stack([ids, drawn])
    return [model.vocabulary.decode(row) for row in ids]
