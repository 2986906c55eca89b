"""What the data of one hypothesis say, before its family is corrected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from latentlab.evidence.decisions import Sides
from latentlab.statistics.intervals import Interval


@dataclass(frozen=True)
class Level:
    """Levels that an assessment plans and reports with.

    Args:
        sides: "two" spends half of alpha on each direction.
        interval: coverage of the interval that matches the uncorrected test.
        one_sided: what the family's correction leaves to one direction; plans use it.
        min_seeds: fewest seeds that may decide.
        seeds: that the smallest effect is planned for; None: as many as were run.
    """

    sides: Sides
    interval: float
    one_sided: float
    min_seeds: int
    seeds: int | None = None

    @property
    def spending(self) -> int:
        """Number of sides that alpha is shared between."""
        return 2 if self.sides == "two" else 1


@dataclass(frozen=True)
class SeedsNeeded:
    """How many seeds (association: trials) give 80 % power at an effect like the one seen.

    Args:
        likely: planned with the spread that was seen, which is as likely too small as too large.
        upper: planned with the upper 80 % limit of it; the same where no spread is planned with.
    """

    likely: int
    upper: int

    def at_least(self, fewest: int) -> SeedsNeeded:
        """Raise both to what the test or the declaration asks for anyway."""
        return SeedsNeeded(max(self.likely, fewest), max(self.upper, fewest))


@dataclass(frozen=True)
class Foreseen:
    """What seeds can show with 80 % power, before anything is known of their spread.

    Attributes:
        smallest: the smallest effect beyond the boundary (of an equivalence, the narrowest margin)
            that is shown; NaN where none is.
        unit: what it is counted in.
    """

    smallest: float
    unit: str


@dataclass(frozen=True)
class ContrastFound:
    """One of several contrasts that a claim judges together.

    Attributes:
        effect: turned as the claim's, in its unit.
        low: low end of its interval, which covers together with the others'.
        high: its high end.
        p: two-sided, adjusted for the other contrasts of the claim.
    """

    effect: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Assessment:
    """The statistics of one hypothesis. Attributes are columns of the verdicts, in their units."""

    n: int
    estimate: float
    effect: float
    control_mean: float
    treatment_mean: float
    boundary: float
    interval: Interval
    p_supported: float
    p_refuted: float
    attainable_p: float
    test: str
    trials: pd.DataFrame
    sensitivity: dict[str, float | None] = field(default_factory=dict)
    skewed_p_refuted: float = math.nan
    skewness: float = math.nan
    skewness_p: float = math.nan
    effect_size: str = ""
    pairing_correlation: float = math.nan
    detectable_effect: float = math.nan
    seeds_needed: SeedsNeeded | None = None
    contrasts: Mapping[str, ContrastFound] = field(default_factory=dict)
    examples: int | None = None
    groups: int | None = None
    examples_share: float = math.nan
    narrowest: float = math.nan
