"""The command line of scripts that try many named cases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def command_line(names: Iterable[str], main: Callable[[list[str]], int]) -> None:
    """List the cases, or run those that the command line names, and end with a status."""
    if sys.argv[1:] == ["--list"]:
        say("\n".join(names))
    else:
        sys.exit(main(sys.argv[1:]))
