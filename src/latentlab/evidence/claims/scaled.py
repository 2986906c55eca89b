"""Claims with a boundary on the scale of their metric: differences of scores, or ratios."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from latentlab.core.errors import UserError
from latentlab.evidence.claims.base import ArmClaim
from latentlab.evidence.margins import Boundary
from latentlab.evidence.samples import ArmScores, logarithms
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric, Scale


class ScaledClaim(ArmClaim):
    """A claim whose arms are compared by differences, or by ratios where its metric says so."""

    largest_effect: ClassVar[int] = 1
    """The largest effect there can be, in ranges of the metric."""
    takes_shares: ClassVar[bool] = True
    """Whether there is a control's mean to take a share of, where differences are compared."""

    @property
    @abstractmethod
    def boundary(self) -> Boundary:
        """The minimum effect or the margin."""

    @property
    def amount_key(self) -> str:
        """The key in the file that holds the boundary."""
        return "min_effect" if self.comparison in ("superiority", "difference") else "margin"

    def boundary_on(self, metrics: Mapping[str, Metric]) -> Boundary:
        """Return the boundary on the metric's scale."""
        return replace(self.boundary, log=self.scale(metrics) == "log")

    def scale(self, metrics: Mapping[str, Metric]) -> Scale:
        """As the metric declares."""
        known = metrics.get(self.metric.name)
        return "linear" if known is None else known.scale

    def trivial(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary lies where no effect on this metric can."""
        metric, key, boundary = metrics[self.metric.name], self.amount_key, self.boundary
        ratios = self.scale(metrics) == "log"
        if not boundary.relative:
            return None if ratios else _too_wide(key, boundary.value, metric, self.largest_effect)
        # Scores that are not negative can lose no more than all: 100 % of the control's mean.
        falls = {"superiority": "lower", "non_inferiority": "higher"}.get(self.comparison)
        losing = self.metric.direction(metrics) == falls if falls else ratios
        if boundary.value < 1 or not losing or (metric.low < 0 and not ratios):
            return None
        return UserError(
            f"{key}: {metric.name} cannot fall by {self.boundary.amount:g} % of the control's mean",
            f"Write {key} below 100%",
        )

    def unscaled(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary is none on the metric's scale; None where it is one."""
        boundary = self.boundary_on(metrics)
        if boundary.is_share and not self.takes_shares:
            return UserError(
                f"{self.amount_key}: a share of a contrast of {self.metric.name} means nothing",
                f"Write {self.amount_key} as a number in the metric's unit",
            )
        if not boundary.log or boundary.relative or boundary.value == 0:
            return None
        return UserError(
            f"{self.amount_key}: {boundary.value:g} is no ratio, by which {self.metric.name} is "
            "compared",
            f'Write {self.amount_key}: "10% of control mean" (the geometric mean)',
        )

    def samples(self, tables: Tables, metrics: Mapping[str, Metric]) -> ArmScores:
        """Return the scores that are tested, after every gate: logarithms on such a scale."""
        if (misfit := self.unscaled(metrics)) is not None:
            raise NoVerdict("invalid", misfit.what)
        samples = super().samples(tables, metrics)
        if self.scale(metrics) == "log":
            return logarithms(samples, self.metric.name)
        return samples


def _too_wide(key: str, boundary: float, metric: Metric, ranges: int = 1) -> UserError | None:
    """Say that no effect reaches a boundary; None where one can.

    Args:
        key: the key in the file that holds the boundary.
        boundary: in the metric's units.
        metric: what it is about.
        ranges: the largest effect there can be, in ranges of the metric.
    """
    widest = ranges * (metric.high - metric.low)
    if boundary < widest:
        return None
    return UserError(
        f"{key}: {boundary:g} is no less than the widest difference in {metric.name}, whose range "
        f"is {metric.low:g} to {metric.high:g}",
        f"Write {key} in {metric.unit}, below {widest:g}",
    )
