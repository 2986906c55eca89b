"""A space of configurations: parameters, conditions between them, and what is fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from latentlab.runs.seed_names import is_seed
from latentlab.search.parameters import (
    CategoricalParameter,
    Choice,
    FloatParameter,
    IntParameter,
    Parameter,
    Scalar,
    same,
)

Configuration = dict[str, Scalar]
"""Values by parameter: the fixed ones and those that exist under the space's conditions."""


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
        for name in (*self.parameters, *self.fixed):
            if is_seed(name):
                raise ValueError(
                    f"{name}: a seed is a blocking factor, not a parameter to be searched; take it "
                    "out and say `seeds: {first: .., count: ..}` in the sweep"
                )
        for name, parameter in self.parameters.items():
            if name in self.fixed:
                raise ValueError(f"{name}: both fixed and searched; keep one of the two")
            for other, wanted in parameter.when.items():
                self._check_condition(name, other, wanted)
        _ = self.order
        return self

    def _check_condition(self, name: str, other: str, wanted: Any) -> None:
        if other in self.fixed:
            return
        if other not in self.parameters:
            raise ValueError(f"{name}.when: there is no parameter {other}; name one that there is")
        controller = self.parameters[other]
        if not isinstance(controller, CategoricalParameter | IntParameter):
            raise ValueError(
                f"{name}.when: {other} is a real number; name a choice or a whole number"
            )
        known = controller.grid()
        for one in wanted if isinstance(wanted, list) else [wanted]:
            if not any(same(one, choice) for choice in known):
                raise ValueError(
                    f"{name}.when: {other} is never {one!r}; write a value that it takes"
                )

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
        """The parameters that exist in a configuration, in order.

        Args:
            values: a configuration, or the values of more parameters than exist in it.
        """
        known: dict[str, Any] = dict(self.fixed)
        found: list[str] = []
        for name in self.order:
            if self.parameters[name].met(known):
                found.append(name)
                if name in values:
                    known[name] = values[name]
        return tuple(found)

    def configuration(self, values: Mapping[str, Any]) -> Configuration:
        """The fixed values, and of `values` those that exist under the conditions."""
        active = self.active(values)
        return {**self.fixed, **{name: values[name] for name in active if name in values}}

    @property
    def digest(self) -> str:
        """Sixteen hex digits that name the space."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def has_direction(parameter: Any) -> bool:
    """Whether a larger value means something."""
    if isinstance(parameter, CategoricalParameter):
        return parameter.ordered
    return isinstance(parameter, FloatParameter | IntParameter)
