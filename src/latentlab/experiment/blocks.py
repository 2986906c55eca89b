"""Nested blocks of settings: laid over one another, compared, and by dotted key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from latentlab.core.validation import Path


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the leaves of `over` put in, neither changed."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def leaves(block: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a nested block by dotted key."""
    for key, value in block.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def stands(settings: Mapping[str, Any], path: Path) -> bool:
    """Whether a block says something at a path."""
    value: Any = settings
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return value != {}


def differences(block: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of `block` that `base` has otherwise, as a nested block."""
    found: dict[str, Any] = {}
    for key, value in block.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            if inner := differences(value, base[key]):
                found[key] = inner
        elif key not in base or base[key] != value:
            found[key] = value
    return found
