"""The background and the evidence, against sums that can be done on paper."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.params import Language
from textlstm.data.translations import own_translations, split_others
from textlstm.detection.background import FOREIGN, SILENT, Background, fold
from textlstm.detection.evidence import text_evidence, window_evidence
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import Floats, finish_table
from textlstm.language.vocabulary import Vocabulary

KNOWN = Vocabulary((" ", ",", "1", "a", "b"))


class Even:
    """Every character that is known has the same probability."""

    def __init__(self, probability: float, vocabulary: Vocabulary = KNOWN) -> None:
        self.vocabulary, self.probability = vocabulary, probability

    def log_probabilities(self, ids: npt.NDArray[Any]) -> Floats:
        return finish_table(np.full((len(ids), 2), math.log(self.probability)), ids)


def test_letters_that_nobody_has_are_foreign_and_digits_and_marks_are_silent() -> None:
    assert fold("ab, 1!ж字9²", KNOWN) == f"ab, {SILENT}{SILENT}{FOREIGN}{FOREIGN}{SILENT}{SILENT}"
    assert fold("क्\u030d", KNOWN) == FOREIGN + SILENT * 2  # combining marks
    assert fold("⭐👩\ufffd\ud800", KNOWN) == SILENT * 4


def test_the_background_counts_known_characters_and_foreign_letters() -> None:
    background = Background.learn(["abж", "a1!ж"], KNOWN, order=1, characters=100)
    assert background.model.vocabulary.characters == (*KNOWN.characters, FOREIGN)
    counts = dict(zip(background.model.codes[0].tolist(), background.model.counts[0].tolist(), strict=True))
    ids = background.model.vocabulary.encode(f"ab {FOREIGN}").tolist()
    assert counts == {ids[0]: 2, ids[1]: 1, ids[2]: 1, ids[3]: 2}  # "abж aж"


def test_so_many_characters_of_each_text_are_counted() -> None:
    background = Background.learn(["a1abbb", "bbbb"], KNOWN, order=1, characters=2)
    assert background.model.counts[0].sum() == 5  # "aa bb"


def test_a_background_of_nothing_is_told() -> None:
    with pytest.raises(TextLSTMError, match="background: expected texts of other languages, got none"):
        Background.learn([], KNOWN, order=2, characters=10)


def _background() -> NgramModel:
    extended = Vocabulary((*KNOWN.characters, FOREIGN))
    return NgramModel.learn(extended.encode(f"ab{FOREIGN}"), extended, 1)


def test_the_evidence_of_texts_is_of_each_alone() -> None:
    models, background = [Even(0.5), Even(0.25)], _background()
    found = text_evidence(models, background, ["ab", "", "aж1", "!?"])
    np.testing.assert_allclose(found.log_likelihoods, np.log([[0.25, 0.0625], [1, 1], [0.5, 0.25], [1, 1]]))
    assert found.known.tolist() == [2, 0, 1, 0]
    assert found.foreign.tolist() == [0, 0, 1, 0]
    assert found.letters.tolist() == [2, 0, 2, 0]
    # seen a, b and a foreign letter once each; 3 kinds, 7 ids may follow: (1 + 3 / 7) / (3 + 3)
    once = math.log((1 + 3 / 7) / 6)
    assert found.background.tolist() == pytest.approx([2 * once, 0.0, 2 * once, 0.0])


def test_a_foreign_word_is_a_run_of_foreign_letters_with_marks_between() -> None:
    models, background = [Even(0.5)], _background()
    texts = ["ab жжж a ж", "нम्бж", "жaжa", "ж1ж", "a\u030dж", "ж", "\u030d"]
    found = text_evidence(models, background, texts)
    assert found.foreign_words.tolist() == [2, 1, 2, 2, 0, 1, 0]
    assert found.foreign.tolist() == [4, 4, 2, 2, 1, 1, 0]
    windows = window_evidence(models, background, ["ab жжж a"], [2])[2][0]
    assert windows.foreign_words.tolist() == [0, 0, 1, 1, 1, 1, 0]  # a window knows nothing of what stands before it


def test_the_evidence_of_windows_is_that_of_their_texts() -> None:
    models, background, texts = [Even(0.5), Even(0.25)], _background(), ["abжa1", "b", ""]
    found = window_evidence(models, background, texts, [1, 3, 9])
    evidence, owners = found[3]
    assert owners.tolist() == [0, 0, 0]
    alone = text_evidence(models, background, ["abж", "bжa", "жa1"])
    for one, other in zip(evidence, alone, strict=True):
        np.testing.assert_allclose(one, other)
    assert found[1][1].tolist() == [0, 0, 0, 0, 0, 1]
    nothing, of_none = found[9]
    assert (nothing.log_likelihoods.shape, nothing.known.shape, len(of_none)) == ((0, 2), (0,), 0)


def test_other_languages_are_split_by_code_and_own_ones_left_out() -> None:
    many = {
        f"c{number}_{kind}": "one two three four five six seven eight nine ten" for number in range(40) for kind in "ab"
    }
    others = split_others(many | {"eng": "x", "eng_old": "x", "017": "x"}, ["eng_new"], fraction=0.8, passage=5)
    assert not [name for name in (*others.learn, *others.heldout, *others.unseen) if not name.startswith("c")]
    assert set(others.learn) | set(others.unseen) == set(many)
    assert not {name[:-2] for name in others.learn} & {name[:-2] for name in others.unseen}
    assert others.unseen
    assert others.heldout.keys() <= others.learn.keys()
    assert set(others.learn.values()) == {"one two three four five six seven eight"}
    assert set(others.heldout.values()) == set(others.unseen.values()) == {"nine"}  # 5 characters, the last a space
    assert others == split_others(many | {"more": "x"}, ["more"], fraction=0.8, passage=5)


def test_own_translations_are_known_by_text_and_by_list_of_words() -> None:
    languages = [
        Language(text="data/raw/udhr/deu_1996.txt", words=""),
        Language(text="/home/me/mine.txt", words="fr"),
        Language(text="eng.txt", words=""),
    ]
    assert own_translations(languages) == {"deu_1996", "fra"}
