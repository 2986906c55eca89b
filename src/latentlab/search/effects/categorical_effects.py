"""What each choice gives: means with intervals, the best and the worst."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import Column
from latentlab.search.matrix import SweepMatrix
from latentlab.statistics.intervals import mean_interval, welch_interval
from latentlab.statistics.selection_bias import expected_best_of

BOOLEAN_COLUMNS = (
    "parameter",
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
)
SUMMARY_COLUMNS = (
    "parameter",
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


def boolean_effects(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """Each switch: its means, and true minus false with Welch's interval (1947).

    Returns:
        One row per boolean, in the objective's units.
    """
    found = []
    for column in _of_kind(rows, "boolean"):
        groups = dict(zip(column.choices, _groups(column, rows), strict=True))
        on, off = groups[True], groups[False]
        difference = _mean(on) - _mean(off)
        low, high = welch_interval(on, off, settings.level)
        found.append(
            {
                **_about(column),
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


def categorical_summary(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
    """Each categorical without an order: its best and worst choice by mean.

    Returns:
        One row per categorical. `difference` is best minus worst in the objective's units; its
        interval is Welch's and knows nothing of their having been picked: it is too narrow where
        there are more than two choices.
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
                **_about(column),
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


def categorical_detail(rows: SweepMatrix, settings: AnalysisSettings) -> pd.DataFrame:
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


def _of_kind(rows: SweepMatrix, kind: str) -> list[Column]:
    return [
        column for column in rows.columns.values() if column.kind == kind and column.exists.any()
    ]


def _groups(column: Column, rows: SweepMatrix) -> list[Array]:
    """Values of the objective under each declared choice."""
    return [rows.values[column.codes == place] for place in range(len(column.choices))]


def _about(column: Column) -> dict[str, Any]:
    return {
        "parameter": column.name,
        "n": int(np.count_nonzero(column.exists)),
        "conditional": column.conditional,
    }


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _better(turned: float) -> str:
    if math.isnan(turned) or turned == 0:
        return "neither"
    return "true" if turned > 0 else "false"
