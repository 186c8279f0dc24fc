"""`params.yaml`, loaded and checked as a whole: a wrong key or value is found before any stage works.

Every section is a class below and every key a field with its type and range; the comments in `params.yaml` say what
they mean. Fields have no defaults: `params.yaml` is the one place that holds values.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from textlstm.core import paths
from textlstm.core.config import checked
from textlstm.core.errors import TextLSTMError
from textlstm.core.yaml_files import read_yaml

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Schedule = Literal["constant", "cosine", "one_cycle"]
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _require(section: _Section, choice: str, values: dict[str, Any]) -> None:
    """Raise ValueError unless the keys of the section have the values that go with a choice."""
    if others := {key: getattr(section, key) for key, value in values.items() if getattr(section, key) != value}:
        wanted, got = (", ".join(f"{key} {of[key]!r}" for key in others) for of in (values, others))
        raise ValueError(f"{choice} needs {wanted}, got {got}")


class Download(_Section):
    """How archives are fetched."""

    mirror: str
    retries: Annotated[int, Field(ge=0, le=20)]
    timeout: Annotated[float, Field(gt=0, le=600)]


class Language(_Section):
    """Where the text of one language lies."""

    text: Annotated[str, StringConstraints(min_length=1)]
    words: Annotated[str, StringConstraints(pattern=r"^[a-z]*$")]


class Split(_Section):
    """How much of each dataset is learnt from, and which reviews."""

    seed: Seed
    learn: Annotated[float, Field(ge=0.5, le=0.95)]
    characters: Annotated[int, Field(ge=0)]
    reviews: Annotated[int, Field(ge=0)]


class Words(_Section):
    """Words drawn by their frequency."""

    characters: Annotated[int, Field(ge=0, le=100_000_000)]
    foreign: Annotated[float, Field(ge=1.0)]
    rare_letter: Share
    power: Annotated[float, Field(ge=0.0, le=1.0)]


class Vectorize(_Section):
    """What gets an id."""

    min_count: Count
    words: Annotated[int, Field(ge=10, le=200_000)]
    punctuation: bool


class LanguageModel(_Section):
    """The character LSTM and its training."""

    target: Literal["every_position", "after_window"]
    window: Annotated[int, Field(ge=2, le=200)]
    embedding: Annotated[int, Field(ge=0, le=512)]
    units: Annotated[int, Field(ge=1, le=2048)]
    layers: Annotated[int, Field(ge=1, le=4)]
    ensemble_size: Annotated[int, Field(ge=1, le=16)]
    dropout: Share
    output: Literal["softmax", "sigmoid"]
    optimizer: Optimizer
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: Schedule
    clip: Annotated[float, Field(ge=0)]
    words_share: Share
    noise: Share
    batch: Annotated[int, Field(ge=1, le=65_536)]
    epochs: Annotated[int, Field(ge=1, le=1000)]
    steps: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _fits_its_network(self) -> Self:
        if 0 < self.steps < self.epochs:
            raise ValueError(
                f"steps {self.steps}: expected at least one for each of {self.epochs} epochs, or 0, any number"
            )
        if self.target == "after_window":
            article = {"embedding": 0, "layers": 1, "ensemble_size": 1, "dropout": 0.0}
            _require(self, "target 'after_window', the article's network,", article)
        elif not self.embedding:
            raise ValueError("embedding 0, one-hot characters, is for the target 'after_window': expected 1 or more")
        if self.words_share and round(self.batch * (1 - self.words_share)) < 1:
            raise ValueError(f"words_share {self.words_share} leaves no window of text in a batch of {self.batch}")
        return self


class Ngram(_Section):
    """The smoothed character n-gram models: measured beside the LSTM, and mixed with it."""

    order: Annotated[int, Field(ge=1, le=12)]
    words_order: Annotated[int, Field(ge=1, le=12)]
    weight: Annotated[float, Field(ge=0.0, le=1.0)]
    text_counts: Annotated[int, Field(ge=1, le=1_000_000)]


class Background(_Section):
    """The n-gram model of other languages."""

    order: Annotated[int, Field(ge=1, le=12)]
    characters: Count
    leave_out: list[Annotated[str, StringConstraints(min_length=1)]]


class Table(_Section):
    """The table that answers in place of the models."""

    order: Annotated[int, Field(ge=3, le=12)]
    min_count: Count
    steps: Annotated[int, Field(ge=4, le=1024)]


class Abstention(_Section):
    """When the detector answers with no language."""

    threshold: Annotated[float, Field(ge=0.0, lt=1.0)]
    false_out_of_set: Annotated[float, Field(gt=0.0, le=0.5)]
    characters: Annotated[int, Field(ge=1, le=10_000_000)]


class Imdb(_Section):
    """The sentiment LSTM and its training."""

    protocol: Literal["holdout", "official"]
    length: Annotated[int, Field(ge=1, le=5000)]
    precision: Literal["float32", "bfloat16"]
    vectors: Literal["random", "counted", "pretrained"]
    embedding: Annotated[int, Field(ge=2, le=1024)]
    units: Annotated[int, Field(ge=1, le=2048)]
    bidirectional: bool
    pooling: Literal["last", "mean_max"]
    chunk: Annotated[int, Field(ge=1, le=1000)]
    tail: Annotated[int, Field(ge=0, le=5000)]
    sentences: Annotated[int, Field(ge=0, le=100)]
    sentence_weight: Annotated[float, Field(gt=0, le=1)]
    word_dropout: Share
    dropout: Share
    adversarial: Annotated[float, Field(ge=0, le=1000)]
    optimizer: Optimizer
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: Schedule
    clip: Annotated[float, Field(ge=0)]
    bucketed: bool
    batch: Annotated[int, Field(ge=1, le=65_536)]
    epochs: Annotated[int, Field(ge=1, le=1000)]

    @model_validator(mode="after")
    def _fits_its_network(self) -> Self:
        if self.pooling == "last":
            tutorials = {
                "precision": "float32",
                "vectors": "random",
                "bidirectional": False,
                "sentences": 0,
                "word_dropout": 0.0,
            }
            _require(self, "pooling 'last', the tutorials' network,", tutorials)
        return self


class Pretrain(_Section):
    """The word language model that the sentiment LSTM may start from."""

    datasets: Annotated[list[Literal["imdb"]], Field(max_length=1)]
    epochs: Count
    batch: Annotated[int, Field(ge=1, le=65_536)]
    sampled: Count
    dropout: Share
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class Nbsvm(_Section):
    """The counted n-grams beside the sentiment LSTM."""

    longest: Annotated[int, Field(ge=1, le=5)]
    skips: Annotated[int, Field(ge=0, le=10)]
    tail: Annotated[int, Field(ge=0, le=5000)]
    bits: Annotated[int, Field(ge=8, le=26)]
    min_reviews: Count
    reviews: Annotated[int, Field(ge=0)]
    strength: Annotated[float, Field(gt=0, le=1000)]
    sentences: Annotated[int, Field(ge=0, le=1000)]
    sentence_strength: Annotated[float, Field(gt=0, le=1000)]
    negation: Annotated[int, Field(ge=0, le=100)]
    weight: Annotated[float, Field(ge=0.0, le=1.0)]
    sentence_weight: Annotated[float, Field(ge=0.0, le=1.0)]


class Sentiment(_Section):
    """How the sentiment classifier is calibrated, and when it answers."""

    validation: Annotated[float, Field(ge=0.0, le=0.5)]
    threshold: Annotated[float, Field(ge=0.5, lt=1.0)]


class Score(_Section):
    """What the language models are asked about."""

    lengths: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(min_length=1)]
    characters: Annotated[int, Field(ge=0)]
    examples: Annotated[list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if len(set(self.lengths)) != len(self.lengths):
            raise ValueError(f"lengths names a length twice: {self.lengths}")
        if 0 < self.characters < 10 * max(self.lengths):
            raise ValueError(
                f"characters {self.characters}: expected 0, all, or ten times the longest of lengths, {10 * max(self.lengths)}"
            )
        return self


class Evaluate(_Section):
    """How scores become metrics."""

    length: Count
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]
    block: Count
    article_windows: Annotated[int, Field(ge=1, le=10_000)]


class Params(_Section):
    """All of `params.yaml`."""

    seed: Seed
    threads: Annotated[int, Field(ge=1, le=256)]
    download: Download
    languages: dict[Name, Language]
    split: Split
    words: Words
    vectorize: Vectorize
    language_model: LanguageModel
    ngram: Ngram
    background: Background
    table: Table
    abstention: Abstention
    pretrain: Pretrain
    imdb: Imdb
    nbsvm: Nbsvm
    sentiment: Sentiment
    score: Score
    evaluate: Evaluate

    @model_validator(mode="after")
    def _languages_differ(self) -> Self:
        if len(self.languages) < 2:
            raise ValueError(f"languages: expected at least two to tell apart, got {len(self.languages)}")
        if "imdb" in self.languages:
            raise ValueError(
                "languages: 'imdb' is the name of the reviews, whose curves lie beside those of the languages; take another"
            )
        seen: dict[str, str] = {}
        for name, language in self.languages.items():
            path = os.path.normpath(language.text)
            if path in seen:
                raise ValueError(f"languages: {seen[path]} and {name} name the same text, {language.text}")
            seen[path] = name
        return self

    @model_validator(mode="after")
    def _drawn_words_are_there(self) -> Self:
        if self.language_model.words_share and not self.words.characters:
            raise ValueError(
                "language_model.words_share is above 0, but words.characters is 0: draw words, or set the share to 0"
            )
        return self

    @model_validator(mode="after")
    def _pretrained_where_asked_for(self) -> Self:
        if (self.imdb.vectors == "pretrained") != ("imdb" in self.pretrain.datasets):
            raise ValueError(
                f"imdb.vectors is {self.imdb.vectors!r} and pretrain.datasets is {self.pretrain.datasets}: 'pretrained' goes with "
                "[imdb], any other start with []"
            )
        return self

    @model_validator(mode="after")
    def _evaluated_length_is_scored(self) -> Self:
        if self.evaluate.length not in self.score.lengths:
            raise ValueError(
                f"evaluate.length is {self.evaluate.length}, expected one of score.lengths {self.score.lengths}"
            )
        return self

    def language(self, name: str) -> Language:
        """The language of that name; another name is a TextLSTMError."""
        if name not in self.languages:
            raise TextLSTMError(f"{paths.PARAMS}: languages: expected one of {', '.join(self.languages)}, got {name!r}")
        return self.languages[name]


def load_params(path: Path = paths.PARAMS) -> Params:
    """Read and check `params.yaml`.

    Raises:
        TextLSTMError: naming every key that is unknown (with the nearest known one), missing, of the wrong type or out
            of range.
    """
    return check_params(read_yaml(path), str(path))


def check_params(value: Any, where: str) -> Params:
    """The typed parameters of a nested mapping; `where` begins the messages. Raises as `load_params` does."""
    return checked(Params, value, where, meanings="the params.yaml of the repository")


def merged(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`params` with `changes` laid over it; a mapping of languages replaces the other, all else is merged key by key.

    >>> merged({"seed": 1, "imdb": {"units": 2, "epochs": 3}, "languages": {"a": 4}}, {"imdb": {"units": 5}, "languages": {"b": 6}})
    {'seed': 1, 'imdb': {'units': 5, 'epochs': 3}, 'languages': {'b': 6}}
    """
    result = dict(params)
    for key, value in changes.items():
        known = params.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping) and key != "languages":
            result[key] = merged(known, value)
        else:
            result[key] = value
    return result


if __name__ == "__main__":  # what `make repro` calls before DVC reads the file
    try:
        load_params()
    except TextLSTMError as error:
        sys.exit(str(error))
