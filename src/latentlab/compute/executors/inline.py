"""Runs jobs in this process, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from latentlab.compute.executors.job import Executor, Job, Order, Report


class Inline(Executor):
    """This process as its own worker.

    Args:
        folder: for notes on jobs; none: nothing is written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is held."""

    def __len__(self) -> int:
        """One."""
        return 1

    def run(
        self, function: Job, payloads: Mapping[str, Any], report: Report, leave: bool = False
    ) -> list[Any]:
        """Run jobs one after the other; as `Executor.run`."""
        return [
            Order(name, function, payload, self._folder).carry_out(report)
            for name, payload in payloads.items()
        ]
