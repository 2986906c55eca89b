"""The one table of a sweep that all statistics read: positions, order, activity, elites."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentlab.core.arrays import Array, Codes, Mask
from latentlab.core.errors import UserError
from latentlab.runs.audit.near_replicates import agreement, equal_settings
from latentlab.search.columns import Column, columns_of
from latentlab.search.space import Space
from latentlab.search.table import Objective, SweepTable
from latentlab.statistics.ranks import best_rows

_LEVELS = {"complete": 2, "pruned": 1, "diverged": 0}
"""Complete rows rank above those that were stopped early, and these above diverged ones."""


@dataclass(frozen=True)
class SweepMatrix:
    """Rows of a sweep in the order in which they were asked for.

    Attributes:
        name: of the sweep.
        space: what was searched.
        sampler: `grid`, `random`, `quasi_random`, `tpe`, or `unknown`.
        objectives: the first one is analysed.
        columns: every parameter over these rows.
        states: how each row ended, [rows].
        values: of the objective as recorded, NaN where there is none, [rows].
        places: rows from worst to best, equal ones the same; NaN where a row does not count: it
            has failed, or it is a copy of another one, [rows].
        complete: rows that ran to their end and have a value, [rows].
        copies: rows left out because they repeat a configuration and its value, [rows].
        groups: rows of equal configurations, [rows].
        repeats: complete rows that repeat a configuration, whatever their value, [rows].
        adaptive: whether earlier values decided that the row was asked for, [rows].
        cohorts: rows of one cohort did not know each other's scores; NaN if unknown, [rows].
        numbers: of the configurations, [rows].
    """

    name: str
    space: Space
    sampler: str
    objectives: tuple[Objective, ...]
    columns: dict[str, Column]
    states: npt.NDArray[np.object_]
    values: Array
    places: Array
    complete: Mask
    copies: Mask
    groups: Codes
    repeats: Mask
    adaptive: Mask
    cohorts: Array
    numbers: pd.Index

    def __len__(self) -> int:
        return len(self.values)

    @property
    def objective(self) -> Objective:
        """The objective that is analysed."""
        return self.objectives[0]

    @property
    def scores(self) -> Array:
        """Values turned so that larger is better, [rows]."""
        return self.objective.sign * self.values

    @property
    def counted(self) -> Mask:
        """Rows that have a place, [rows]."""
        return ~np.isnan(self.places)

    @cached_property
    def finished(self) -> SweepMatrix:
        """The complete rows, each counted once: what descriptions are about.

        Raises:
            UserError: nothing ran to its end.
        """
        if not self.complete.any():
            raise UserError(
                f"sweep {self.name}: no configuration ran to its end, so there is nothing to "
                "analyse",
                "Look at the reasons of the failures, or give the sweep more time",
            )
        return self.take(self.complete & self.counted)

    def elites(self, share: float) -> Mask:
        """The best share of these rows; see `best_rows` for ties, [rows]."""
        return np.asarray(best_rows(self.places[None], share)[0])

    def take(self, rows: Mask) -> SweepMatrix:
        """Some of the rows."""
        names = [field.name for field in fields(self)]
        parts = {name: getattr(self, name)[rows] for name in names[names.index("states") :]}
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return replace(self, columns=columns, **parts)


def sweep_matrix(table: SweepTable) -> SweepMatrix:
    """Put the rows of a sweep in order, from worst to best.

    Complete rows come before those that were stopped early, and these before diverged ones: among
    the stopped, those that got further are better, then those with the better score. TPE orders
    them in the same way. Failed rows have no place. All configurations of a sweep are trained on
    the same seeds: one that is asked for twice gives its value twice, which is no second
    observation, so that copies of a row have no place either. Where seeds are unknown, a value that
    comes twice is a copy only if it could have told two runs apart; see `agreement`.

    Args:
        table: the sweep; its first objective counts.

    Raises:
        UserError: values lie outside the space.
    """
    order = np.argsort(table.outcomes.index.to_numpy(), kind="stable")
    outcomes = table.outcomes.iloc[order]
    columns = {name: column.take(order) for name, column in columns_of(table).items()}
    places = _places(table.objective, outcomes)
    configurations = pd.DataFrame(
        {name: column.values for name, column in columns.items()}, index=outcomes.index
    )
    groups = equal_settings(configurations)
    complete = table.complete[order]
    copies = _copies(table, outcomes, groups, places, complete)
    repeats = np.zeros(len(outcomes), dtype=np.bool_)
    repeats[complete] = pd.Series(groups[complete]).duplicated().to_numpy()
    return SweepMatrix(
        name=table.name,
        space=table.space,
        sampler=table.sampler,
        objectives=table.objectives,
        columns=columns,
        states=outcomes["state"].to_numpy(),
        values=outcomes[table.objective.name].to_numpy(dtype=np.float64),
        places=np.where(copies, np.nan, places),
        complete=complete,
        copies=copies,
        groups=groups,
        repeats=repeats,
        adaptive=outcomes["adaptive"].to_numpy(dtype=np.bool_),
        cohorts=outcomes["cohort"].to_numpy(dtype=np.float64),
        numbers=outcomes.index,
    )


def _copies(
    table: SweepTable, outcomes: pd.DataFrame, groups: Codes, places: Array, complete: Mask
) -> Mask:
    """Rows that repeat a configuration and its value, and add nothing, [rows]."""
    repeated = pd.DataFrame({"group": groups, "place": places}).duplicated().to_numpy()
    copies = repeated & ~np.isnan(places)
    if not len(table.replicates):
        measured = outcomes.loc[complete, [one.name for one in table.objectives]]
        values = measured.to_numpy(dtype=np.float64)
        copies[complete] = agreement(values, groups[complete]).copies
    return np.asarray(copies)


def _places(objective: Objective, outcomes: pd.DataFrame) -> Array:
    """Places of the rows from worst to best, equal ones the same; NaN for failed rows, [rows]."""
    scores = objective.sign * outcomes[objective.name].to_numpy(dtype=float)
    level = np.array([_LEVELS.get(state, -1) for state in outcomes["state"]])
    # A complete run whose value is no number has diverged.
    level = np.where((level == 2) & ~np.isfinite(scores), 0, level)
    epochs = np.nan_to_num(outcomes["epochs"].to_numpy(dtype=float))
    keys = np.stack(
        [
            level.astype(float),
            np.where(level == 1, epochs, 0.0),
            np.where(level > 0, np.nan_to_num(scores, nan=-np.inf, neginf=-np.inf), 0.0),
        ],
        axis=1,
    )
    _, places = np.unique(keys, axis=0, return_inverse=True)
    return np.where(level >= 0, places.reshape(-1).astype(float), np.nan)
