"""File names for what a file, a person or another program has named."""

from __future__ import annotations

import re
from collections.abc import Collection

LONGEST = 80
"""Characters of a name: with an ending and a folder's number it fits every file system."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def file_name(text: str, taken: Collection[str] = ()) -> str:
    """Return a name without ending for a column, study, arm, metric, task, category or picture.

    Everything but the letters a to z, digits, `-`, `_` and `.` becomes a hyphen, so that no name
    leaves the folder it is written to; what is shown to people stays the true name.

    Args:
        text: the true name, of any length and content.
        taken: names that are in use; upper and lower case are the same name, as on many disks.

    Returns:
        A name of 1 to 80 characters that begins with a letter, digit or `_` and is not `taken`.

    >>> file_name("../../escaped/a")
    'escaped-a'
    >>> file_name("beta=4", taken=["beta-4"])
    'beta-4-2'
    """
    base = _UNSAFE.sub("-", text)[:LONGEST].strip("-.") or "unnamed"
    used = {name.casefold() for name in taken}
    name, number = base, 2
    while name.casefold() in used:
        ending = f"-{number}"
        name, number = base[: LONGEST - len(ending)] + ending, number + 1
    return name
