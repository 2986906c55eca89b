"""A finished sweep as tables: what every analysis reads, wherever the sweep came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.search.parameters import CategoricalParameter
from latentlab.search.space import Space


@dataclass(frozen=True)
class Objective:
    """What is searched for.

    Attributes:
        name: column of the values.
        direction: which way is better.
        constant: score of the best constant predictor, where that is known: values at it have
            learned nothing.
    """

    name: str
    direction: Literal["maximize", "minimize"]
    constant: float | None = None

    @property
    def sign(self) -> float:
        """1 where larger is better, else -1."""
        return 1.0 if self.direction == "maximize" else -1.0


@dataclass(frozen=True)
class SweepTable:
    """One row per configuration.

    Attributes:
        name: of the sweep.
        space: what was searched; inferred from the values for a foreign table.
        sampler: `grid`, `random`, `quasi_random`, `tpe`, or `unknown`.
        objectives: one, or several for a multi-objective sweep; the first is analysed.
        parameters: values by parameter, [configurations, parameters]; missing where a parameter
            does not exist. Numbers are float columns, choices are object columns.
        outcomes: with the same index (the number of the configuration): `state`; one column of
            values per objective, means over seeds, missing where there is none; `adaptive`
            (whether earlier values decided what was asked); `cohort` (0, 1, ..); `epochs` and
            `seconds`, summed over seeds, missing where unknown.
        replicates: one row per configuration and seed: `configuration`, `seed`, `state`, one column
            per objective; empty where only means are known.
        notes: what a reader of a foreign sweep inferred or left out, one sentence each.
    """

    name: str
    space: Space
    sampler: str
    objectives: tuple[Objective, ...]
    parameters: pd.DataFrame
    outcomes: pd.DataFrame
    replicates: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def objective(self) -> Objective:
        """The objective that is analysed."""
        return self.objectives[0]

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Rows that ran to their end and have a value, [configurations]."""
        values = self.outcomes[self.objective.name].to_numpy(dtype=float)
        done = self.outcomes["state"].to_numpy() == "complete"
        return np.asarray(done & np.isfinite(values))

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """Values of the complete rows, turned so that larger is better, [complete]."""
        values = self.outcomes[self.objective.name].to_numpy(dtype=float)
        return np.asarray(self.objective.sign * values[self.complete])


def typed_parameters(space: Space, rows: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """The table of parameters: numbers as floats, choices as objects, missing where not there.

    Args:
        space: names and types.
        rows: values by number of the configuration.
    """
    table = pd.DataFrame(
        {name: [row.get(name) for row in rows.values()] for name in space.parameters},
        index=pd.Index(list(rows), name="configuration", dtype=int),
        dtype=object,
    )
    for name, parameter in space.parameters.items():
        if not isinstance(parameter, CategoricalParameter):
            table[name] = table[name].astype(float)
    return table
