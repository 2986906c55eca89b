"""How a command ends early: in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from latentlab.core.stopping import BrokenOff, stopped_by_signals


@contextmanager
def in_a_line() -> Iterator[None]:
    """End the process in one line, with the status that shells give it, where a signal stops it."""
    try:
        with stopped_by_signals():
            yield
    except BrokenOff as end:
        say(end)
        sys.exit(end.status)


def say(what: object) -> None:
    """Say in red, on a terminal, why a command ends."""
    import click

    click.secho(f"{what}", fg="red", err=True)
