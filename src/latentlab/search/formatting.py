"""Values, ranges and lists of a sweep as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latentlab.search.parameters import CategoricalParameter, Parameter


def format_value(value: Any) -> str:
    """Write a value as YAML does, numbers with four digits at most.

    Example:
        >>> format_value(0.123456), format_value(None), format_value(True), format_value("cnn")
        ('0.1235', 'null', 'true', 'cnn')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def format_range(parameter: Parameter) -> str:
    """Write a range or choices in a few characters."""
    if isinstance(parameter, CategoricalParameter):
        return "{" + ", ".join(format_value(choice) for choice in parameter.choices) + "}"
    scale = ", log" if parameter.log else ""
    return f"[{parameter.low:.4g}, {parameter.high:.4g}]{scale}"


def format_list(names: Sequence[str], most: int = 8) -> str:
    """Write names for a sentence; where there are many, the first and how many more."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
