"""What to do about choices that matter: fix the best, prune worse ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import format_p, format_share
from latentlab.search.formatting import format_value
from latentlab.search.parameters import CategoricalParameter
from latentlab.search.refine.decisions import Action, EliteSummary, Fixed
from latentlab.search.refine.rules import Rules
from latentlab.search.refine.shapes import Shape
from latentlab.search.refine.tested_parameter import TestedParameter
from latentlab.search.screening.anova import centred, choice_means
from latentlab.statistics.ranks import normal_scores

_TRIED = 3
"""Rows of a choice that can be the best."""


def elite_summary_of_choices(
    parameter: CategoricalParameter, tested: TestedParameter
) -> EliteSummary:
    """The most common choice of the elites, with its base rate and its chance under noise."""
    count, rows = int(tested.elites.sum()), int(tested.exists.sum())
    means, tried, _, outcome = _means(parameter, tested)
    total = float((outcome**2).sum())
    explained = float(np.nansum(means**2 * tried)) / total if total > 0 else np.nan
    statistic = f"variance explained {format_share(round(explained, 3))}"
    if count == 0:
        return EliteSummary(0, "no elites: the better half is one plateau", statistic)
    used = np.array([(tested.elite_positions == k).sum() for k in range(len(parameter.choices))])
    common = int(used.argmax())
    share = (
        f"{used[common]} of {count} elites have {format_value(parameter.choices[common])}, as "
        f"{int(tried[common])} of all {rows} (p {format_p(tested.elite_p(common))})"
    )
    return EliteSummary(count, share, statistic)


def decide_choices(
    parameter: CategoricalParameter, tested: TestedParameter, rules: Rules
) -> Action:
    """The decision about unordered choices of a significant parameter.

    A choice is worse if its mean lies below that of the best by more than the largest difference of
    any two choices in null replicates; or if all elites have the best one, and that is rare.
    """
    test = tested.test
    means, tried, variance, _ = _means(parameter, tested)
    eligible = tried >= min(_TRIED, tried.max())
    best = int(np.argmax(np.where(eligible, means, -np.inf)))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(variance * (1 / tried[best] + 1 / tried))
        behind = (means[best] - means) / error
    worse = [
        place
        for place in range(len(tried))
        if place != best
        and tried[place] > 0
        and (
            (tried > 0).sum() == 2
            or test.share_at_least(test.statistics.contrast, behind[place]) <= rules.alpha
        )
    ]
    rule = "every worse choice is pruned"
    if test.statistics.elite_shares[0, best] == 1 and tested.elite_p(best) <= rules.alpha:
        worse = [p for p in range(len(tried)) if p != best and tried[p] > 0]
        rule = "all elites agree"
    unused = [p for p in worse if test.statistics.elite_shares[0, p] == 0]
    runner_up = max(worse, key=lambda p: means[p]) if worse else best
    return prune_or_fix(parameter, rules, best, worse, unused, runner_up, rule)


def decide_ordered(
    parameter: CategoricalParameter,
    tested: TestedParameter,
    shape: Shape,
    rules: Rules,
) -> Action:
    """The decision about ordered choices of a significant parameter: the worse end is pruned."""
    used = tested.elite_positions
    if not len(used) or shape.kind == "unclear":
        return unclear(shape)
    low, high = int(used.min()), int(used.max())
    last = len(parameter.choices) - 1
    common = int(np.bincount(used.astype(int)).argmax())
    if low == high and tested.elite_p(common) > rules.alpha:
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
        return Action(
            "keep",
            shape.kind,
            rule,
            f"it matters ({shape.kind}), but the elites use the choices to the worse end.",
            "the elites of the next sweep left out an end of the list.",
        )
    runner_up = near[0] if near else worse[0]
    return prune_or_fix(parameter, rules, common, worse, unused, runner_up, rule, shape.kind)


def prune_or_fix(
    parameter: CategoricalParameter,
    rules: Rules,
    best: int,
    worse: Sequence[int],
    unused: Sequence[int],
    runner_up: int,
    rule: str,
    direction: str = "",
) -> Action:
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
    texts = [format_value(choice) for choice in choices]
    name = direction or texts[best]
    if not worse:
        return Action(
            "keep",
            name,
            rule,
            f"it matters, and {texts[best]} is best, but no choice is clearly worse.",
            "one choice alone fell clearly behind the best.",
        )
    gone = ", ".join(texts[place] for place in worse)
    left = [p for p in range(len(choices)) if p not in worse]
    pair = (choices[best], choices[runner_up])
    if rules.mode == "aggressive" and len(left) == 1:
        return Action(
            "fix",
            name,
            rule,
            f"{texts[left[0]]} is better than {gone}.",
            f"a two-arm comparison on the same seeds did not favour {texts[left[0]]}.",
            Fixed(choices[left[0]]),
            pair,
        )
    pruned = worse if rules.mode == "aggressive" else unused
    left = [p for p in range(len(choices)) if p not in pruned]
    if rules.mode == "conservative" and (len(left) < 2 or not pruned):
        return Action(
            "candidate",
            name,
            rule,
            f"candidate, needs A/B: {texts[best]} seems better than {gone}; a table alone fixes "
            "nothing.",
            f"{texts[best]} won or lost against {texts[runner_up]} on the same seeds.",
            compare=pair,
        )
    change = parameter.model_copy(update={"choices": tuple(choices[p] for p in left)})
    gone = ", ".join(texts[place] for place in pruned)
    return Action(
        "prune",
        name,
        rule,
        f"{gone} fell behind {texts[best]}.",
        f"{gone} won against {texts[best]} on the same seeds.",
        change,
        pair,
    )


def unclear(shape: Shape) -> Action:
    """A parameter that matters, nobody knows how."""
    return Action(
        "keep",
        "",
        "shape of the effect",
        f"it matters, but there is no clear direction (line p {format_p(shape.p_line)}, "
        f"peak p {format_p(shape.p_peak)}).",
        "more configurations showed where it is best.",
    )


def _means(
    parameter: CategoricalParameter, tested: TestedParameter
) -> tuple[Array, Array, float, Array]:
    """Mean normal score and rows of each choice, variance within choices, and all normal scores."""
    outcome = centred(normal_scores(tested.scores[None]), tested.exists[None])
    means, tried, variance = choice_means(tested.positions[None], outcome, len(parameter.choices))
    return means[0], tried[0], float(variance[0]), outcome
