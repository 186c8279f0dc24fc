"""What all tests share: settings and parameter files made from the repository's own params.yaml, so that a new key breaks no test."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from pydantic import BaseModel

from tests.yaml12 import dumped, loaded
from textlstm.core.config import with_values
from textlstm.core.params import Params, load_params

ROOT = Path(__file__).resolve().parents[1]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis_settings.register_profile("textlstm", deadline=None, max_examples=60, derandomize=True)
hypothesis_settings.load_profile("textlstm")

TINY = {  # small enough that every stage takes a moment
    "threads": 1,
    "words.characters": 0,
    "vectorize.min_count": 1,
    "language_model.words_share": 0.0,
    "language_model.window": 3,
    "language_model.embedding": 2,
    "language_model.units": 4,
    "language_model.layers": 1,
    "language_model.ensemble_size": 1,
    "language_model.epochs": 1,
    "ngram.order": 2,
    "vectorize.words": 50,
    "imdb.length": 12,
    "imdb.chunk": 5,
    "imdb.embedding": 4,
    "imdb.units": 3,
    "imdb.batch": 8,
    "imdb.epochs": 1,
    "nbsvm.bits": 10,
    "sentiment.validation": 0.0,
    "nbsvm.min_reviews": 1,
    "score.lengths": [1, 5],
    "score.examples": ["abc"],
    "evaluate.length": 5,
    "evaluate.bootstrap": 100,
    "evaluate.article_windows": 10,
}

Settings = Callable[..., Any]


@pytest.fixture(scope="session")
def params() -> Params:
    """The repository's own parameters."""
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def settings(params: Params) -> Settings:
    """`settings("imdb", units=4)`: a section of the repository's parameters with other values, checked like the original."""

    def change(section: str, **changes: Any) -> BaseModel:
        model = getattr(params, section)
        return type(model).model_validate(model.model_dump() | changes)

    return change


@pytest.fixture(scope="session")
def raw_params() -> Callable[..., dict[str, Any]]:
    """`raw_params({"imdb.units": 4}, languages={"left": "left.txt"})`: the repository's parameters as a nested dict, other values under
    dotted names, other languages with the paths of their texts and nothing else."""

    def change(changes: dict[str, Any], languages: dict[str, str] | None = None) -> dict[str, Any]:
        value: dict[str, Any] = loaded((ROOT / "params.yaml").read_text(encoding="utf-8"))
        if languages is not None:
            empty = dict.fromkeys(value["languages"]["english"], "")
            value["languages"] = {name: empty | {"text": text} for name, text in languages.items()}
        return with_values(value, changes)

    return change


@pytest.fixture
def workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw_params: Callable[..., dict[str, Any]]
) -> Callable[..., Path]:
    """`workspace({"imdb.units": 4})`: a temporary folder, now the working directory, with tiny parameters and data/sources.yaml."""

    def make(changes: dict[str, Any] | None = None, languages: dict[str, str] | None = None) -> Path:
        value = raw_params(TINY | (changes or {}), languages or {"left": "left.txt", "right": "right.txt"})
        text = dumped(value)
        (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data/sources.yaml").write_bytes((ROOT / "data/sources.yaml").read_bytes())
        return tmp_path

    monkeypatch.chdir(tmp_path)
    return make


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine's user reaches a test."""
    for name in ("TEXTLSTM_MIRROR", "TEXTLSTM_CACHE", "DVC_STAGE", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
