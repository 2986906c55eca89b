"""From columns of a foreign sweep to the table that every analysis reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.search.importers.columns import plain
from latentlab.search.importers.inferred_space import inferred_space
from latentlab.search.parameters import CategoricalParameter, same
from latentlab.search.space import Space
from latentlab.search.table import Objective, SweepTable

NOT_ADAPTIVE = ("grid", "random", "quasi_random")
"""Samplers that ask whatever was told before."""

STATES = ("complete", "halved", "diverged", "failed")
"""From best to worst: a configuration has the worst state of its seeds."""


@dataclass(frozen=True)
class Foreign:
    """Columns of a sweep of another tool, one row per run.

    Attributes:
        name: of the sweep.
        parameters: typed columns, [rows, parameters].
        values: one float column per objective, missing or infinite where there is no value.
        states: `complete`, `halved`, `diverged` or `failed`, [rows].
        seeds: [rows]; none where runs are configurations.
        epochs: [rows]; missing where unknown.
        seconds: wall-clock, [rows]; missing where unknown.
        notes: what the reader inferred or left out.
    """

    name: str
    parameters: pd.DataFrame
    values: pd.DataFrame
    states: NDArray[np.object_]
    seeds: NDArray[np.int64] | None = None
    epochs: NDArray[np.float64] | None = None
    seconds: NDArray[np.float64] | None = None
    notes: list[str] = field(default_factory=list)


def assembled(
    foreign: Foreign,
    objectives: Sequence[Objective],
    sampler: str = "unknown",
    space: Space | None = None,
) -> SweepTable:
    """The table of a foreign sweep.

    Rows that differ only in their seed are one configuration: its value is the mean over seeds
    that have one, and its state the worst among them, so that a configuration of which a seed
    failed is not taken for complete.

    A sampler that is not known is taken as adaptive, each row being asked alone.

    Args:
        foreign: what was read.
        objectives: in the order of the columns of values.
        sampler: `grid`, `random`, `quasi_random`, `tpe` or `unknown`.
        space: what was searched; none: inferred from the values.

    Raises:
        UserError: there is no row, or a parameter of the space has no column.
    """
    if foreign.parameters.empty:
        raise UserError(f"{foreign.name}: there are no finished runs", "Give a sweep that has some")
    notes = list(foreign.notes)
    parameters = foreign.parameters
    if space is not None:
        lacking = [name for name in space.parameters if name not in parameters]
        if lacking:
            raise UserError(
                f"{foreign.name}: there is no column for the parameter {lacking[0]}",
                f"Rename it to one of {', '.join(parameters.columns)}, or correct the space",
            )
        parameters = parameters[list(space.parameters)]
        notes += _outside(parameters, space, foreign.name)
    frame = _rows(foreign, objectives)
    replicates = pd.DataFrame(columns=["configuration", "seed", "state", *foreign.values.columns])
    if foreign.seeds is None:
        outcomes = frame
    else:
        groups = _groups(parameters)
        parameters = parameters[~pd.Series(groups, index=parameters.index).duplicated()]
        outcomes, replicates, said = _over_seeds(frame, groups, foreign)
        notes += said
    if space is None:
        space, said = inferred_space(parameters)
        if not space.parameters:
            raise UserError(
                f"{foreign.name}: no parameter varies", "Give a sweep in which one does"
            )
        ranges = "the space is inferred from the values: ranges are as observed"
        notes = [ranges, *notes, *said]
    adaptive = sampler not in NOT_ADAPTIVE
    index = pd.RangeIndex(len(parameters), name="configuration")
    outcomes.index = index
    outcomes["adaptive"] = adaptive
    outcomes["cohort"] = np.arange(len(index)) if adaptive else 0
    return SweepTable(
        name=foreign.name,
        space=space,
        sampler=sampler,
        objectives=tuple(objectives),
        parameters=as_searched(parameters.set_axis(index), space),
        outcomes=outcomes,
        replicates=replicates,
        notes=tuple(notes),
    )


def as_searched(parameters: pd.DataFrame, space: Space) -> pd.DataFrame:
    """The columns of a space's parameters: numbers as floats, choices as they are declared."""
    found = {}
    for name, parameter in space.parameters.items():
        column = parameters[name]
        if not isinstance(parameter, CategoricalParameter):
            found[name] = column.astype(float)
            continue
        codes, values = pd.factorize(column, sort=False)
        meant = [_choice(plain(value), parameter) for value in values]
        cells = [meant[code] if code >= 0 else None for code in codes]
        found[name] = pd.Series(cells, index=column.index, dtype=object)
    return pd.DataFrame(found, index=parameters.index)


