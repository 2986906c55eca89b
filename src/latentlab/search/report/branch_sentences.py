"""Sentences on the best of each branch, and on what selection has to do with it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from latentlab.reporting.formatting import format_estimate, format_number, plural
from latentlab.runs.audit.findings import records


def branch_sentences(branches: pd.DataFrame) -> list[str]:
    """Say for every branching parameter how its leader's lead compares with selection bias."""
    sentences = []
    for name, parts in branches.groupby("parameter", sort=False):
        leader, *others = records(parts)
        for other in others:
            start = (
                f"{name}: the best of {plural(leader.configurations, 'configuration')} with "
                f"{leader.branch} ({format_number(leader.best)}) leads the best of "
                f"{other.configurations} with {other.branch} ({format_number(other.best)}) by "
                f"{format_number(other.lead)}."
            )
            sentences.append(f"{start} {_corrected(leader, other)}")
    return sentences


def _corrected(leader: Any, other: Any) -> str:
    if math.isnan(other.bias_difference):
        bias = (
            "How much of that is selection cannot be known: no configuration was trained on two "
            "seeds."
        )
    else:
        more, fewer = (leader, other) if other.bias_difference >= 0 else (other, leader)
        bias = (
            f"If nothing but seeds told configurations apart, the best of {more.configurations} "
            f"would lead the best of {fewer.configurations} by "
            f"{format_number(abs(other.bias_difference))}: that is the difference of their "
            "selection biases. Without it the "
            f"lead is {format_number(other.lead_corrected)}."
        )
    mean = format_estimate(other.mean_lead, other.mean_lead_low, other.mean_lead_high)
    return f"{bias} Over all configurations, none of them chosen, {leader.branch} leads by {mean}."
