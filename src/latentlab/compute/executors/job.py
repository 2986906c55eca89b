"""Jobs, whose results are whole files under names of their own, and what runs them."""

from __future__ import annotations

import pickle
import traceback
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.compute.executors.notes import noted

Report = Callable[[Any], None]
"""Takes news of a job while it runs: what JSON knows, since news may cross machines in a file."""

Job = Callable[[Any, Report], Any]
"""A module-level function of a picklable payload and a function that tells the driver news."""


@dataclass(frozen=True)
class Order:
    """A job on its way to a worker; picklable.

    Attributes:
        name: of the job.
        function: what is called.
        payload: with what.
        folder: takes a note while the job runs, see `notes`; none: nothing is written.
    """

    name: str
    function: Job
    payload: Any
    folder: Path | None

    def carry_out(self, report: Report) -> Any:
        """Run the job; returns and raises what it does."""
        if self.folder is None:
            return self.function(self.payload, report)
        with noted(self.folder, self.name, report) as told:
            return self.function(self.payload, told)


def portable(error: Exception) -> Exception:
    """Return the error as the driver can receive it, with the worker's traceback as a note."""
    error.add_note(f"In a worker process:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    return error


class Executor(AbstractContextManager["Executor", None]):
    """Runs jobs; its length is the number of its workers.

    As a context it holds its workers. An error that leaves the context ends what still runs.
    """

    @abstractmethod
    def __len__(self) -> int:
        """How many jobs run at once."""

    @abstractmethod
    def run(
        self, function: Job, payloads: Mapping[str, Any], report: Report, leave: bool = False
    ) -> list[Any]:
        """Run jobs; results in the order of the payloads.

        Args:
            function: the job.
            payloads: by the names of the jobs, which are names of files too.
            report: takes the news of all of them. Some may be left out, the last one never.
            leave: end with `Left` rather than wait, where the workers go on without this process.

        Raises:
            UserError: a worker was lost, too often where lost jobs are given to another.
            Left: jobs still wait or run.
            Exception: whatever a job raised.
        """

    def under_way(self, function: Job) -> dict[str, Any]:
        """Return payloads, by name, of jobs that an earlier driver left waiting or running.

        Jobs of other functions, which nobody waits for any more, are ended.

        Raises:
            UserError: one of them has failed since.
        """
        return {}

    def drop(self, names: Collection[str]) -> None:
        """End jobs that are under way and not wanted any more."""
