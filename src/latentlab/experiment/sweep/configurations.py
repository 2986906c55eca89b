"""Configurations of a study that a sweep may ask for: the default with some values changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.core.errors import UserError, noting
from latentlab.core.validation import validate
from latentlab.experiment.blocks import merged
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.search.parameters import CategoricalParameter, Parameter, Scalar
from latentlab.search.sampling import values_at
from latentlab.search.space import Space
from latentlab.training.config import TrialConfig


def resolve(
    study: Study, declaration: Declaration, configuration: Mapping[str, Any]
) -> TrialConfig:
    """Return the control arm's configuration with some values changed, by dotted key.

    Raises:
        UserError: a key does not exist, or a value is out of range.
    """
    block: dict[str, Any] = {}
    for name, value in configuration.items():
        *outer, last = name.split(".")
        inner = block
        if any(".".join(outer[: length + 1]) in configuration for length in range(len(outer))):
            # What a program takes as `optimizer` beside `optimizer.lr` is no block.
            block[name] = value
            continue
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return validate(
        declaration.config_class, merged(default_block(study, declaration), block), where=""
    )


def default_block(study: Study, declaration: Declaration) -> dict[str, Any]:
    """Return the control arm's configuration, which a sweep changes."""
    control = declaration.configs[declaration.control(study.control)]
    return control.model_dump(mode="json")


@dataclass(frozen=True)
class Extremes:
    """The configuration in the middle of a space, and those at the ends of each parameter.

    Attributes:
        configs: those that can be built, by the value that is not in the middle (`depth 6`); the
            middle's name is empty.
        mistakes: of those that cannot. The ends are looked at where the middle can be built.
    """

    configs: Mapping[str, TrialConfig]
    mistakes: list[UserError]


def extremes(space: Space, config: Callable[[Mapping[str, Any]], TrialConfig]) -> Extremes:
    """Return the configurations at the ends of a space.

    Args:
        space: what is searched.
        config: builds a configuration from its values.
    """
    found: dict[str, TrialConfig] = {}
    mistakes: list[UserError] = []
    middle = values_at(space, [0.5] * len(space.parameters))
    with noting(mistakes):
        found[""] = config(space.configuration(middle))
    if mistakes:
        return Extremes(found, mistakes)
    for name, parameter in space.parameters.items():
        met = {
            controller: wanted[0] if isinstance(wanted, list) else wanted
            for controller, wanted in parameter.when.items()
        }
        for value in _ends(parameter):
            with noting(mistakes):
                values = {**middle, **met, name: value}
                found[f"{name} {value}"] = config(space.configuration(values))
    once = {str(mistake): mistake for mistake in mistakes}
    return Extremes(found, list(once.values()))


def _ends(parameter: Parameter) -> tuple[Scalar, ...]:
    if isinstance(parameter, CategoricalParameter):
        return parameter.choices
    return parameter.low, parameter.high
