"""From scores to p-values, and from a family's p-values to verdicts.

Arrays carry a leading axis of studies. `judge` calls these functions with one study, the
simulations of the false-verdict rate with twenty thousand: there is one decision rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from latentlab.core.arrays import Array
from latentlab.evidence.margins import Boundary
from latentlab.statistics.corrections import Correction, adjust, level_left
from latentlab.statistics.location import AnyLocationTest, location_p
from latentlab.statistics.rearranging import Alternative

Comparison = Literal["superiority", "non_inferiority", "equivalence"]
Sides = Literal["one", "two"]


def location_evidence(
    comparison: Comparison,
    test: AnyLocationTest,
    treatment: Array,
    control: Array,
    boundary: Boundary,
    *,
    lower_is_better: bool = False,
    sides: Sides = "one",
) -> tuple[Array, Array]:
    """Return the p-values for and against a claim about the effect of a treatment.

    The effect is treatment - control, turned so that positive is better.

    | comparison | supported: reject | refuted: reject |
    |---|---|---|
    | superiority, delta | effect <= delta | effect >= delta |
    | non_inferiority, m | effect <= -m | effect >= -m |
    | equivalence, m | effect <= -m and effect >= m | effect <= m or effect >= -m, each at alpha/2 |

    Args:
        comparison: the claim.
        test: the test of location.
        treatment: scores, shape [studies, n]; logarithms where the boundary is on that scale.
        control: scores, shape [studies, m], likewise.
        boundary: delta or m.
        lower_is_better: whether smaller scores are better.
        sides: "two" spends alpha / 2 on each direction; the p-values are doubled for it.

    Returns:
        (p_supported, p_refuted), each of shape [studies], to be compared with alpha; NaN where
        the test is undefined.

    Example:
        >>> new, old = np.array([[0.9, 0.8, 0.9, 0.8]]), np.array([[0.5, 0.5, 0.4, 0.5]])
        >>> supported, refuted = location_evidence(
        ...     "superiority", "sign_flip", new, old, Boundary(0.1)
        ... )
        >>> supported.tolist(), refuted.tolist()
        ([0.0625], [1.0])
    """
    sign = -1.0 if lower_is_better else 1.0
    x, y = sign * treatment, sign * control
    known = _ratio_exists(test, boundary, control)

    def p(side: int, alternative: Alternative) -> Array:
        edge = boundary.edge(control, side, sign)
        return np.maximum(location_p(test, x, y + edge, alternative), known)

    return evidence_at_boundaries(comparison, p, sides)


def _ratio_exists(test: AnyLocationTest, boundary: Boundary, control: Array) -> Array:
    """Return the p-value that there is a mean to take a share of; 0 where none is taken.

    Where the control's mean may be 0, a t test does not reject ratios that lie beyond some that it
    rejects. The p-value that the ratio exceeds a boundary is the largest over all below it, and the
    farthest of them asks only whether that mean is 0. Other tests do not turn back.
    """
    if not boundary.is_share or test not in ("paired_t", "welch_t", "skewed_t"):
        return np.zeros(len(control))
    own = location_p("paired_t", np.abs(control), np.zeros_like(control), "greater")
    return np.nan_to_num(own)


def evidence_at_boundaries(
    comparison: Comparison, p: Callable[[int, Alternative], Array], sides: Sides
) -> tuple[Array, Array]:
    """Return the p-values of the table of `location_evidence`, whatever the test.

    Args:
        comparison: the claim.
        p: p(1, "greater") is the one-sided p-value that the effect lies above the boundary,
            p(-1, "less") that it lies below its mirror image, and so on.
        sides: "two" doubles the p-values.

    Returns:
        (p_supported, p_refuted).

    Example:
        >>> inside = {(-1, "greater"): 0.01, (1, "less"): 0.02, (1, "greater"): 0.98,
        ...           (-1, "less"): 0.99}
        >>> supported, refuted = evidence_at_boundaries(
        ...     "equivalence", lambda side, to: np.array(inside[side, to]), "one"
        ... )
        >>> float(supported), float(refuted)
        (0.02, 1.0)
    """
    if comparison == "equivalence":
        supported = np.maximum(p(-1, "greater"), p(1, "less"))
        refuted = np.minimum(2 * np.minimum(p(1, "greater"), p(-1, "less")), 1.0)
    else:
        edge = 1 if comparison == "superiority" else -1
        supported, refuted = p(edge, "greater"), p(edge, "less")
    return for_sides(supported, sides), for_sides(refuted, sides)


def for_sides(p: Array, sides: Sides) -> Array:
    """Double one-sided p-values where alpha is shared between two sides.

    Example:
        >>> for_sides(np.array([0.02, 0.8]), "two").tolist()
        [0.04, 1.0]
    """
    return np.minimum(2 * p, 1.0) if sides == "two" else p


@dataclass(frozen=True)
class Decision:
    """What a family's p-values decide.

    Args:
        verdict: "supported", "refuted" or "inconclusive", shape [studies, members].
        supported_adjusted: adjusted p-values of support, same shape.
        refuted_adjusted: adjusted p-values of refutation, same shape.
    """

    verdict: npt.NDArray[np.str_]
    supported_adjusted: Array
    refuted_adjusted: Array


def decide(
    p_supported: Array,
    p_refuted: Array,
    *,
    alpha: float,
    correction: Correction,
    attainable: Array,
    enough_seeds: npt.NDArray[np.bool_],
) -> Decision:
    """Turn the p-values of one family into verdicts.

    Support and refutation are corrected as two families. Each is a claim that can be false, and
    without its own correction four hypotheses at their boundaries would yield some false
    refutation in up to 18 % of studies. A large p never refutes.

    Args:
        p_supported: shape [studies, members]; NaN (no test) counts as 1, so a hypothesis that
            was not run still counts as a member: leaving an arm out must buy no power.
        p_refuted: the same for refutation.
        alpha: level of the family.
        correction: correction within each direction.
        attainable: smallest p that each member's test and n allow, shape [members], for its
            number of sides.
        enough_seeds: whether each member has its minimum of seeds, shape [members].

    Example:
        >>> decision = decide(
        ...     np.array([[0.01, 0.03]]),
        ...     np.array([[0.99, 0.97]]),
        ...     alpha=0.05,
        ...     correction="bonferroni",
        ...     attainable=np.zeros(2),
        ...     enough_seeds=np.array([True, True]),
        ... )
        >>> decision.verdict.tolist()
        [['supported', 'inconclusive']]
    """
    members = p_supported.shape[-1]
    supported = adjust(np.where(np.isnan(p_supported), 1.0, p_supported), correction)
    refuted = adjust(np.where(np.isnan(p_refuted), 1.0, p_refuted), correction)
    # The relative slack admits an attainable p that equals the level up to rounding.
    out_of_reach = attainable > level_left(alpha, correction, members) * (1 + 1e-12)
    unattainable = out_of_reach | ~enough_seeds
    shown, against = supported <= alpha, refuted <= alpha
    # A trend can be certain and yet lie within its region of no practical interest. The two
    # findings contradict each other as answers to one claim, so neither is given.
    verdict = np.select(
        [np.broadcast_to(unattainable, shown.shape) | (shown & against), shown, against],
        ["inconclusive", "supported", "refuted"],
        "inconclusive",
    )
    return Decision(verdict, supported, refuted)
