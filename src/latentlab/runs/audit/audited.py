"""What the rules read: runs as columns, their arms and their verdicts where there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_float_dtype

from latentlab.core.arrays import Array, Codes, Mask
from latentlab.metrics.metric import Metric
from latentlab.runs.audit.near_replicates import NoiseFloor, equal_settings, noise_floor

_MOST = 12


@dataclass(frozen=True)
class Audited:
    """Runs, from wherever they are.

    Attributes:
        name: of the experiment, study or file.
        rows: what each run is called, [runs].
        settings: what the runs were configured with, seeds apart, [runs, columns].
        recorded: what else is known of each, such as notes, devices and further outcomes.
        scores: what is compared, a float column per metric; missing where there is no value.
        metrics: what these columns measure, by column.
        states: `complete`, `pruned`, `diverged` or `failed`, [runs].
        seeds: [runs]; none where nothing is called a seed.
        arms: of each run, [runs]; none where nothing says which runs are compared.
        arm_columns: the settings that tell arms apart.
        control: the arm that others are compared with; empty without one.
        adaptive: whether earlier values decided what was asked, [runs]; none where unknown.
        searched: whether the settings are those that an optimiser chose.
        verdicts: the table of verdicts; none where nothing was judged.
    """

    name: str
    rows: Sequence[str]
    settings: pd.DataFrame
    recorded: pd.DataFrame
    scores: pd.DataFrame
    metrics: Mapping[str, Metric]
    states: NDArray[np.object_]
    seeds: NDArray[np.int64] | None = None
    arms: NDArray[np.object_] | None = None
    arm_columns: Sequence[str] = ()
    control: str = ""
    adaptive: Mask | None = None
    searched: bool = False
    verdicts: pd.DataFrame | None = None

    @cached_property
    def codes(self) -> pd.DataFrame:
        """Values of each setting that varies as whole numbers, [runs, varying settings]."""
        coded = {name: pd.factorize(self.settings[name].astype(str))[0] for name in self.settings}
        kept = {name: code for name, code in coded.items() if len(code) and code.max() > 0}
        return pd.DataFrame(kept, index=range(len(self.rows)))

    @cached_property
    def configurations(self) -> Codes:
        """Which configuration each run has, in order of their first runs, [runs]."""
        return equal_settings(self.codes)

    @cached_property
    def repeated(self) -> bool:
        """Whether any configuration was run more than once."""
        return bool(len(self.rows) > self.configurations.max(initial=-1) + 1)

    @property
    def columns(self) -> list[str]:
        """The metrics in their order, the one that is judged first."""
        return [str(column) for column in self.scores]

    @property
    def arm_names(self) -> list[str]:
        """The arms in the order of their first run."""
        return [] if self.arms is None else [str(name) for name in pd.unique(self.arms)]

    def score(self, column: str) -> Array:
        """One metric of the runs that have it and ended well, missing elsewhere, [runs]."""
        values = self.scores[column].to_numpy(dtype=np.float64)
        usable = np.isfinite(values) & np.isin(self.states, ["complete", "pruned"])
        return np.where(usable, values, np.nan)

    def noise(self, column: str) -> NoiseFloor:
        """What the seed alone does to a metric: its spread among runs of equal configuration."""
        return noise_floor(self.score(column), self.configurations)

    def numbers(self, setting: str) -> Array | None:
        """A setting as numbers, [runs]; none where it holds words or truth values."""
        column = self.settings[setting]
        return column.to_numpy(dtype=np.float64) if is_float_dtype(column) else None

    def named(self, where: Mask | NDArray[np.intp]) -> str:
        """Names of some runs, the first and how many more."""
        positions = np.flatnonzero(where) if np.asarray(where).dtype == bool else where
        shown = ", ".join(self.rows[position] for position in positions[:_MOST])
        more = len(positions) - _MOST
        return f"{shown} and {more} more" if more > 0 else shown
