"""The character LSTM: what it reads, that it learns, and that its answers are distributions that depend on nothing else."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_json, write_arrays, write_json
from textlstm.core.params import LanguageModel as LanguageSettings
from textlstm.language.lstm import LanguageModel, ModelConfig
from textlstm.language.lstm_training import (
    _order,
    after_start,
    build_article_language_model,
    build_language_model,
    train_language_model,
    windows_of,
)
from textlstm.language.scoring import text_log_likelihood, window_log_likelihoods
from textlstm.language.vocabulary import START, UNKNOWN, Vocabulary
from textlstm.nn import reproducible
from textlstm.nn.backend import keras
from textlstm.nn.weights import named_weights, set_named_weights

TEXT = "abcd" * 30
VOCABULARY = Vocabulary.learn([TEXT])
IDS = VOCABULARY.encode(TEXT)

reproducible.set_up(7, 1)


def tiny(settings: Callable[..., Any], **changes: Any) -> LanguageSettings:
    values: dict[str, Any] = {
        "window": 3,
        "embedding": 0 if changes.get("target") == "after_window" else 5,
        "units": 6,
        "layers": 1,
        "ensemble_size": 1,
        "dropout": 0.0,
        "output": "softmax",
        "batch": 32,
    }
    values |= {"target": "every_position", "optimizer": "adam", "learning_rate": 0.05, "epochs": 1, "steps": 0}
    values |= {"schedule": "constant", "clip": 1.0, "noise": 0.0, "words_share": 0.0}
    section: LanguageSettings = settings("language_model", **(values | changes))
    return section


def train(
    section: LanguageSettings, *, seed: int = 7, ids: npt.NDArray[Any] = IDS, words: npt.NDArray[Any] = IDS[:0]
) -> tuple[LanguageModel, list[float]]:
    reproducible.set_up(seed, 1)
    return train_language_model(ids, words, VOCABULARY, section, seed=seed, name="example")


def untrained(section: LanguageSettings) -> LanguageModel:
    """A model with random weights: enough for all that does not depend on what was learnt."""
    reproducible.set_up(7, 1)
    config = ModelConfig(section.target, section.window, section.output, section.ensemble_size)
    return LanguageModel(named_weights(build(section)), VOCABULARY, config)


def build(section: LanguageSettings) -> keras.Model:
    """A network of Keras."""
    made = build_language_model if section.target == "every_position" else build_article_language_model
    return made(VOCABULARY.size, section)


def network_of(section: LanguageSettings, model: LanguageModel) -> keras.Model:
    """The network of Keras that has the weights of a model."""
    network = build(section)
    set_named_weights(network, model.weights)
    return network


def weights(model: LanguageModel) -> bytes:
    return b"".join(array.tobytes() for array in model.weights.values())


def by_keras(network: keras.Model, config: ModelConfig, read: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Log-probabilities of what comes next, (B, T, V) or (B, V), out of the logits of Keras: mean over the networks."""
    logits = np.asarray(network(read, training=False), dtype=np.float64)
    if config.output == "sigmoid":
        logits = -np.logaddexp(0.0, -logits)
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))
    mean = chances.reshape(len(read), config.ensemble_size, -1, VOCABULARY.size).mean(axis=1)
    return np.log(mean if config.target == "every_position" else mean[:, 0])


@given(st.integers(1, 12), st.data())
def test_windows_are_all_the_substrings(length: int, data: st.DataObject) -> None:
    ids = np.array(data.draw(st.lists(st.integers(2, 9), min_size=length, max_size=30)), dtype=np.uint8)
    windows = windows_of(ids, length)
    assert windows.shape == (len(ids) - length + 1, length)
    for begin, window in enumerate(windows):
        assert window.tolist() == ids[begin : begin + length].tolist()
    assert np.shares_memory(windows, ids)


