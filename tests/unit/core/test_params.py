"""Every kind of error in params.yaml is found, by name, before any stage works."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import modify_yaml
from pydantic import ValidationError

from tests.yaml12 import dumped
from textlstm.core.errors import TextLSTMError
from textlstm.core.params import Params, load_params, merged

ROOT = Path(__file__).resolve().parents[3]
Raw = Callable[..., dict[str, Any]]


@pytest.fixture
def load(tmp_path: Path, raw_params: Raw) -> Callable[..., Params]:
    """Load the repository's parameters with other values under dotted names, or other languages."""

    def load_changed(changes: dict[str, Any], languages: dict[str, str] | None = None) -> Params:
        path = tmp_path / "params.yaml"
        path.write_text(dumped(raw_params(changes, languages)), encoding="utf-8")
        return load_params(path)

    return load_changed


def test_the_repositorys_own_parameters_are_in_order(params: Params) -> None:
    assert list(params.languages) == ["english", "french"]


def test_every_key_has_a_comment() -> None:
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if ":" in line and not line.lstrip().startswith("#") and not line.endswith(":")]
    undocumented = [line.split(":")[0].strip() for line in keys if "#" not in line]
    assert set(undocumented) <= {"english", "french", "learning_rate"}


UNKNOWN_KEYS = [
    ("language_model.unitz", "language_model.unitz: unknown key; did you mean language_model.units?"),
    ("imdb.epoch", "imdb.epoch: unknown key; did you mean imdb.epochs?"),
    ("treads", "treads: unknown key; did you mean threads?"),
    ("imbd", "imbd: unknown key; did you mean imdb?"),
    ("languages.english.txt", "languages.english.txt: unknown key; did you mean languages.english.text?"),
]


@pytest.mark.parametrize(("key", "message"), UNKNOWN_KEYS)
def test_an_unknown_key_gets_the_nearest_known_one(load: Any, key: str, message: str) -> None:
    with pytest.raises(TextLSTMError) as caught:
        load({key: 64})
    assert str(caught.value).endswith(message)


WRONG_VALUES = [
    ("imdb.units", "many", r"imdb.units: input should be a valid integer, got 'many'$"),
    ("imdb.units", 64.0, r"imdb.units: input should be a valid integer, got 64.0$"),
    ("imdb.units", True, r"imdb.units: input should be a valid integer, got True$"),
    ("imdb.units", None, r"imdb.units: input should be a valid integer, got None$"),
    ("imdb.units", [64], r"imdb.units: input should be a valid integer, got \[64\]$"),
    (
        "imdb.bidirectional",
        "yes",
        r"imdb.bidirectional: .* got 'yes' \(in YAML 1.2, as DVC reads it, that is text: write true or false\)$",
    ),
    (
        "imdb.learning_rate",
        "1e-3",
        r"learning_rate: .* got '1e-3' \(that is text: write the number without quotes, such as 0.001 or 1e-3\)$",
    ),
    ("seed", "7e0", r"seed: .* got '7e0' \(that is text: write the number without quotes"),
    ("download.mirror", 5, r"download.mirror: input should be a valid string, got 5$"),
    ("languages.english.text", "", r"languages.english.text: string should have at least 1 character, got ''$"),
    ("score.lengths", [], r"score.lengths: list should have at least 1 item after validation, not 0, got \[\]$"),
    ("score.lengths", [0, 5], r"score.lengths.0: input should be greater than or equal to 1, got 0$"),
    ("score.examples", ["a", ""], r"score.examples.1: string should have at least 1 character"),
    ("language_model.window", 1, r"language_model.window: input should be greater than or equal to 2, got 1$"),
    ("language_model.window", 201, r"language_model.window: input should be less than or equal to 200, got 201$"),
    ("split.learn", 1.0, r"split.learn: input should be less than or equal to 0.95, got 1.0$"),
    ("imdb.dropout", 1, r"imdb.dropout: input should be less than 1, got 1$"),
    ("imdb.learning_rate", 0, r"imdb.learning_rate: input should be greater than 0, got 0$"),
    ("imdb.learning_rate", float("nan"), r"imdb.learning_rate: input should be a finite number, got nan$"),
    ("download.timeout", float("inf"), r"download.timeout: input should be a finite number, got inf$"),
    ("language_model.optimizer", "adm", r"optimizer: input should be 'adam', 'adamw', 'rmsprop' or 'sgd', got 'adm'$"),
    ("imdb.protocol", "offical", r"imdb.protocol: input should be 'holdout' or 'official', got 'offical'$"),
    ("threads", 0, r"threads: input should be greater than or equal to 1, got 0$"),
    ("seed", -1, r"seed: input should be greater than or equal to 0, got -1$"),
]


