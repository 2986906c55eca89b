"""What clusters have in common: workers elsewhere, which may be lost, as may the driver.

A lost job is given in again, and goes on from what it has stored. News come by notes in the shared
folder (`notes`), results by the cluster's own way.
"""

from __future__ import annotations

import json
import logging
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.compute.executors.job import Executor, Job, Order, Report, portable
from latentlab.compute.executors.notes import read_note
from latentlab.core.errors import UserError
from latentlab.core.files import write_atomically
from latentlab.core.stopping import Left

logger = logging.getLogger(__name__)

LOSSES = 3
"""How often a job is given in again that was lost."""
LOOKED = 0.5
"""Seconds between two looks at the jobs."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended: with a result or an error; and its last news, None where it told none."""

    result: Any = None
    error: Exception | None = None
    news: Any = None


class Abandoned(Exception):
    """Nobody waits for the job any more."""


def work(order: Order, report: Report, folder: Path) -> Outcome:
    """Carry out an order on a worker. An error is left in a file too: nobody may wait for it.

    Raises:
        Abandoned: `report` did, so that the job ends.
    """
    last: Any = None

    def tell(news: Any) -> None:
        nonlocal last
        last = news
        report(news)

    try:
        return Outcome(order.carry_out(tell), news=last)
    except Abandoned:
        raise
    except Exception as error:
        told = [error.what, error.remedy] if isinstance(error, UserError) else [repr(error), ""]
        write_atomically(_failure(folder, order.name), json.dumps(told).encode())
        return Outcome(error=portable(error), news=last)


class Cluster(Executor):
    """Gives jobs to a cluster, again where they are lost, and collects what became of them.

    Args:
        workers: how many jobs may run at once.
        folder: that driver and workers share, for notes and what else the cluster needs.
    """

    name: str
    """Of the cluster, in messages."""

    def __init__(self, workers: int, folder: Path) -> None:
        self._workers = workers
        self._folder = folder.absolute()

    def __len__(self) -> int:
        """How many jobs run at once."""
        return self._workers

    def run(
        self, function: Job, payloads: Mapping[str, Any], report: Report, leave: bool = False
    ) -> list[Any]:
        """Run jobs; as `Executor.run`. One that is under way by its name is waited for."""
        orders = {n: Order(n, function, one, self._folder) for n, one in payloads.items()}
        self.submit([order for name, order in orders.items() if not self.has(name)], leave)
        results: dict[str, Any] = {}
        losses: Counter[str] = Counter()
        told: dict[str, float] = {}
        while True:
            self._tell_news(orders.keys() - results.keys(), told, report)
            ended, lost = self.look([name for name in orders if name not in results])
            for name, outcome in ended.items():
                if outcome.error is not None:
                    _failure(self._folder, name).unlink(missing_ok=True)
                    raise outcome.error
                if outcome.news is not None:
                    report(outcome.news)
                results[name] = outcome.result
            losses.update(lost)
            self._refuse_endless(losses)
            if lost:
                logger.warning("%s lost %s: given in again", self.name, ", ".join(lost))
                self.submit([orders[name] for name in lost], leave)
            if len(results) == len(orders):
                return [results[name] for name in orders]
            if leave:
                raise Left(f"{len(orders) - len(results)} jobs are left with {self.name}")
            time.sleep(LOOKED)

    def under_way(self, function: Job) -> dict[str, Any]:
        """Return payloads of jobs that an earlier driver left; as `Executor.under_way`."""
        for path in sorted(self._folder.glob("*.failed")):
            what, remedy = json.loads(path.read_bytes())
            path.unlink()
            raise UserError(f"The job {path.stem} failed on {self.name}: {what}", remedy)
        found = self.left_over()
        self.drop([order.name for order in found if order.function is not function])
        return {order.name: order.payload for order in found if order.function is function}

    @abstractmethod
    def submit(self, orders: Sequence[Order], leave: bool) -> None:
        """Give in jobs; with `leave` so that they outlive this process."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Say whether a job of this name was left over, and is waited for rather than given in."""

    @abstractmethod
    def look(self, names: Sequence[str]) -> tuple[dict[str, Outcome], list[str]]:
        """Return which of the jobs have ended, and how, and which were lost.

        Raises:
            UserError: the cluster itself was lost.
        """

    @abstractmethod
    def left_over(self) -> list[Order]:
        """Return what an earlier driver gave in, and what waits or runs still."""

    def _refuse_endless(self, losses: Mapping[str, int]) -> None:
        dying = [name for name, count in losses.items() if count > LOSSES]
        if dying:
            raise UserError(
                f"{self.name} lost the job {dying[0]} {LOSSES + 1} times",
                f"See the cluster's own log of it: memory or time may be short. Run again "
                f"afterwards: finished trials are kept and the others resume. Its files are in "
                f"{self._folder}.",
            )

    def _tell_news(
        self, names: Collection[str], told: dict[str, float], report: Callable[[Any], None]
    ) -> None:
        for name in names:
            note = read_note(self._folder, name)
            if note is not None and note.news is not None and told.get(name) != note.told:
                told[name] = note.told
                report(note.news)


def _failure(folder: Path, name: str) -> Path:
    return folder / f"{name}.failed"
