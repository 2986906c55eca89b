"""Whether arms differ only in what a hypothesis says they may differ in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

# Part of a dotted key that names a blocking factor, not a setting.
_SEED_KEYS = {"seed", "seeds"}
_ABSENT = "<absent>"


def flatten(config: Mapping[str, Any] | str, prefix: str = "") -> dict[str, Any]:
    """Return dotted key -> value of a nested configuration, or of its JSON text.

    Lists and empty blocks are values. Tables that went through a Parquet file carry the text,
    because Parquet gives the rows of a nested column the union of all keys.

    Example:
        >>> flatten({"model": {"depth": 2}, "seed": 1})
        {'model.depth': 2, 'seed': 1}
    """
    nested: Mapping[str, Any] = json.loads(config) if isinstance(config, str) else config
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def distinct(configs: Iterable[Mapping[str, Any] | str]) -> list[Mapping[str, Any] | str]:
    """Return one of each of the configurations that have the same JSON text, in order.

    All seeds of an arm have the same: what is then done to each is done to a few.

    Example:
        >>> distinct([{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1.0, "b": 2}])
        [{'b': 2, 'a': 1}, {'a': 1.0, 'b': 2}]
    """
    texts = {config if isinstance(config, str) else _text(config): config for config in configs}
    return list(texts.values())


def differing_keys(configs: Iterable[Mapping[str, Any] | str], allowed: Iterable[str]) -> list[str]:
    """Return the dotted keys whose values differ between configurations, seeds apart.

    Args:
        configs: nested configurations.
        allowed: keys, or parents of keys, that may differ.

    Returns:
        The other keys that differ, sorted. A key that only some have differs.

    Example:
        >>> one, other = {"a": 1, "b": {"c": 1}, "seed": 1}, {"a": 1.0, "b": {"c": 2}, "seed": 2}
        >>> differing_keys([one, other], [])
        ['b.c']
        >>> differing_keys([one, other], ["b"])
        []
    """
    flat = [flatten(config) for config in distinct(configs)]
    allowed = tuple(allowed)
    keys = {key for config in flat for key in config}
    return sorted(
        key
        for key in keys
        if _SEED_KEYS.isdisjoint(key.split("."))
        and not any(key == parent or key.startswith(f"{parent}.") for parent in allowed)
        and len({_canonical(config.get(key, _ABSENT)) for config in flat}) > 1
    )


def _canonical(value: Any) -> str:
    """One text per value: 1 and 1.0 are the same setting, True and 1 are not."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
