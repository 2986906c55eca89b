"""Single runs of a sweep, configuration by seed, and the noise in them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.runs.audit.near_replicates import NoiseFloor, noise_floor
from latentlab.search.matrix import SweepMatrix
from latentlab.search.table import SweepTable


def runs_by_seed(table: SweepTable) -> pd.DataFrame:
    """Values of the objective, [configurations, seeds], missing where there is no run.

    Returns:
        Without rows and columns where only means are known.
    """
    if not len(table.replicates):
        return pd.DataFrame(index=pd.Index([], dtype=int))
    return table.replicates.pivot_table(
        index="configuration", columns="seed", values=table.objective.name
    )


def noise_of_seeds(runs: Array) -> NoiseFloor:
    """Standard deviation of single runs that neither configuration nor seed explains.

    A seed that is kind to all configurations alike helps none of them to the front. Where all
    have the same seeds its share is taken out (residuals of the two-way layout); else the
    deviations within configurations are pooled.

    Args:
        runs: values, NaN where there is none, [configurations, seeds].
    """
    runs = runs[np.isfinite(runs).any(axis=1)]
    configurations, seeds = runs.shape
    if configurations > 1 and seeds > 1 and np.isfinite(runs).all():
        effects = runs.mean(axis=0) - runs.mean()
        within = noise_floor((runs - effects).ravel(), np.repeat(np.arange(configurations), seeds))
        freedom = (configurations - 1) * (seeds - 1)
        return NoiseFloor(within.sd * math.sqrt(within.freedom / freedom), freedom)
    return noise_floor(runs.ravel(), np.repeat(np.arange(configurations), seeds))


def replicate_noise(table: SweepTable, rows: SweepMatrix) -> tuple[NoiseFloor, Array]:
    """Noise of single runs, by seeds where they are known, else by rows of equal configurations.

    Args:
        table: the sweep, for its single runs.
        rows: some of its complete rows.

    Returns:
        The noise, and how many runs the value of each row is the mean of, [rows].
    """
    runs = runs_by_seed(table).reindex(rows.numbers).to_numpy(dtype=np.float64)
    counts = np.isfinite(runs).sum(axis=1).astype(np.float64)
    noise = noise_of_seeds(runs)
    if noise.freedom:
        return noise, counts
    floor = noise_floor(rows.values, rows.groups)
    return floor, np.ones(len(rows)) if floor.freedom else counts
