"""From imported runs to the table that every analysis of a sweep reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.arrays import Codes, Mask
from latentlab.core.errors import UserError
from latentlab.runs.audit.near_replicates import agreement, equal_settings
from latentlab.runs.run_table import RunTable
from latentlab.runs.trial_state import STATES
from latentlab.search.imported_sweeps.cells import cell_value
from latentlab.search.imported_sweeps.inferred_space import inferred_space, none_of_ranges
from latentlab.search.imported_sweeps.optuna_space import distribution_space
from latentlab.search.parameters import CategoricalParameter, same
from latentlab.search.space import Space
from latentlab.search.table import Objective, SweepTable

MOST_PARAMETERS = 200
"""An analysis of so many takes a minute."""

NOT_ADAPTIVE = ("grid", "random", "quasi_random")
"""Samplers that ask whatever was told before."""


def sweep_of_runs(
    runs: RunTable, objectives: Sequence[Objective] = (), sampler: str | None = None
) -> SweepTable:
    """Return imported runs as a sweep, with the space that they came from.

    Runs that differ only in their seed are one configuration: its value is the mean over seeds
    that have one, and its state the worst among them, so that a configuration of which a seed
    failed is not taken for complete. Where seeds are unknown, complete runs of equal parameters
    are replicates too, also where their rounded values agree; see `agreement` for copies.

    Of a sampler that is not known, rows are taken for exchangeable unless the runs say themselves
    which were adaptive.

    Args:
        runs: of a finished sweep.
        objectives: in the order of the columns of values; none: as the runs' tool says.
        sampler: `grid`, `random`, `quasi_random`, `tpe` or `unknown`; none: as recognised.

    Raises:
        UserError: there is no run, or no parameter varies.
    """
    if not objectives and runs.directions is not None:
        objectives = [Objective(name, direction) for name, direction in runs.directions.items()]
    sampler = sampler or runs.sampler
    parameters, notes = runs.parameters, list(runs.notes)
    space: Space | None = None
    if runs.distributions is not None:
        space, said = distribution_space(runs)
        notes += said
    if parameters.empty:
        raise UserError(f"{runs.name}: there are no finished runs", "Give a sweep that has some")
    if space is None:
        parameters, said = none_of_ranges(parameters)
        notes += said
    outcomes = _outcomes(runs, objectives)
    groups = equal_settings(parameters)
    if runs.seeds is None:
        groups = _alone_unless_complete(groups, outcomes["state"].to_numpy() == "complete")
    first = ~pd.Series(groups).duplicated().to_numpy()
    replicates = pd.DataFrame(columns=["configuration", "seed", "state", *runs.values.columns])
    if runs.seeds is not None or not first.all():
        parameters = parameters[first]
        outcomes, replicates, said = _over_seeds(outcomes, groups, runs)
        notes += said
    if space is None:
        space, said = inferred_space(parameters)
        if not space.parameters:
            raise UserError(f"{runs.name}: no parameter varies", "Give a sweep in which one does")
        if len(space.parameters) > MOST_PARAMETERS:
            raise UserError(
                f"{runs.name}: {len(space.parameters):,} parameters vary, and at most "
                f"{MOST_PARAMETERS} are analysed",
                "Name those that were searched: analysis.parameters=a+b",
            )
        ranges = "the space is inferred from the values: ranges are as observed"
        notes = [ranges, *notes, *said]
    index = pd.RangeIndex(len(parameters), name="configuration")
    outcomes.index = index
    outcomes["adaptive"], outcomes["cohort"] = _asking(runs, sampler, first)
    if sampler == "unknown" and not outcomes["adaptive"].any():
        notes.append(
            "the sampler is unknown: rows are taken for exchangeable, as those of a grid or of "
            "random search; if it followed earlier scores, p-values are too small, and "
            "analysis.sampler=tpe compares with TPE on noise"
        )
    return SweepTable(
        name=runs.name,
        space=space,
        sampler=sampler,
        objectives=tuple(objectives),
        parameters=as_searched(parameters.set_axis(index), space),
        outcomes=outcomes,
        replicates=replicates,
        notes=tuple(notes),
    )


def _asking(runs: RunTable, sampler: str, first: Mask) -> tuple[Mask, NDArray[np.int64]]:
    """Return which configurations were adaptive, and their cohorts, as far as that is known.

    Args:
        runs: all of them.
        sampler: of the sweep.
        first: the first run of each configuration, [runs].
    """
    count = int(first.sum())
    if sampler in NOT_ADAPTIVE:
        return np.zeros(count, dtype=bool), np.zeros(count, dtype=np.int64)
    return (
        np.full(count, sampler == "tpe") if runs.adaptive is None else runs.adaptive[first],
        np.arange(count) if runs.cohorts is None else runs.cohorts[first],
    )


def as_searched(parameters: pd.DataFrame, space: Space) -> pd.DataFrame:
    """Return the columns of a space: numbers as floats, choices as they are declared."""
    columns = {}
    for name, parameter in space.parameters.items():
        column = parameters[name]
        if not isinstance(parameter, CategoricalParameter):
            columns[name] = column.astype(float)
            continue
        codes, values = pd.factorize(column, sort=False)
        meant = [_choice(cell_value(value), parameter) for value in values]
        cells = [meant[code] if code >= 0 else None for code in codes]
        columns[name] = pd.Series(cells, index=column.index, dtype=object)
    return pd.DataFrame(columns, index=parameters.index)


def _choice(value: object, parameter: CategoricalParameter) -> object:
    """Return the declared choice that a value of a column means; the value where there is none."""
    for choice in parameter.choices:
        if same(choice, value):
            return choice
    return next((choice for choice in parameter.choices if str(choice) == str(value)), value)


def _outcomes(runs: RunTable, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Return what became of each run; one without a value is not complete."""
    values = runs.values.to_numpy(dtype=float)
    states = runs.states.copy()
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
            "epochs": unknown if runs.epochs is None else runs.epochs,
            "seconds": unknown if runs.seconds is None else runs.seconds,
        }
    )