@pytest.mark.parametrize(("key", "value", "message"), WRONG_VALUES)
def test_a_wrong_value_is_named_with_what_was_expected_and_what_came(
    load: Any, key: str, value: Any, message: str
) -> None:
    with pytest.raises(TextLSTMError, match=message):
        load({key: value})


CONTRADICTIONS = [
    ({"evaluate.length": 4}, r"evaluate.length is 4, expected one of score.lengths \[1, 2, 3, 5, 10, 20, 50\]"),
    ({"score.lengths": [5, 5]}, r"score: lengths names a length twice: \[5, 5\]"),
    (
        {"language_model.target": "after_window", "language_model.layers": 1},
        r"language_model: target 'after_window', .*needs embedding 0, ensemble_size 1, dropout 0.0, got embedding 32, ensemble_size 2, ",
    ),
    (
        {"language_model.embedding": 0},
        "language_model: embedding 0, one-hot characters, is for the target 'after_window'",
    ),
    (
        {"imdb.pooling": "last", "imdb.sentences": 0, "imdb.word_dropout": 0.0},
        (
            "imdb: pooling 'last', the tutorials' network, needs vectors 'random', bidirectional False, "
            "got vectors 'counted', bidirectional True"
        ),
    ),
]


@pytest.mark.parametrize(("changes", "message"), CONTRADICTIONS)
def test_a_contradiction_is_told(load: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TextLSTMError, match=message):
        load(changes)


LANGUAGES = [
    ({"english": "a.txt"}, "languages: expected at least two to tell apart, got 1"),
    ({}, "languages: expected at least two to tell apart, got 0"),
    ({"a": "x.txt", "b": "y.txt", "c": "x.txt"}, "languages: a and c name the same text, x.txt"),
    ({"a": "x.txt", "imdb": "y.txt"}, "languages: 'imdb' is the name of the reviews"),
    ({"a": "x.txt", "b": "./d/../x.txt"}, "languages: a and b name the same text"),
]


@pytest.mark.parametrize(("languages", "message"), LANGUAGES)
def test_languages_that_cannot_be_told_apart_are_an_error(load: Any, languages: dict[str, str], message: str) -> None:
    with pytest.raises(TextLSTMError, match=message):
        load({}, languages)


def test_more_than_two_languages_will_do(load: Any) -> None:
    assert list(load({}, {"a": "x.txt", "b": "y.txt", "c": "z.txt"}).languages) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["Old English", "english-us", "", "../english", "0"])
def test_a_language_is_named_in_lower_case_letters(load: Any, name: str) -> None:
    message = "languages: expected a name of lower-case letters, digits and _ that begins with a letter, got "
    with pytest.raises(TextLSTMError, match=message):
        load({}, {name: "a.txt", "french": "b.txt"})


def test_a_language_that_is_not_there_is_named(params: Params) -> None:
    assert params.language("french") is params.languages["french"]
    with pytest.raises(TextLSTMError, match=r"params.yaml: languages: expected one of english, french, got 'klingon'"):
        params.language("klingon")


