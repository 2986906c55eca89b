"""What trains the trials of a study: this process, workers of its own or of a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import process_settings_kept, resolve_device
from latentlab.compute.executors.job import Executor, Job
from latentlab.compute.executors.notes import forget_notes
from latentlab.compute.executors.registry import open_executor
from latentlab.training.estimate import Estimate
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial


class Trains(ABC):
    """Trains batches of trials one after the other.

    As a context it holds the store of trials, which another run may hold (`UserError`), and its
    workers, which end with it, after an error at once.

    Args:
        store: where trials are kept.
        compute: device and engine.

    Raises:
        UserError: no such device.
    """

    def __init__(self, store: TrialStore, compute: ComputeConfig) -> None:
        self._store = store
        self._compute = compute
        self._device = resolve_device(compute)
        self._stack = ExitStack()
        self._opened: Executor | None = None

    def __enter__(self) -> Self:
        self._stack.enter_context(self._store.locked())
        self._stack.enter_context(process_settings_kept())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def _executor(self) -> Executor:
        """Return the workers, which are started when they are first needed."""
        if self._opened is None:
            opened = open_executor(self._compute, self._device.type, self._store.jobs)
            self._opened = self._stack.enter_context(opened)
        return self._opened

    def _taken_over(self, function: Job, wanted: Callable[[Any], bool]) -> dict[str, Any]:
        """Return jobs that an earlier driver left with a cluster; those not wanted are ended.

        Args:
            function: of the jobs.
            wanted: says so of a payload.
        """
        kept: dict[str, Any] = {}
        if self._compute.place:
            found = self._executor().under_way(function)
            kept = {name: payload for name, payload in found.items() if wanted(payload)}
            self._executor().drop(found.keys() - kept.keys())
        # Whoever holds the store knows that nothing else runs.
        forget_notes(self._store.jobs, keep=kept)
        return kept

    @abstractmethod
    def train(
        self,
        trials: Sequence[Trial],
        retrain: bool = False,
        pause: int | None = None,
        begin: Callable[[Collection[str]], None] | None = None,
    ) -> frozenset[str]:
        """Train what is not trained yet.

        Args:
            trials: the planned trials; trials of one id are trained once.
            retrain: forget trials that are known, and train them again.
            pause: train up to this epoch, and keep what it takes to go on; none: to the end.
            begin: is told the ids of the trials that are to be trained, before the first.

        Returns:
            Ids of the trials that were not trained before; with `pause` some may not be now.

        Raises:
            UserError: an unwritable store, a killed worker.
            Left: with `compute.detach`, while jobs wait or run.
        """

    def waiting(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return those that `train` would train, each once; the store is only read."""
        whole = {folder.name for folder in self._store.whole()}
        return list({t.id: t for t in trials if t.id not in whole or self._again(t)}.values())

    def _again(self, trial: Trial) -> bool:
        """Whether a trial that is stored is trained once more."""
        return False

    @abstractmethod
    def estimate(self, trials: Sequence[Trial]) -> Estimate | None:
        """Return what training these takes, each of them; None where nobody knows."""

    @abstractmethod
    def histories(self, trials: Sequence[Trial]) -> dict[str, dict[str, list[float | None]]]:
        """Return scores per epoch by name, of trained trials and of those in work."""

    @abstractmethod
    def abandon(self, trials: Sequence[Trial]) -> None:
        """Train these no further."""
