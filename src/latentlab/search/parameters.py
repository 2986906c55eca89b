"""What one searched parameter may be: a range of numbers, or a choice."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self, TypeGuard

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Scalar = bool | int | float | str | None
"""A value of a parameter."""

LARGEST = 2**53
"""Up to here whole numbers are floats too."""

_TOLERANCE = 1e-9
"""Rounding of a step's last multiple, as a share of the step."""


def refuse_text(value: Any) -> Any:
    """Refuse a number that YAML read as text.

    YAML 1.1 wants a point in a number with an exponent: it reads `1e-7` and `5e-5` as text.
    """
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
        raise ValueError(
            f"'{value}' is text to YAML, not a number; write {_with_point(value, number)}"
        )
    return value


def refuse_huge(value: Any) -> Any:
    """Refuse a whole number that a float cannot hold."""
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"a whole number beyond {LARGEST:,} is not supported; lower it")
    return value


def _with_point(text: str, number: float) -> str:
    """Return how YAML 1.1 wants the number: with a point, and a sign before the exponent."""
    if not math.isfinite(number):
        return ".nan" if math.isnan(number) else f"{'-' * (number < 0)}.inf"
    mantissa, e, exponent = text.strip().lower().partition("e")
    if not e:
        return mantissa
    point = "" if "." in mantissa else ".0"
    sign = "" if exponent[0] in "+-" else "+"
    return f"{mantissa}{point}e{sign}{exponent}"


Number = Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(refuse_text)]
Whole = Annotated[
    int, Field(strict=True), BeforeValidator(refuse_huge), BeforeValidator(refuse_text)
]
Choice = Annotated[
    bool | int | float | str | None, BeforeValidator(refuse_huge), BeforeValidator(refuse_text)
]


class Limits(BaseModel):
    """What a parameter can never leave, whatever a refinement proposes (a batch of at least 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Number | None = None
    max: Number | None = None


class _Common(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Choice | list[Choice]] = Field(
        {}, description="the parameter exists only where these have this value, or one of these"
    )
    unit: str = Field("", description="for tables and axes")

    def met(self, values: dict[str, Any]) -> bool:
        """Return whether the parameter exists in a configuration."""
        for name, wanted in self.when.items():
            allowed = wanted if isinstance(wanted, list) else [wanted]
            if name not in values or not any(same(values[name], value) for value in allowed):
                return False
        return True


class _Range(_Common):
    hard: Limits = Limits()

    @property
    def limits(self) -> tuple[float, float]:
        """The hard limits; infinite where there are none."""
        low, high = self.hard.min, self.hard.max
        return (-math.inf if low is None else low), (math.inf if high is None else high)

    def _check(self, low: float, high: float, log: bool, step: float | None) -> None:
        if not low < high:
            raise ValueError(f"low {low:g} must be below high {high:g}; a single value is `fixed`")
        if log and low <= 0:
            raise ValueError(f"low {low:g} must be above 0 on a log scale; raise it")
        if log and step is not None and step != 1:
            raise ValueError("a step and a log scale exclude each other; keep one")
        if self.limits[0] > low or self.limits[1] < high:
            raise ValueError(f"[{low:g}, {high:g}] leaves the hard limits; narrow it")


class FloatParameter(_Range):
    """A real number."""

    type: Literal["float"]
    low: Number
    high: Number
    log: bool = False
    step: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self._check(self.low, self.high, self.log, self.step)
        return self

    def size(self) -> int | None:
        """Return how many values there are; None where there are infinitely many."""
        if self.step is None:
            return None
        return math.floor((self.high - self.low) / self.step + _TOLERANCE) + 1

    def grid(self) -> tuple[float, ...] | None:
        """Return all values; None where there are infinitely many."""
        size, step = self.size(), self.step
        if size is None or step is None:
            return None
        # As Optuna has them: three times .1 is more than .3.
        return tuple(min(self.low + k * step, self.high) for k in range(size))


class IntParameter(_Range):
    """A whole number."""

    type: Literal["int"]
    low: Whole
    high: Whole
    log: bool = False
    step: Annotated[Whole, Field(gt=0)] = 1

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self._check(self.low, self.high, self.log, self.step)
        return self

    def size(self) -> int:
        """Return how many values there are."""
        return len(range(self.low, self.high + 1, self.step))

    def grid(self) -> tuple[int, ...]:
        """Return all values."""
        return tuple(range(self.low, self.high + 1, self.step))

    def takes(self, value: Any) -> bool:
        """Return whether it can have a value."""
        whole = range(self.low, self.high + 1, self.step)
        return is_number(value) and value == int(value) and int(value) in whole


class CategoricalParameter(_Common):
    """One of several values; `ordered` says that they are numbers, in order."""

    type: Literal["categorical"]
    choices: tuple[Choice, ...] = Field(min_length=1)
    ordered: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Self:
        seen: set[tuple[bool, Scalar]] = set()
        for choice in self.choices:
            # True and 1 are two choices, as `same` has it.
            if (isinstance(choice, bool), choice) in seen:
                raise ValueError(f"choices hold {choice!r} twice; name it once")
            seen.add((isinstance(choice, bool), choice))
        if self.ordered:
            numbers = self.numbers()
            if len(numbers) < len(self.choices) or list(numbers) != sorted(numbers):
                raise ValueError("ordered choices are numbers in ascending order; sort them")
        return self

    def size(self) -> int:
        """Return how many values there are."""
        return len(self.choices)

    def grid(self) -> tuple[Scalar, ...]:
        """Return all values."""
        return self.choices

    def takes(self, value: Any) -> bool:
        """Return whether it can have a value."""
        return any(same(value, choice) for choice in self.choices)

    def numbers(self) -> tuple[float, ...]:
        """Return the choices that are numbers: all of them where they are ordered."""
        return tuple(float(choice) for choice in self.choices if is_number(choice))


Parameter = Annotated[
    FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="type")
]


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a value is a number that a float holds; truth values are not."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 1024
    return whole or isinstance(value, float)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, keeping 1 and True apart."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other
