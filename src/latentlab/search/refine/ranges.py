"""What to do about a range that matters: expand, narrow, or fix to a bound."""

from __future__ import annotations

import numpy as np
import scipy.stats

from latentlab.reporting.formatting import format_number, format_p, format_share
from latentlab.search.formatting import format_range, format_value
from latentlab.search.parameters import IntParameter
from latentlab.search.refine.choices import unclear
from latentlab.search.refine.decisions import Action, EliteSummary, Fixed
from latentlab.search.refine.range_moves import Range, expanded, from_share, narrowed
from latentlab.search.refine.rules import Rules
from latentlab.search.refine.shapes import Shape
from latentlab.search.refine.tested_parameter import TestedParameter

_NEAREST = 1 / 3
"""Part of the range at a bound where half of the elites lie before a value is fixed to it."""


def elite_summary_of_range(parameter: Range, tested: TestedParameter) -> EliteSummary:
    """Where the elites lie, how many touch a bound, and the rank correlation."""
    test, exists = tested.test, tested.exists
    statistic = ""
    if not test.reason:
        rho = scipy.stats.spearmanr(tested.positions[exists], tested.scores[exists]).statistic
        statistic = f"Spearman's rho {format_number(float(rho), 2)}"
    best = tested.elite_positions
    if len(best) == 0:
        return EliteSummary(0, "no elites: the better half is one plateau", statistic)
    ends = [from_share(parameter, float(end)) for end in (best.min(), best.max())]
    shares = test.statistics.elite_shares
    at = []
    for side, name in ((0, "low"), (1, "high")):
        own = float(shares[0, side])
        if own > 0:
            p = tested.elite_p(side)
            usual = float(np.nanmean(shares[1:, side]))
            at.append(
                f"{round(own * len(best))} at the {name} bound (noise: "
                f"{format_share(round(usual, 2))}, p {format_p(p)})"
            )
    touched = f", {', '.join(at)}" if at else ""
    share = f"{len(best)} elites in [{ends[0]:.4g}, {ends[1]:.4g}]{touched}"
    return EliteSummary(len(best), share, statistic)


def decide_range(parameter: Range, tested: TestedParameter, shape: Shape, rules: Rules) -> Action:
    """The decision about a range of a significant parameter.

    Args:
        parameter: the range.
        tested: the parameter over the screened rows.
        shape: direction of the effect.
        rules: of the mode.
    """
    best = tested.elite_positions
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
    touches = best.max() >= 1 - tested.near if side > 0 else best.min() <= tested.near
    if not touches:
        return _narrow(parameter, narrowed(parameter, *worse_cut), shape)
    wider = expanded(parameter, side, rules.expansion)
    if wider is not parameter:
        chance = tested.elite_p(1 if side > 0 else 0)
        return _expand(parameter, wider, worse_cut, side, chance, shape, rules)
    from_bound = 1 - best if side > 0 else best
    if float(np.median(from_bound)) > _NEAREST:
        return _narrow(parameter, narrowed(parameter, *worse_cut), shape)
    return _at_limit(parameter, side, shape, rules)


def _narrow(parameter: Range, smaller: Range, shape: Shape) -> Action:
    rule = "narrowed to the elites and a margin"
    if smaller == parameter:
        return Action(
            "keep",
            shape.kind,
            rule,
            f"it matters ({shape.kind}), but the elites span the range.",
            "the elites of the next sweep left out an end of the range.",
        )
    return Action(
        "narrow",
        shape.kind,
        rule,
        f"the elites leave out a part of the range ({shape.kind}).",
        f"elites of the next sweep touched a bound of {format_range(smaller)}.",
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
) -> Action:
    bound = wider.high if side > 0 else wider.low
    old = parameter.high if side > 0 else parameter.low
    new_text, old_text = format_value(bound), format_value(old)
    rule = "elites touch the bound, and the effect does not end before it"
    compare = (bound, old)
    if rules.mode == "conservative" and chance > rules.within:
        return Action(
            "candidate",
            shape.kind,
            rule,
            f"candidate, needs A/B: {new_text} may be better than the bound {old_text}, but "
            f"as many elites touch it by chance (p {format_p(chance)}).",
            f"{new_text} won or lost against {old_text} on the same seeds.",
            compare=compare,
        )
    cut = (worse_cut[0], wider.high) if side > 0 else (wider.low, worse_cut[1])
    change = narrowed(wider, *cut)
    return Action(
        "expand",
        shape.kind,
        rule,
        f"it is better to {shape.kind}, up to the bound {old_text}.",
        f"no elite of the next sweep lay beyond {old_text}.",
        change,
        compare,
    )


def _at_limit(parameter: Range, side: int, shape: Shape, rules: Rules) -> Action:
    bound = parameter.high if side > 0 else parameter.low
    text, middle = format_value(bound), format_value(_middle(parameter))
    rule = "monotone up to a bound that cannot move"
    compare = (bound, _middle(parameter))
    if rules.mode == "conservative":
        return Action(
            "candidate",
            shape.kind,
            rule,
            f"candidate, needs A/B: the bound {text} seems best; a table alone fixes nothing.",
            f"{text} won or lost against {middle} on the same seeds.",
            compare=compare,
        )
    return Action(
        "fix to bound",
        shape.kind,
        rule,
        f"it is better to {shape.kind}, and {text} is as far as it goes.",
        f"{middle} won against {text} on the same seeds.",
        Fixed(bound),
        compare,
    )


def _middle(parameter: Range) -> float | int:
    value = from_share(parameter, 0.5)
    if isinstance(parameter, IntParameter):
        return parameter.low + parameter.step * round((value - parameter.low) / parameter.step)
    return float(f"{value:.4g}")
