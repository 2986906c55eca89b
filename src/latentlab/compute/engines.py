"""Runs jobs in this process or in worker processes.

Workers are spawned, not forked, so that they are safe with CUDA; a worker that is killed is
noticed, and workers end by themselves when their parent is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

from latentlab.errors import UserError

Report = Callable[[Any], None]
Job = Callable[[Any, Report], Any]
"""A module-level function of a picklable payload and a function that tells the parent news."""


def run_inline(function: Job, payloads: Iterable[Any], report: Report) -> list[Any]:
    """Run jobs one after the other in this process."""
    return [function(payload, report) for payload in payloads]


class WorkerPool:
    """Worker processes that are given one job after the other.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._workers: list[tuple[BaseProcess, Connection]] = []
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def __enter__(self) -> Self:
        """The pool itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all workers at once: what they have stored is whole, the rest resumes."""
        for process, connection in self._workers:
            process.terminate()
            connection.close()
        for process, _ in self._workers:
            process.join()

    def __len__(self) -> int:
        """The number of workers."""
        return len(self._workers)

    def run(self, function: Job, payloads: Sequence[Any], report: Report) -> list[Any]:
        """Run jobs, each on the next idle worker; results in the order of the payloads.

        Raises:
            UserError: a worker was killed.
            Exception: whatever a job raised.
        """
        results: list[Any] = [None] * len(payloads)
        waiting = list(enumerate(payloads))[::-1]
        working: dict[Connection, int] = {}
        idle = [connection for _, connection in self._workers]
        while waiting or working:
            while waiting and idle:
                place, payload = waiting.pop()
                connection = idle.pop()
                connection.send((function, payload))
                working[connection] = place
            for ready in wait(list(working)):
                assert isinstance(ready, Connection)
                try:
                    kind, content = ready.recv()
                except (EOFError, ConnectionResetError) as error:
                    raise UserError(
                        "A training worker was killed",
                        "Run again: finished trials are kept and the others resume. If it happens "
                        "again, memory may be short: lower compute.cohort or compute.workers.",
                    ) from error
                if kind == "news":
                    report(content)
                    continue
                if kind == "error":
                    raise content
                results[working.pop(ready)] = content
                idle.append(ready)
        return results


def _serve(connection: Connection) -> None:
    """A worker's life: receive a job, tell its news, return its result."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def report(news: Any) -> None:
        connection.send(("news", news))

    while True:
        try:
            function, payload = connection.recv()
        except EOFError:
            return
        try:
            result = function(payload, report)
        except Exception as error:
            connection.send(("error", error))
        else:
            connection.send(("done", result))


def _end_with_parent() -> None:
    """End this process when its parent is gone, even by SIGKILL, so that none trains on alone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
