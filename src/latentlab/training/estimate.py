"""What a training will take, said before it begins; a person at a terminal may still say no."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from latentlab.core.durations import duration
from latentlab.core.errors import UserError

WORTH_AN_ESTIMATE = 3_000
"""Steps of all trials of a group together; fewer take seconds, which are not worth measuring."""
WORTH_A_QUESTION = 3600.0
"""Seconds of training from which a person is asked."""


@dataclass(frozen=True)
class Estimate:
    """Time and memory that trials take on this machine.

    Attributes:
        trials: how many are meant.
        seconds: for all of them.
        bytes: of memory at once, most of all groups, as they are trained one after the other.
    """

    trials: int = 0
    seconds: float = 0.0
    bytes: int = 0

    def __add__(self, other: Estimate) -> Estimate:
        """Return the estimate for both, one after the other."""
        return Estimate(
            self.trials + other.trials,
            self.seconds + other.seconds,
            max(self.bytes, other.bytes),
        )

    def __str__(self) -> str:
        """The estimate in words."""
        return (
            f"{self.trials:,} trials to train: about {duration(self.seconds)} and "
            f"{self.bytes / 1e9:.2g} GB of memory on this machine"
        )


def ask(estimate: Estimate) -> None:
    """Ask a person at a terminal whether a long training shall begin.

    Raises:
        UserError: it shall not.
    """
    if estimate.seconds < WORTH_A_QUESTION or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    if input(f"{estimate}. Begin? [Y/n] ").strip().lower() in {"n", "no"}:
        raise UserError(
            "The training was not begun, as was wished",
            "Fewer seeds, arms or epochs take less: --params <study>.seeds.count=3.",
        )
