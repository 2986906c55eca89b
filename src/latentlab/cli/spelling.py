"""Messages about settings in the words of a command: its options instead of keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from latentlab.core.errors import UserError

_KEY = re.compile(r"evidence\.(\w+)(?:=('[^']*'|\S*[^\s,.;:?)]))?")


@contextmanager
def in_options(names: Collection[str]) -> Iterator[None]:
    """Tell a mistake of the block `evidence` with the options of a command, where it has them.

    Args:
        names: of the command's parameters.
    """
    try:
        yield
    except UserError as error:
        raise UserError(as_options(error.what, names), as_options(error.remedy, names)) from error


def as_options(text: str, names: Collection[str]) -> str:
    """Return a message with options instead of keys.

    >>> as_options("Say evidence.metric=accuracy, for example.", {"metric"})
    'Say --metric accuracy, for example.'
    """

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        if name not in names:
            return found[0]
        flag = f"--{name.replace('_', '-')}"
        return flag if value is None else f"{flag} {value}"

    return _KEY.sub(option, text)
