"""Runs of another tool as columns, before anything is known about the space they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.arrays import Mask

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class RunTable:
    """Columns of the runs of another tool, one row per run that has ended.

    Attributes:
        name: of the experiment, study or file.
        parameters: typed columns, [runs, parameters]; missing where a run lacks one.
        values: one float column per metric, missing or infinite where there is no value.
        states: `complete`, `pruned`, `diverged` or `failed`, [runs].
        seeds: [runs]; none where nothing is called a seed.
        epochs: [runs]; missing where unknown.
        seconds: wall-clock, [runs]; missing where unknown.
        started: when each began, UTC, [runs]; missing where unknown.
        adaptive: whether earlier values decided what was asked, [runs]; none where unknown.
        cohorts: index of the cohort each was asked in, [runs]; none where unknown.
        sampler: `grid`, `quasi_random` or `tpe` where its traces show it, else `unknown`.
        directions: which way each metric is better, where the tool says so.
        distributions: by parameter, for each run, as Optuna has them; none of other tools.
        notes: what the importer inferred or left out, one sentence each.
    """

    name: str
    parameters: pd.DataFrame
    values: pd.DataFrame
    states: NDArray[np.object_]
    seeds: NDArray[np.int64] | None = None
    epochs: NDArray[np.float64] | None = None
    seconds: NDArray[np.float64] | None = None
    started: pd.Series | None = None
    adaptive: Mask | None = None
    cohorts: NDArray[np.int64] | None = None
    sampler: str = "unknown"
    directions: Mapping[str, Literal["maximize", "minimize"]] | None = None
    distributions: Sequence[Mapping[str, BaseDistribution]] | None = None
    notes: tuple[str, ...] = ()
