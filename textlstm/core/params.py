"""`params.yaml`, loaded and checked as a whole: a wrong key or value is found before any stage works.

Every section is a class below and every key a field with its type and range; the comments in `params.yaml` say what they mean.
Fields have no defaults: `params.yaml` is the one place that holds values.
"""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from textlstm.core import paths
from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_text

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
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
    """How much of each dataset is learnt from."""

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

    @model_validator(mode="after")
    def _fits_its_network(self) -> Self:
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
            tutorials = {"precision": "float32", "vectors": "random", "bidirectional": False, "word_dropout": 0.0}
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
    strength: Annotated[float, Field(gt=0, le=1000)]
    weight: Annotated[float, Field(ge=0.0, le=1.0)]


class Score(_Section):
    """What the language models are asked about."""

    lengths: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(min_length=1)]
    examples: Annotated[list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _lengths_once(self) -> Self:
        if len(set(self.lengths)) != len(self.lengths):
            raise ValueError(f"lengths names a length twice: {self.lengths}")
        return self


class Evaluate(_Section):
    """How scores become metrics."""

    length: Count
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]
    block: Count
    article_windows: Annotated[int, Field(ge=1, le=10_000)]


class Params(_Section):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    threads: Annotated[int, Field(ge=1, le=256)]
    download: Download
    languages: dict[Name, Language]
    split: Split
    words: Words
    vectorize: Vectorize
    language_model: LanguageModel
    ngram: Ngram
    background: Background
    abstention: Abstention
    pretrain: Pretrain
    imdb: Imdb
    nbsvm: Nbsvm
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
            raise ValueError(f"evaluate.length is {self.evaluate.length}, expected one of score.lengths {self.score.lengths}")
        return self

    def language(self, name: str) -> Language:
        """The language of that name; another name is a TextLSTMError."""
        if name not in self.languages:
            raise TextLSTMError(f"{paths.PARAMS}: languages: expected one of {', '.join(self.languages)}, got {name!r}")
        return self.languages[name]


def load_params(path: Path = paths.PARAMS) -> Params:
    """Read and check `params.yaml`.

    Raises:
        TextLSTMError: naming every key that is unknown (with the nearest known one), missing, of the wrong type or out of range.
    """
    try:
        value = yaml.load(read_text(path), Loader=UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise TextLSTMError(f"{path}: expected YAML: {' '.join(str(error).split())}") from None
    return check_params(value, str(path))


def check_params(value: Any, where: str) -> Params:
    """The typed parameters of a nested mapping; `where` begins the messages. Raises as `load_params` does."""
    try:
        return Params.model_validate(value)
    except ValidationError as error:
        problems = [_explain(problem) for problem in error.errors()]
        raise TextLSTMError(f"{where}: " + f"\n{where}: ".join(problems)) from None


def flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and the values that are not mappings themselves.

    >>> dict(flat({"a": {"b": 1}, "c": 2}))
    {'a.b': 1, 'c': 2}
    """
    for key, child in value.items():
        if isinstance(child, dict):
            yield from flat(child, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", child


class UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that stands twice in one mapping is an error (plain YAML loaders keep the last one in silence)."""


def _mapping(loader: UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
    if twice is not None:
        raise yaml.constructor.ConstructorError(
            None, None, f"{twice!r} stands twice in one mapping: name it once", node.start_mark
        )
    return loader.construct_mapping(node, deep=True)


UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _explain(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    kind, got = problem["type"], problem["input"]
    if not place and kind == "model_type":
        return f"expected sections ({', '.join(Params.model_fields)}), got {got!r}"
    if problem["loc"][-1:] == ("[key]",):
        hint = " (YAML reads no, yes, on and off as truth values: put quotes around it)" if isinstance(got, bool) else ""
        return f"{problem['loc'][0]}: expected a name of lower-case letters, digits and _ that begins with a letter, got {got!r}{hint}"
    if kind == "extra_forbidden":
        *parents, key = problem["loc"]
        near = difflib.get_close_matches(str(key), _known_keys(parents), n=1, cutoff=0.0)
        return (
            f"{place}: unknown key; did you mean {'.'.join([*map(str, parents), near[0]])}?" if near else f"{place}: unknown key"
        )
    if kind == "missing":
        return f"{place}: missing. Add it: see the params.yaml of the repository for its meaning"
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{place}: {message}" if place else message
    hint = ""
    if isinstance(got, str) and kind in {"float_type", "int_type"} and _is_number(got):
        hint = " (YAML reads a number such as 1e-3 as text: write 0.001)"
    return f"{place}: {message[0].lower()}{message[1:]}, got {got!r}{hint}"


def _known_keys(parents: list[Any]) -> list[str]:
    model: Any = Params
    for part in parents:
        annotation = model.model_fields[part].annotation if part in model.model_fields else Language
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else Language
    return list(model.model_fields)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
