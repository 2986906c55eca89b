"""One screening test per parameter: which ones matter, given what noise looks like.

The corrected p-value of a test is what a report prints and what a refinement acts on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import plural
from latentlab.search.matrix import SweepMatrix
from latentlab.search.screening.anova import (
    FEWEST_ROWS,
    Statistics,
    outcome_of,
    parameter_statistics,
    stacked,
)
from latentlab.search.screening.collinearity import (
    CollinearPair,
    collinear_pairs,
    with_inseparable,
)
from latentlab.search.screening.forward_selection import forward_selection, partial_p
from latentlab.search.screening.levels import MODERATE, ROUNDING, Tier, tier
from latentlab.search.screening.null_distribution import NullDistribution
from latentlab.search.screening.null_replicates import NullReplicates
from latentlab.search.screening.step_down import StepDown, step_down
from latentlab.search.screening.tested_rows import tested_rows

ELITE_SHARE = 0.25
"""The best share of the rows, unless someone changes it."""
NEAR = 0.1
"""Of a range: what lies closer to a bound is at the bound, unless someone changes it."""


@dataclass(frozen=True)
class ScreeningTest:
    """Whether one parameter matters.

    Attributes:
        parameter: its name.
        rows: that have the parameter and count.
        p: of its main effect, against null replicates; NaN where it cannot be tested.
        p_main: the same, corrected for the family of all parameters.
        conditional_on: names of stronger parameters that were taken into account.
        p_partial: of what is left of the effect given them, corrected for the parameters that were
            still candidates; NaN where it was not asked for.
        p_corrected: the larger of `p_main` and `p_partial`, and not below that of a stronger
            parameter: the one number that is printed and acted on.
        reason: why the parameter cannot be tested; empty where it can.
        statistics: of the sweep first, then of the null replicates.
    """

    parameter: str
    rows: int
    p: float
    p_main: float
    conditional_on: tuple[str, ...]
    p_partial: float
    p_corrected: float
    reason: str
    statistics: Statistics

    @property
    def tier(self) -> Tier:
        """What the corrected p is called."""
        return tier(self.p_corrected)

    def significant(self, alpha: float) -> bool:
        """Whether something may be done about the parameter at a level."""
        return self.p_corrected <= alpha + ROUNDING

    def share_at_least(self, values: Array, observed: float) -> float:
        """Share of all sweeps, this one among them, with at least a value; 1 if undefined.

        Args:
            values: of the sweep first, then of the null replicates, [1 + replicates].
            observed: the sweep's, after which p is asked.
        """
        if math.isnan(observed):
            return 1.0
        with np.errstate(invalid="ignore"):
            as_rare = np.count_nonzero(values[1:] >= observed - 1e-12)
        return (1 + as_rare) / len(values)


@dataclass(frozen=True)
class Screening:
    """The screening of a sweep.

    Attributes:
        rows: the rows that were tested, in the order of being asked for.
        tests: by parameter, in the order of the space.
        family: the main effects of all parameters together, in the same order.
        elite_share: the best share of the rows.
        near: of a range: what lies closer to a bound is at the bound.
        null: what the sweep was compared with, in a sentence.
        notes: what a reader should know, one sentence each.
        collinear: parameters that vary together.
    """

    rows: SweepMatrix
    tests: Mapping[str, ScreeningTest]
    family: StepDown
    elite_share: float
    near: float
    null: str
    notes: tuple[str, ...]
    collinear: tuple[CollinearPair, ...]

    @property
    def replicates(self) -> int:
        """Null replicates that the sweep was compared with."""
        return len(self.family.largest) - 1

    def neg_log_p(self, parameter: str) -> float:
        """Minus the logarithm of a main effect's p, on the scale that all tests share."""
        return float(self.family.neg_log_p[list(self.tests).index(parameter)])

    def named(self, wanted: Tier) -> list[str]:
        """Parameters of a tier."""
        return [name for name, one in self.tests.items() if one.tier == wanted]

    def twins(self, parameter: str) -> dict[str, CollinearPair]:
        """Parameters that the effect of this one cannot be told from, if it matters."""
        return {
            pair.second if pair.first == parameter else pair.first: pair
            for pair in self.collinear
            if parameter in pair.inseparable
        }

    def frame(self) -> pd.DataFrame:
        """One row per parameter, the strongest first."""
        names = list(self.tests)
        order = sorted(
            names, key=lambda name: (*self._rank(self.tests[name]), -self.neg_log_p(name), name)
        )
        return pd.DataFrame(
            [
                {
                    "parameter": one.parameter,
                    "n": one.rows,
                    "p": one.p,
                    "p_main": one.p_main,
                    "conditional_on": " and ".join(one.conditional_on),
                    "p_partial": one.p_partial,
                    "p_corrected": one.p_corrected,
                    "tier": one.tier,
                    "inseparable_from": " and ".join(self.twins(one.parameter)),
                    "reason": one.reason,
                }
                for one in map(self.tests.__getitem__, order)
            ]
        )

    @staticmethod
    def _rank(one: ScreeningTest) -> tuple[bool, float]:
        return math.isnan(one.p_corrected), one.p_corrected


