"""Configurations without a value: counted by choice, and tested for falling on one of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Codes
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column, columns_of
from latentlab.search.table import SweepTable
from latentlab.statistics.corrections import adjust

_LARGE = 500
"""Configurations from which on the limit of the distribution is as good as draws from it."""

COLUMNS = (
    "parameter",
    "choice",
    "configurations",
    "complete",
    "pruned",
    "diverged",
    "failed",
    "lost_share",
)
TEST_COLUMNS = ("parameter", "configurations", "lost", "method", "p")
STATES = ("complete", "pruned", "diverged", "failed")


def failures(table: SweepTable) -> pd.DataFrame:
    """States of all configurations, by choice and by half of each number's range.

    Returns:
        First one row `all`, then one per choice or half. A configuration is lost where it failed
        or diverged; one that the search stopped early (`pruned`) is not.
    """
    state = table.outcomes["state"].to_numpy()
    found = [_counts("all", "all", state)]
    for column in columns_of(table).values():
        groups, names = _groups(column)
        found.extend(
            _counts(column.name, name, state[groups == place]) for place, name in enumerate(names)
        )
    return pd.DataFrame(found, columns=list(COLUMNS)).astype({"choice": object})


def failure_tests(table: SweepTable, settings: AnalysisSettings) -> pd.DataFrame:
    """Whether the lost configurations fall on some choices more than on others.

    Returns:
        One row per parameter where anything is lost: Fisher's exact test of choices (or halves of
        the range) against lost or not, drawn where there are more than two choices, chi-square
        above 500 configurations; `holm` over this table.
    """
    lost = np.isin(table.outcomes["state"].to_numpy(), ["diverged", "failed"])
    found = []
    for column in columns_of(table).values() if lost.any() else ():
        groups, names = _groups(column)
        here = groups >= 0
        counts = np.array(
            [
                [np.count_nonzero(lost & (groups == g)), np.count_nonzero(~lost & (groups == g))]
                for g in range(len(names))
            ]
        )
        p, method = imbalance_p(counts, settings)
        found.append(
            {
                "parameter": column.name,
                "configurations": int(here.sum()),
                "lost": int((lost & here).sum()),
                "method": method,
                "p": p,
            }
        )
    tests = pd.DataFrame(found, columns=list(TEST_COLUMNS))
    known = tests["p"].to_numpy(dtype=np.float64)
    holm, members = np.full(len(known), math.nan), np.isfinite(known)
    if members.any():
        holm[members] = adjust(known[members], "holm")
    return tests.assign(holm=holm)


def imbalance_p(counts: npt.NDArray[np.int64], settings: AnalysisSettings) -> tuple[float, str]:
    """P-value that rows of a table of counts have the same shares, and how it was found.

    Args:
        counts: [groups, 2].
        settings: draws of the sampled test.
    """
    counts = counts[counts.sum(axis=1) > 0]
    if len(counts) < 2 or 0 in counts.sum(axis=0):
        return math.nan, ""
    if len(counts) == 2:
        return float(scipy.stats.fisher_exact(counts).pvalue), "fisher exact"
    if counts.sum() > _LARGE:
        return float(scipy.stats.chi2_contingency(counts).pvalue), "chi-square"
    drawn = scipy.stats.MonteCarloMethod(
        n_resamples=settings.resamples, rng=np.random.default_rng(settings.seed)
    )
    p = scipy.stats.fisher_exact(counts, method=drawn).pvalue
    # scipy gives an array of one element where every table with these margins is as likely.
    return float(np.asarray(p).item()), "fisher, drawn"


def _groups(column: Column) -> tuple[Codes, list[Any]]:
    """Group of each row (-1 where it lacks the parameter), and the groups' names."""
    if column.choices:
        return column.codes, list(column.choices)
    low, high = column.ends
    upper = np.nan_to_num(column.positions, nan=low) > (low + high) / 2
    return np.where(column.exists, upper, -1).astype(np.intp), ["lower half", "upper half"]


def _counts(parameter: str, choice: Any, state: npt.NDArray[np.object_]) -> dict[str, Any]:
    counts = {name: int(np.count_nonzero(state == name)) for name in STATES}
    lost = counts["diverged"] + counts["failed"]
    return {
        "parameter": parameter,
        "choice": choice,
        "configurations": len(state),
        **counts,
        "lost_share": lost / len(state) if len(state) else math.nan,
    }
