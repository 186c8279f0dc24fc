"""Nested settings: checked against a model, and their values named by dotted keys such as "imdb.units"."""

import copy
import difflib
import math
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from textlstm.core.errors import TextLSTMError

_FIRST = 50  # problems that are told
_KINDS = {bool: "a truth value", int: "a number", float: "a number", type(None): "nothing"}
_LONGEST = 100  # characters of a key or a value that a message shows

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
    near = difflib.get_close_matches(word[:_LONGEST], known, n=1, cutoff=0.0)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


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
    """What pydantic found, one line per problem, the first ones: where, expected, got, what to do; see `checked`."""
    found = error.errors(include_url=False)
    more = [f"and {len(found) - _FIRST:,} problems more"] if len(found) > _FIRST else []
    return [*(_explain(problem, model, meanings) for problem in found[:_FIRST]), *more]


def _explain(problem: Any, model: type[BaseModel], meanings: str) -> str:
    keys, known = _walk(model, problem["loc"])
    place, kind, value = ".".join(map(_line, keys)), problem["type"], problem["input"]
    got = _short(repr(value))
    if not place and kind == "model_type":
        return f"expected sections ({', '.join(model.model_fields)}), got {got}"
    if keys[-1:] == ["[key]"]:
        hint = (
            ""
            if isinstance(value, str)
            else f" (YAML reads it as {_KINDS.get(type(value), 'no text')}: put quotes around it)"
        )
        return (
            f"{keys[0]}: expected a name of lower-case letters, digits and _ that begins with a letter, got {got}{hint}"
        )
    if kind == "extra_forbidden":
        return f"{place}: unknown key{nearest(keys[-1], known, ''.join(f'{_line(key)}.' for key in keys[:-1]))}"
    if kind == "missing":
        return f"{place}: missing. Add it: see {meanings} for its meaning"
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{place}: {message}" if place else message
    return f"{place}: {message[0].lower()}{message[1:]}, got {got}{_hint(kind, value)}"


def _hint(kind: str, value: Any) -> str:
    """What to do about text that was meant as something else."""
    if kind in {"float_type", "int_type"} and isinstance(value, str) and _is_number(value):
        return " (that is text: write the number without quotes, such as 0.001 or 1e-3)"
    if kind == "bool_type" and str(value).lower() in {"yes", "no", "on", "off", "y", "n"}:
        return " (in YAML 1.2, as DVC reads it, that is text: write true or false)"
    return ""


def _line(key: str) -> str:
    """A key as a part of one line."""
    return key if key.isprintable() and len(key) <= _LONGEST else _short(repr(key))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


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
        return text.isascii() and math.isfinite(float(text))
    except ValueError:
        return False
