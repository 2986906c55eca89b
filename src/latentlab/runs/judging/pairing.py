"""Whether two arms of runs that exist are compared by seed, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latentlab.reporting.formatting import plural
from latentlab.runs.judging.arms import Arms

FEWEST_SHARED = 3
"""Seeds that two arms share at least where others are left out."""
_SHOWN = 20


@dataclass(frozen=True)
class Pairing:
    """How an arm is compared with the control.

    Attributes:
        arm: that is compared.
        control: with which.
        shared: seeds that both were run on.
        arm_alone: those of the arm alone.
        control_alone: those of the control alone.
    """

    arm: str
    control: str
    shared: Sequence[int]
    arm_alone: Sequence[int]
    control_alone: Sequence[int]

    @property
    def is_paired(self) -> bool:
        """Whether all seeds are shared, or else at least three and two in three of the larger arm.

        >>> Pairing("wide", "base", range(5), [6], [5]).is_paired
        True
        >>> Pairing("wide", "base", range(5), [], [5, 6, 7]).is_paired
        False
        """
        alone = max(len(self.arm_alone), len(self.control_alone))
        if not alone:
            return True
        return len(self.shared) >= max(FEWEST_SHARED, 2 * alone)

    def sentence(self) -> str:
        """Say what follows from seeds that only one of the arms has; empty where there are none."""
        alone = {self.arm: self.arm_alone, self.control: self.control_alone}
        if not any(map(len, alone.values())):
            return ""
        if self.is_paired:
            left = "; ".join(f"{arm} {_listed(seeds)}" for arm, seeds in alone.items() if seeds)
            return (
                f"{self.arm} and {self.control} are paired on the {len(self.shared)} seeds that "
                f"both were run on, others are left out: {left}"
            )
        most = len(self.shared) + max(map(len, alone.values()))
        return (
            f"{self.arm} and {self.control} are compared unpaired: they share "
            f"{len(self.shared) or 'none'} of {plural(most, 'seed')}, and are paired where they "
            f"share two in three and {FEWEST_SHARED}"
        )


def pairings(arms: Arms, control: str) -> list[Pairing]:
    """Return how each arm is compared with the control; none where runs know no seeds."""
    if not arms.are_seeds:
        return []
    seeds = {arm: set(map(int, arms.seeds[arms.labels == arm])) for arm in arms.names}
    base = seeds[control]
    return [
        Pairing(arm, control, sorted(own & base), sorted(own - base), sorted(base - own))
        for arm, own in seeds.items()
        if arm != control
    ]


def _listed(seeds: Sequence[int]) -> str:
    more = f" and {len(seeds) - _SHOWN} more" if len(seeds) > _SHOWN else ""
    return f"{', '.join(map(str, seeds[:_SHOWN]))}{more}"
