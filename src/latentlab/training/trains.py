"""What trains the trials of a study: this process and its workers, or programs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from latentlab.training.trial import Trial


class Trains(AbstractContextManager["Trains", None], Protocol):
    """Trains batches of trials one after the other.

    As a context it holds the store of trials, which another run may hold (`UserError`), and its
    workers, which end with it, after an error at once.
    """

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
        """
        ...

    def histories(self, trials: Sequence[Trial]) -> dict[str, dict[str, list[float | None]]]:
        """Return scores per epoch by name, of trained trials and of those in work."""
        ...

    def abandon(self, trials: Sequence[Trial]) -> None:
        """Train these no further."""
        ...
