"""One searched parameter of a W&B sweep: its distribution as a parameter of ours, or a refusal.

The distributions are those of the W&B sweep schema. What our samplers cannot draw exactly is
refused by name, never taken as uniform.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.core.errors import UserError, what_and_remedy
from latentlab.search.parameters import LARGEST, is_number, refuse_huge, refuse_text
from latentlab.search.sweep_files.translation import listed

_KEYS = {
    "constant": {"value"},
    "categorical": {"values"},
    "int_uniform": {"min", "max"},
    "uniform": {"min", "max"},
    "log_uniform": {"min", "max"},
    "log_uniform_values": {"min", "max"},
    "q_uniform": {"min", "max", "q"},
}
"""What each distribution that is taken says of itself."""

_BELL = "Write uniform or log_uniform_values with the min and max that matter"
_REFUSED = {
    "categorical_w_probabilities": "Here all values are equally likely: take the probabilities out",
    "q_log_uniform": "Write `values` with the rounded numbers, or log_uniform",
    "q_log_uniform_values": "Write `values` with the rounded numbers, or log_uniform_values",
    "inv_log_uniform": "It is log_uniform with min: -max and max: -min; write that",
    "inv_log_uniform_values": "It is log_uniform_values with the same min and max; write that",
    "normal": _BELL,
    "q_normal": _BELL,
    "log_normal": _BELL,
    "q_log_normal": _BELL,
    "beta": _BELL,
    "q_beta": _BELL,
}
"""Distributions that are refused, and what to write instead."""

_OURS = {"when"}
"""Our own key for a parameter that exists only under a condition; W&B has no word for it."""

_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
"""A number that YAML 1.1 reads as text, because it has an exponent and no point."""

_TOLERANCE = 1e-9
"""Rounding of a multiple of q, in units of q."""


@dataclass(frozen=True)
class ConvertedParameter:
    """A parameter in our words.

    Attributes:
        parameter: a block of `parameters`; none where the value is fixed.
        value: the fixed value.
        warning: what differs from W&B, or nothing.
    """

    parameter: dict[str, Any] | None
    value: Any = None
    warning: str = ""


def converted(entry: Mapping[str, Any], where: str) -> ConvertedParameter:
    """Return a W&B parameter in our words.

    Args:
        entry: its block.
        where: the key, for messages.

    Raises:
        UserError: it is refused, or wrong.
    """
    entry = {key: _with_numbers(value) for key, value in entry.items()}
    distribution = distribution_of(entry, where)
    surplus = set(entry) - _KEYS[distribution] - _OURS - {"distribution"}
    if surplus:
        raise UserError(
            f"{where}: {listed(surplus)} does not belong to {distribution}", "Take it out"
        )
    lacking = sorted(_KEYS[distribution] - set(entry) - {"q"})
    if lacking:
        raise UserError(f"{where}: {distribution} without {lacking[0]}", f"Add {lacking[0]}")
    when = {"when": entry["when"]} if "when" in entry else {}
    if distribution == "constant":
        if when:
            raise UserError(f"{where}: a fixed value has no `when`", "Take it out, or use `values`")
        return ConvertedParameter(None, _constant(entry["value"], where))
    if distribution == "categorical":
        return _categorical(entry["values"], when, where)
    low, high = _number(entry, "min", where), _number(entry, "max", where)
    if not low < high:
        raise UserError(
            f"{where}: min {low:g} must be below max {high:g}", "Correct it; one value is `value`"
        )
    if distribution == "q_uniform":
        return _rounded(low, high, entry, when, where)
    if distribution == "log_uniform":
        return _exponents(low, high, when, where)
    if distribution == "int_uniform":
        if not (isinstance(low, int) and isinstance(high, int)):
            raise UserError(
                f"{where}: int_uniform from {low} to {high}", "Write whole numbers without a point"
            )
        return ConvertedParameter({"type": "int", "low": low, "high": high, **when})
    log = distribution == "log_uniform_values"
    if log and low <= 0:
        raise UserError(
            f"{where}: min {low:g} must be above 0 for log_uniform_values",
            "Raise it, or use uniform",
        )
    scale = {"log": True} if log else {}
    return ConvertedParameter({"type": "float", "low": low, "high": high, **scale, **when})


def distribution_of(entry: Mapping[str, Any], where: str) -> str:
    """Return the distribution that an entry names, or that its keys imply.

    Raises:
        UserError: it is refused, unknown, or not implied by anything.
    """
    named = entry.get("distribution")
    if "probabilities" in entry:
        named = "categorical_w_probabilities"
    if named is not None:
        if str(named) in _REFUSED:
            raise UserError(f"{where}: distribution {named} is not supported", _REFUSED[str(named)])
        if str(named) not in _KEYS:
            raise UserError(
                f"{where}: W&B has no distribution '{named}'", f"Use one of {', '.join(_KEYS)}"
            )
        return str(named)
    if "value" in entry:
        return "constant"
    if "values" in entry:
        return "categorical"
    if {"min", "max"} <= set(entry):
        whole = isinstance(entry["min"], int) and isinstance(entry["max"], int)
        return "int_uniform" if whole else "uniform"
    raise UserError(
        f"{where}: it says neither value, nor values, nor min and max", "Add one of these"
    )


def _with_numbers(value: Any) -> Any:
    """Return a value, or a list's values, with `1e-5` as the number that its author meant.

    YAML 1.1 reads it as text, which W&B hands to the script, and the script reads the number.
    """
    if isinstance(value, list):
        return [_with_numbers(one) for one in value]
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _constant(value: Any, where: str) -> Any:
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, list | Mapping) for part in parts):
        raise UserError(
            f"{where}: a value that is nested cannot be fixed", "Name its parts as own parameters"
        )
    return value


def _categorical(values: Any, when: Mapping[str, Any], where: str) -> ConvertedParameter:
    if not isinstance(values, list) or not values:
        raise UserError(f"{where}: values must be a list of at least one", "Write [a, b, c]")
    if any(isinstance(value, list | Mapping) for value in values):
        raise UserError(
            f"{where}: values that are lists or nested cannot be searched",
            "Name their parts as own parameters, or choices by a word",
        )
    if all(is_number(value) for value in values) and len(values) > 1:
        # The order of choices means nothing to W&B; for numbers it does to an analysis.
        numbers = {"choices": sorted(values), "ordered": True}
        return ConvertedParameter({"type": "categorical", **numbers, **when})
    return ConvertedParameter({"type": "categorical", "choices": values, **when})


def _rounded(
    low: float, high: float, entry: Mapping[str, Any], when: Mapping[str, Any], where: str
) -> ConvertedParameter:
    """W&B draws uniformly from [min, max] and rounds to multiples of q."""
    q = _number(entry, "q", where) if "q" in entry else 1.0
    if q <= 0:
        raise UserError(f"{where}: q {q:g} must be above 0", "Correct it")
    steps = [low / q, high / q]
    if max(map(abs, steps)) > LARGEST:
        raise UserError(f"{where}: q {q:g} is too small for {low:g} to {high:g}", "Raise it")
    if any(abs(step - round(step)) > _TOLERANCE * max(1.0, abs(step)) for step in steps):
        raise UserError(
            f"{where}: q_uniform from {low:g} to {high:g} rounds to multiples of {q:g}, and beyond "
            "its ends",
            f"Write min: {math.ceil(steps[0]) * q:g} and max: {math.floor(steps[1]) * q:g}",
        )
    kind = "int" if isinstance(q, int) else "float"
    ends = [round(step) * q for step in steps]
    return ConvertedParameter(
        {"type": kind, "low": ends[0], "high": ends[1], "step": q, **when},
        warning=f"{where}: q_uniform draws its two end values half as often in "
        "W&B; here all values are equally likely",
    )


def _exponents(low: float, high: float, when: Mapping[str, Any], where: str) -> ConvertedParameter:
    """The bounds of log_uniform are natural logarithms."""
    try:
        ends = math.exp(low), math.exp(high)
    except OverflowError:
        ends = 0.0, math.inf
    if not 0 < ends[0] < ends[1] < math.inf:
        raise UserError(
            f"{where}: log_uniform takes natural logarithms, and exp({low:g}) to exp({high:g}) is "
            "no range",
            "Write log_uniform_values with the values themselves",
        )
    return ConvertedParameter(
        {"type": "float", "low": ends[0], "high": ends[1], "log": True, **when},
        warning=f"{where}: the bounds of log_uniform are natural logarithms; "
        f"{ends[0]:.3g} to {ends[1]:.3g} is searched (log_uniform_values takes the values)",
    )


def _number(entry: Mapping[str, Any], key: str, where: str) -> int | float:
    try:
        value = refuse_huge(refuse_text(entry[key]))
    except ValueError as error:
        what, remedy = what_and_remedy(str(error))
        raise UserError(f"{where}.{key}: {what}", remedy) from error
    if not is_number(value) or not math.isfinite(value):
        raise UserError(f"{where}.{key}: {value!r} is no finite number", "Write a number")
    return value
