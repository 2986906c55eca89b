"""What to do about a range that matters: expand, narrow, or fix to a bound."""

from __future__ import annotations

import numpy as np
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_number, format_p, format_share
from latentlab.search.parameters import IntParameter
from latentlab.search.refinement.choices import unclear
from latentlab.search.refinement.decisions import Finding, Fixed, Seen, described, word
from latentlab.search.refinement.gates import Gate
from latentlab.search.refinement.ranks import elites
from latentlab.search.refinement.rules import Rules
from latentlab.search.refinement.scales import Range, expanded, from_share, narrowed
from latentlab.search.refinement.shapes import Shape

_NEAREST = 1 / 3
"""Part of the range at a bound where half of the elites lie before a value is fixed to it."""


def elites_of(positions: Array, scores: Array, rules: Rules) -> Array:
    """Positions of the elites among the rows that have the parameter, [elites]."""
    masked = np.where(np.isnan(positions), np.nan, scores)
    return positions[elites(masked[None], rules.elite_share)[0]]


def seen_of_range(
    parameter: Range, gate: Gate, positions: Array, scores: Array, rules: Rules
) -> Seen:
    """Where the elites lie, how many touch a bound, and the rank correlation."""
    there = ~np.isnan(positions)
    statistic = ""
    if not gate.reason:
        rho = float(scipy.stats.spearmanr(positions[there], scores[there]).statistic)
        statistic = f"Spearman's rho {format_number(rho, 2)}"
    best = elites_of(positions, scores, rules)
    if len(best) == 0:
        return Seen(0, "no elites: the better half is one plateau", statistic)
    ends = [from_share(parameter, float(end)) for end in (best.min(), best.max())]
    shares = gate.measured.elite_shares
    at = []
    for side, name in ((0, "low"), (1, "high")):
        own = float(shares[0, side])
        if own > 0:
            p = gate.share_at_least(shares[:, side], own)
            usual = float(np.nanmean(shares[1:, side]))
            at.append(
                f"{round(own * len(best))} at the {name} bound (noise: "
                f"{format_share(round(usual, 2))}, p {format_p(p)})"
            )
    touched = f", {', '.join(at)}" if at else ""
    share = f"{len(best)} elites in [{ends[0]:.4g}, {ends[1]:.4g}]{touched}"
    return Seen(len(best), share, statistic)


def decide_range(
    parameter: Range, gate: Gate, positions: Array, scores: Array, shape: Shape, rules: Rules
) -> Finding:
    """The decision about a range behind an open gate.

    Args:
        parameter: the range.
        gate: its gate.
        positions: in the sweep, NaN where the parameter does not exist, [n].
        scores: larger is better, [n].
        shape: direction of the effect.
        rules: of the mode.
    """
    best = elites_of(positions, scores, rules)
    if shape.kind == "unclear" or len(best) < 2:
        return unclear(shape)
    margin = rules.margin * float(np.ptp(best))
    low = from_share(parameter, max(float(best.min()) - margin, 0.0))
    high = from_share(parameter, min(float(best.max()) + margin, 1.0))
    if shape.kind == "interior":
        return _narrow(parameter, narrowed(parameter, low, high), shape)
    side = 1 if shape.kind == "increase" else -1
    # The worse side only: nothing speaks against the better one.
    worse_cut = (low, parameter.high) if side > 0 else (parameter.low, high)
    touches = best.max() >= 1 - rules.near if side > 0 else best.min() <= rules.near
    if not touches:
        return _narrow(parameter, narrowed(parameter, *worse_cut), shape)
    wider = expanded(parameter, side, rules.expansion)
    if wider is not parameter:
        shares = gate.measured.elite_shares[:, 1 if side > 0 else 0]
        chance = gate.share_at_least(shares, float(shares[0]))
        return _expand(parameter, wider, worse_cut, side, chance, shape, rules)
    from_bound = 1 - best if side > 0 else best
    if float(np.median(from_bound)) > _NEAREST:
        return _narrow(parameter, narrowed(parameter, *worse_cut), shape)
    return _at_limit(parameter, side, shape, rules)


def _narrow(parameter: Range, smaller: Range, shape: Shape) -> Finding:
    rule = "narrowed to the elites and a margin"
    if smaller == parameter:
        return Finding(
            "keep",
            shape.kind,
            rule,
            f"it matters ({shape.kind}), but the elites span the range.",
            "the elites of the next sweep left out an end of the range.",
        )
    return Finding(
        "narrow",
        shape.kind,
        rule,
        f"the elites leave out a part of the range ({shape.kind}).",
        f"elites of the next sweep touched a bound of {described(smaller)}.",
        smaller,
    )


def _expand(
    parameter: Range,
    wider: Range,
    worse_cut: tuple[float, float],
    side: int,
    chance: float,
    shape: Shape,
    rules: Rules,
) -> Finding:
    bound = wider.high if side > 0 else wider.low
    old = parameter.high if side > 0 else parameter.low
    rule = "elites touch the bound, and the effect does not end before it"
    compare = (bound, old)
    if rules.mode == "conservative" and chance > rules.within:
        return Finding(
            "candidate",
            shape.kind,
            rule,
            f"candidate, needs A/B: {word(bound)} may be better than the bound {word(old)}, but "
            f"as many elites touch it by chance (p {format_p(chance)}).",
            f"{word(bound)} won or lost against {word(old)} on the same seeds.",
            compare=compare,
        )
    cut = (worse_cut[0], wider.high) if side > 0 else (wider.low, worse_cut[1])
    change = narrowed(wider, *cut)
    return Finding(
        "expand",
        shape.kind,
        rule,
        f"it is better to {shape.kind}, up to the bound {word(old)}.",
        f"no elite of the next sweep lay beyond {word(old)}.",
        change,
        compare,
    )


def _at_limit(parameter: Range, side: int, shape: Shape, rules: Rules) -> Finding:
    bound = parameter.high if side > 0 else parameter.low
    rule = "monotone up to a bound that cannot move"
    compare = (bound, _middle(parameter))
    if rules.mode == "conservative":
        return Finding(
            "candidate",
            shape.kind,
            rule,
            f"candidate, needs A/B: the bound {word(bound)} seems best; a table alone fixes "
            "nothing.",
            f"{word(bound)} won or lost against {word(compare[1])} on the same seeds.",
            compare=compare,
        )
    return Finding(
        "fix to bound",
        shape.kind,
        rule,
        f"it is better to {shape.kind}, and {word(bound)} is as far as it goes.",
        f"{word(compare[1])} won against {word(bound)} on the same seeds.",
        Fixed(bound),
        compare,
    )


def _middle(parameter: Range) -> float | int:
    value = from_share(parameter, 0.5)
    if isinstance(parameter, IntParameter):
        return parameter.low + parameter.step * round((value - parameter.low) / parameter.step)
    return float(f"{value:.4g}")
