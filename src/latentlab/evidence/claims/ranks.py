"""The claim that arms rank differently over several problems."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from latentlab.core.arrays import Array
from latentlab.evidence.assessment import Assessment, ContrastFound, Foreseen, Level
from latentlab.evidence.claims.base import DifferenceClaim, UnitOfN
from latentlab.evidence.pooling import PooledAssessment, ProblemEffect
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.metrics.metric import Metric
from latentlab.statistics.contrasts import Holm, Together, Tukey
from latentlab.statistics.location import ROUNDING, without_rounding
from latentlab.statistics.mean_ranks import mean_ranks, smallest_p


class RanksDiffer(DifferenceClaim):
    """Over problems some arms rank better than others.

    Arms are ranked in each problem by their mean over seeds. It speaks of problems like these, not
    of retraining on these: `min_seeds` counts problems. It is not judged on one problem alone, and
    cannot be refuted.
    """

    kind: Literal["ranks_differ"]
    arms: tuple[str, ...] = Field(description="three or more")
    control: str | None = Field(
        None,
        description="one of them, if the others are compared with it alone: by Holm's correction. "
        "All pairs are compared otherwise: by Nemenyi's critical difference",
    )

    n_unit: ClassVar[UnitOfN] = "problem"

    @property
    def primary_test(self) -> str:
        """Friedman's statistic, by permutation; Iman and Davenport's F stands beside it."""
        return "friedman_permutation"

    @property
    def labels(self) -> tuple[str, str]:
        """All arms among themselves, or all others and the control."""
        others = [arm for arm in self.arms if arm != self.control]
        if self.control is None:
            return f"all pairs of {', '.join(others)}", ""
        return f"any of {', '.join(others)}", self.control

    @property
    def needs_direction(self) -> bool:
        """A rank says which is better."""
        return True

    def arm_names(self) -> dict[str, str]:
        """Return key in the file -> name of the arm."""
        return {f"arms[{k}]": arm for k, arm in enumerate(self.arms)}

    def unit(self, metrics: Mapping[str, Metric]) -> str:
        """Return that effects are differences of ranks."""
        return "ranks"

    def finding(self, boundary: float, unit: str, *, supported: bool) -> str:
        """Say what a decided verdict found."""
        return f"the arms' ranks in {self.metric.name} differ over problems"

    def foreseen(self, level: Level, seeds: int, arms: int) -> Foreseen:
        """Return nothing: it counts problems, whatever the seeds."""
        return Foreseen(math.nan, "mean ranks over problems")

    def assess(self, tables: Tables, metrics: Mapping[str, Metric], level: Level) -> Assessment:
        """Refuse: it is a claim about several problems.

        Raises:
            NoVerdict: always.
        """
        raise NoVerdict("not_run", "asked of several problems together: see the pooled verdicts")

    def pool(
        self, problems: Mapping[str, Tables], metrics: Mapping[str, Metric], level: Level
    ) -> PooledAssessment:
        """Rank the arms in each problem and test the mean ranks."""
        samples = self.samples_by_problem(problems, metrics)
        sign = -1.0 if self.better(metrics) == "lower" else 1.0
        arms = list(self.arms)
        means = np.array([one.values[arms].mean().to_numpy() for one in samples.values()])
        # Means that differ by rounding alone are ties.
        means = without_rounding(means, ROUNDING * np.abs(means).max(axis=-1))
        found = mean_ranks(sign * means)
        pairs, law = self._pairs()
        index = {arm: k for k, arm in enumerate(self.arms)}
        weights = np.zeros((len(pairs), len(self.arms)))
        for row, (one, other) in enumerate(pairs):
            weights[row, [index[one], index[other]]] = 1.0, -1.0
        contrasts = found.contrasts(weights)
        p = law.adjusted(contrasts.deviates())
        half = law.quantile(level.interval) * contrasts.errors
        low, high = contrasts.estimates - half, contrasts.estimates + half
        shown = int(np.abs(contrasts.estimates).argmax())
        effect = float(contrasts.estimates[shown])
        assessment = Assessment(
            n=len(samples),
            estimate=sign * effect,
            effect=effect,
            control_mean=float(means[:, index[pairs[shown][1]]].mean()),
            treatment_mean=float(means[:, index[pairs[shown][0]]].mean()),
            boundary=0.0,
            interval=(float(low[shown]), float(high[shown])),
            p_supported=found.permutation_p(),
            p_refuted=1.0,
            attainable_p=smallest_p(len(samples), len(self.arms)),
            test=self.primary_test,
            trials=pd.concat([one.trials for one in samples.values()]),
            sensitivity={"iman_davenport": _finite(float(found.iman_davenport_p()))},
            contrasts={
                f"{one} - {other}": ContrastFound(
                    float(contrasts.estimates[k]), float(low[k]), float(high[k]), float(p[k])
                )
                for k, (one, other) in enumerate(pairs)
            },
        )
        differences: Array = -found.ranks @ weights[shown]
        return PooledAssessment(
            assessment,
            None,
            {
                name: ProblemEffect(len(one.values), float(own), math.nan, math.nan)
                for (name, one), own in zip(samples.items(), differences, strict=True)
            },
            dict(zip(self.arms, found.means.tolist(), strict=True)),
        )

    def _pairs(self) -> tuple[list[tuple[str, str]], Together]:
        """Return which arms are compared, and how their p-values are adjusted."""
        if self.control is None:
            pairs = list(itertools.combinations(self.arms, 2))
            return pairs, Tukey(len(self.arms), math.inf)
        pairs = [(arm, self.control) for arm in self.arms if arm != self.control]
        return pairs, Holm(np.array(np.inf), len(pairs))

    @model_validator(mode="after")
    def _several_arms(self) -> Self:
        if len(self.arms) < 3:
            raise ValueError("arms: ranks of two say only who wins; name three or more")
        if self.control is not None and self.control not in self.arms:
            raise ValueError(
                f"control: {self.control!r} is none of the arms; write one of "
                f"{', '.join(self.arms)}"
            )
        return self


def _finite(p: float) -> float | None:
    return None if math.isnan(p) else p
