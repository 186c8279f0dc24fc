"""The arrays of data/scores/language.npz: what the models say about held-out windows, from which every figure is made.

Windows come from four groups of texts; in a fifth, noise, whole texts stand in their place, of the kinds of
`textlstm.data.noise`. For each group and length L there are the fields of the `Evidence`, as `<group>_<field>_<L>`, and
`<group>_owner_<L>`, the text that a window comes from; `<group>_names` says what the texts are called. Of the
languages' own texts there are also, for each system, `<system>_<L>` (n, languages), log-likelihoods of the same
windows, and `bits_<system>` (languages,), bits per character of each language's model on its own text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textlstm.core.errors import TextLSTMError
from textlstm.detection.evidence import Evidence, EvidenceReader, Windows, text_evidence, window_evidence
from textlstm.language.scoring import CharacterModel

Scores = dict[str, npt.NDArray[Any]]

# The languages' held-out texts; words of theirs that the training never drew; languages that the background learnt
# from; others; what is no language, by kind.
GROUPS = OWN, UNSEEN_WORDS, SEEN_LANGUAGES, UNSEEN_LANGUAGES, NOISE = (
    "own",
    "unseen_words",
    "seen_languages",
    "unseen_languages",
    "noise",
)
NOISE_LENGTHS = 10, 20  # characters
# The models whose windows are scored: the shipped table, the mixture that it is distilled from, the mixture's two
# parts, and the n-grams of the text alone, a baseline.
SYSTEMS = DETECTOR, MIXTURE, LSTM, NGRAMS, TEXT_NGRAMS = ("detector", "mixture", "lstm", "ngrams", "text_ngrams")


def own_scores(
    systems: Mapping[str, Sequence[CharacterModel]],
    background: CharacterModel,
    texts: Mapping[str, str],
    lengths: Sequence[int],
) -> Scores:
    """Arrays of the languages' own held-out texts.

    Args:
        systems: one model per language, by the name of the system; DETECTOR is one of them.
        background: a model of other languages.
        texts: cleaned, by language, in the order of the models.
        lengths: characters in a window.

    Raises:
        TextLSTMError: a text is shorter than a window, or has no character that occurs in a text to learn from.
    """
    for language, text in texts.items():
        if len(text) < max(lengths):
            raise TextLSTMError(
                f"{language}: the held-out text has {len(text)} characters, expected at least {max(lengths)}, the longest of "
                "score.lengths. Give a longer text, or take the length out of the list"
            )
    scores = group_scores(OWN, systems[DETECTOR], background, texts, lengths)
    for system, models in systems.items():
        whole = text_evidence(models, background, list(texts.values()))
        for language, known in zip(texts, whole.known, strict=True):
            if not known:
                raise TextLSTMError(
                    f"{language}: the text to test on has no character that occurs in a text to learn from. Give another text"
                )
        scores[f"bits_{system}"] = -np.diagonal(whole.log_likelihoods) / whole.known / np.log(2.0)
        for length, (evidence, _) in window_evidence(models, background, list(texts.values()), lengths).items():
            scores[f"{system}_{length}"] = evidence.log_likelihoods
    return scores


def group_scores(
    group: str,
    models: Sequence[CharacterModel],
    background: CharacterModel,
    texts: Mapping[str, str],
    lengths: Sequence[int],
) -> Scores:
    """Arrays of the evidence of one group of texts."""
    scores: Scores = {f"{group}_names": np.array(list(texts), dtype=np.str_)}
    for length, windows in window_evidence(models, background, list(texts.values()), lengths).items():
        scores |= evidence_arrays(group, length, windows)
    return scores


def word_scores(readers: Mapping[str, EvidenceReader], words: Mapping[str, Sequence[str]]) -> Scores:
    """Log-likelihoods of whole words, each as a user's text: `words_<system>` (n, languages), and `words_label` (n,).

    Args:
        readers: by the name of the system.
        words: by language, in the order of the models.
    """
    together = [word for of_language in words.values() for word in of_language]
    scores: Scores = {
        "words_label": np.repeat(np.arange(len(words)), [len(of_language) for of_language in words.values()])
    }
    return scores | {f"words_{system}": reader.evidence(together).log_likelihoods for system, reader in readers.items()}


def noise_scores(reader: EvidenceReader, noise: Mapping[int, Mapping[str, Sequence[str]]]) -> Scores:
    """Arrays of the evidence of noise, each text as a user's: by length, by kind, as it comes."""
    scores: Scores = {}
    for length, kinds in noise.items():
        together = [text for texts in kinds.values() for text in texts]
        owners = np.repeat(np.arange(len(kinds)), [len(texts) for texts in kinds.values()])
        scores |= evidence_arrays(NOISE, length, (reader.evidence(together), owners))
        scores[f"{NOISE}_names"] = np.array(list(kinds), dtype=np.str_)
    return scores


def evidence_arrays(group: str, length: int, windows: Windows) -> Scores:
    """Evidence of windows, and the texts that they come from, as arrays to be written."""
    evidence, owners = windows
    return {f"{group}_{field}_{length}": values for field, values in (*evidence._asdict().items(), ("owner", owners))}


def evidence_of(scores: Scores, group: str, length: int) -> Windows:
    """What `evidence_arrays` made arrays of."""
    fields = (scores[f"{group}_{field}_{length}"] for field in Evidence._fields)
    return Evidence(*fields), scores[f"{group}_owner_{length}"]
