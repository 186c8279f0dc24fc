"""The table against a slow recursion over dicts, against the models that it is distilled from, and against itself."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_json, write_arrays, write_json
from textlstm.detection.distillation import distil
from textlstm.detection.table import BackoffTable
from textlstm.language.ngram import NgramModel
from textlstm.language.scoring import Level, reading, window_log_likelihoods
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary

ENGLISH = "the cat sat on the mat and the dog sat on the log "
FRENCH = "le chat est sur le tapis et le chien est sur le lit "
LETTERS = Vocabulary.learn([ENGLISH, FRENCH])
MANY = Vocabulary((*LETTERS.characters, *map(chr, range(0x3B1, 0x3B1 + 80))))  # ids for two words of a bitmap
OTHERS = "der hund ist \ufffd\ufffd auf dem bett"
BACKGROUND = "background"


class Peaked:
    """A model whose distribution after each context is drawn at random, the same one whenever it is asked."""

    def __init__(self, vocabulary: Vocabulary, name: int) -> None:
        self.vocabulary, self._name = vocabulary, name

    def distribution(self, context: tuple[int, ...]) -> np.ndarray:
        """Over the ids; <start> has none, and <unknown> next to none."""
        chances = np.random.default_rng([self._name, *context]).dirichlet(np.full(self.vocabulary.size - 2, 0.3))
        return np.concatenate([[0.0, 1e-12], 0.99 * chances + 0.01 / len(chances)])

    def log_conditionals(self, levels: Sequence[Level]) -> list[np.ndarray]:
        strings: list[tuple[int, ...]] = [()]
        found = []
        for parents, ids in levels:
            strings = [(*strings[parent], int(index)) for parent, index in zip(parents, ids, strict=True)]
            found.append(np.log([self.distribution(string[:-1])[string[-1]] for string in strings]))
        return found


def compiled(vocabulary: Vocabulary, *, min_count: int = 1, order: int = 5, steps: int = 256) -> BackoffTable:
    counted = [NgramModel.learn(vocabulary.encode(text), vocabulary, 5) for text in (ENGLISH, FRENCH)]
    wider = Vocabulary((*vocabulary.characters, "\ufffd"))
    return distil(
        {"english": Peaked(vocabulary, 1), "french": Peaked(vocabulary, 2)},
        counted,
        (BACKGROUND, NgramModel.learn(wider.encode(OTHERS), wider, 3)),
        order=order,
        min_count=min_count,
        steps=steps,
    )


def ids_of(vocabulary: Vocabulary, *texts: str) -> np.ndarray:
    """Each text after a <start>; "\ufffd" is a foreign letter."""
    wider = Vocabulary((*vocabulary.characters, "\ufffd"))
    return np.concatenate([[START, *wider.encode(text)] for text in texts]).astype(np.int64)


@pytest.fixture(scope="module", params=[LETTERS, MANY], ids=["one word", "two words"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return request.param


class Recursion:
    """Back-off as the formula has it, over a dict of the strings that were counted often enough."""

    def __init__(self, vocabulary: Vocabulary, name: int, *, min_count: int, order: int, all_triples: bool) -> None:
        self.model, self.size, self.all_triples = Peaked(vocabulary, name), vocabulary.size, all_triples
        self.held: set[tuple[int, ...]] = set()
        for text, longest in ((ENGLISH, order), (FRENCH, order), (OTHERS, 3)):
            ids = vocabulary.encode(text).tolist()
            for length in range(3, longest + 1):
                strings = [tuple(ids[begin : begin + length]) for begin in range(len(ids) - length + 1)]
                self.held.update(string for string in strings if strings.count(string) >= min_count)

    def holds(self, string: tuple[int, ...]) -> bool:
        return len(string) <= 2 or (len(string) == 3 and self.all_triples) or string in self.held

    def probability(self, string: tuple[int, ...]) -> float:
        """Of the last id after the others."""
        if self.holds(string):
            return float(self.model.distribution(string[:-1])[string[-1]])
        followers = [last for last in range(2, self.size) if self.holds((*string[:-1], last))]
        left = [
            1.0 - sum(self.probability((*context, last)) for last in followers)
            for context in (string[:-1], string[1:-1])
        ]
        return (left[0] / left[1] if followers else 1.0) * self.probability(string[1:])


@pytest.mark.parametrize("min_count", [1, 2])
def test_against_the_recursion(vocabulary: Vocabulary, min_count: int) -> None:
    table = compiled(vocabulary, min_count=min_count, steps=1024)
    text = "the chat sat sur the mat"
    ids = ids_of(vocabulary, text)
    scores = table.scores(ids)
    for column, name in enumerate((1, 2)):
        slow = Recursion(vocabulary, name, min_count=min_count, order=5, all_triples=vocabulary is LETTERS)
        expected = []
        for end in range(1, len(ids)):
            string = tuple(ids[max(end - 4, 1) : end + 1].tolist())
            expected.append(slow.probability(string))
        np.testing.assert_allclose(np.exp(scores[1:, column] / 1024), expected, rtol=0.003)


def test_after_every_context_probabilities_sum_to_one(vocabulary: Vocabulary) -> None:
    table = compiled(vocabulary, min_count=2, steps=1024)
    for context in ("", "t", "th", "the", "the ", "he c", "sur l", "xat", "dog s"):
        texts = ids_of(vocabulary, *(context + character for character in vocabulary.characters))
        last = table.scores(texts)[len(context) + 1 :: len(context) + 2]
        np.testing.assert_allclose(np.exp(last[:, :2] / 1024).sum(axis=0), 1.0, atol=0.002, err_msg=context)


def test_the_background_is_its_model(vocabulary: Vocabulary) -> None:
    table = compiled(vocabulary)
    wider = Vocabulary((*vocabulary.characters, "\ufffd"))
    exact = reading(NgramModel.learn(wider.encode(OTHERS), wider, 3).log_probabilities(wider.encode("der \ufffd hund")))
    found = table.scores(ids_of(vocabulary, "der \ufffd hund"))[1:, table.columns.index(BACKGROUND)]
    if vocabulary is LETTERS:  # which has all strings of three
        np.testing.assert_allclose(found / 256, exact, atol=0.51 / 256)
    else:
        np.testing.assert_allclose(found[:3] / 256, exact[:3], atol=0.51 / 256)


def test_what_the_languages_do_not_know_costs_them_nothing(vocabulary: Vocabulary) -> None:
    table = compiled(vocabulary)
    scores = table.scores(ids_of(vocabulary, "the \ufffd cat"))
    assert scores[5, :2].tolist() == [0, 0]
    silent = ids_of(vocabulary, "the . cat".replace(".", "\x00"))
    assert silent[5] == UNKNOWN
    assert table.scores(silent)[5].tolist() == [0] * table.values.shape[1]


def test_a_text_is_not_influenced_by_its_neighbours(vocabulary: Vocabulary) -> None:
    table = compiled(vocabulary)
    texts = ["the cat", "", "le chien", " ", "xyz", "the dog sat on the log"]
    together, begin = table.scores(ids_of(vocabulary, *texts)), 0
    for text in texts:
        alone = table.scores(ids_of(vocabulary, text))
        np.testing.assert_array_equal(together[begin : begin + len(alone)], alone)
        begin += len(alone)


@pytest.mark.parametrize("name", ["english", "french", BACKGROUND])
def test_as_a_character_model_it_says_the_same(vocabulary: Vocabulary, name: str) -> None:
    table = compiled(vocabulary, min_count=2)
    wider = Vocabulary((*vocabulary.characters, "\ufffd"))
    model = table.model(name, wider) if name == BACKGROUND else table.model(name)
    text = "le chat sat on \ufffdhe \x00tapis"
    rows = model.log_probabilities(model.vocabulary.encode(text))
    assert rows.shape == (len(text), 5)
    for begin in range(len(text)):
        for end in range(begin + 1, len(text) + 1):
            scores = table.scores(ids_of(vocabulary, text[begin:end]))[:, table.columns.index(name)]
            windows = window_log_likelihoods(rows, end - begin)
            assert windows[begin] == pytest.approx(scores.sum() / 256, abs=1e-9)


def test_no_longer_than_what_was_counted() -> None:
    assert compiled(LETTERS, order=9, min_count=1).order == 5  # the models count strings of five characters
    assert compiled(LETTERS, order=5, min_count=1000).order == 3


def test_too_long_for_its_codes() -> None:
    with pytest.raises(TextLSTMError, match=r"table\.order is 12, expected at most 9 for 99 different characters"):
        compiled(MANY, order=12)


def test_steps_that_would_round_twice() -> None:
    with pytest.raises(TextLSTMError, match=r"table\.steps is 100, expected a power of two, .* take 128"):
        compiled(LETTERS, steps=100)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    table = compiled(LETTERS)
    table.save(tmp_path / "a")
    table.save(tmp_path / "b")
    assert (tmp_path / "a/table.npz").read_bytes() == (tmp_path / "b/table.npz").read_bytes()
    ids = ids_of(LETTERS, "the cat")
    np.testing.assert_array_equal(BackoffTable.load(tmp_path / "a").scores(ids), table.scores(ids))


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    table = compiled(LETTERS)
    table.save(tmp_path)
    write_json(tmp_path / "config.json", read_json(tmp_path / "config.json") | {"columns": ["a"] * 5})
    with pytest.raises(TextLSTMError, match=r"expected a table of .* 5 models, got arrays of other shapes"):
        BackoffTable.load(tmp_path)
    table.save(tmp_path)
    links = table.links.copy()
    links[links[:, 0] > 0, 1] = len(table.values)
    arrays = {"values": table.values, "weights": table.weights, "suffixes": table.suffixes}
    write_arrays(tmp_path / "table.npz", **arrays, links=links)
    with pytest.raises(TextLSTMError, match="leads to a string beyond its end"):
        BackoffTable.load(tmp_path)