def _alone_unless_complete(groups: Codes, complete: Mask) -> Codes:
    """Return groups in which a run that is not complete is alone: it may have been run again."""
    own = np.where(complete, groups, len(groups) + np.arange(len(groups)))
    return np.asarray(pd.factorize(own)[0])


def _over_seeds(
    outcomes: pd.DataFrame, groups: Codes, runs: RunTable
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return outcomes per configuration, the table of replicates, and notes."""
    rows = outcomes.assign(configuration=groups, seed=runs.seeds)
    notes = []
    names = list(runs.values.columns)
    if runs.seeds is None:
        copies = agreement(rows[names].to_numpy(dtype=np.float64), groups).copies
        if copies.any():
            notes.append(
                f"{int(copies.sum())} runs repeat the parameters of others and their values to the "
                "last digit: copies, which do not count"
            )
            rows = rows[~copies]
        rows["seed"] = rows.groupby("configuration").cumcount()
        if repeated := int((rows["seed"] > 0).sum()):
            notes.append(
                f"{repeated} runs repeat the parameters of others: replicates of unknown seeds; a "
                "configuration's value is the mean of its runs"
            )
    again = rows.duplicated(["configuration", "seed"]).to_numpy()
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
    outcomes = pd.DataFrame(
        {
            "state": [STATES[rank] for rank in by["rank"].max()],
            **{name: by[name].mean().to_numpy() for name in names},
            "epochs": by["epochs"].sum(min_count=1).to_numpy(),
            "seconds": by["seconds"].sum(min_count=1).to_numpy(),
        }
    )
    replicates = rows[["configuration", "seed", "state", *names]]
    if runs.seeds is None and by[names].nunique().max().max() == 1:
        # None differs from another one, so that they say nothing of the noise of seeds.
        replicates = replicates[:0]
    return outcomes, replicates.reset_index(drop=True), notes
