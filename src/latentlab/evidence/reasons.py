"""One plain sentence per verdict: what was found, and how sure it is."""

from __future__ import annotations

import math

from latentlab.evidence.assessments import Assessment, Level
from latentlab.evidence.claims import Claim, LocationClaim
from latentlab.evidence.trend_claims import Association, Monotone


def decided(
    claim: Claim, assessment: Assessment, level: Level, unit: str, *, supported: bool, p: float
) -> str:
    """The sentence of a supported or refuted hypothesis.

    Args:
        claim: the hypothesis.
        assessment: its statistics.
        level: the levels they were computed at.
        unit: the metric's unit in words.
        supported: whether it is supported; refuted otherwise.
        p: the adjusted p-value of that direction.
    """
    finding = _finding(claim, assessment, unit, supported=supported)
    return f"{finding}: {_evidence(assessment, level, unit)}, adjusted p = {p:.2g}"


def open_question(
    assessment: Assessment, level: Level, unit: str, *, cause: str, equivalence: bool
) -> str:
    """The sentence of an inconclusive hypothesis.

    Args:
        assessment: its statistics.
        level: the levels they were computed at.
        unit: the metric's unit in words.
        cause: why nothing was decided; begins the sentence.
        equivalence: whether what could be shown is a margin, not an effect.
    """
    many = "trials" if assessment.test == "spearman_permutation" else "seeds"
    shown = "margin" if equivalence else "true effect"
    detectable = (
        "what this n would show cannot be said"
        if math.isnan(assessment.detectable_effect)
        else f"a {shown} of {_amount(assessment.detectable_effect, unit)} would be shown with "
        "80 % power at this n"
    )
    needed = f"about {assessment.seeds_needed} {many} are needed"
    if assessment.seeds_needed is None:
        unknown = math.isnan(assessment.detectable_effect)
        needed = "nor how many are needed" if unknown else f"more than 10,000 {many} are needed"
    return f"{cause}: {_evidence(assessment, level, unit)}; {detectable}; {needed}"


def why_open(assessment: Assessment, level: Level, allowed: float, *, contradictory: bool) -> str:
    """Why a hypothesis is inconclusive.

    Args:
        assessment: its statistics.
        level: the levels they were computed at.
        allowed: the p-value that the family's correction leaves.
        contradictory: whether both directions were significant.
    """
    if assessment.n < level.min_seeds:
        return f"unattainable: n = {assessment.n} is below the minimum of {level.min_seeds}"
    if assessment.attainable_p > allowed:
        return (
            f"unattainable: {assessment.test} cannot give a p-value below "
            f"{assessment.attainable_p:.3g} at n = {assessment.n}, and the family leaves "
            f"{allowed:.3g}"
        )
    if contradictory:
        return "the trend is certain but within the range declared to be no trend"
    if math.isnan(assessment.p_supported):
        return (
            f"{assessment.test} is undefined on scores that do not vary "
            "(sign_flip or permutation would not be)"
        )
    return "the data leave the question open"


def _finding(claim: Claim, a: Assessment, unit: str, *, supported: bool) -> str:
    metric = claim.metric.name
    if isinstance(claim, Monotone):
        verb = {"increasing": "rises", "decreasing": "falls"}[claim.direction]
        return f"{metric} {verb if supported else f'does not {verb[:-1]}'} with {claim.factor}"
    if isinstance(claim, Association):
        other = claim.against.factor or (claim.against.metric and claim.against.metric.name)
        return (
            f"{metric} and {other} {'have' if supported else 'do not have'} "
            f"a {claim.direction} association"
        )
    if not isinstance(claim, LocationClaim):
        raise TypeError(f"no sentence for {type(claim).__name__}")
    amount = _amount(a.boundary, unit)
    pair = f"({a.treatment}) against ({a.control})" if " - " in a.treatment else ""
    pair = pair or f"{a.treatment} against {a.control}"
    if claim.comparison == "superiority" and a.boundary == 0:
        return f"{pair} is {'better' if supported else 'worse'} in {metric}"
    ending = {
        ("superiority", True): f"is better by more than {amount}",
        ("superiority", False): f"is not better by {amount}",
        ("non_inferiority", True): f"is not worse by {amount}",
        ("non_inferiority", False): f"is worse by more than {amount}",
        ("equivalence", True): f"differs by less than {amount}",
        ("equivalence", False): f"differs by more than {amount}",
    }[claim.comparison, supported]
    return f"{pair} {ending} in {metric}"


def _evidence(a: Assessment, level: Level, unit: str) -> str:
    low, high = a.interval
    interval = (
        "no interval"
        if math.isnan(low)
        else f"{100 * level.interval:.3g} % interval {low:.3g} to {high:.3g}"
    )
    return f"effect {_amount(a.effect, unit)}, {interval}, n = {a.n}"


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip()
