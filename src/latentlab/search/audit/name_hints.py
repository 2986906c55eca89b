"""Which parameters may exist only under one choice of another, by their names.

A flat sweep file cannot say that `plummet_threshold` means nothing where `pruning_strategy` is
`lognorm`; its name does. Parameters that follow it without such a name may belong to the one choice
that nothing is named after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from latentlab.search.parameters import CategoricalParameter, is_number
from latentlab.search.space import Space

_SHORTEST = 3
"""Letters of a choice below which a name that holds it says nothing."""


@dataclass(frozen=True)
class NameHint:
    """A condition that a file may mean.

    Attributes:
        parameter: that may not exist everywhere.
        controller: the choice that decides.
        choice: of the controller, under which the parameter exists.
        named: whether the parameter's own name says so; else it is by elimination.
    """

    parameter: str
    controller: str
    choice: str
    named: bool

    @property
    def line(self) -> str:
        """What says so in a sweep file, in any of its layouts."""
        return f"{self.parameter} `when: {{{self.controller}: {self.choice}}}`"


def name_hints(space: Space) -> list[NameHint]:
    """Return the conditions that names hint at, of parameters that have none and decide nothing."""
    found: dict[str, NameHint] = {}
    deciding = {other for parameter in space.parameters.values() for other in parameter.when}
    for controller, choices in _controllers(space):
        if controller in found:
            continue
        hints = list(_hints(space, controller, choices))
        for hint in hints + list(_by_elimination(space, controller, choices, hints)):
            if hint.parameter not in deciding:
                deciding.add(controller)
                found.setdefault(hint.parameter, hint)
    return list(found.values())


def with_hints(space: Space, hints: list[NameHint]) -> Space:
    """Return the space in which parameters exist where their names say so."""
    parameters = dict(space.parameters)
    for hint in hints:
        when = {"when": {hint.controller: hint.choice}}
        parameters[hint.parameter] = parameters[hint.parameter].model_copy(update=when)
    return Space(fixed=space.fixed, parameters=parameters)


def _controllers(space: Space) -> Iterator[tuple[str, list[str]]]:
    """Yield parameters that choose between words."""
    for name, parameter in space.parameters.items():
        if isinstance(parameter, CategoricalParameter) and len(parameter.choices) > 1:
            words = [choice for choice in parameter.choices if isinstance(choice, str)]
            if len(words) == len(parameter.choices):
                yield name, words


def _hints(space: Space, controller: str, choices: list[str]) -> Iterator[NameHint]:
    """Yield the parameters whose names begin or end with a choice."""
    for name, parameter in space.parameters.items():
        if name == controller or parameter.when:
            continue
        words = _words(name.rpartition(".")[2])
        for choice in choices:
            said = _words(choice)
            n = len(said)
            if len(choice) >= _SHORTEST and len(words) > n and said in (words[:n], words[-n:]):
                yield NameHint(name, controller, choice, named=True)
                break


def _by_elimination(
    space: Space, controller: str, choices: list[str], hints: list[NameHint]
) -> Iterator[NameHint]:
    """Yield numbers among those right after the controller, for the one choice without a name."""
    claimed = {hint.choice for hint in hints}
    left = [choice for choice in choices if choice not in claimed]
    if not hints or len(left) != 1:
        return
    named = {hint.parameter for hint in hints}
    names = list(space.parameters)
    following = list(takewhile(lambda name: _numeric(space, name), _after(names, controller)))
    if not named <= set(following):
        return
    for name in following:
        if name not in named and not space.parameters[name].when:
            yield NameHint(name, controller, left[0], named=False)


def _after(names: list[str], name: str) -> list[str]:
    return names[names.index(name) + 1 :]


def _numeric(space: Space, name: str) -> bool:
    parameter = space.parameters[name]
    if isinstance(parameter, CategoricalParameter):
        return all(is_number(choice) for choice in parameter.choices)
    return True


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
