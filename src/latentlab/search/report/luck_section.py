"""The section on the best of each branch, and on what luck has to do with it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from latentlab.reporting.document import Section
from latentlab.reporting.formatting import format_estimate, format_number, plural
from latentlab.search.analysis.findings import records

_SHOWN = [
    "branch",
    "configurations",
    "seeds",
    "best",
    "standard_error",
    "luck",
    "best_without_luck",
    "mean",
    "mean_low",
    "mean_high",
]
_NOTE = (
    "luck: how far the best of so many means lies above their mean if nothing but seeds told them "
    "apart, from the noise within the branch. Configurations that differ in truth, or that move "
    "together from seed to seed, have less of it; a branch in which a few are much noisier than "
    "the others has more. Means are over all configurations, with 95 % intervals whose unit is the "
    "configuration. What counts is the confirmation on fresh seeds."
)


def luck_section(found: pd.DataFrame) -> Section:
    """What `luck_by_branch` found, at least one branch, in sentences and as a table."""
    return Section(
        "The best of each branch, and luck", luck_sentences(found), found[_SHOWN], note=_NOTE
    )


def luck_sentences(found: pd.DataFrame) -> list[str]:
    """For every branching parameter, how the leader's lead stands beside its luck."""
    sentences = []
    for name, parts in found.groupby("parameter", sort=False):
        leader, *others = records(parts)
        for other in others:
            start = (
                f"{name}: the best of {plural(leader.configurations, 'configuration')} with "
                f"{leader.branch} ({format_number(leader.best)}) leads the best of "
                f"{other.configurations} with {other.branch} ({format_number(other.best)}) by "
                f"{format_number(other.lead)}."
            )
            sentences.append(f"{start} {_beside(leader, other)}")
    return sentences


def _beside(leader: Any, other: Any) -> str:
    if math.isnan(other.advantage):
        luck = (
            "How much of that is luck cannot be known: no configuration was trained on two seeds."
        )
    else:
        lucky, unlucky = (leader, other) if other.advantage >= 0 else (other, leader)
        luck = (
            f"If nothing but seeds told configurations apart, the best of {lucky.configurations} "
            f"would lead the best of {unlucky.configurations} by "
            f"{format_number(abs(other.advantage))}: that is the advantage of luck. Without it the "
            f"lead is {format_number(other.lead_without_luck)}."
        )
    mean = format_estimate(other.mean_lead, other.mean_lead_low, other.mean_lead_high)
    return f"{luck} Over all configurations, none of them chosen, {leader.branch} leads by {mean}."
