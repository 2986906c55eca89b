"""Which run belongs to which arm and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.validation import nearest
from latentlab.runs.importers.cell_text import plain
from latentlab.runs.roles import roles
from latentlab.runs.run_table import RunTable
from latentlab.runs.setting_names import setting

MOST_ARMS = 50
_CONTROLS = ("control", "baseline", "base", "default", "standard", "vanilla", "reference", "none")


@dataclass(frozen=True)
class Arms:
    """The runs of a table, each in its arm.

    Attributes:
        columns: what tells the arms apart.
        labels: name of each run's arm, [runs].
        seeds: of each run, [runs]; where none is known runs are counted, and no two arms share one.
        are_seeds: whether they are seeds that the runs know.
        settings: what else the runs were configured with, [runs, columns].
        notes: what was inferred or left out, one sentence each.
    """

    columns: tuple[str, ...]
    labels: NDArray[np.object_]
    seeds: NDArray[np.int64]
    are_seeds: bool
    settings: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The arms in the order of their first run."""
        return [str(name) for name in pd.unique(self.labels)]


def arms_of(runs: RunTable, named: Sequence[str] | None) -> Arms:
    """Sort runs into arms.

    Args:
        runs: what was imported.
        named: the columns that tell arms apart; none: the configuration columns that vary.

    Raises:
        UserError: there is no such column, there is one arm, or the guess is ambiguous.
    """
    known = [str(name) for name in runs.parameters]
    if named is not None and (missing := [name for name in named if name not in known]):
        raise UserError(
            f"{runs.name}: {setting('arm')}: there is no column {', '.join(missing)}",
            nearest(missing[0], known),
        )
    found = roles(runs.parameters, runs.seeds)
    settings = runs.parameters.drop(columns=[name for name in found if name not in (named or ())])
    varying = [str(name) for name in settings if settings[name].astype(str).nunique() > 1]
    columns = list(named) if named is not None else varying
    notes = []
    if left := [name for name in found if name not in columns]:
        notes.append(f"no part of the configuration, by name or values: {', '.join(left)}")
    if not set(columns) & set(varying):
        raise UserError(
            f"{runs.name}: there is one arm, since nothing varies"
            + (f" in {', '.join(columns)}" if columns else " but seeds and outcomes"),
            f"Add runs of another arm, or name the column of the arms: "
            f"{setting('arm', _example(known))}",
        )
    labels = np.array(
        [_label(columns, row) for row in settings[columns].itertuples(index=False)], dtype=object
    )
    names = list(pd.unique(labels))
    if named is None:
        _refuse_ambiguous(runs.name, settings[columns], len(names))
        notes.append(f"an arm is a value of {' and '.join(columns)}")
    if len(names) > MOST_ARMS:
        raise UserError(
            f"{runs.name}: {len(names)} arms, at most {MOST_ARMS} are compared",
            f"Name fewer columns as {setting('arm')}, or analyse the runs as a sweep: "
            "kedro run --pipelines sweep_analysis.",
        )
    seeds = runs.seeds
    if seeds is None:
        seeds = np.arange(len(labels), dtype=np.int64)
        notes.append("no column is called a seed: arms are compared unpaired")
    return Arms(
        columns=tuple(columns),
        labels=labels,
        seeds=seeds,
        are_seeds=runs.seeds is not None,
        settings=settings.drop(columns=columns),
        notes=tuple(notes),
    )


def control_of(arms: Arms, named: str | None, source: str) -> str:
    """Return the arm that others are compared with.

    Raises:
        UserError: there is no such arm, or none is called so.
    """
    names = arms.names
    if named is not None:
        if named not in names:
            raise UserError(
                f"{source}: {setting('control')}: there is no arm {named}", nearest(named, names)
            )
        return named
    called = [name for name in names if name.lower() in _CONTROLS]
    if len(called) != 1:
        listed = ", ".join(names[:20])
        raise UserError(
            f"{source}: which arm is the control? The arms are {listed}",
            f"Say {setting('control', (called or names)[0])}, for example.",
        )
    return called[0]


def _label(columns: Sequence[str], values: Sequence[object]) -> str:
    if len(columns) == 1:
        return _text(values[0])
    return ", ".join(f"{name}={_text(one)}" for name, one in zip(columns, values, strict=True))


def _text(value: object) -> str:
    """Return a value as an arm is called."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "unset"
    return f"{value:.6g}" if isinstance(value, float) else plain(str(value))


def _refuse_ambiguous(source: str, columns: pd.DataFrame, arms: int) -> None:
    """Ask which columns are meant where most arms would have one run.

    Raises:
        UserError: they would.
    """
    if len(columns.columns) == 1 or arms <= len(columns) / 2:
        return
    counts = {str(name): columns[name].astype(str).nunique() for name in columns}
    likely = min(counts, key=lambda name: counts[name])
    listed = ", ".join(f"{name} ({count} values)" for name, count in counts.items())
    raise UserError(
        f"{source}: {len(columns)} runs would be {arms} arms, told apart by {listed}",
        f"Say which columns make an arm: {setting('arm', likely)}, or "
        f"{setting('arm', '+'.join(counts))} if all do.",
    )


def _example(known: Sequence[str]) -> str:
    return known[0] if known else "model"
