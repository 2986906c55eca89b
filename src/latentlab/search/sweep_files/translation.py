"""A sweep file in the words of our own layout, with what its reader should know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from latentlab.core.errors import UserError


@dataclass
class Translation:
    """A sweep file as far as it could be put into our words.

    Attributes:
        block: the content of `SweepSettings`; parameters keep the names of the file. A parameter
            that could not be read stands there empty.
        spelled: the file's words for fields of `SweepSettings`, where they differ.
        warnings: what was left out, lifted or taken otherwise.
        of_code: warnings that hold for a study with code of its own, which runs no program.
        mistakes: what could not be read; they name the key, not the file.
    """

    block: dict[str, Any] = field(default_factory=dict)
    spelled: Mapping[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    of_code: list[str] = field(default_factory=list)
    mistakes: list[UserError] = field(default_factory=list)


def listed(keys: Iterable[Any]) -> str:
    """Return keys of a file in order, whatever YAML made of them."""
    return ", ".join(sorted(map(str, keys)))
