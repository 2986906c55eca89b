"""The same hypotheses answered over several problems: one row of verdict each.

Gates, correction, decision and wording are those of a single problem; the statistics are pooled
(`evidence.pooling`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.evidence.assessing import direction_of, samples_of
from latentlab.evidence.assessments import Assessment, Level, contrast, plan
from latentlab.evidence.claims import LocationClaim
from latentlab.evidence.decisions import Comparison, evidence_at_boundaries
from latentlab.evidence.freeze import Freeze
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.pooling import StratifiedMean, heterogeneity, stratified_mean
from latentlab.evidence.samples import ArmScores, NoVerdict, Tables, tidy
from latentlab.evidence.trend_assessments import trend_assessment
from latentlab.evidence.trend_claims import Association, Monotone
from latentlab.evidence.verdict_columns import POOLED_COLUMNS
from latentlab.evidence.verdicts import judge_families
from latentlab.metrics.metric import Metric
from latentlab.statistics.association import monotone_trend, seed_correlations

# Which boundary a claim is planned at, as a multiple of its distance from 0.
_SIDES: dict[Comparison, int] = {"superiority": 1, "non_inferiority": -1, "equivalence": 0}


def judge_pooled(
    tables: Mapping[str, pd.DataFrame],
    hypotheses: Hypotheses,
    asked: Mapping[str, Sequence[str]],
    metrics: Mapping[str, Metric],
    freeze: Freeze | None = None,
) -> pd.DataFrame:
    """Judge hypotheses over all problems that they are asked of.

    Args:
        tables: problem -> scores with the columns of their trials beside them: trial_id, split,
            metric, value, arm, seed, status, started_at, config.
        hypotheses: the declarations; a family is corrected over its pooled p-values.
        asked: hypothesis -> its problems.
        metrics: name -> metric.
        freeze: when the hypotheses were frozen.

    Returns:
        One row per hypothesis, in their order, with the columns of `POOLED_COLUMNS`.
    """
    problems = {problem: tidy(table, table) for problem, table in tables.items()}
    pooled: dict[str, _Pooled] = {}

    def assess(name: str, level: Level) -> Assessment:
        own = {problem: problems[problem] for problem in asked[name]}
        pooled[name] = _assess(own, hypotheses, metrics, name, level)
        return pooled[name].assessment

    last_seed = max(one.trials["seed"].max() for one in problems.values())
    verdicts = judge_families(hypotheses, metrics, assess, last_seed, freeze)
    found = [pooled[name].columns() if name in pooled else {} for name in hypotheses.hypotheses]
    return verdicts.join(pd.DataFrame(found)).reindex(columns=list(POOLED_COLUMNS))


@dataclass(frozen=True)
class _Pooled:
    """A pooled assessment and what it was pooled from.

    Args:
        assessment: what is decided on.
        strata: the problems' effects.
        differences: problem -> oriented differences, or correlations, of its seeds.
        level: coverage of the problems' intervals.
        bound: largest magnitude that an effect can have.
    """

    assessment: Assessment
    strata: StratifiedMean
    differences: Mapping[str, Array]
    level: float
    bound: float = math.inf

    def columns(self) -> dict[str, object]:
        """What the table of pooled verdicts has beside the columns of any verdict."""
        problems = {}
        for problem, own in self.differences.items():
            low, high = stratified_mean([own], [np.zeros_like(own)]).interval(self.level)
            problems[problem] = {
                "n": len(own),
                "effect": float(np.mean(own)),
                "low": max(low, -self.bound),
                "high": min(high, self.bound),
            }
        spread = heterogeneity(self.strata)
        return {
            "problems": json.dumps(problems),
            "heterogeneity_q": spread.q,
            "heterogeneity_p": spread.p,
            "i_squared": spread.i_squared,
            "agreement": spread.sentence(),
        }


def _assess(
    tables: Mapping[str, Tables],
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    name: str,
    level: Level,
) -> _Pooled:
    claim = hypotheses.hypotheses[name]
    if isinstance(claim, Association):
        raise NoVerdict("not_run", "not pooled: it speaks of the trials of one problem")
    if isinstance(claim, LocationClaim) and not hypotheses.paired(name):
        raise NoVerdict("not_run", "not pooled: only claims about paired seeds are")
    samples = {}
    for problem, own in tables.items():
        try:
            samples[problem] = samples_of(own, hypotheses, metrics, name)
        except NoVerdict as gate:
            raise NoVerdict(gate.verdict, f"{problem}: {gate.reason}") from gate
        if len(samples[problem].values) < 2:
            raise NoVerdict("invalid", f"{problem}: one pair of seeds has no spread")
    if isinstance(claim, Monotone):
        return _assess_monotone(claim, samples, level)
    sign = -1.0 if direction_of(claim, metrics) == "lower" else 1.0
    return _assess_location(claim, samples, level, sign)


def _assess_location(
    claim: LocationClaim, samples: Mapping[str, ArmScores], level: Level, sign: float
) -> _Pooled:
    contrasts = [contrast(claim, one, paired=True) for one in samples.values()]
    labels = contrasts[0][0]
    x = [sign * treatment for _, treatment, _ in contrasts]
    y = [sign * control for _, _, control in contrasts]
    distances = [claim.boundary.distance(control) for _, _, control in contrasts]

    def at(side: int) -> StratifiedMean:
        edges = [own + side * distance for own, distance in zip(y, distances, strict=True)]
        return stratified_mean(x, edges)

    supported, refuted = evidence_at_boundaries(
        claim.comparison, lambda side, alternative: at(side).p(alternative), claim.test.sides
    )
    pooled = at(0)
    n = int(pooled.sizes.min())
    boundary = _mean_of_means(distances)
    detectable, needed = _plan(claim.comparison, at(_SIDES[claim.comparison]), boundary, n, level)
    assessment = Assessment(
        n=n,
        treatment=labels[0],
        control=labels[1],
        estimate=sign * float(pooled.mean),
        effect=float(pooled.mean),
        treatment_mean=sign * _mean_of_means(x),
        control_mean=sign * _mean_of_means(y),
        boundary=boundary,
        interval=pooled.interval(level.interval),
        p_supported=float(supported),
        p_refuted=float(refuted),
        attainable_p=0.0,
        test="stratified_t",
        trials=pd.concat([one.trials for one in samples.values()]),
        detectable_effect=detectable,
        seeds_needed=needed,
    )
    differences = {problem: own - other for problem, own, other in zip(samples, x, y, strict=True)}
    return _Pooled(assessment, pooled, differences, level.interval)


def _assess_monotone(claim: Monotone, samples: Mapping[str, ArmScores], level: Level) -> _Pooled:
    """Page's test with the seeds of all problems as its blocks.

    It ranks within seeds, so that problems of different scales need no transformation.
    """
    arms = list(claim.levels)
    scores = [one.values[arms].to_numpy(dtype=np.float64) for one in samples.values()]
    sign = 1.0 if claim.direction == "increasing" else -1.0
    correlations = {
        problem: sign * seed_correlations(own) for problem, own in zip(samples, scores, strict=True)
    }

    def against(edge: float) -> StratifiedMean:
        own = list(correlations.values())
        return stratified_mean(own, [np.full_like(one, edge) for one in own])

    pooled = against(0.0)
    rope, rope_p = claim.rope, None
    if rope is not None:
        within, _ = evidence_at_boundaries(
            "equivalence", lambda side, to: against(side * rope).p(to), "one"
        )
        rope_p = float(within)
    effect = float(pooled.mean)
    n = int(pooled.sizes.min())
    detectable, needed = _plan("superiority", pooled, 0.0, n, level)
    low, high = pooled.interval(level.interval)
    assessment = trend_assessment(
        replace(monotone_trend(np.concatenate(scores)), estimate=sign * effect),
        sign,
        rope_p,
        level,
        n=n,
        ends=(arms[-1], arms[0]),
        means=(
            _mean_of_means([own[:, -1] for own in scores]),
            _mean_of_means([own[:, 0] for own in scores]),
        ),
        interval=(max(-1.0, low), min(1.0, high)),
        test="stratified_page",
        effect_size=f"mean rho = {effect:.3g}",
        trials=pd.concat([one.trials for one in samples.values()]),
        plan=(float(np.minimum(detectable, 1.0)), needed),
    )
    return _Pooled(assessment, pooled, correlations, level.interval, bound=1.0)


def _plan(
    comparison: Comparison, pooled: StratifiedMean, boundary: float, n: int, level: Level
) -> tuple[float, int | None]:
    """Detectable effect, and seeds that each problem would need.

    The pooled test is a t test of `freedom + 1` pairs whose mean has the pooled error.
    """
    if not pooled.error > 0:
        return math.nan, None
    pairs = float(pooled.freedom) + 1
    spread = float(pooled.error) * math.sqrt(pairs)
    offset = float(pooled.mean)
    detectable, needed = plan(comparison, pairs, spread, offset, boundary, level, paired=True)
    if needed is not None:
        # Less a rounding error, which must not cost a seed.
        needed = max(level.min_seeds, math.ceil(needed * n / pairs - 1e-9))
    return detectable, needed


def _mean_of_means(strata: Sequence[Array]) -> float:
    return float(np.mean([np.mean(own) for own in strata]))
