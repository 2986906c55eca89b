"""What to do about choices that matter: fix the best, prune worse ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_p, format_share
from latentlab.search.parameters import CategoricalParameter
from latentlab.search.refinement.decisions import Finding, Fixed, Seen, word
from latentlab.search.refinement.gates import Gate
from latentlab.search.refinement.measures import centred, choice_means
from latentlab.search.refinement.ranks import elites, normal_scores
from latentlab.search.refinement.rules import Rules
from latentlab.search.refinement.shapes import Shape

_TRIED = 3
"""Rows of a choice that can be the best."""


def seen_of_choices(
    parameter: CategoricalParameter, gate: Gate, places: Array, scores: Array, rules: Rules
) -> Seen:
    """The most common choice of the elites, with its base rate and its chance under noise.

    Args:
        parameter: its choices.
        gate: of the parameter.
        places: of the choices in the sweep, NaN where it does not exist, [n].
        scores: larger is better, [n].
        rules: of the mode.
    """
    there = ~np.isnan(places)
    masked = np.where(there, scores, np.nan)
    best = elites(masked[None], rules.elite_share)[0]
    count, rows = int(best.sum()), int(there.sum())
    outcome = centred(normal_scores(masked[None]), there[None])
    means, tried, _ = choice_means(places[None], outcome, len(parameter.choices))
    total = float((outcome**2).sum())
    explained = float(np.nansum(means**2 * tried)) / total if total > 0 else np.nan
    statistic = f"variance explained {format_share(round(explained, 3))}"
    if count == 0:
        return Seen(0, "no elites: the better half is one plateau", statistic)
    used = np.array([(places[best] == k).sum() for k in range(len(parameter.choices))])
    common = int(used.argmax())
    share = (
        f"{used[common]} of {count} elites have {word(parameter.choices[common])}, as "
        f"{int(tried[0, common])} of all {rows} (p {format_p(_elite_p(gate, common))})"
    )
    return Seen(count, share, statistic)


def decide_choices(
    parameter: CategoricalParameter, gate: Gate, places: Array, scores: Array, rules: Rules
) -> Finding:
    """The decision about unordered choices behind an open gate.

    A choice is worse if its mean lies below that of the best by more than the largest difference of
    any two choices in studies of noise; or if all elites have the best one, and that is rare.
    """
    there = ~np.isnan(places)
    outcome = centred(normal_scores(np.where(there, scores, np.nan)[None]), there[None])
    means, tried, variance = choice_means(places[None], outcome, len(parameter.choices))
    means, tried = means[0], tried[0]
    eligible = tried >= min(_TRIED, tried.max())
    best = int(np.argmax(np.where(eligible, means, -np.inf)))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(variance[0] * (1 / tried[best] + 1 / tried))
        behind = (means[best] - means) / error
    worse = [
        place
        for place in range(len(tried))
        if place != best
        and tried[place] > 0
        and (
            (tried > 0).sum() == 2
            or gate.share_at_least(gate.measured.contrast, behind[place]) <= rules.alpha
        )
    ]
    rule = "every worse choice is pruned"
    if gate.measured.elite_shares[0, best] == 1 and _elite_p(gate, best) <= rules.alpha:
        worse = [p for p in range(len(tried)) if p != best and tried[p] > 0]
        rule = "all elites agree"
    unused = [p for p in worse if gate.measured.elite_shares[0, p] == 0]
    runner_up = max(worse, key=lambda p: means[p]) if worse else best
    return settled(parameter, rules, best, worse, unused, runner_up, rule)


def decide_ordered(
    parameter: CategoricalParameter,
    gate: Gate,
    places: Array,
    scores: Array,
    shape: Shape,
    rules: Rules,
) -> Finding:
    """The decision about ordered choices behind an open gate: the worse end is pruned."""
    there = ~np.isnan(places)
    best_rows = elites(np.where(there, scores, np.nan)[None], rules.elite_share)[0]
    if not best_rows.any() or shape.kind == "unclear":
        return unclear(shape)
    used = places[best_rows]
    low, high = int(used.min()), int(used.max())
    last = len(parameter.choices) - 1
    common = int(np.bincount(used.astype(int)).argmax())
    if low == high and _elite_p(gate, common) > rules.alpha:
        # One choice alone is too little evidence; its neighbours stay.
        low, high = low - 1, high + 1
    if shape.kind == "increase":
        high = last
    elif shape.kind == "decrease":
        low = 0
    worse = [place for place in range(last + 1) if not low <= place <= high]
    near = [place for place in worse if place in (low - 1, high + 1)]
    unused = [place for place in worse if place not in near]
    rule = "choices beyond the elites, on the worse side, are pruned"
    if not worse:
        return Finding(
            "keep",
            shape.kind,
            rule,
            f"it matters ({shape.kind}), but the elites use the choices to the worse end.",
            "the elites of the next sweep left out an end of the list.",
        )
    runner_up = near[0] if near else worse[0]
    return settled(parameter, rules, common, worse, unused, runner_up, rule, shape.kind)


def settled(
    parameter: CategoricalParameter,
    rules: Rules,
    best: int,
    worse: Sequence[int],
    unused: Sequence[int],
    runner_up: int,
    rule: str,
    direction: str = "",
) -> Finding:
    """What a mode does when some choices are worse.

    Args:
        parameter: its choices.
        rules: of the mode.
        best: place of the best choice.
        worse: places of those that an aggressive refinement prunes.
        unused: those of them that a conservative one prunes too, if two choices are left.
        runner_up: the next best, which the best one is compared with.
        rule: by which they are worse.
        direction: `increase` or `decrease` for ordered choices.
    """
    choices = parameter.choices
    name = direction or word(choices[best])
    if not worse:
        return Finding(
            "keep",
            name,
            rule,
            f"it matters, and {word(choices[best])} is best, but no choice is clearly worse.",
            "one choice alone fell clearly behind the best.",
        )
    gone = ", ".join(word(choices[place]) for place in worse)
    left = [p for p in range(len(choices)) if p not in worse]
    pair = (choices[best], choices[runner_up])
    if rules.mode == "aggressive" and len(left) == 1:
        return Finding(
            "fix",
            name,
            rule,
            f"{word(choices[left[0]])} is better than {gone}.",
            f"a two-arm comparison on the same seeds did not favour {word(choices[left[0]])}.",
            Fixed(choices[left[0]]),
            pair,
        )
    pruned = worse if rules.mode == "aggressive" else unused
    left = [p for p in range(len(choices)) if p not in pruned]
    if rules.mode == "conservative" and (len(left) < 2 or not pruned):
        return Finding(
            "candidate",
            name,
            rule,
            f"candidate, needs A/B: {word(choices[best])} seems better than {gone}; a table alone "
            "fixes nothing.",
            f"{word(choices[best])} won or lost against {word(choices[runner_up])} on the same "
            "seeds.",
            compare=pair,
        )
    change = parameter.model_copy(update={"choices": tuple(choices[p] for p in left)})
    gone = ", ".join(word(choices[place]) for place in pruned)
    return Finding(
        "prune",
        name,
        rule,
        f"{gone} fell behind {word(choices[best])}.",
        f"{gone} won against {word(choices[best])} on the same seeds.",
        change,
        pair,
    )


def unclear(shape: Shape) -> Finding:
    """A parameter that matters, nobody knows how."""
    return Finding(
        "keep",
        "",
        "shape of the effect",
        f"it matters, but there is no clear direction (line p {format_p(shape.p_line)}, "
        f"peak p {format_p(shape.p_peak)}).",
        "more configurations showed where it is best.",
    )


def _elite_p(gate: Gate, place: int) -> float:
    shares = gate.measured.elite_shares[:, place]
    return gate.share_at_least(shares, float(shares[0]))