def screen(
    matrix: SweepMatrix,
    null: NullDistribution | None = None,
    *,
    elite_share: float = ELITE_SHARE,
    near: float = NEAR,
) -> Screening:
    """Test every parameter of a sweep.

    First all main effects are tested in one family against null replicates, in which no parameter
    matters: if that is so of the sweep, the chance of any corrected p of at most alpha is at most
    alpha. Where one parameter does matter, an adaptive sampler draws others together with it, so
    that their main effects are no evidence. Beyond the strongest, a parameter therefore is
    significant only if something of its effect is left given those that are significant already,
    by the partial F test. Of an adaptive sweep that F test holds nearly, as simulations show; no
    theorem says so.

    Args:
        matrix: of the sweep.
        null: where null replicates come from; kept between calls, they are made once.
        elite_share: the best share of the rows.
        near: of a range: what lies closer to a bound is at the bound.
    """
    null = null if null is not None else NullDistribution()
    rows, notes = tested_rows(matrix, null)
    own = NullReplicates.of(rows)
    statistics = _all_statistics(rows, own, null, elite_share, near)
    names = tuple(rows.space.parameters)
    family = step_down(np.stack([statistics[name].statistic for name in names], axis=1))
    reasons = {name: _untestable(own, name) for name in names}
    strongest_first = sorted(
        (name for name in names if not reasons[name]),
        key=lambda name: -family.neg_log_p[names.index(name)],
    )
    main = dict(zip(names, family.corrected.tolist(), strict=True))
    partial = forward_selection(rows, own, strongest_first, main)
    tests = {}
    for place, name in enumerate(names):
        given, p_partial, p_corrected = partial.get(name, ((), math.nan, main[name]))
        counted = int((~np.isnan(own.positions[name])).sum())
        p, p_main = float(family.p[place]), main[name]
        if reasons[name]:
            p = p_main = p_corrected = math.nan
        tests[name] = ScreeningTest(
            name,
            counted,
            p,
            p_main,
            given,
            p_partial,
            p_corrected,
            reasons[name],
            statistics[name],
        )
    corrected = {name: test.p_corrected for name, test in tests.items()}
    collinear = tuple(
        with_inseparable(
            pair, corrected, MODERATE, lambda one, other: partial_p(rows, own, one, [other])
        )
        for pair in collinear_pairs(rows.take(rows.counted))
    )
    replicates = plural(len(family.largest) - 1, "null replicate")
    compared = (
        f"{replicates}: the sampler run again on the scores in random order"
        if rows.adaptive.any()
        else f"{replicates}: the scores in random order over the same configurations"
    )
    return Screening(rows, tests, family, elite_share, near, compared, tuple(notes), collinear)


def _all_statistics(
    rows: SweepMatrix,
    own: NullReplicates,
    null: NullDistribution,
    elite_share: float,
    near: float,
) -> dict[str, Statistics]:
    """Statistics of every parameter in the sweep and in its null replicates."""
    parameters = rows.space.parameters
    parts: dict[str, list[Statistics]] = {name: [] for name in parameters}
    for sweeps in itertools.chain([own], null.of(rows)):
        # Most parameters exist in all rows, whose order is then the same for all of them.
        everywhere = np.ones(sweeps.scores.shape, dtype=bool)
        whole = outcome_of(sweeps.scores, everywhere, elite_share)
        for name, parameter in parameters.items():
            positions = sweeps.positions[name]
            exists = ~np.isnan(positions)
            outcome = whole
            if not exists.all():
                masks = np.broadcast_to(exists, everywhere.shape)
                outcome = outcome_of(sweeps.scores, masks, elite_share)
            parts[name].append(parameter_statistics(parameter, positions, outcome, near))
    return {name: stacked(several) for name, several in parts.items()}


def _untestable(own: NullReplicates, name: str) -> str:
    """Why a parameter cannot be tested in this sweep, or nothing."""
    positions = own.positions[name][0]
    exists = ~np.isnan(positions)
    rows = int(exists.sum())
    if rows < FEWEST_ROWS:
        return (
            f"it has scores in {plural(rows, 'configuration')}; at least {FEWEST_ROWS} are needed"
        )
    if np.ptp(positions[exists]) == 0:
        return "it has a single value"
    if np.ptp(own.scores[0][exists]) == 0:
        return "all scores are equal"
    return ""
