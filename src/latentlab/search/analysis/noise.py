"""P-values from the sampler itself, run on noise, for sweeps whose sampler adapts.

A permutation test takes the rows for exchangeable. Those of an adaptive sampler are not: it comes
back to where the first scores were good, so that rows are clustered and the last ones are not
chosen like the first. What is rare under such a sampler, only sweeps of the same sampler on scores
that mean nothing can tell (Barnard 1963).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd
import scipy.stats

from latentlab.core.arrays import Array
from latentlab.search.analysis.boundaries import Side
from latentlab.search.analysis.columns import Column
from latentlab.search.analysis.elites import elite_rows
from latentlab.search.analysis.observations import Observations
from latentlab.search.analysis.settings import AnalysisSettings


class NoiseSweeps(Protocol):
    """Sweeps of the same sampler, space and length on scores that mean nothing."""

    @property
    def positions(self) -> Mapping[str, Array]:
        """By parameter, [sweeps, n], or [1, n] where all sweeps have the same rows.

        Numbers from 0 at the low bound to 1 at the high one, in logs where searched in logs;
        choices by their place from 0; NaN where the row does not have the parameter.
        """

    @property
    def scores(self) -> Array:
        """Larger is better, [sweeps, n]."""


def evidence_on_noise(rows: Observations, noise: NoiseSweeps) -> pd.DataFrame:
    """Textbook p-values of all main tests in the sweep and in sweeps on noise.

    They only order sweeps; for conditional parameters they make up for the different numbers of
    rows.

    Returns:
        One column per parameter, the sweep itself in the first row, [1 + sweeps, parameters]; NaN
        where there is nothing to test.
    """
    columns = {}
    for name, column in rows.columns.items():
        here = column.exists
        own = textbook_evidence(column, column.positions[here], rows.values[here])
        drawn = [textbook_evidence(column, x, y) for x, y in _sweeps(column, noise)]
        columns[name] = [own, *drawn]
    return pd.DataFrame(columns)


def on_noise(table: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    """A table of main tests with p-values that hold under the sampler.

    Args:
        table: of `directions`, `booleans` or `categorical_summary`.
        evidence: from `evidence_on_noise`.

    Returns:
        The table, where `p` is the share of all sweeps, this one among them, with evidence as
        strong as this one's. `method` says so, and `attainable_p` is 1 / (sweeps + 1).
    """
    smallest = 1 / len(evidence)
    p = []
    for name in table["parameter"]:
        values = evidence[name].to_numpy()
        as_rare = np.count_nonzero(values[1:] <= values[0] * (1 + 1e-9))
        p.append((1 + as_rare) * smallest if np.isfinite(values[0]) else np.nan)
    return table.assign(p=p, method="sampler on noise", attainable_p=smallest)


def familywise(evidence: pd.DataFrame) -> dict[str, float]:
    """Corrected p-values of all main tests by Westfall and Young's (1993) step-down minimum.

    The corrected p of the strongest test is the share of sweeps whose strongest one is as strong;
    that of the next leaves the first out, and so on. As sweeps on noise hold all tests together,
    no p is lost to their number: with 149 of them 1/150 can be reached by any of 20 tests.

    Args:
        evidence: from `evidence_on_noise`.

    Returns:
        By parameter; NaN where there is nothing to test.
    """
    own = evidence.iloc[0]
    order = own[own.notna()].sort_values(kind="stable").index
    filled = evidence[order].fillna(1.0).to_numpy()
    found = {str(name): float("nan") for name in evidence.columns}
    least = 0.0
    for place, name in enumerate(order):
        strongest = filled[:, place:].min(axis=1)
        share = float(np.mean(strongest <= filled[0, place] * (1 + 1e-9)))
        least = max(least, share)
        found[str(name)] = least
    return found


def textbook_evidence(column: Column, positions: Array, scores: Array) -> float:
    """Textbook p-value of a parameter's main test; NaN where there is nothing to test."""
    if len(scores) < 3 or np.ptp(scores) == 0 or np.ptp(positions) == 0:
        return float("nan")
    if column.has_direction:
        return float(scipy.stats.spearmanr(positions, scores).pvalue)
    groups = [scores[positions == place] for place in np.unique(positions)]
    return float(scipy.stats.kruskal(*groups).pvalue)


def null_shares(
    columns: Mapping[str, Column], noise: NoiseSweeps, settings: AnalysisSettings
) -> dict[tuple[str, Side], Array]:
    """Shares of the elites near each bound in each sweep on noise, [sweeps]."""
    elite = np.array([elite_rows(scores, settings.elite_share) for scores in noise.scores])
    found: dict[tuple[str, Side], Array] = {}
    for name, column in columns.items():
        if not column.has_direction:
            continue
        places = np.broadcast_to(noise.positions[name], noise.scores.shape)
        end = float(len(column.choices) - 1) if column.choices else 1.0
        have = (elite & ~np.isnan(places)).sum(axis=1).astype(np.float64)
        reach = settings.zone * end * (1 + 1e-9)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[name, "low"] = (elite & (places <= reach)).sum(axis=1) / have
            found[name, "high"] = (elite & (end - places <= reach)).sum(axis=1) / have
    return found


def _sweeps(column: Column, noise: NoiseSweeps) -> list[tuple[Array, Array]]:
    """Positions and scores of the rows that have the parameter, sweep by sweep."""
    places = np.broadcast_to(noise.positions[column.name], noise.scores.shape)
    pairs = zip(places, noise.scores, strict=True)
    return [(x[~np.isnan(x)], y[~np.isnan(x)]) for x, y in pairs]
