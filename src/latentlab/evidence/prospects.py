"""What claims can show before anything is trained: with the declared seeds, at their own levels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from latentlab.evidence.assessment import Level, SeedsNeeded
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.looks import Rule
from latentlab.evidence.tables import NoVerdict, Tables
from latentlab.evidence.verdicts import level_of
from latentlab.metrics.metric import Metric
from latentlab.statistics.corrections import level_left
from latentlab.statistics.sequential import FixedDesign


@dataclass(frozen=True)
class Pilot:
    """What an earlier run's scores say of a claim.

    Attributes:
        seeds: that were run, in the claim's own count.
        effect: that was seen, in `unit`.
        smallest: the smallest effect (of an equivalence, margin) that the planned seeds show with
            80 % power if their spread is this one's, in `unit`; NaN without a spread.
        unit: of the claim.
        needed: seeds for an effect like the one that was seen; None: no affordable number.
    """

    seeds: int
    effect: float
    smallest: float
    unit: str
    needed: SeedsNeeded | None


@dataclass(frozen=True)
class Prospect:
    """What the planned seeds can show of one claim with 80 % power.

    Attributes:
        hypothesis: its name.
        comparison: of the claim.
        seeds: that are planned; with declared looks those of the last one.
        level: one-sided, what correction, look and earlier attempts leave.
        smallest: the smallest effect beyond the boundary (of an equivalence, the narrowest margin)
            that is shown, in `unit`; NaN where nothing is.
        unit: what it is counted in, since nobody knows the spread yet.
        pilot: what an earlier run says; None where there is none.
    """

    hypothesis: str
    comparison: str
    seeds: int
    level: float
    smallest: float
    unit: str
    pilot: Pilot | None


def prospects(
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    seeds: int,
    arms: int,
    prices: Mapping[str, float],
    earlier: Tables | None,
) -> list[Prospect]:
    """Return what each claim can show, in their order.

    With declared looks the level is that of the last one: looks before it may decide sooner, so
    that the power is a little higher.

    Args:
        hypotheses: the declarations.
        metrics: name -> metric.
        seeds: that are planned for each arm.
        arms: of the study.
        prices: hypothesis -> factor of its p-values, for the attempts before.
        earlier: scores and trials of an earlier run; None without one.
    """
    rule: Rule = FixedDesign() if hypotheses.stopping is None else hypotheses.stopping.rule
    last = 0 if hypotheses.stopping is None else len(hypotheses.stopping.looks) - 1
    families = [claim.family for claim in hypotheses.hypotheses.values()]
    found = []
    for name, claim in hypotheses.hypotheses.items():
        family = hypotheses.family_of(name)
        allowed = level_left(family.alpha, family.correction, families.count(claim.family))
        allowed /= prices[name]
        level = replace(level_of(claim, family.alpha, allowed, rule, last), seeds=seeds)
        foreseen = claim.foreseen(level, seeds, arms)
        enough = claim.n_unit != "seed" or seeds >= claim.min_seeds
        found.append(
            Prospect(
                hypothesis=name,
                comparison=claim.comparison,
                seeds=seeds,
                level=level.one_sided,
                smallest=foreseen.smallest if enough else math.nan,
                unit=foreseen.unit,
                pilot=None if earlier is None else _pilot(claim, earlier, metrics, level),
            )
        )
    return found


def _pilot(
    claim: Claim, earlier: Tables, metrics: Mapping[str, Metric], level: Level
) -> Pilot | None:
    try:
        seen = claim.assess(earlier, metrics, level)
    except NoVerdict:
        return None
    unit = claim.unit(metrics)
    return Pilot(seen.n, seen.effect, seen.detectable_effect, unit, seen.seeds_needed)