def _outside(parameters: pd.DataFrame, space: Space, name: str) -> list[str]:
    """Notes on numbers beyond their range.

    Raises:
        UserError: a range of numbers has words in its column.
    """
    notes = []
    for key, parameter in space.parameters.items():
        if isinstance(parameter, CategoricalParameter):
            continue
        column = parameters[key]
        if column.dtype == object:
            word = column.dropna().iloc[0]
            raise UserError(
                f"{name}: {key} is a range of numbers, and its column holds '{word}'",
                "Correct the column, or the space",
            )
        beyond = int(((column < parameter.low) | (column > parameter.high)).sum())
        if beyond:
            notes.append(f"{key}: {beyond} values lie beyond the space's range")
    return notes


def _choice(value: object, parameter: CategoricalParameter) -> object:
    """The declared choice that a value of a column means; the value where there is none."""
    for choice in parameter.choices:
        if same(choice, value):
            return choice
    return next((choice for choice in parameter.choices if str(choice) == str(value)), value)


def _rows(foreign: Foreign, objectives: Sequence[Objective]) -> pd.DataFrame:
    """State, values, epochs and seconds of each run; a run without a value is not complete."""
    values = foreign.values.to_numpy(dtype=float)
    states = foreign.states.copy()
    complete = states == "complete"
    states[complete & np.isnan(values).any(axis=1)] = "failed"
    states[complete & np.isinf(values).any(axis=1)] = "diverged"
    without = np.isinf(values) | np.isin(states, ["diverged", "failed"])[:, None]
    values = np.where(without, np.nan, values)
    unknown = np.full(len(states), np.nan)
    return pd.DataFrame(
        {
            "state": states,
            **{
                objective.name: column
                for objective, column in zip(objectives, values.T, strict=True)
            },
            "epochs": unknown if foreign.epochs is None else foreign.epochs,
            "seconds": unknown if foreign.seconds is None else foreign.seconds,
        }
    )


def _groups(parameters: pd.DataFrame) -> NDArray[np.intp]:
    """Number of the configuration of each row, in the order in which they first come."""
    codes = pd.DataFrame(
        {str(place): pd.factorize(parameters[name])[0] for place, name in enumerate(parameters)}
    )
    return np.asarray(codes.groupby(list(codes.columns), sort=False).ngroup().to_numpy())


def _over_seeds(
    frame: pd.DataFrame, groups: NDArray[np.intp], foreign: Foreign
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Outcomes per configuration, the table of replicates, and notes."""
    rows = frame.assign(configuration=groups, seed=foreign.seeds)
    again = rows.duplicated(["configuration", "seed"]).to_numpy()
    notes = []
    if again.any():
        notes.append(
            f"{int(again.sum())} runs repeat a configuration and seed; the first of each counts"
        )
        rows = rows[~again]
    sizes = rows.groupby("configuration").size()
    if sizes.min() < sizes.max():
        notes.append(f"configurations have between {sizes.min()} and {sizes.max()} seeds")
    rows = rows.assign(rank=[STATES.index(state) for state in rows["state"]])
    by = rows.groupby("configuration", sort=True)
    names = list(foreign.values.columns)
    outcomes = pd.DataFrame(
        {
            "state": [STATES[rank] for rank in by["rank"].max()],
            **{name: by[name].mean().to_numpy() for name in names},
            "epochs": by["epochs"].sum(min_count=1).to_numpy(),
            "seconds": by["seconds"].sum(min_count=1).to_numpy(),
        }
    )
    replicates = rows[["configuration", "seed", "state", *names]]
    return outcomes, replicates.reset_index(drop=True), notes