def test_a_language_called_no_is_a_language_and_true_is_a_truth_value(tmp_path: Path) -> None:
    text, path = (ROOT / "params.yaml").read_text(encoding="utf-8"), tmp_path / "params.yaml"
    path.write_text(text.replace("  french: {", "  no: {"), encoding="utf-8")
    assert list(load_params(path).languages) == ["english", "no"]
    path.write_text(text.replace("  french: {", "  true: {"), encoding="utf-8")
    with pytest.raises(
        TextLSTMError, match=r"languages: .*True \(YAML reads it as a truth value: put quotes around it"
    ):
        load_params(path)


def test_what_dvc_writes_for_a_small_number_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    with modify_yaml(path) as values:  # as `dvc exp run -S imdb.learning_rate=0.00005` does
        values["imdb"]["learning_rate"] = 0.00005
    assert "learning_rate: 5e-05" in path.read_text(encoding="utf-8")
    assert load_params(path).imdb.learning_rate == 0.00005


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imdb", "params.yaml: imdb: missing. Add it: see the params.yaml of the repository for its meaning"),
        ("imdb.units", "params.yaml: imdb.units: missing. Add it"),
        ("languages", "params.yaml: languages: missing. Add it"),
        ("languages.english.text", "params.yaml: languages.english.text: missing. Add it"),
    ],
)
def test_a_missing_section_or_key_is_named(tmp_path: Path, raw_params: Raw, name: str, message: str) -> None:
    value = raw_params({})
    *sections, key = name.split(".")
    place = value
    for section in sections:
        place = place[section]
    del place[key]
    (tmp_path / "params.yaml").write_text(dumped(value), encoding="utf-8")
    with pytest.raises(TextLSTMError, match=message):
        load_params(tmp_path / "params.yaml")


def test_every_problem_is_listed_at_once(load: Any) -> None:
    with pytest.raises(TextLSTMError) as caught:
        load({"imdb.unitz": 1, "seed": "x", "threads": 0})
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all("params.yaml: " in line for line in lines)


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("  french: {", "  english: {"), encoding="utf-8")
    with pytest.raises(TextLSTMError, match=r"'english' stands twice in one mapping: name it once, line 15, column 3"):
        load_params(path)
    path.write_text(text + "\nseed: 8\n", encoding="utf-8")
    with pytest.raises(TextLSTMError, match="'seed' stands twice"):
        load_params(path)


@pytest.mark.parametrize(
    "text",
    ["seed: [1, 2", "seed: 7\n threads: 2", "a: b: c", "\tseed: 7", "? {a: 1}\n: 2", "seed: !!python/object:os.x {}"],
)
def test_broken_yaml_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TextLSTMError, match=r"params.yaml: expected YAML: .*line \d+") as caught:
        load_params(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "7\n"])
def test_a_file_without_sections_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TextLSTMError, match=r"params.yaml: expected sections \(seed, threads, download, "):
        load_params(path)


@pytest.mark.parametrize("section", ["split", "imdb"])
def test_an_empty_section_is_told(load: Any, section: str) -> None:
    with pytest.raises(TextLSTMError, match=rf"{section}: .*got None"):
        load({section: None})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextLSTMError, match=r"params.yaml: no such file"):
        load_params(tmp_path / "params.yaml")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"seed: 7 # \xe9\n")
    with pytest.raises(TextLSTMError, match=r"params.yaml: expected UTF-8 text"):
        load_params(tmp_path / "params.yaml")


def test_parameters_cannot_be_changed(params: Params) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        params.imdb.units = 5


def test_changes_are_laid_over_key_by_key_but_languages_as_a_whole() -> None:
    params = {"seed": 1, "imdb": {"units": 2, "epochs": 3}, "languages": {"a": {}, "b": {}}}
    changed = merged(params, {"imdb": {"units": 5}, "languages": {"b": {}, "c": {}}})
    assert changed == {"seed": 1, "imdb": {"units": 5, "epochs": 3}, "languages": {"b": {}, "c": {}}}
    assert params["imdb"] == {"units": 2, "epochs": 3}
