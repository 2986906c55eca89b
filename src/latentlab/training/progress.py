"""Tells a person how training goes: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)

from latentlab.core.counting import LINE_SECONDS
from latentlab.core.liveliness import Liveliness
from latentlab.training.loop import Progress

logger = logging.getLogger(__name__)


class ProgressDisplay:
    """One bar per cohort, with trial-steps per second and the time left.

    Args:
        trials: how many trials each cohort has, by the cohort's name.
        console: where to draw; standard error when None.
    """

    def __init__(self, trials: Mapping[str, int], console: Console | None = None) -> None:
        self._trials = trials
        self._console = console or Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]:>7,.0f} trial-steps/s"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal or logging.root.manager.disable >= logging.INFO,
        )
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, tuple[float, int]] = {}
        self._told = time.perf_counter()
        self._latest: dict[str, Progress] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop drawing."""
        self._bars.stop()

    def report(self, news: Progress) -> None:
        """Show news of a cohort."""
        now = time.perf_counter()
        since, first = self._begun.setdefault(news["cohort"], (now, news["steps"]))
        rate = (news["steps"] - first) / (now - since) if now > since else 0.0
        self._latest[news["cohort"]] = news
        if self._console.is_terminal:
            if news["cohort"] not in self._tasks:
                self._tasks[news["cohort"]] = self._bars.add_task(
                    news["text"], total=news["total"], rate=0.0
                )
            Liveliness.heard = time.monotonic()
            self._bars.update(self._tasks[news["cohort"]], completed=news["steps"], rate=rate)
        elif now - self._told >= LINE_SECONDS:
            done = sum(
                self._trials[name] * latest["steps"] / latest["total"]
                for name, latest in self._latest.items()
            )
            trials = sum(self._trials.values())
            logger.info("Training: %.0f %% of %d trials", 100 * done / trials, trials)
            self._told = now
