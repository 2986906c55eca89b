"""What a setting is called in messages: its key, or the option of the command that was given."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OPTIONS: ContextVar[frozenset[str]] = ContextVar("options", default=frozenset())


@contextmanager
def in_options(names: Collection[str]) -> Iterator[None]:
    """Call the settings of the block `evidence` by the options of a command, where it has them.

    Args:
        names: of the command's parameters.
    """
    before = _OPTIONS.set(frozenset(names))
    try:
        yield
    finally:
        _OPTIONS.reset(before)


def setting(key: str, value: str | None = None, block: str = "evidence") -> str:
    """Return a setting as a shell takes it on a command line.

    Args:
        key: in its block.
        value: of it; none: the setting itself is meant.
        block: of the configuration.

    >>> setting("control", "big model")
    "evidence.control='big model'"
    >>> with in_options({"control"}):
    ...     setting("control", "big model")
    "--control 'big model'"
    """
    if block == "evidence" and key in _OPTIONS.get():
        name, between = f"--{key.replace('_', '-')}", " "
    else:
        name, between = f"{block}.{key}", "="
    return name if value is None else f"{name}{between}{shlex.quote(value)}"
