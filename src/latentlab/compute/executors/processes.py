"""Runs jobs in worker processes of this machine.

Workers are spawned, not forked, so that they are safe with CUDA; a worker that is killed is
noticed, and workers end by themselves when their parent is killed.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any

from latentlab.compute.executors.job import Executor, Job, Order, Report, portable
from latentlab.core.errors import UserError

PATIENCE = 5.0
"""Seconds for an idle worker to end by itself."""


class WorkerPool(Executor):
    """Worker processes that are given one job after the other.

    Args:
        workers: how many.
        folder: for notes on jobs; none: nothing is written.
        visible: GPUs, as `CUDA_VISIBLE_DEVICES` names them: each worker sees one, in turn; none:
            what this process sees.
    """

    def __init__(
        self, workers: int, folder: Path | None = None, visible: Sequence[str] = ()
    ) -> None:
        self._folder = folder
        context = multiprocessing.get_context("spawn")
        self._workers: list[tuple[BaseProcess, Connection]] = []
        self._numbers = itertools.count()
        for number in range(workers):
            ours, theirs = context.Pipe()
            device = visible[number % len(visible)] if visible else None
            process = context.Process(target=_serve, args=(theirs, device), daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all workers: idle ones by themselves, after an error all at once.

        What they have stored is whole, the rest resumes.
        """
        for process, connection in self._workers:
            if error is not None:
                # While its pipe is open: it would complain of one that is not.
                process.terminate()
            # A worker that nobody can give a job any more puts its things away and ends.
            connection.close()
        for process, _ in self._workers:
            process.join(PATIENCE)
            process.terminate()
            process.join()

    def __len__(self) -> int:
        """The number of workers."""
        return len(self._workers)

    def run(
        self, function: Job, payloads: Mapping[str, Any], report: Report, leave: bool = False
    ) -> list[Any]:
        """Run jobs, each on the next idle worker; as `Executor.run`.

        Raises:
            UserError: a worker was killed.
            Exception: whatever a job raised.
        """
        results: list[Any] = [None] * len(payloads)
        orders = [Order(name, function, one, self._folder) for name, one in payloads.items()]
        waiting = list(enumerate(orders))[::-1]
        working: dict[Connection, tuple[int, int]] = {}
        idle = [connection for _, connection in self._workers]
        try:
            while waiting or working:
                while waiting and idle:
                    place, order = waiting.pop()
                    connection = idle.pop()
                    number = next(self._numbers)
                    connection.send((number, order))
                    working[connection] = (number, place)
                for ready in wait(list(working)):
                    assert isinstance(ready, Connection)
                    number, kind, content = ready.recv()
                    if number != working[ready][0]:
                        # Of a job that was under way when an earlier run ended with an error.
                        continue
                    if kind == "news":
                        report(content)
                        continue
                    if kind == "error":
                        raise content
                    results[working.pop(ready)[1]] = content
                    idle.append(ready)
        except (EOFError, ConnectionResetError, BrokenPipeError) as error:
            raise UserError(
                "A training worker was killed",
                "Run again: finished trials are kept and the others resume. If it happens "
                "again, memory may be short: lower compute.cohort or compute.workers.",
            ) from error
        return results


def _serve(connection: Connection, device: str | None) -> None:
    """A worker's life: receive a job, tell its news, return its result.

    Its GPU is the only one that it, and a program that it starts, can see.
    """
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    number = 0

    def report(news: Any) -> None:
        connection.send((number, "news", news))

    while True:
        try:
            number, order = connection.recv()
        except EOFError:
            return
        try:
            result = order.carry_out(report)
        except Exception as error:
            connection.send((number, "error", portable(error)))
        else:
            connection.send((number, "done", result))


def _end_with_parent() -> None:
    """End this process when its parent is gone, even by SIGKILL, so that none trains on alone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
