"""Nested settings: dotted keys, and what is said of values that do not fit their model."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from textlstm.core.config import at, checked, flat, with_values
from textlstm.core.errors import TextLSTMError

VALUES: dict[str, Any] = {"a": {"b": {"c": 1}, "d": [1, {"e": 2}]}, "f": 3}


def test_keys_are_dotted_and_lists_are_values() -> None:
    assert flat(VALUES) == {"a.b.c": 1, "a.d": [1, {"e": 2}], "f": 3}
    assert flat(VALUES, "x.") == {"x.a.b.c": 1, "x.a.d": [1, {"e": 2}], "x.f": 3}
    assert all(at(VALUES, key) == value for key, value in flat(VALUES).items())
    assert at(VALUES, "a.b") == {"c": 1}
    assert at(VALUES, "") is VALUES


@pytest.mark.parametrize("key", ["g", "a.x", "f.x", "a.d.e", "a."])
def test_a_key_that_is_not_there_is_an_error(key: str) -> None:
    with pytest.raises(KeyError, match=rf"'{key}'"):
        at(VALUES, key)


def test_the_original_of_changed_values_stays() -> None:
    changed = with_values(VALUES, {"a.b.c": 5, "a.new": 6, "f": [7]})
    assert changed == {"a": {"b": {"c": 5}, "d": [1, {"e": 2}], "new": 6}, "f": [7]}
    assert VALUES == {"a": {"b": {"c": 1}, "d": [1, {"e": 2}]}, "f": 3}
    with pytest.raises(KeyError, match=r"'a\.x'"):
        with_values(VALUES, {"a.x.y": 1})


class Cat(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["dog"]
    tricks: int


class House(BaseModel):
    model_config = ConfigDict(extra="forbid")
    owner: str
    pets: dict[str, Cat | Dog]
    guest: Dog | None = None


GUEST = {"kind": "dog", "trick": 1, "tricks": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"owner": "a", "pets": {}, "quest": 1}, "here: quest: unknown key; did you mean guest?"),
        ({"owner": "a", "pets": {}, "guest": GUEST}, "here: guest.trick: unknown key; did you mean guest.tricks?"),
        ({"pets": {}}, "here: owner: missing. Add it: see the manual for its meaning"),
        ([], "here: expected sections (owner, pets, guest), got []"),
    ],
)
def test_a_problem_is_named_by_its_key(value: Any, message: str) -> None:
    with pytest.raises(TextLSTMError) as caught:
        checked(House, value, "here", meanings="the manual")
    assert str(caught.value) == message


def test_of_a_union_each_problem_is_told_once_without_the_names_of_its_members() -> None:
    with pytest.raises(TextLSTMError) as caught:
        checked(House, {"owner": "a", "pets": {"tom": {"kind": "cat", "live": 9}}}, "here", meanings="the manual")
    lines = str(caught.value).splitlines()
    assert lines.count("here: pets.tom.live: unknown key; did you mean pets.tom.lives?") == 1
    assert all(line.startswith("here: pets.tom.") for line in lines)
