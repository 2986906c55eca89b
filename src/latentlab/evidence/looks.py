"""The decision rule at looks: a family's p-values at each look to verdicts, and when they fell.

A claim's p-value at a look becomes the smallest alpha at which its whole sequence of looks would be
significant there (Liu & Anderson 2008). Holm's procedure on these, with what was rejected at an
earlier look kept as it was, is Maurer and Bretz's (2013) group-sequential procedure with equal
weights: alpha / m for each claim, spent by its looks, and what a rejected claim does not need goes
to the others. Holm on the p-values of the looks themselves would be wrong. With one look all of
this is `decide`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentlab.core.arrays import Array
from latentlab.evidence.decisions import decide
from latentlab.statistics.corrections import Correction, level_left
from latentlab.statistics.sequential import FixedDesign, GroupSequential

Rule = FixedDesign | GroupSequential


@dataclass(frozen=True)
class Evidence:
    """The p-values of one family, at every look so far.

    Args:
        supported: shape [looks, studies, members]; NaN: no test.
        refuted: the same for refutation.
        attainable: smallest p that test and n allow, shape [looks, members].
        enough_seeds: whether each member has its minimum of seeds, same shape.
        tails: one-sided tests that share alpha, shape [2, members]: of support, of refutation. The
            p-values are multiplied by it already.
        price: factor of each member's p-values for attempts before, shape [members] or one for all.
    """

    supported: Array
    refuted: Array
    attainable: Array
    enough_seeds: npt.NDArray[np.bool_]
    tails: Array
    price: Array | float = 1.0


@dataclass(frozen=True)
class DecisionAtLooks:
    """What a family's p-values decide, each of shape [studies, members].

    Attributes:
        verdict: "supported", "refuted" or "inconclusive".
        look: the look that decided, or the last one so far, counted from 0.
        supported_adjusted: adjusted p-value of support at that look.
        refuted_adjusted: adjusted p-value of refutation at that look.
    """

    verdict: npt.NDArray[np.str_]
    look: npt.NDArray[np.int64]
    supported_adjusted: Array
    refuted_adjusted: Array


def decide_at_looks(
    evidence: Evidence, rule: Rule, *, alpha: float, correction: Correction
) -> DecisionAtLooks:
    """Decide a family look by look; what is decided stays so, whatever later looks say.

    Args:
        evidence: the p-values.
        rule: the levels of the looks.
        alpha: level of the family.
        correction: correction within each direction.

    Example:
        >>> p = np.array([[[0.2, 0.001]], [[0.02, 0.2]]])
        >>> decision = decide_at_looks(
        ...     Evidence(p, 1 - p, np.zeros((2, 2)), np.full((2, 2), True), np.ones((2, 2))),
        ...     GroupSequential((5, 10), "pocock"),
        ...     alpha=0.05,
        ...     correction="holm",
        ... )
        >>> decision.verdict.tolist(), decision.look.tolist()
        ([['supported', 'supported']], [[1, 0]])
    """
    found: DecisionAtLooks | None = None
    rejected = [np.ones_like(evidence.supported[0]), np.ones_like(evidence.refuted[0])]
    for look, enough in enumerate(evidence.enough_seeds):
        p = [
            np.fmin(before, _paid(at_look(rule, own[look], look, tails), evidence.price))
            for before, own, tails in zip(
                rejected, (evidence.supported, evidence.refuted), evidence.tails, strict=True
            )
        ]
        decision = decide(
            *p,
            alpha=alpha,
            correction=correction,
            attainable=_paid(
                at_look(rule, evidence.attainable[look], look, evidence.tails[0]), evidence.price
            ),
            enough_seeds=enough,
        )
        adjusted = (decision.supported_adjusted, decision.refuted_adjusted)
        now = DecisionAtLooks(decision.verdict, np.full(decision.verdict.shape, look), *adjusted)
        found = now if found is None else _kept(found, now)
        # What is rejected stays so, and what is not is judged on the next look's data alone.
        rejected = [
            np.where((of <= alpha) & enough, own, 1.0) for of, own in zip(adjusted, p, strict=True)
        ]
    assert found is not None
    return found


def conditional_power(
    decision: DecisionAtLooks,
    evidence: Evidence,
    rule: Rule,
    *,
    alpha: float,
    correction: Correction,
) -> Array:
    """Return each member's chance of an answer by the last look, if the trend so far goes on.

    Of both directions the better, at the share of alpha that the correction leaves to it now.

    Returns:
        Shape [studies, members]; NaN where there is no trend, or no look to come.
    """
    look, members = len(evidence.supported) - 1, decision.verdict.shape[-1]
    if isinstance(rule, FixedDesign) or look == len(rule.looks) - 1:
        return np.full(decision.verdict.shape, np.nan)
    levels = np.array([level_left(alpha, correction, max(m, 1)) for m in range(members + 1)])
    chances = []
    for p, tails, answer in zip(
        (evidence.supported[look], evidence.refuted[look]),
        evidence.tails,
        ("supported", "refuted"),
        strict=True,
    ):
        undecided = np.sum(decision.verdict != answer, axis=-1, keepdims=True)
        left = levels[undecided if correction == "holm" else np.full_like(undecided, members)]
        chances.append(rule.conditional_power(p / tails, look, left / tails / evidence.price))
    return np.fmax(*chances)


def at_look(rule: Rule, p: Array, look: int, tails: Array) -> Array:
    """Return p-values of one look as p-values of the whole test; NaN stays NaN."""
    return np.minimum(tails * rule.attained(p / tails, look), 1.0)


def _paid(p: Array, price: Array | float) -> Array:
    return np.minimum(price * p, 1.0)


def _kept(before: DecisionAtLooks, now: DecisionAtLooks) -> DecisionAtLooks:
    decided = before.verdict != "inconclusive"
    return DecisionAtLooks(
        *(
            np.where(decided, getattr(before, name), getattr(now, name))
            for name in ("verdict", "look", "supported_adjusted", "refuted_adjusted")
        )
    )
