"""What the rules read: runs as columns, their arms and their verdicts where there are any."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_float_dtype

from latentlab.core.arrays import Array, Mask
from latentlab.metrics.metric import Metric

_MOST = 12
_EXAMPLES, _LOOKED_AT = 10_000, 500
"""Shares of more examples count as measurements; so many values tell of how many they are."""


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
    def configurations(self) -> NDArray[np.int64]:
        """Which configuration each run has, in order of their first runs, [runs]."""
        return groups(self.codes)

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


def groups(codes: pd.DataFrame) -> NDArray[np.int64]:
    """Number rows with equal values alike, in the order of their first rows, [rows]."""
    if codes.shape[1] == 0:
        return np.zeros(len(codes), dtype=np.int64)
    numbers = codes.groupby(list(codes.columns), sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64)


def written_to(values: Array) -> float:
    """The last digit that finite values were written to; 0 where they have more than six decimals.

    >>> written_to(np.array([0.5, 0.25])), written_to(np.array([1 / 3, 0.5]))
    (0.01, 0.0)
    """
    for decimals in range(7):
        rounded = np.round(values, decimals)
        if np.all(np.abs(values - rounded) <= 1e-12 * np.maximum(1, np.abs(values))):
            return float(10.0**-decimals)
    return 0.0


def resolution(values: Array) -> float:
    """The step between values that are possible: the last digit, or 1 / n of shares of n examples.

    Args:
        values: finite, [values].

    Returns:
        0 where the values tell of no step: measurements with all their digits.

    >>> round(1 / resolution(np.array([1 / 3, 1 / 2])))
    6
    """
    step = written_to(values)
    if step > 0:
        return step
    common = 1
    for value in np.unique(values)[:_LOOKED_AT]:
        share = Fraction(float(value)).limit_denominator(_EXAMPLES)
        common = math.lcm(common, share.denominator)
        if abs(float(share) - value) > 1e-12 * max(1, abs(value)) or common > _EXAMPLES:
            return 0.0
    return 1 / common
