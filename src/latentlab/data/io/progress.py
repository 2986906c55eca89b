"""Progress of long readings: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

logger = logging.getLogger(__name__)


@contextmanager
def progress(
    description: str, total: int | None, done: int = 0, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show how far a loop has come.

    Args:
        description: what is being done.
        total: steps or bytes in all; None when unknown.
        done: steps that an earlier run has done.
        in_bytes: count bytes (shown as MB) and not steps.

    Yields:
        A function to call with the number of further steps.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _log_tenths(description, total, done)
        return
    count = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=total, completed=done)
        yield lambda steps: bar.advance(task, steps)


def _log_tenths(description: str, total: int | None, done: int) -> Callable[[int], None]:
    """A counter that logs one line for every tenth of `total`."""
    count = done

    def advance(steps: int) -> None:
        nonlocal count
        before, count = count, count + steps
        if total and 10 * before // total < 10 * count // total:
            logger.info("%s: %d%%", description, 100 * count // total)

    return advance
