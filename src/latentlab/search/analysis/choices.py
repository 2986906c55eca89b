"""What each choice gives: means with intervals, tests between choices, the best and the worst."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.search.analysis.columns import Column
from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.statistics.intervals import Interval, welch_interval
from latentlab.statistics.permutation import group_test
from latentlab.statistics.selection_bias import expected_best_of

BOOLEAN_COLUMNS = (
    "parameter",
    "test",
    "n",
    "conditional",
    "n_true",
    "n_false",
    "mean_true",
    "mean_false",
    "difference",
    "low",
    "high",
    "better",
    "p",
    "method",
    "attainable_p",
    "p_welch",
)
SUMMARY_COLUMNS = (
    "parameter",
    "test",
    "n",
    "conditional",
    "choices",
    "best_choice",
    "best_mean",
    "worst_choice",
    "worst_mean",
    "difference",
    "low",
    "high",
    "p",
    "method",
    "attainable_p",
    "p_welch",
)
DETAIL_COLUMNS = (
    "parameter",
    "kind",
    "choice",
    "n",
    "mean",
    "low",
    "high",
    "sd",
    "median",
    "best",
    "equal_budget",
    "best_of_equal_budget",
)


def booleans(rows: Observations, settings: AnalysisSettings) -> pd.DataFrame:
    """Each switch: its means, true minus false in the objective's units, and tests.

    Returns:
        One row per boolean. `p` is the family's member, a permutation test of ranks; `p_welch`
        and the interval compare means without pooling variances (Welch 1947).
    """
    found = []
    for column in _of_kind(rows, "boolean"):
        groups = dict(zip(column.choices, _groups(column, rows), strict=True))
        on, off = groups[True], groups[False]
        difference = _mean(on) - _mean(off)
        low, high = welch_interval(on, off, settings.level)
        found.append(
            {
                **_tested(column, rows, settings),
                "n_true": len(on),
                "n_false": len(off),
                "mean_true": _mean(on),
                "mean_false": _mean(off),
                "difference": difference,
                "low": low,
                "high": high,
                "better": _better(difference * rows.objective.sign),
            }
        )
    return pd.DataFrame(found, columns=list(BOOLEAN_COLUMNS))


def categorical_summary(rows: Observations, settings: AnalysisSettings) -> pd.DataFrame:
    """Each categorical without an order: its best and worst choice by mean, and a test of all.

    Returns:
        One row per categorical. `difference` is best minus worst in the objective's units; its
        interval is Welch's and knows nothing of their having been picked: it is too narrow where
        there are more than two choices. `p` (permutation, of all choices) is the family's member,
        `p_welch` Welch's analysis of variance (1951).
    """
    found = []
    for column in _of_kind(rows, "categorical"):
        groups = _groups(column, rows)
        means = np.array([_mean(group) for group in groups])
        seen = np.flatnonzero(np.isfinite(means))
        turned = rows.objective.sign * means[seen]
        best, worst = seen[np.argmax(turned)], seen[np.argmin(turned)]
        low, high = welch_interval(groups[best], groups[worst], settings.level)
        found.append(
            {
                **_tested(column, rows, settings),
                "choices": len(seen),
                "best_choice": column.choices[best],
                "best_mean": means[best],
                "worst_choice": column.choices[worst],
                "worst_mean": means[worst],
                "difference": means[best] - means[worst],
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(found, columns=list(SUMMARY_COLUMNS))


def categorical_detail(rows: Observations, settings: AnalysisSettings) -> pd.DataFrame:
    """Every choice of every parameter that has choices, those of ordered numbers too.

    Returns:
        One row per choice that was declared, tried or not. `best_of_equal_budget` is the expected
        best of as many rows as the least tried choice has (`equal_budget`): bests of unequal
        numbers of rows cannot be compared.
    """
    found: list[dict[str, Any]] = []
    for column in rows.columns.values():
        if not column.choices:
            continue
        groups = _groups(column, rows)
        budget = min((len(group) for group in groups if len(group)), default=0)
        found.extend(
            _choice(column, choice, group, budget, rows.objective.sign, settings.level)
            for choice, group in zip(column.choices, groups, strict=True)
        )
    return pd.DataFrame(found, columns=list(DETAIL_COLUMNS)).astype({"choice": object})


def _choice(
    column: Column, choice: Any, group: Array, budget: int, sign: float, level: float
) -> dict[str, Any]:
    low, high = mean_interval(group, level)
    some = len(group) > 0
    # Adding 0.0 turns the -0.0 of a turned sign into 0.0.
    return {
        "parameter": column.name,
        "kind": column.kind,
        "choice": choice,
        "n": len(group),
        "mean": _mean(group),
        "low": low,
        "high": high,
        "sd": float(np.std(group, ddof=1)) if len(group) > 1 else math.nan,
        "median": float(np.median(group)) if some else math.nan,
        "best": sign * float(np.max(sign * group)) + 0.0 if some else math.nan,
        "equal_budget": budget,
        "best_of_equal_budget": (
            sign * expected_best_of(sign * group, budget) + 0.0 if some else math.nan
        ),
    }


def mean_interval(values: Array, level: float) -> Interval:
    """Student's interval of a mean; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    half = float(scipy.stats.sem(values)) * float(
        scipy.stats.t.ppf((1 + level) / 2, len(values) - 1)
    )
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def _of_kind(rows: Observations, kind: str) -> list[Column]:
    return [
        column for column in rows.columns.values() if column.kind == kind and column.exists.any()
    ]


def _groups(column: Column, rows: Observations) -> list[Array]:
    """Values of the objective under each declared choice."""
    return [rows.values[column.codes == place] for place in range(len(column.choices))]


def _tested(column: Column, rows: Observations, settings: AnalysisSettings) -> dict[str, Any]:
    here = column.exists
    tested = group_test(column.codes[here], rows.values[here], settings.resamples, settings.seed)
    return {
        "parameter": column.name,
        "test": "kruskal_wallis",
        "n": int(np.count_nonzero(here)),
        "conditional": column.conditional,
        "p": tested.p,
        "method": tested.method,
        "attainable_p": tested.attainable,
        "p_welch": welch_p([group for group in _groups(column, rows) if len(group)]),
    }


def welch_p(groups: list[Array]) -> float:
    """Welch's test of equal means without pooling variances; for two groups his t test.

    Returns:
        NaN where a group has fewer than two values or no spread.
    """
    if len(groups) < 2 or any(len(group) < 2 or np.ptp(group) == 0 for group in groups):
        return math.nan
    if len(groups) == 2:
        return float(scipy.stats.ttest_ind(*groups, equal_var=False).pvalue)
    # statsmodels takes half a second to import.
    from statsmodels.stats.oneway import anova_oneway

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(anova_oneway(groups, use_var="unequal").pvalue)


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _better(turned: float) -> str:
    if math.isnan(turned) or turned == 0:
        return "neither"
    return "true" if turned > 0 else "false"
