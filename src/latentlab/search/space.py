"""A space of configurations: parameters, conditions between them, and what is fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from latentlab.core.validation import Mistake, all_of, nearest
from latentlab.runs.seed_names import is_seed
from latentlab.search.parameters import (
    CategoricalParameter,
    Choice,
    FloatParameter,
    IntParameter,
    Parameter,
    Scalar,
)

Configuration = dict[str, Scalar]
"""Values by parameter: the fixed ones and those that exist under the space's conditions."""


def misfits(fixed: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> Iterator[Mistake]:
    """Yield what is wrong with the names of a space and with what parameters depend on."""
    for key, names in (("parameters", parameters), ("fixed", fixed)):
        for name in filter(is_seed, names):
            yield Mistake(
                (key, name),
                "a seed is a blocking factor, not a parameter to be searched",
                "Take it out and say `seeds: {first: .., count: ..}` in the sweep",
            )
    for name, parameter in parameters.items():
        where = ("parameters", name)
        if name in fixed:
            yield Mistake(where, "both fixed and searched", "Keep one of the two")
        for other, wanted in parameter.when.items():
            if other not in fixed:
                yield from _condition_misfits((*where, "when"), other, wanted, parameters)


def _condition_misfits(
    where: tuple[str, ...], other: str, wanted: Any, parameters: Mapping[str, Parameter]
) -> Iterator[Mistake]:
    if other not in parameters:
        yield Mistake(where, f"there is no parameter {other}", nearest(other, list(parameters)))
        return
    controller = parameters[other]
    if not isinstance(controller, CategoricalParameter | IntParameter):
        yield Mistake(where, f"{other} is a real number", "Name a choice or a whole number")
        return
    for value in wanted if isinstance(wanted, list) else [wanted]:
        if not controller.takes(value):
            yield Mistake(where, f"{other} is never {value!r}", "Write a value that it takes")


class Space(BaseModel):
    """Which configurations there are.

    Names are dotted keys of a study's configuration (`training.learning_rate`), or whatever the
    columns of a foreign table are called.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fixed: dict[str, Choice | list[Choice]] = {}
    parameters: dict[str, Parameter]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if found := list(misfits(self.fixed, self.parameters)):
            raise all_of(found)
        _ = self.order
        return self

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The parameters, each after those that it depends on.

        Raises:
            ValueError: conditions depend on one another.
        """
        placed: list[str] = []
        left = list(self.parameters)
        while left:
            ready = [
                name
                for name in left
                if all(o in placed or o in self.fixed for o in self.parameters[name].when)
            ]
            if not ready:
                raise ValueError(
                    f"conditions of {', '.join(left)} form a cyclic dependency; take one out"
                )
            placed += ready
            left = [name for name in left if name not in ready]
        return tuple(placed)

    def active(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the parameters that exist in a configuration, in order.

        Args:
            values: a configuration, or the values of more parameters than exist in it.
        """
        known: dict[str, Any] = dict(self.fixed)
        active: list[str] = []
        for name in self.order:
            if self.parameters[name].met(known):
                active.append(name)
                if name in values:
                    known[name] = values[name]
        return tuple(active)

    def configuration(self, values: Mapping[str, Any]) -> Configuration:
        """Return the fixed values, and of `values` those that exist under the conditions."""
        active = self.active(values)
        return {**self.fixed, **{name: values[name] for name in active if name in values}}

    @property
    def digest(self) -> str:
        """Sixteen hex digits that name the space."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def has_direction(parameter: Any) -> bool:
    """Return whether a larger value means something."""
    if isinstance(parameter, CategoricalParameter):
        return parameter.ordered
    return isinstance(parameter, FloatParameter | IntParameter)
