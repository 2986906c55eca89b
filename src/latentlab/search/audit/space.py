"""Warnings about a sweep that has not run: what is crossed in vain, unequal, too few, too early."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.reporting.formatting import plural
from latentlab.runs.audit.findings import Finding
from latentlab.search.audit.name_hints import NameHint, name_hints, with_hints
from latentlab.search.formatting import format_list, format_value
from latentlab.search.grid import count
from latentlab.search.parameters import CategoricalParameter, is_number
from latentlab.search.settings import SweepSettings
from latentlab.search.space import Space
from latentlab.search.sweep_files.wandb_early_stopping import later_bands

_UNEQUAL = 2
"""A choice with so many times the configurations of another has another budget."""
_ALPHA = 0.05
_MOST_ARMS = 4
"""Isolating arms that are proposed, each a training of its own."""
_START = re.compile(
    r"(^|[._-])(start|begin|delay|warm_?up)([._-]|$)|[a-z][._-]epoch$", re.IGNORECASE
)
"""Names of the epoch at which something begins; `epochs` is how long a training is."""


@dataclass(frozen=True)
class Size:
    """How much a sweep trains.

    Attributes:
        configurations: how many are asked for; none where only time ends it.
        seeds: on which each is trained.
    """

    configurations: int | None
    seeds: int

    @property
    def runs(self) -> int | None:
        """Configurations times seeds."""
        return None if self.configurations is None else self.configurations * self.seeds


def size_of(settings: SweepSettings, seeds: int) -> Size:
    """Return how much a sweep trains.

    Args:
        settings: of the sweep.
        seeds: on which each configuration is trained.
    """
    if settings.method == "grid" and settings.configurations is None:
        return Size(count(settings.space), seeds)
    return Size(settings.configurations, seeds)


def crossing_findings(settings: SweepSettings, size: Size) -> list[Finding]:
    """D17: parameters that are crossed with choices under which they may not exist."""
    space = settings.space
    hints = name_hints(space)
    if not hints:
        return []
    named = [hint for hint in hints if hint.named]
    others = [hint for hint in hints if not hint.named]
    text = f"By {'its name' if len(named) == 1 else 'their names'}, {_told(named)}"
    if settings.method == "grid":
        text = f"{_counted(count(space), size.seeds)} are crossed. {text}: then only " + _counted(
            count(with_hints(space, named)), size.seeds, " differ"
        )
        if others:
            text += (
                f". If {_told(others)} too, since nothing is named after "
                f"{others[0].choice}, only "
                + _counted(count(with_hints(space, hints)), size.seeds, " differ")
            )
    elif others:
        text += f"; then perhaps {_told(others)} too"
    text += "."
    remedy = f"If so, add to {', to '.join(hint.line for hint in hints)}"
    about = ", ".join(hint.parameter for hint in hints)
    return [Finding("D17", "warning", text, about, remedy=remedy)]


def unequal_findings(settings: SweepSettings) -> list[Finding]:
    """D06: choices of a grid that have more configurations than others, as the file or names say.

    The best of more tries is higher by chance.
    """
    if settings.method != "grid":
        return []
    space = with_hints(settings.space, name_hints(settings.space))
    deciding = {name for parameter in space.parameters.values() for name in parameter.when}
    found = []
    for name, parameter in space.parameters.items():
        if name not in deciding or not isinstance(parameter, CategoricalParameter):
            continue
        cells = {choice: _cells(space, name, choice) for choice in parameter.choices}
        if max(cells.values()) < _UNEQUAL * min(cells.values()):
            continue
        each = ", ".join(f"{format_value(one)} {cells[one]:,}" for one in cells)
        text = (
            f"{name}: {each} configurations by choice. The best of more tries is higher by chance, "
            "so that bests cannot be compared."
        )
        remedy = "Compare means, or the best of equally many; the report of the sweep has both"
        found.append(Finding("D06", "warning", text, name, remedy=remedy))
    return found


def attainable_findings(settings: SweepSettings, size: Size) -> list[Finding]:
    """D02: two configurations on so few seeds that no exact test could tell them apart."""
    smallest = 2.0 ** (1 - size.seeds)
    if size.configurations != 2 or smallest <= _ALPHA:
        return []
    text = (
        f"Two configurations on {plural(size.seeds, 'seed')}: the smallest two-sided p of an exact "
        f"paired test is {smallest:g}, so that it cannot reach {_ALPHA:g} whatever "
        "comes out."
    )
    about = ", ".join(settings.parameters)
    return [Finding("D02", "error", text, about, remedy="Train both on at least 6 seeds")]


def early_findings(
    settings: SweepSettings, bands: Mapping[str, Any] | None = None
) -> list[Finding]:
    """D26: early stopping that judges before what a name says begins later.

    Args:
        settings: of the sweep.
        bands: `early_terminate` of a W&B file, in whose words the remedy is said.
    """
    halving = settings.halving
    if halving is None:
        return []
    first = halving.earliest
    found = []
    for name, low, high in _starts(settings):
        if high <= first:
            continue
        at = format_value(low) if low == high else f"{format_value(low)} to {format_value(high)}"
        text = (
            f"Runs are stopped from epoch {first} on, but {name} is {at}: "
            f"{'all' if low >= first else 'some'} are judged before what begins there."
        )
        remedy = f"Let the first rung lie after epoch {format_value(high)}, or stop nothing early"
        if bands is not None:
            remedy = later_bands(bands, high)
        found.append(Finding("D26", "warning", text, name, remedy=remedy))
    return found


def bundle_findings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Finding]:
    """D29: several settings that change at once, so that a difference is due to none of them.

    Args:
        before: values by setting.
        after: likewise; settings that only one of the two has count as changed.
    """
    names = [
        name
        for name in {**before, **after}
        if (name in before) != (name in after) or before[name] != after[name]
    ]
    if len(names) < 2:
        return []
    changes = format_list([f"{n} {_of(before, n)} -> {_of(after, n)}" for n in names])
    arms = "; ".join(
        f"all but {name}, which stays {_of(before, name)}" for name in names[:_MOST_ARMS]
    )
    text = (
        f"{len(names)} settings change at once: {changes}. A difference in outcome belongs to "
        "their bundle, not to any of them."
    )
    remedy = f"Run beside it, on the same seeds, arms with {arms}"
    return [Finding("D29", "warning", text, ", ".join(names), remedy=remedy)]


def _of(values: Mapping[str, Any], name: str) -> str:
    return format_value(values[name]) if name in values else "(unset)"


def _starts(settings: SweepSettings) -> Iterator[tuple[str, float, float]]:
    """Yield settings whose name says that something begins then, with their range."""
    for name, value in settings.fixed.items():
        if _START.search(name) and is_number(value):
            yield name, value, value
    for name, parameter in settings.parameters.items():
        if not _START.search(name):
            continue
        if not isinstance(parameter, CategoricalParameter):
            yield name, parameter.low, parameter.high
        elif numbers := [choice for choice in parameter.choices if is_number(choice)]:
            yield name, min(numbers), max(numbers)


def _cells(space: Space, name: str, choice: Any) -> int:
    """Configurations of a grid with one choice."""
    others = {key: one for key, one in space.parameters.items() if key != name}
    return count(Space(fixed={**space.fixed, name: choice}, parameters=others))


def _counted(configurations: int, seeds: int, verb: str = "") -> str:
    runs = f"{configurations * seeds:,} runs{verb}"
    return f"{runs} ({configurations:,} configurations on {plural(seeds, 'seed')})"


def _told(hints: list[NameHint]) -> str:
    groups: dict[tuple[str, str], list[str]] = {}
    for hint in hints:
        groups.setdefault((hint.controller, hint.choice), []).append(hint.parameter)
    return "; ".join(
        f"{' and '.join(names)} exist{'s' if len(names) == 1 else ''} only where {controller} is "
        f"{choice}"
        for (controller, choice), names in groups.items()
    )
