"""The rows that the tests are about: those that ran to their end, each counted once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array, Mask
from latentlab.core.errors import UserError
from latentlab.search.analysis.columns import Column, columns_of
from latentlab.search.table import Objective, SweepTable


@dataclass(frozen=True)
class Observations:
    """Complete rows with their values.

    Attributes:
        objective: what is analysed.
        columns: every parameter over these rows.
        values: of the objective as recorded, [rows].
        adaptive: whether earlier values decided that the row was asked for, [rows].
        numbers: of the configurations, [rows].
        copies: complete rows left out because they repeat a configuration and its value.
        repeats: complete rows that repeat a configuration, whatever their value.
    """

    objective: Objective
    columns: dict[str, Column]
    values: Array
    adaptive: Mask
    numbers: pd.Index
    copies: int
    repeats: int

    @property
    def scores(self) -> Array:
        """Values turned so that larger is better, [rows]."""
        return self.objective.sign * self.values


def observe(table: SweepTable) -> Observations:
    """The complete rows, without copies.

    All configurations of a sweep are trained on the same seeds. One that is asked for twice gives
    its value twice, which is no second observation: it would make every p-value too small.

    Raises:
        UserError: nothing ran to its end.
    """
    done = table.complete
    if not done.any():
        raise UserError(
            f"sweep {table.name}: no configuration ran to its end, so there is nothing to analyse",
            "Look at the reasons of the failures, or give the sweep more time",
        )
    columns = {name: column.take(done) for name, column in columns_of(table).items()}
    outcomes = table.outcomes[done]
    values = outcomes[table.objective.name].to_numpy(dtype=np.float64)
    frame = pd.DataFrame({name: column.values for name, column in columns.items()})
    repeats = frame.duplicated().to_numpy()
    copies = frame.assign(**{"": values}).duplicated().to_numpy()
    once = ~copies
    return Observations(
        table.objective,
        {name: column.take(once) for name, column in columns.items()},
        values[once],
        outcomes["adaptive"].to_numpy(dtype=np.bool_)[once],
        outcomes.index[once],
        int(copies.sum()),
        int(repeats.sum()),
    )
