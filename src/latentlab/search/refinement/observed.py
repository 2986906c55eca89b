"""A finished sweep as one study among studies of noise: positions, ranks, and how it was asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.reporting.formatting import plural
from latentlab.search.refinement.null_model import Schedule, Studies
from latentlab.search.refinement.ranks import midranks
from latentlab.search.refinement.scales import positions
from latentlab.search.table import SweepTable

MOST_RERUN = 300
"""Configurations that an adaptive sampler is run on noise for: its cost grows with their square."""

_LEVELS = {"complete": 2, "pruned": 1, "diverged": 0}
_FIXED_DESIGNS = ("grid", "random", "quasi_random")


@dataclass(frozen=True)
class Observed:
    """What the gates see of a sweep.

    Attributes:
        study: rows that have a score, in the order of being asked for; one study.
        values: of the parameters in the same rows, [n, parameters].
        schedule: how an adaptive sampler asked; None where no score decided what was asked.
        notes: what a reader should know, one sentence each.
    """

    study: Studies
    values: pd.DataFrame
    schedule: Schedule | None
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows that have a score."""
        return self.study.scores.shape[1]


def observe(table: SweepTable) -> Observed:
    """Order the rows of a sweep from worst to best, and say how they were asked for.

    Complete rows come before those that were stopped early, and these before diverged ones: among
    the stopped, those that got further are better, then those with the better score. TPE orders
    them in the same way. Failed rows have no place, and copies of a row count once.

    Args:
        table: the sweep; its first objective counts.

    Raises:
        UserError: values lie outside the space.
    """
    order = np.argsort(table.outcomes.index.to_numpy(), kind="stable")
    outcomes = table.outcomes.iloc[order]
    scores, copies = _without_copies(table, outcomes, ordered(table, outcomes))
    adaptive = outcomes["adaptive"].to_numpy(dtype=bool)
    notes = list(_left_out(outcomes, copies))
    if adaptive.any() and len(adaptive) > MOST_RERUN:
        notes.append(
            f"Only the first {MOST_RERUN} of {len(adaptive)} configurations count: running the "
            "adaptive sampler on noise for all of them would take too long."
        )
        outcomes, scores = outcomes.iloc[:MOST_RERUN], scores[:MOST_RERUN]
        adaptive = adaptive[:MOST_RERUN]
    there = np.isfinite(scores)
    values = table.parameters.loc[outcomes.index]
    kept = values.loc[there]
    study = Studies(
        {
            name: positions(name, parameter, kept[name])[None]
            for name, parameter in table.space.parameters.items()
        },
        midranks(scores[there][None]) if there.any() else np.empty((1, 0)),
    )
    schedule = None
    if adaptive.any():
        ranks = tuple(float(rank) for rank in np.sort(study.scores[0]))
        failed = tuple(int(row) for row in np.flatnonzero(~there))
        startup = int(np.argmax(adaptive))
        schedule = Schedule(startup, _cohorts(outcomes), ranks, failed)
        if table.sampler != "tpe":
            notes.append(
                f"The sampler is {table.sampler} and adaptive; TPE on noise stands in for it, "
                "so that its p-values are approximate."
            )
        if len(table.objectives) > 1:
            notes.append(
                "The sampler followed several objectives, and is run on noise with "
                f"{table.objective.name} alone: p-values are approximate."
            )
    elif table.sampler not in _FIXED_DESIGNS:
        notes.append("No row counts as adaptive, so that the rows are taken for exchangeable.")
    return Observed(study, kept, schedule, tuple(notes))


def ordered(table: SweepTable, outcomes: pd.DataFrame) -> Array:
    """Places of the rows from worst to best, equal ones the same; NaN for failed rows, [rows]."""
    scores = table.objective.sign * outcomes[table.objective.name].to_numpy(dtype=float)
    states = outcomes["state"].to_numpy()
    level = np.array([_LEVELS.get(state, -1) for state in states])
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


def _without_copies(table: SweepTable, outcomes: pd.DataFrame, scores: Array) -> tuple[Array, int]:
    """Scores without those of rows that repeat a configuration and its value, and their number.

    All configurations are trained on the same seeds: one that is asked for twice gives its value
    twice, which is no second observation.
    """
    frame = table.parameters.loc[outcomes.index].astype(object).assign(**{"": scores})
    copies = frame.duplicated().to_numpy() & np.isfinite(scores)
    return np.where(copies, np.nan, scores), int(copies.sum())


def _left_out(outcomes: pd.DataFrame, copies: int) -> list[str]:
    counts = outcomes["state"].value_counts()
    notes = []
    if copies:
        notes.append(
            f"Left out as copies of others, with the same value: {plural(copies, 'configuration')}."
        )
    if failed := int(counts.get("failed", 0)):
        notes.append(f"Left out: {plural(failed, 'failed configuration')}.")
    if diverged := int(counts.get("diverged", 0)):
        notes.append(f"Ranked last: {plural(diverged, 'diverged configuration')}.")
    if pruned := int(counts.get("pruned", 0)):
        early = plural(pruned, "configuration")
        notes.append(f"Ranked below all complete ones: {early} stopped early.")
    return notes


def _cohorts(outcomes: pd.DataFrame) -> tuple[int, ...]:
    """Sizes of runs of rows that were asked for together; 1 each where that is unknown."""
    cohorts = outcomes["cohort"].to_numpy(dtype=float)
    if not np.isfinite(cohorts).all():
        return (1,) * len(cohorts)
    starts = np.flatnonzero(np.diff(cohorts, prepend=cohorts[:1] - 1))
    return tuple(int(size) for size in np.diff(np.append(starts, len(cohorts))))
