"""Parameters of a sweep that some of its configurations do not read.

A flat file crosses each parameter with all others, also with values under which it changes nothing:
the thresholds of one strategy with all percentiles of another. A grid then trains the same
configuration many times under other names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from latentlab.core.errors import UserError
from latentlab.experiment.declaration import Conditions
from latentlab.search.grid import count
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.search.parameters import CategoricalParameter, Parameter, Scalar, same
from latentlab.search.settings import SweepSettings
from latentlab.search.space import Space


@dataclass(frozen=True)
class _Condition:
    """A parameter that is read only where another has one of some values; by none where empty."""

    name: str
    other: str
    values: tuple[Scalar, ...]

    @property
    def when(self) -> dict[str, Any]:
        """What to write under the parameter."""
        return {self.other: self.values[0] if len(self.values) == 1 else list(self.values)}


def unread(
    settings: SweepSettings,
    conditions: Conditions,
    aliases: Mapping[str, ParameterAlias],
    default: Mapping[str, Any],
) -> UserError | None:
    """Return what a sweep crosses in vain, with the conditions that are to be written.

    Args:
        settings: of the sweep, in the names of its file.
        conditions: of the study.
        aliases: what short names mean.
        default: values of the default configuration, by dotted key.

    Returns:
        A mistake where it is a grid; a warning where it is not.
    """
    meant = {
        name: aliases.get(name, ParameterAlias(name))
        for name in (*settings.fixed, *settings.parameters)
    }
    found = list(_conditions(settings, conditions, meant, default))
    if not found:
        return None
    where = "; ".join(f"{one.name} {_told(one)}" for one in found)
    lines = [f"{one.name} `when: {_flow(one.when)}`" for one in found if one.values]
    idle = [one.name for one in found if not one.values]
    remedies = [f"add to {', to '.join(lines)}"] * bool(lines)
    remedies += [f"take out {', '.join(idle)}"] * bool(idle)
    remedy = "; ".join(remedies)
    if settings.method == "grid":
        seeds = len(settings.seeds.numbers())
        trials, different = count(settings.space) * seeds, count(_without(settings, found)) * seeds
        where = f"{trials:,} trials, of which {different:,} differ: {where}"
    return UserError(where, f"{remedy[0].upper()}{remedy[1:]}")


def _conditions(
    settings: SweepSettings,
    conditions: Conditions,
    meant: Mapping[str, ParameterAlias],
    default: Mapping[str, Any],
) -> Iterator[_Condition]:
    names = {alias.key: name for name, alias in meant.items()}
    for name, parameter in settings.parameters.items():
        for controller, read in _of(meant[name].key, conditions):
            other = names.get(controller, controller)
            taken = _taken(other, parameter, settings, default.get(controller))
            alias = meant.get(other, ParameterAlias(controller))
            wanted = [v for v in taken if any(same(alias.value(v), one) for one in read)]
            if len(wanted) < len(taken):
                searched = other in settings.parameters
                yield _Condition(name, other, tuple(wanted) if searched else ())


def _of(key: str, conditions: Conditions) -> Iterator[tuple[str, tuple[Scalar, ...]]]:
    """Conditions of a setting and of the blocks in which it stands."""
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        yield from conditions.get(".".join(parts[:length]), {}).items()


def _taken(other: str, parameter: Parameter, settings: SweepSettings, default: Any) -> list[Scalar]:
    """Values that another parameter has where this one exists."""
    if other in parameter.when:
        wanted = parameter.when[other]
        return wanted if isinstance(wanted, list) else [wanted]
    controller = settings.parameters.get(other)
    if controller is None:
        return [settings.fixed.get(other, default)]
    return list(controller.choices) if isinstance(controller, CategoricalParameter) else []


def _told(one: _Condition) -> str:
    if not one.values:
        return f"is read under no value that {one.other} has here"
    return f"is read only where {one.other} is {' or '.join(map(str, one.values))}"


def _without(settings: SweepSettings, found: list[_Condition]) -> Space:
    """The space with the conditions that are missing."""
    parameters = dict(settings.parameters)
    for one in found:
        if not one.values:
            parameters.pop(one.name, None)
        elif one.name in parameters:
            parameter = parameters[one.name]
            when = {**parameter.when, **one.when}
            parameters[one.name] = parameter.model_copy(update={"when": when})
    return Space(fixed=settings.fixed, parameters=parameters)


def _flow(value: Any) -> str:
    """YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
