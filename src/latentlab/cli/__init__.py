"""The project's command line: Kedro's own, with what a user can mend told in one line.

`latentlab` has the project's commands alone, `kedro` has Kedro's others beside them. What takes
seconds to import is imported by what is called, so that Ctrl-C ends these seconds in one line too.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import TracebackType
from typing import Any

from latentlab.cli.ending import in_a_line, say


def tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """End a command with one line where a user can mend or wanted the end, else a traceback."""
    if isinstance(error, KeyboardInterrupt):
        say(str(error) or "Stopped by Ctrl-C")
        return
    import logging

    from latentlab.core.faults import explained

    told = explained(error)
    if told is None:
        _with_traceback(kind, error, traceback)
        return
    # What is logged as the process ends would stand below the line.
    logging.shutdown()
    say(f"Error: {told}")


def main() -> None:
    """Run a command of the project that the present folder lies in.

    Raises:
        UserError: it lies in none.
    """
    with in_a_line():
        import_module("latentlab.cli.commands").main()


def __getattr__(name: str) -> Any:
    """Return a command, or the group of all, `cli`, which Kedro asks for."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(import_module("latentlab.cli.commands"), name)


_with_traceback = sys.excepthook
# Kedro has no place for errors of all its commands (run, catalog, viz, ..); Python has this one.
sys.excepthook = tell
