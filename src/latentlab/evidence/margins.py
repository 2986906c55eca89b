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

    Where scores are compared by ratios, tests work on their logarithms: the boundaries of 10 % are
    then log 1.1 and log .9, exact and not estimated, and the effect is 100 (ratio - 1) of geometric
    means.

    Args:
        value: the distance in the metric's units, or a fraction of the control's mean.
        relative: whether `value` is such a fraction.
        log: whether scores are compared by ratios; tested are then their logarithms.
    """

    value: float
    relative: bool = False
    log: bool = False

    @property
    def amount(self) -> float:
        """The distance in units of the effect: per cent of the control's mean, or the metric's."""
        return 100 * self.value if self.relative or self.log else self.value

    @property
    def is_share(self) -> bool:
        """Whether the effect is a share of a mean that is itself estimated."""
        return self.relative and not self.log

    def mean(self, values: Array) -> float:
        """The mean of tested scores in the metric's units; a geometric one on a log scale."""
        mean = float(np.mean(values)) if np.size(values) else np.nan
        return float(np.exp(mean)) if self.log else mean

    def shown(self, effect: float, sign: float) -> float:
        """A difference of tested scores, turned by `sign`, in units of the effect.

        Example:
            >>> round(Boundary(0.1, log=True).shown(float(-np.log(0.8)), -1.0), 6)
            20.0
        """
        return float(100 * sign * np.expm1(sign * effect)) if self.log else effect

    @property
    def band(self) -> tuple[float, float]:
        """Differences of tested scores that lie within it, where it is no share.

        Example:
            >>> Boundary(0.25, relative=True, log=True).band == (np.log(0.75), np.log(1.25))
            True
        """
        low, high = (float(self.edge(np.zeros(1), side, 1.0)[0]) for side in (-1, 1))
        return low, high

    def units(self, control: Array) -> Array:
        """What each control score contributes to one unit of the effect, in the metric's units.

        Example:
            >>> Boundary(0.1, relative=True).units(np.array([2.0, -4.0])).tolist()
            [0.02, 0.04]
        """
        return np.abs(control) / 100 if self.is_share else np.ones_like(control)

    def edge(self, control: Array, side: int, sign: float) -> Array:
        """Where the boundary lies, in what each control score contributes to it.

        A relative boundary is a fraction of a mean that is itself estimated from the same seeds.
        Putting the observed mean into a fixed margin would treat it as known and give intervals
        that are too short. The claim "a exceeds (1 + r) b on average" is linear in the scores, so
        it is tested as a ratio: on a - b - r |b| seed by seed, where the control's own scatter
        widens the test as it should (Fieller's form of a test on a ratio of means). The interval
        that is reported is the ratio's, which such tests give (`ratio_interval`).

        Args:
            control: tested scores of the control arm, any shape.
            side: 1 for the boundary above no difference, -1 for the one below, 0 for none.
            sign: what turns a difference so that positive is better.

        Returns:
            Distances from no difference, turned, of the same shape; on a log scale logarithms.

        Example:
            >>> Boundary(0.1, relative=True).edge(np.array([2.0, -4.0]), -1, 1.0).tolist()
            [-0.2, -0.4]
        """
        if self.log:
            return np.full_like(control, sign * np.log1p(sign * side * self.value))
        return side * self.value * (np.abs(control) if self.relative else np.ones_like(control))


def boundary_of(amount: Any) -> Boundary:
    """Read a number in raw units, or "5% of control mean".

    Raises:
        ValueError: for anything else, and for a number that is negative or not finite.

    Example:
        >>> boundary_of("5% of control mean")
        Boundary(value=0.05, relative=True, log=False)
    """
    if isinstance(amount, str):
        match = _RELATIVE.fullmatch(amount)
        if match is None:
            raise ValueError(
                f"{amount!r} is no amount; write a number in the metric's units with a decimal "
                'point (0.001, as YAML reads 1e-3 as text), or exactly "5% of control mean"'
            )
        return Boundary(float(match[1]) / 100, relative=True)
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise ValueError(f"{amount!r} is no amount; write a number in the metric's units")
    if not np.isfinite(amount) or amount < 0:
        raise ValueError(f"{amount} is no amount; write a finite number that is not negative")
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
