"""Claims about where scores lie, for all kinds: what is declared, and what they read as."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from pydantic import model_validator

from latentlab.core.arrays import Array
from latentlab.core.errors import UserError
from latentlab.evidence.claims.base import ArmClaim, Source, amount, too_wide
from latentlab.evidence.claims.location_procedure import LocationProcedure, Population
from latentlab.evidence.decisions import (
    Comparison,
    Sides,
)
from latentlab.evidence.margins import Boundary
from latentlab.evidence.samples import ArmScores, logarithms
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric, Scale

_FINDINGS = {
    ("superiority", True): "is better by more than {}",
    ("superiority", False): "is not better by {}",
    ("non_inferiority", True): "is not worse by {}",
    ("non_inferiority", False): "is worse by more than {}",
    ("equivalence", True): "differs by less than {}",
    ("equivalence", False): "differs by more than {}",
}


class DeclaredLocation(ArmClaim):
    """A claim about where the treatment's scores lie compared with the control's.

    Args:
        test: the tests.
        generalises_to: what the verdict is to hold for: other seeds on the same test examples, or
            other seeds and other examples.
    """

    test: LocationProcedure = LocationProcedure()
    generalises_to: Population = ("seeds",)

    @property
    @abstractmethod
    def comparison(self) -> Comparison:
        """Which row of the table of verdicts applies."""

    @property
    @abstractmethod
    def boundary(self) -> Boundary:
        """The minimum effect or the margin."""

    @abstractmethod
    def contrast(self, samples: ArmScores) -> tuple[Array, Array]:
        """Return the scores of treatment and control, in the metric's units."""

    @property
    def population(self) -> tuple[Source, ...]:
        """As declared."""
        return self.generalises_to

    @property
    def sides(self) -> Sides:
        """As declared."""
        return self.test.sides

    @property
    def tails(self) -> tuple[int, int]:
        """An equivalence is refuted on either side."""
        return (1, 2) if self.comparison == "equivalence" else super().tails

    @property
    def primary_test(self) -> str:
        """As declared."""
        return self.test.primary

    @property
    def needs_direction(self) -> bool:
        """Whether the claim speaks of better and worse: only equivalence does not."""
        return self.comparison != "equivalence"

    largest_effect: ClassVar[int] = 1
    """The largest effect there can be, in ranges of the metric."""

    def trivial(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary lies where no effect on this metric can."""
        metric, key, boundary = metrics[self.metric.name], self.amount_key, self.boundary
        ratios = self.scale(metrics) == "log"
        if not boundary.relative:
            return None if ratios else too_wide(key, boundary.value, metric, self.largest_effect)
        # Scores that are not negative can lose no more than all: 100 % of the control's mean.
        falls = {"superiority": "lower", "non_inferiority": "higher"}.get(self.comparison)
        losing = self.metric.direction(metrics) == falls if falls else ratios
        if boundary.value < 1 or not losing or (metric.low < 0 and not ratios):
            return None
        return UserError(
            f"{key}: {metric.name} cannot fall by {self.boundary.amount:g} % of the control's mean",
            f"Write {key} below 100%",
        )

    @property
    def amount_key(self) -> str:
        """The key in the file that holds the boundary."""
        return "min_effect" if self.comparison == "superiority" else "margin"

    def boundary_on(self, metrics: Mapping[str, Metric]) -> Boundary:
        """Return the boundary on the metric's scale."""
        return replace(self.boundary, log=self.scale(metrics) == "log")

    def scale(self, metrics: Mapping[str, Metric]) -> Scale:
        """As the metric declares."""
        known = metrics.get(self.metric.name)
        return "linear" if known is None else known.scale

    def unscaled(self, metrics: Mapping[str, Metric]) -> UserError | None:
        """Say why its boundary is none on the metric's scale; None where it is one."""
        boundary = self.boundary_on(metrics)
        if boundary.log and "examples" in self.population:
            return UserError(
                f"generalises_to: {self.metric.name} is compared by ratios, and the logarithm of a "
                "mean is no mean over examples",
                "Write generalises_to: seeds for this claim",
            )
        if not boundary.log or boundary.relative or boundary.value == 0:
            return None
        return UserError(
            f"{self.amount_key}: {boundary.value:g} is no ratio, by which {self.metric.name} is "
            "compared",
            f'Write {self.amount_key}: "10% of control mean" (the geometric mean)',
        )

    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return the metric's unit, or that of a share of the control's mean."""
        if self.boundary_on(metrics).log:
            return "% of control geometric mean"
        if self.boundary.relative:
            return "% of control mean"
        return metrics[self.metric.name].unit if self.metric.name in metrics else ""

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found, of the pair that the effect is a difference of."""
        pair = " against ".join(f"({name})" if " - " in name else name for name in self.labels)
        if self.comparison == "superiority" and boundary == 0:
            return f"{pair} is {'better' if supported else 'worse'} in {self.metric.name}"
        ending = _FINDINGS[self.comparison, supported].format(amount(boundary, unit))
        return f"{pair} {ending} in {self.metric.name}"

    def samples(self, tables: Tables, metrics: Mapping[str, Metric]) -> ArmScores:
        """Return the scores that are tested, after every gate: logarithms on such a scale."""
        if (misfit := self.unscaled(metrics)) is not None:
            raise NoVerdict("invalid", misfit.what)
        samples, boundary = super().samples(tables, metrics), self.boundary_on(metrics)
        if boundary.log:
            return logarithms(samples, self.metric.name)
        control = list(self.arm_names().values())[1]
        scores = samples.values[control].to_numpy()
        low, high = np.nanmin(scores), np.nanmax(scores)
        # A share of scores of both signs means nothing, and there is none of zero.
        if boundary.relative and (low < 0 < high or low == high == 0):
            why = "change sign" if low < high else "are all 0"
            raise NoVerdict(
                "invalid", f"a share of the mean of {control} means nothing: its scores {why}"
            )
        return samples

    @model_validator(mode="after")
    def _examples_are_paired(self) -> Self:
        if "examples" not in self.generalises_to:
            return self
        for key, value, needed in (
            ("test.primary", self.test.primary, "paired_t"),
            ("pairing", "seed" if self.paired else "none", "seed"),
        ):
            if value != needed:
                raise ValueError(
                    f"generalises_to: [seeds, examples] is not worked out for {key}: {value}; "
                    f"write {key}: {needed}, or generalises_to: seeds for this claim"
                )
        if self.missing == "worst_value":
            raise ValueError(
                "generalises_to: [seeds, examples] is not worked out for missing: worst_value, "
                "which has no values of single examples; write missing: fail, or generalises_to: "
                "seeds for this claim"
            )
        return self

    @model_validator(mode="after")
    def _equivalence_has_one_side(self) -> Self:
        if self.comparison == "equivalence" and self.test.sides == "two":
            raise ValueError(
                "test.sides: an equivalence is two one-sided tests already; write sides: one"
            )
        return self