@given(st.integers(1, 6), st.integers(1, 6))
def test_what_is_read_is_start_and_all_but_the_last(count: int, length: int) -> None:
    windows = np.random.default_rng(count).integers(2, 9, size=(count, length))
    read = after_start(windows)
    assert read.shape == windows.shape
    assert read.dtype == np.int32
    assert (read[:, 0] == START).all()
    np.testing.assert_array_equal(read[:, 1:], windows[:, :-1])


def test_a_tiny_model_learns_a_tiny_text_by_heart(settings: Callable[..., Any]) -> None:
    model, losses = train(tiny(settings, epochs=40, units=12))
    assert losses[-1] < losses[0] / 2
    table = np.exp(model.log_probabilities(VOCABULARY.encode("abc")))
    assert table[0, 0] == pytest.approx(0.25, abs=0.1)  # each of the four begins a window as often
    assert table[0, 1] > 0.9
    assert table[0, 2] > 0.9
    likely, unlikely = (
        text_log_likelihood(model.log_probabilities(VOCABULARY.encode(text))) for text in ("abcdabcd", "acbdacbd")
    )
    assert likely > unlikely + 5


VARIANTS: list[dict[str, Any]] = [
    {},
    {"output": "sigmoid"},
    {"layers": 3, "ensemble_size": 2, "dropout": 0.1},
    {
        "window": 40,
        "layers": 2,
        "units": 4,
    },  # Keras reads it in a loop; strings of so many characters fit into no integer
    {"window": 2, "ensemble_size": 3, "output": "sigmoid"},
    {"target": "after_window"},
    {"target": "after_window", "output": "sigmoid", "window": 20},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_a_table_is_that_of_keras(settings: Callable[..., Any], changes: dict[str, Any]) -> None:
    """Row i, column k: the character i + k, after a fresh reading of the k before it."""
    section = tiny(settings, **changes)
    model = untrained(section)
    random = np.random.default_rng(7)
    model.weights.update(
        {
            name: random.normal(size=array.shape).astype(np.float32)
            for name, array in model.weights.items()
            if name != "one_hot/embeddings"
        }
    )
    network, window = network_of(section, model), section.window
    ids = random.integers(UNKNOWN, VOCABULARY.size, 70)
    table = model.log_probabilities(ids)
    padded = np.concatenate([ids, np.full(window, START)])
    expected = np.zeros_like(table)
    if section.target == "every_position":
        windows = windows_of(padded[:-1], window)
        answers = by_keras(network, model.config, after_start(windows))  # (n, T, V)
        expected = np.take_along_axis(answers, windows[:, :, None], axis=2)[:, :, 0]
    else:
        windows = windows_of(padded, window + 1)
        for prefix in range(1, window + 1):
            read = np.full((len(ids), window), VOCABULARY.size, dtype=np.int32)
            read[:, :prefix] = windows[:, :prefix]
            answers = by_keras(network, model.config, read)
            expected[:, prefix] = answers[np.arange(len(ids)), windows[:, prefix]]
            if prefix == 1:
                expected[:, 0] = answers[np.arange(len(ids)), windows[:, 0]]
    about = np.arange(len(ids))[:, None] + np.arange(table.shape[1])
    expected[(about >= len(ids)) | (np.append(ids, [UNKNOWN] * window)[about] == UNKNOWN)] = 0.0
    np.testing.assert_allclose(table, expected, atol=1e-4, rtol=0)
    assert table.std() > 0.3


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_what_follows_strings_is_that_of_keras(settings: Callable[..., Any], changes: dict[str, Any]) -> None:
    section = tiny(settings, **changes)
    model = untrained(section)
    network, window = network_of(section, model), section.window
    for length in (0, 1, 2, window, window + 5):
        ids = np.random.default_rng(length).integers(UNKNOWN, VOCABULARY.size, (6, length))
        read = np.full((6, window), VOCABULARY.size, dtype=np.int32)
        kept = ids[:, max(length - model.config.longest, 0) :]
        known = kept if section.target == "after_window" else np.column_stack([np.full(6, START), kept])
        read[:, : known.shape[1]] = known
        answers = by_keras(network, model.config, read)
        expected = answers if section.target == "after_window" else answers[:, known.shape[1] - 1]
        np.testing.assert_allclose(model.log_distribution_after(ids), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("changes", [{}, {"layers": 2, "ensemble_size": 2}, {"target": "after_window"}], ids=str)
def test_states_are_carried_on_from_beginnings(settings: Callable[..., Any], changes: dict[str, Any]) -> None:
    model = untrained(tiny(settings, **changes))
    states = model.advance(model.start(), np.array([2, 3]), parents=np.array([0, 0]))
    one_each = model.advance(states, np.array([4, 5]))
    several = model.advance(states, np.array([5, 4, 2]), parents=np.array([1, 0, 1]))
    for got, strings in ((one_each, [[2, 4], [3, 5]]), (several, [[3, 5], [2, 4], [3, 2]])):
        assert (got.count, got.read) == (len(strings), 2)
        expected = model.log_distribution_after(np.array(strings))
        np.testing.assert_allclose(model.log_distribution(got), expected, atol=1e-6)
    taken = model.log_distribution(several.take(np.array([2, 0, 2])))
    np.testing.assert_allclose(taken, model.log_distribution(several)[[2, 0, 2]], atol=1e-6)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_the_probabilities_after_any_context_sum_to_one(settings: Callable[..., Any], output: str) -> None:
    model = untrained(tiny(settings, output=output))
    for context in ("", "d", "ab"):
        texts = [VOCABULARY.encode(context + character) for character in VOCABULARY.characters]
        known = sum(np.exp(model.log_probabilities(ids)[0, len(context)]) for ids in texts)
        assert 0.3 < known < 1.0  # <start> and <unknown> have the rest
    for length in (0, 2):
        total = np.exp(model.log_distribution_after(windows_of(IDS, length)[:5] if length else IDS[:0].reshape(1, 0)))
        np.testing.assert_allclose(total.sum(axis=-1), 1.0)


def test_a_table_has_a_row_for_each_character_and_nothing_beyond_the_end(settings: Callable[..., Any]) -> None:
    model = untrained(tiny(settings))
    table = model.log_probabilities(VOCABULARY.encode("ab?d"))
    assert table.shape == (4, 3)
    zero = [[place >= 4 or place == 2 for place in (row, row + 1, row + 2)] for row in range(4)]
    np.testing.assert_array_equal(table == 0.0, zero)
    assert (table <= 0).all()
    assert model.log_probabilities(VOCABULARY.encode("")).shape == (0, 3)
    assert model.log_probabilities(VOCABULARY.encode("a")).shape == (1, 3)
    np.testing.assert_array_equal(model.log_probabilities(VOCABULARY.encode("???")), np.zeros((3, 3)))


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_an_ensemble_answers_with_the_mean_of_its_probabilities(settings: Callable[..., Any], output: str) -> None:
    both, alone = (untrained(tiny(settings, ensemble_size=size, output=output)) for size in (2, 1))
    contexts = windows_of(IDS, 2)[:5]
    chances = []
    for suffix in ("", "_2"):
        weights = {name: both.weights[name.replace("/", f"{suffix}/")] for name in alone.weights}
        chances.append(np.exp(LanguageModel(weights, VOCABULARY, alone.config).log_distribution_after(contexts)))
    assert not np.allclose(*chances)
    np.testing.assert_allclose(np.exp(both.log_distribution_after(contexts)), (chances[0] + chances[1]) / 2, rtol=1e-5)


def test_each_network_of_an_ensemble_learns(settings: Callable[..., Any]) -> None:
    section = tiny(settings, ensemble_size=2, epochs=40, units=12)
    model, _ = train(section)
    windows = windows_of(VOCABULARY.encode("abcdabcdabcd"), 3)[:8]
    logits = np.asarray(network_of(section, model)(after_start(windows)))
    logits = logits.reshape(8, 2, 3, VOCABULARY.size)  # (B, N, T, V)
    for number in range(2):
        np.testing.assert_array_equal(logits[:, number, -1].argmax(axis=1), windows[:, -1])


def test_the_articles_network_learns_the_character_after_a_window(settings: Callable[..., Any]) -> None:
    model, _ = train(tiny(settings, target="after_window", epochs=40, units=12))
    ids = VOCABULARY.encode("abcdabcdabcd")
    answers = model.log_distribution_after(windows_of(ids, 3)[:8])
    np.testing.assert_array_equal(answers.argmax(axis=1), ids[3:11])


def test_a_row_is_a_reading_that_begins_afresh(settings: Callable[..., Any]) -> None:
    model = untrained(tiny(settings))
    table = model.log_probabilities(VOCABULARY.encode("dcab"))
    for begin in range(4):
        alone = model.log_probabilities(VOCABULARY.encode("dcab"[begin:]))
        np.testing.assert_allclose(table[begin], alone[0], rtol=1e-5)


@pytest.mark.parametrize(
    "changes", [{"window": 6, "layers": 2, "ensemble_size": 2}, {"target": "after_window"}], ids=str
)
def test_how_many_strings_are_read_at_once_does_not_matter(
    settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    model = untrained(tiny(settings, **changes))
    ids = np.random.default_rng(7).integers(UNKNOWN, VOCABULARY.size, 300)
    whole = model.log_probabilities(ids)
    for at_once in (1, 7, 64):
        monkeypatch.setattr("textlstm.language.lstm._ROWS", at_once)
        np.testing.assert_allclose(model.log_probabilities(ids), whole, atol=1e-6)


def test_each_different_context_is_read_once(settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model, read = untrained(tiny(settings, window=4)), []
    advance = LanguageModel.advance

    def counted(self: LanguageModel, states: Any, ids: Any, parents: Any = None) -> Any:
        read.append(len(ids))
        return advance(self, states, ids, parents)

    monkeypatch.setattr(LanguageModel, "advance", counted)
    model.log_probabilities(IDS)  # abcd, again and again: four strings of each length
    assert sum(read) == 1 + 3 * 4


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(
    settings: Callable[..., Any], tmp_path: Path
) -> None:
    section = tiny(settings, dropout=0.2, epochs=2, ensemble_size=2)
    one, same, other = (train(section, seed=seed)[0] for seed in (7, 7, 8))
    assert weights(one) == weights(same)
    assert weights(one) != weights(other)
    for name, model in (("one", one), ("same", same)):
        model.save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "same" / path.name).read_bytes()


@pytest.mark.parametrize("target", ["every_position", "after_window"])
def test_a_saved_model_gives_the_same_scores(settings: Callable[..., Any], tmp_path: Path, target: str) -> None:
    sizes = {"layers": 2, "ensemble_size": 2} if target == "every_position" else {}
    model = untrained(tiny(settings, target=target, **sizes))
    model.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model")
    assert loaded.config == model.config
    assert loaded.vocabulary == model.vocabulary
    np.testing.assert_array_equal(loaded.log_probabilities(IDS), model.log_probabilities(IDS))


def test_after_a_window_reads_zeros_after_each_prefix(settings: Callable[..., Any]) -> None:
    section = tiny(settings, target="after_window")
    model = untrained(section)
    network, ids = network_of(section, model), VOCABULARY.encode("dcab")
    table = model.log_probabilities(ids)
    assert table.shape == (4, 4)  # a full window and the character after it
    nothing = VOCABULARY.size
    for prefix in (1, 2, 3):
        read = np.array([[*ids[:prefix], *[nothing] * (3 - prefix)]], dtype=np.int32)
        assert table[0, prefix] == pytest.approx(by_keras(network, model.config, read)[0, ids[prefix]], rel=1e-5)
    read = np.array([[ids[0], nothing, nothing]], dtype=np.int32)
    assert table[0, 0] == pytest.approx(by_keras(network, model.config, read)[0, ids[0]], rel=1e-5)


def test_nothing_is_read_as_zeros(settings: Callable[..., Any]) -> None:
    network = build_article_language_model(4, tiny(settings, target="after_window"))
    one_hot = network.get_layer("one_hot").get_weights()[0]
    np.testing.assert_array_equal(one_hot, np.vstack([np.eye(4), np.zeros(4)]))


def test_a_window_of_any_length_can_be_scored(settings: Callable[..., Any]) -> None:
    model = untrained(tiny(settings))
    table = model.log_probabilities(IDS)
    assert np.isfinite(window_log_likelihoods(table, 50)).all()
    with pytest.raises(TextLSTMError, match="the text has 120 characters, expected at least 121"):
        window_log_likelihoods(table, 121)


@pytest.mark.parametrize("length", [0, 2, 3])
def test_a_text_that_is_too_short_to_learn_from_is_named(settings: Callable[..., Any], length: int) -> None:
    message = f"example: the text to learn from has {length} characters, expected more than language_model.window = 3"
    with pytest.raises(TextLSTMError, match=message):
        train(tiny(settings), ids=IDS[:length])


def test_every_window_is_seen_once_an_epoch(settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[list[int]]] = []

    def no_training(_: Any, counts: list[int], make: Any, **_options: Any) -> list[float]:
        for epoch, count in enumerate(counts):
            seen.append([row for index in range(count) for row in make(epoch, index)[1].tolist()])
        return [0.0]

    monkeypatch.setattr("textlstm.language.lstm_training.fit", no_training)
    ids = IDS[:13]
    train(tiny(settings, batch=4, epochs=2), ids=ids)
    expected = sorted(windows_of(ids, 3).tolist())
    assert [sorted(epoch) for epoch in seen] == [expected, expected]
    assert seen[0] != seen[1]


@pytest.mark.parametrize(("windows", "wanted"), [(11, 22), (11, 30), (20_000, 120), (20_000, 15_000), (11, 5)])
def test_windows_are_drawn_without_replacement_while_they_last(windows: int, wanted: int) -> None:
    order = _order(windows, wanted, 7)
    assert len(order) == wanted
    for begin in range(0, wanted, windows):
        assert len(set(order[begin : begin + windows].tolist())) == min(windows, wanted - begin)
    assert set(order.tolist()) <= set(range(windows))
    assert order.tolist() == _order(windows, wanted, 7).tolist() != _order(windows, wanted, 8).tolist()


@pytest.mark.parametrize("steps", [0, 6, 7, 11, 33, 34, 1000])
def test_a_budget_of_steps_is_kept(steps: int, settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = _batches(settings, monkeypatch, steps=steps, epochs=3, batch=11)  # 118 windows: 11 batches in each epoch
    everything = _batches(settings, monkeypatch, epochs=3, batch=11)
    if steps == 0 or steps >= 33:
        for (read, wanted), (read_too, wanted_too) in zip(made, everything, strict=True):
            assert np.array_equal(read, read_too)
            assert np.array_equal(wanted, wanted_too)
        return
    assert len(made) == steps // 3 * 3
    assert all(len(wanted) == 11 for _, wanted in made)
    rows = Counter(tuple(row) for _, wanted in made for row in wanted.tolist())
    windows = Counter(map(tuple, windows_of(IDS, 3).tolist()))
    assert all(
        rows[window] <= windows[window] * 2 for window in windows
    )  # no window three times in less than two passes


def _batches(settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, **changes: Any) -> list[tuple[Any, Any]]:
    """What a training reads and wants, batch by batch."""
    made: list[tuple[Any, Any]] = []

    def no_training(_: Any, counts: list[int], make: Any, **_options: Any) -> list[float]:
        made.extend(make(epoch, index) for epoch, count in enumerate(counts) for index in range(count))
        return [0.0]

    monkeypatch.setattr("textlstm.language.lstm_training.fit", no_training)
    train(tiny(settings, **changes), words=VOCABULARY.encode("dd" * 50))
    return made


def test_drawn_words_have_their_share_of_every_full_batch(
    settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _batches(settings, monkeypatch, batch=20, words_share=0.7)
    d = VOCABULARY.encode("d")[0]
    for _, wanted in made[:-1]:
        assert len(wanted) == 20
        assert (wanted == d).all(axis=1).sum() == 14
    assert sum(len(wanted) for _, wanted in made) == 118 + 14 * len(made)  # every window of the text, once


def test_noise_blanks_what_is_read_and_not_what_is_wanted(
    settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for read, wanted in _batches(settings, monkeypatch, noise=0.5):
        assert (read[:, 0] == START).all()
        blanked = read[:, 1:] == UNKNOWN
        assert 0.2 < blanked.mean() < 0.8
        np.testing.assert_array_equal(read[:, 1:][~blanked], wanted[:, :-1][~blanked])
        assert (wanted > UNKNOWN).all()


def _saved(settings: Callable[..., Any], folder: Path) -> Path:
    untrained(tiny(settings)).save(folder / "model")
    return folder / "model"


def test_a_missing_model_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        TextLSTMError, match=r"models/language/english/.*: no such file. Run 'dvc repro' \(or 'make repro'\) to make it"
    ):
        LanguageModel.load(Path("models/language/english"))


def test_broken_files_of_a_model_are_named(settings: Callable[..., Any], tmp_path: Path) -> None:
    folder = _saved(settings, tmp_path)
    arrays = (folder / "weights.npz").read_bytes()
    for content in (b"", b"PK\x03\x04", arrays[: len(arrays) // 2], b"not a model"):
        (folder / "weights.npz").write_bytes(content)
        with pytest.raises(TextLSTMError, match=r"weights.npz: expected arrays \(.npz\), got a broken file \(.+\)"):
            LanguageModel.load(folder)
    write_arrays(folder / "weights.npz", **{"embedding/embeddings": np.zeros((7, 5))})
    with pytest.raises(TextLSTMError, match=r"weights.npz: expected the arrays .*, got none called lstm_1/kernel, "):
        LanguageModel.load(folder)
    (folder / "weights.npz").write_bytes(arrays)
    config = read_json(folder / "config.json")
    for wrong in ([], {"window": 3}, config | {"colour": "red"}):
        write_json(folder / "config.json", wrong)
        with pytest.raises(TextLSTMError, match=rf"{re.escape(str(folder))}/config.json: expected "):
            LanguageModel.load(folder)


def test_files_that_do_not_belong_together_are_told(settings: Callable[..., Any], tmp_path: Path) -> None:
    folder = _saved(settings, tmp_path)
    Vocabulary.learn(["abcdefg"]).save(folder / "characters.json")
    with pytest.raises(TextLSTMError, match="the network has 6 outputs, expected 9, one for each character id"):
        LanguageModel.load(folder)


def test_the_seeds_way_learns_too_and_tells_how_to_ask(settings: Callable[..., Any]) -> None:
    model, losses = train(tiny(settings, output="sigmoid", target="after_window", epochs=15, units=12))
    assert model.config == ModelConfig("after_window", 3, "sigmoid")
    assert losses[-1] < losses[0] / 2
    table = np.exp(model.log_probabilities(VOCABULARY.encode("abcd")))
    assert table[0, 3] > 0.8  # after a full window, which is all that it was trained for


def test_the_articles_network_is_of_its_size(settings: Callable[..., Any]) -> None:
    """One LSTM of 128 cells that reads one-hot characters, 44 of them, and one output for each."""
    network = build_article_language_model(44, tiny(settings, target="after_window", window=5, units=128))
    trained = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
    assert trained == 4 * 128 * (44 + 128 + 1) + (128 + 1) * 44
    assert [layer.name for layer in network.layers] == ["characters", "one_hot", "lstm_1", "logits"]
