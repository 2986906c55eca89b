"""Gives jobs to Dask: to the workers of a running scheduler, or to a cluster of this machine.

Dask gives the job of a lost worker to another, and after so many that it has killed lets it fail.
A job that is wanted no more, because its driver or scheduler is gone, ends itself at its next news.
"""

from __future__ import annotations

import logging
import pickle
import secrets
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from latentlab.compute.executors.cluster import Abandoned, Cluster, Outcome, work
from latentlab.compute.executors.job import Order
from latentlab.core.errors import UserError
from latentlab.core.files import write_atomically

if TYPE_CHECKING:
    from distributed import Client, Future, Scheduler

PATIENCE = 20.0
"""Seconds to reach a scheduler, and for a first worker."""


def work_in_dask(order: Order, folder: Path) -> Outcome:
    """Carry out an order in a Dask worker.

    Raises:
        UserError: the worker runs several jobs at once.
        Abandoned: the scheduler has forgotten the job, or the worker ends.
    """
    from distributed import Status, get_worker

    worker = get_worker()
    key = worker.get_current_task()
    if worker.state.nthreads != 1:
        # Threads, precision and generators are set for a whole process.
        raise UserError(
            f"The Dask worker {worker.address} runs {worker.state.nthreads} jobs at once",
            "Start workers with --nthreads 1, as many as there should be.",
        )

    def wanted(news: Any) -> None:
        task = worker.state.tasks.get(key)
        running = worker.status in (Status.running, Status.paused)
        if task is None or task.state != "executing" or not running:
            raise Abandoned(order.name)

    return work(order, wanted, folder)


class Dask(Cluster):
    """Runs jobs on Dask.

    Args:
        address: of a running scheduler; none: a cluster of this machine is started.
        workers: of a cluster of this machine; a scheduler has its own.
        folder: that driver and workers share.

    Attributes:
        address: of the scheduler.

    Raises:
        UserError: distributed is missing, or the scheduler does not answer or has no workers.
    """

    name = "Dask"

    def __init__(self, address: str | None, workers: int, folder: Path) -> None:
        super().__init__(workers, folder)
        try:
            from distributed import Client, LocalCluster
        except ModuleNotFoundError as error:
            raise UserError(
                "compute.engine is dask, which needs distributed", "pip install -e '.[dask]'"
            ) from error
        self._futures: dict[str, Future[Outcome]] = {}
        self._held = ExitStack()
        cluster = None
        if address is None:
            cluster = self._held.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.ERROR,
                    host="127.0.0.1",
                )
            )
        self.address = address or str(cluster and cluster.scheduler_address)
        try:
            self._client: Client = self._held.enter_context(
                Client(self.address, timeout=PATIENCE, set_as_default=False)
            )
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            self._held.close()
            raise UserError(
                f"No Dask scheduler with a worker is at {self.address}: {error}",
                "Start both (dask scheduler, dask worker), or correct compute.dask.address.",
            ) from error
        if address is not None:
            self._workers = len(self._client.scheduler_info(n_workers=-1)["workers"])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the scheduler go, and with it all jobs that were not left on purpose."""
        self._futures.clear()
        self._held.close()

    def submit(self, orders: Sequence[Order], leave: bool) -> None:
        """Give in jobs; those that are left with the scheduler are kept in the folder too."""
        for order in orders:
            lost = self._futures.get(order.name)
            if lost is not None:
                with self._reached():
                    lost.retry()
                continue
            # Not by its name alone: while an earlier job of this name is let go, the client would
            # answer with that one's result.
            key = f"latentlab-{order.name}-{secrets.token_hex(8)}"
            if leave:
                write_atomically(self._left(order.name), pickle.dumps((key, order)))
            self._give_in(key, order, leave)

    def _give_in(self, key: str, order: Order, leave: bool) -> None:
        from distributed import fire_and_forget

        with self._reached():
            self._futures[order.name] = future = self._client.submit(
                work_in_dask, order, self._folder, key=key, pure=False
            )
            if leave:
                fire_and_forget(future)

    def has(self, name: str) -> bool:
        """Say whether a job of this name was left over."""
        return name in self._futures

    def look(self, names: Sequence[str]) -> tuple[dict[str, Outcome], list[str]]:
        """Return what has ended, and what was lost with too many workers."""
        from distributed import KilledWorker

        ended: dict[str, Outcome] = {}
        lost: list[str] = []
        for name in names:
            future = self._futures[name]
            if future.status in ("cancelled", "lost") or self._client.status != "running":
                raise self._lost()
            if future.status not in ("finished", "error"):
                continue
            with self._reached():
                error = future.exception(timeout=PATIENCE)
                if isinstance(error, KilledWorker | Abandoned):
                    lost.append(name)
                    continue
                ended[name] = Outcome(error=error) if error else future.result(timeout=PATIENCE)
            self._forget(name)
        return ended, lost

    def left_over(self) -> list[Order]:
        """Return what was left with the scheduler, and waits or runs still."""
        with self._reached():
            known = set(self._client.run_on_scheduler(unfinished))
        orders = []
        for path in sorted(self._folder.glob("*.left")):
            key, order = pickle.loads(path.read_bytes())
            if key not in known:
                path.unlink()
                continue
            # The scheduler knows the job by its key: it is not begun again.
            self._give_in(key, order, leave=True)
            orders.append(order)
        return orders

    def drop(self, names: Collection[str]) -> None:
        """Cancel jobs; one that runs ends itself at its next news."""
        with self._reached():
            self._client.cancel([f for n in names if (f := self._futures.get(n))], force=True)
        for name in names:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._futures.pop(name, None)
        self._left(name).unlink(missing_ok=True)

    def _left(self, name: str) -> Path:
        return self._folder / f"{name}.left"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Say in one line that the scheduler was lost while it was asked something."""
        try:
            yield
        except (OSError, CancelledError) as error:
            raise self._lost() from error

    def _lost(self) -> UserError:
        return UserError(
            f"The Dask scheduler at {self.address} was lost",
            "Start it again, with its workers, then run again: finished trials are kept and the "
            "others resume.",
        )


def unfinished(dask_scheduler: Scheduler) -> list[str]:
    """Return the keys that a scheduler has still to bring to an end; runs there."""
    done = {"memory", "erred", "released", "forgotten"}
    return [str(key) for key, task in dask_scheduler.tasks.items() if task.state not in done]
