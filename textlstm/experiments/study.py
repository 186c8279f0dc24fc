"""What a sweep searches: a study, declared in YAML and checked before anything runs.

name: language-window                      # of the study, its DVC experiments (<name>-<number>) and the tag of its
    MLflow runs
metric: metrics/language.json:auc          # a file of metrics and the key in it
direction: maximize                        # or minimize
trials: 12                                 # how many in all, however often the sweep is interrupted
jobs: 2                                    # how many at once
seed: 7                                    # of the sampler
repeats: 1                                 # trainings per trial, with seed, seed + 1, ...; its value is their mean
sampler: tpe                               # tpe, random or grid
pruner: {training: train_imdb, startup: 4, warmup: 1}  # optional: stop a trial whose loss is above the median
space:
  language_model.window: {low: 3, high: 9, step: 2}
  language_model.learning_rate: {low: 0.001, high: 0.03, log: true}
  language_model.units: {choice: [64, 128]}
fixed: {evaluate.bootstrap: 200}           # the same in all trials
"""

import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from textlstm.core.config import checked, explained, flat, nearest, refusal, with_values
from textlstm.core.params import Params
from textlstm.core.yaml_files import read_yaml

Value = bool | int | float | str | list[Any]
Values = dict[str, Value]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Choice(_Part):
    """One of a few values."""

    choice: Annotated[list[Value], Field(min_length=1)]


class Range(_Part):
    """A number from `low` to `high`, both included: on a logarithmic scale, or in steps."""

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"expected low < high, got {self.low} and {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs low > 0 and no step")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"expected a step > 0, got {self.step}")
        return self


class Pruner(_Part):
    """Stop a trial when the loss that one training reports at the end of an epoch is above the median of the trials before it."""

    training: str  # the DVC stage that trains, such as train_imdb or train_language@english
    startup: Annotated[int, Field(ge=1)] = 4  # trials that are never stopped
    warmup: Annotated[int, Field(ge=0)] = 1  # epochs after which a trial may be stopped


class Study(_Part):
    """All that a study's file says."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$", max_length=60)]
    metric: Annotated[str, StringConstraints(pattern=r"^metrics/[^:]+\.json:[^:]+$")]
    direction: Literal["maximize", "minimize"]
    trials: Annotated[int, Field(ge=1, le=100_000)]
    jobs: Annotated[int, Field(ge=1, le=256)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    pruner: Pruner | None = None
    space: Annotated[dict[str, Choice | Range], Field(min_length=1)]
    fixed: dict[str, Value] = {}

    @property
    def metric_file(self) -> str:
        """The file of the metric."""
        return self.metric.split(":")[0]

    @property
    def metric_key(self) -> str:
        """The key of the metric, dotted, in its file."""
        return self.metric.split(":")[1]

    def question(self) -> str:
        """All that decides what the trials are, as text: a study goes on only if it still asks the same."""
        return json.dumps(self.model_dump(exclude={"trials", "jobs"}))

    @property
    def points(self) -> int:
        """How many points the space has as a grid; 0 if a range has no step."""
        return math.prod(_steps(part) for part in self.space.values())

    def point(self, number: int) -> Values:
        """One point of the grid, counted from 0, the last parameter changing fastest."""
        values: Values = {}
        for key, part in reversed(self.space.items()):
            number, index = divmod(number, _steps(part))
            values[key] = _value(part, index)
        return dict(reversed(values.items()))


def _steps(part: Choice | Range) -> int:
    """How many points a part has; 0 if it is a range without a step."""
    if isinstance(part, Choice):
        return len(part.choice)
    return int((Decimal(str(part.high)) - Decimal(str(part.low))) / Decimal(str(part.step))) + 1 if part.step else 0


def _value(part: Choice | Range, index: int) -> Value:
    if isinstance(part, Choice):
        return part.choice[index]
    value = Decimal(str(part.low)) + index * Decimal(str(part.step))  # 0.1 + 2 * 0.1 is 0.3
    return int(value) if isinstance(part.low, int) and isinstance(part.step, int) else float(value)


def load_study(path: Path, params: Mapping[str, Any]) -> Study:
    """Read a study and check it, also against the parameters that it varies.

    Args:
        path: the study's file.
        params: `params.yaml` as it stands.

    Raises:
        TextLSTMError: naming every key that is unknown (with the nearest known one), missing, of the wrong type or out
            of range.
    """
    study = checked(Study, read_yaml(path), str(path), meanings="textlstm/experiments/study.py")
    if problems := [*_problems(study, params), *_contradictions(study)]:
        raise refusal(str(path), problems)
    return study


def _contradictions(study: Study) -> Iterator[str]:
    for key in sorted(study.space.keys() & study.fixed.keys()):
        yield f"{key}: stands in space and in fixed. Keep one of them"
    if study.repeats > 1 and "seed" in study.space:
        yield "space.seed: repeats vary the seed already. Take one of them away"
    points = study.points
    if study.sampler == "grid" and not points:
        yield "sampler: a grid needs a step for every range, or a choice"
    elif study.sampler == "grid" and study.trials > points:
        yield f"trials: the grid has {points} points, got {study.trials} trials. Write {points} or fewer"


def _problems(study: Study, params: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with keys and values, found by the model that checks `params.yaml`."""
    known = flat(params)
    for place, parts in (("space", study.space), ("fixed", study.fixed)):
        for key in parts:
            if key not in known:
                yield f"{place}.{key}: no such parameter in params.yaml{nearest(key, list(known))}"
    tried: list[tuple[str, str, Value]] = [("fixed", key, value) for key, value in study.fixed.items() if key in known]
    for key, part in study.space.items():
        now = known.get(key)
        if isinstance(part, Choice):
            tried += [("space", key, value) for value in part.choice if key in known]
        elif now is not None and (isinstance(now, bool) or not isinstance(now, int | float)):
            yield f"space.{key}: a range needs a number, and this parameter is {now!r}. Write choice: [...]"
        elif isinstance(now, int) and any(isinstance(end, float) for end in (part.low, part.high, part.step)):
            yield f"space.{key}: expected whole numbers, as the parameter is one, got {part.low}, {part.high}"
        elif now is not None:
            tried += [("space", key, type(now)(end)) for end in (part.low, part.high)]
    for place, key, value in tried:
        try:
            Params.model_validate(with_values(params, {key: value}))
        except ValidationError as error:
            for problem in explained(error, Params):
                if problem.startswith(key):  # combinations are left to the stage check_params
                    yield f"{place}.{problem}"
