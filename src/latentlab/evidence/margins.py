"""How much is enough: a minimum effect or a margin, in raw units or relative to the control."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from latentlab.core.arrays import Array
from latentlab.core.model import Number

_RELATIVE = re.compile(r"(\d+(?:\.\d+)?)% of control mean")


@dataclass(frozen=True)
class Boundary:
    """A distance from "no difference", never negative.

    Args:
        value: the distance in the metric's units, or a fraction of the control's mean.
        relative: whether `value` is such a fraction.
    """

    value: float
    relative: bool = False

    @property
    def amount(self) -> float:
        """The distance in units of the effect: per cent of the control's mean, or the metric's."""
        return 100 * self.value if self.relative else self.value

    def units(self, control: Array) -> Array:
        """What each control score contributes to one unit of the effect, in the metric's units.

        Example:
            >>> Boundary(0.1, relative=True).units(np.array([2.0, -4.0])).tolist()
            [0.02, 0.04]
        """
        return np.abs(control) / 100 if self.relative else np.ones_like(control)

    def distance(self, control: Array) -> Array:
        """The distance that each control score contributes, in the metric's units.

        A relative boundary is a fraction of a mean that is itself estimated from the same seeds.
        Putting the observed mean into a fixed margin would treat it as known and give intervals
        that are too short. The claim "a exceeds (1 + r) b on average" is linear in the scores, so
        it is tested as a ratio: on a - b - r |b| seed by seed, where the control's own scatter
        widens the test as it should (Fieller's form of a test on a ratio of means). The interval
        that is reported is the ratio's, which such tests give (`ratio_interval`).

        Args:
            control: scores of the control arm, any shape.

        Returns:
            Distances of the same shape; their mean is the boundary in raw units.

        Example:
            >>> Boundary(0.1, relative=True).distance(np.array([2.0, -4.0])).tolist()
            [0.2, 0.4]
        """
        if self.relative:
            return self.value * np.abs(control)
        return np.full_like(control, self.value)


def boundary_of(amount: Any) -> Boundary:
    """Read a number in raw units, or "5% of control mean".

    Raises:
        ValueError: for anything else, and for a number that is negative or not finite.

    Example:
        >>> boundary_of("5% of control mean")
        Boundary(value=0.05, relative=True)
    """
    if isinstance(amount, str):
        match = _RELATIVE.fullmatch(amount)
        if match is None:
            raise ValueError(
                f"{amount!r} is no amount: write a number in the metric's units with a decimal "
                'point (YAML reads 1e-3 as text; write 0.001), or exactly "5% of control mean"'
            )
        return Boundary(float(match[1]) / 100, relative=True)
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise ValueError(f"{amount!r} is no amount; write a number in the metric's units")
    if not np.isfinite(amount) or amount < 0:
        raise ValueError(f"{amount} is no amount: write a finite number that is not negative")
    return Boundary(float(amount))


def _minimum_effect(amount: Any) -> Any:
    boundary_of(amount)
    return amount


def _margin(amount: Any) -> Any:
    # None is a margin that is missing, which the claim says better.
    if amount is not None and boundary_of(amount).value == 0:
        raise ValueError("a margin must be greater than 0: write the smallest loss that matters")
    return amount


MinimumEffect = Annotated[Number | str, BeforeValidator(_minimum_effect)]
Margin = Annotated[Number | str, BeforeValidator(_margin)]
