"""From tables to what they say about one hypothesis: its gates, then its statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from latentlab.evidence.assessments import Assessment, Level, assess_location, one_signed
from latentlab.evidence.checks import better_direction, contradicts
from latentlab.evidence.claims import Claim, LocationClaim
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.samples import ArmScores, NoVerdict, Tables, arm_scores, trial_columns
from latentlab.evidence.trend_assessments import assess_association, assess_monotone
from latentlab.evidence.trend_claims import Association, Monotone
from latentlab.metrics.metric import Metric


def assess_claim(
    tables: Tables,
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    name: str,
    level: Level,
) -> Assessment:
    """The statistics of hypothesis `name`.

    Raises:
        NoVerdict: when a gate fails.
    """
    claim = hypotheses.hypotheses[name]
    if isinstance(claim, Association):
        direction_of(claim, metrics)
        missing = hypotheses.missing(name)
        columns = trial_columns(tables, claim.arms, claim.metric, claim.against, missing)
        return assess_association(claim, columns, level)
    samples = samples_of(tables, hypotheses, metrics, name)
    if isinstance(claim, Monotone):
        return assess_monotone(claim, samples, level)
    return assess_location(
        claim,
        samples,
        level,
        paired=hypotheses.paired(name),
        lower_is_better=direction_of(claim, metrics) == "lower",
    )


def samples_of(
    tables: Tables, hypotheses: Hypotheses, metrics: Mapping[str, Metric], name: str
) -> ArmScores:
    """What a hypothesis that compares arms is judged on, after every gate.

    Raises:
        NoVerdict: when a gate fails.
    """
    claim = hypotheses.hypotheses[name]
    samples = arm_scores(
        tables,
        claim,
        missing=hypotheses.missing(name),
        worst=_worst(metrics.get(claim.metric.name), direction_of(claim, metrics)),
        paired=isinstance(claim, Monotone) or hypotheses.paired(name),
    )
    if samples.values.empty:
        raise NoVerdict("invalid", "no seed has a score in every arm")
    if isinstance(claim, LocationClaim):
        control = list(claim.arm_names().values())[1]
        if not one_signed(claim.boundary, samples, control):
            raise NoVerdict(
                "invalid", f"a share of the mean of {control} means nothing: its scores change sign"
            )
    return samples


def direction_of(claim: Claim, metrics: Mapping[str, Metric]) -> str | None:
    """The better direction of a claim's metric, where it has one.

    Raises:
        NoVerdict: the claim turns it round, or needs one and there is none.
    """
    better = better_direction(claim.metric, metrics)
    if contradicts(claim.metric, metrics):
        raise NoVerdict("invalid", f"{claim.metric.name} is better {better}: correct metric.better")
    if claim.needs_direction and better is None:
        raise NoVerdict("invalid", f"{claim.metric.name} has no better direction: declare one")
    return better


def _worst(metric: Metric | None, better: str | None) -> float | None:
    """The worst value a metric can take; infinite where it has no bound."""
    if better is None:
        return None
    if better == "higher":
        return -math.inf if metric is None else metric.low
    return math.inf if metric is None else metric.high
