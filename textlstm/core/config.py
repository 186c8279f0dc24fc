"""Nested settings: read from YAML, checked against a model, and their values named by dotted keys such as "imdb.units"."""

import copy
import difflib
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_text

Model = TypeVar("Model", bound=BaseModel)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values that are no mappings themselves, under dotted keys.

    >>> flat({"a": {"b": 1}, "c": [2]})
    {'a.b': 1, 'c': [2]}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def at(values: Mapping[str, Any], key: str) -> Any:
    """What stands under a dotted key, all of it under ""; KeyError if nothing does.

    >>> at({"a": {"b": 1}}, "a.b")
    1
    """
    found: Any = values
    for part in key.split(".") if key else []:
        if not isinstance(found, Mapping) or part not in found:
            raise KeyError(key)
        found = found[part]
    return found


def with_values(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which some values, named by dotted keys, are others.

    >>> with_values({"a": {"b": 1, "c": 2}}, {"a.b": 3})
    {'a': {'b': 3, 'c': 2}}
    """
    changed = copy.deepcopy(dict(values))
    for key, value in changes.items():
        section, _, last = key.rpartition(".")
        at(changed, section)[last] = value
    return changed


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """The end of a message on an unknown word: the known one that looks most like it, if any is known.

    >>> nearest("unitz", ["units", "epochs"], "imdb.")
    '; did you mean imdb.units?'
    """
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.0)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        TextLSTMError: it is missing, is no YAML, or names a key twice in one mapping.
    """
    try:
        return yaml.load(read_text(path), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise TextLSTMError(f"{path}: expected YAML: {' '.join(str(error).split())}") from None


def checked(model: type[Model], value: Any, where: str, *, meanings: str) -> Model:
    """`value` as a `model`.

    Args:
        model: what it is to be.
        value: nested mappings, as YAML has them.
        where: what begins each line of a message: the file.
        meanings: the file that says what the keys mean, for whoever has left one out.

    Raises:
        TextLSTMError: naming every key that is unknown (with the nearest known one), missing, of the wrong type or out
            of range.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refusal(where, explained(error, model, meanings)) from None


def refusal(where: str, problems: Iterable[str]) -> TextLSTMError:
    """One error of all that is wrong with a file, one line per problem."""
    return TextLSTMError("\n".join(f"{where}: {problem}" for problem in dict.fromkeys(problems)))


def explained(error: ValidationError, model: type[BaseModel], meanings: str = "") -> list[str]:
    """What pydantic found, one line per problem: where, expected, got, what to do; see `checked`."""
    return [_explain(problem, model, meanings) for problem in error.errors()]


def _explain(problem: Any, model: type[BaseModel], meanings: str) -> str:
    keys, known = _walk(model, problem["loc"])
    place, kind, got = ".".join(keys), problem["type"], problem["input"]
    if not place and kind == "model_type":
        return f"expected sections ({', '.join(model.model_fields)}), got {got!r}"
    if keys[-1:] == ["[key]"]:
        hint = (
            " (YAML reads no, yes, on and off as truth values: put quotes around it)" if isinstance(got, bool) else ""
        )
        return f"{keys[0]}: expected a name of lower-case letters, digits and _ that begins with a letter, got {got!r}{hint}"
    if kind == "extra_forbidden":
        return f"{place}: unknown key{nearest(keys[-1], known, ''.join(f'{key}.' for key in keys[:-1]))}"
    if kind == "missing":
        return f"{place}: missing. Add it: see {meanings} for its meaning"
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{place}: {message}" if place else message
    number = isinstance(got, str) and kind in {"float_type", "int_type"} and _is_number(got)
    hint = " (YAML reads a number such as 1e-3 as text: write 0.001)" if number else ""
    return f"{place}: {message[0].lower()}{message[1:]}, got {got!r}{hint}"


def _walk(model: type[BaseModel], location: Sequence[str | int]) -> tuple[list[str], list[str]]:
    """The keys that a location is made of (the name of a union's member is none), and those that its last one could have been."""
    keys: list[str] = []
    models = parents = [model]
    for part in location:
        if part in {one.__name__ for one in models}:
            continue
        parents = models
        keys.append(str(part))
        annotations = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        models = [
            found for annotation in annotations for found in _models_in(annotation)
        ] or models  # else the key of a mapping
    return keys, [name for one in parents for name in one.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in _models_in(part)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that stands twice in one mapping is an error (plain YAML loaders keep the last one in silence)."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
    if twice is not None:
        raise yaml.constructor.ConstructorError(
            None, None, f"{twice!r} stands twice in one mapping: name it once", node.start_mark
        )
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
