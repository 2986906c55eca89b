"""Reads the runs that are to be judged, and guesses which of their metrics is meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.core.validation import nearest
from latentlab.metrics.metric import Better, Metric
from latentlab.runs.columns import typed
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.runs.metric_names import bare_names, better_of, split_of
from latentlab.runs.roles import roles
from latentlab.runs.run_table import RunTable
from latentlab.runs.sources import SourceKind, kind_of, refuse_unused

_UNUSED: dict[SourceKind, tuple[str, ...]] = {
    "csv": ("study",),
    "mlflow": ("study", "state"),
    "optuna": ("seed", "state"),
}
_METRICS = "metrics."


@dataclass(frozen=True)
class Measured:
    """A column of scores, and what it measures.

    Attributes:
        column: as the source calls it.
        split: which data it was measured on; `unsaid` where its name does not say it.
        metric: name without the split, and which way it is better.
    """

    column: str
    split: str
    metric: Metric


def read_runs(
    chosen: EvidenceSettings,
    root: Path,
    runs_of: Callable[[str], pd.DataFrame],
    *,
    every_score: bool = False,
) -> RunTable:
    """Return the runs with their metrics, the one that claims are about in the first place.

    Args:
        chosen: what a person said of them.
        root: what relative paths are relative to.
        runs_of: the runs of an experiment of MLflow as a table, by its name.
        every_score: whether all scores are read where none is named.

    Raises:
        UserError: nothing was chosen, what was chosen cannot be read, a setting has no meaning for
            it, or it is not clear which metric is meant.
    """
    if chosen.source is None:
        raise UserError(
            "evidence.source names no runs",
            "Give a CSV file, an Optuna storage or mlflow:<experiment>, as in "
            "--params evidence.source=runs.csv,evidence.metric=test_accuracy.",
        )
    kind, place = kind_of(chosen.source, root)
    refuse_unused("evidence", chosen, chosen.source, kind, _UNUSED[kind])
    if kind == "optuna":
        from latentlab.runs.importers.optuna import import_optuna

        runs = import_optuna(place, chosen.study)
        known = [str(name) for name in runs.values]
        return replace(runs, values=runs.values[_metrics(chosen, known, known, every_score)])
    if kind == "mlflow":
        from latentlab.runs.importers.mlflow import import_mlflow

        table = runs_of(place)
        logged = [c.removeprefix(_METRICS) for c in table.columns if c.startswith(_METRICS)]
        metrics = _metrics(chosen, logged, logged, every_score)
        return import_mlflow(table, metrics, place, seed=chosen.seed)
    from latentlab.runs.importers.csv import import_csv
    from latentlab.runs.importers.csv_cells import read_cells

    given = (chosen.seed, chosen.state, *(chosen.arm or ()), *(chosen.metric or ()))
    named = [name for name in given if name is not None]
    cells = read_cells(Path(place), named)
    columns = pd.DataFrame({name: typed(cells[name]) for name in cells})
    outcomes = [name for name, role in roles(columns).items() if role == "outcome"]
    return import_csv(
        place,
        _metrics(chosen, outcomes, [str(name) for name in cells], every_score),
        seed=chosen.seed,
        state=chosen.state,
    )


def _metrics(
    chosen: EvidenceSettings, likely: Sequence[str], known: Sequence[str], every: bool
) -> list[str]:
    """Return the columns of scores: those that are named, all, or the one that is the test score.

    Raises:
        UserError: a named one is not there, or it is not clear which is meant.
    """
    if chosen.metric is not None:
        if missing := [name for name in chosen.metric if name not in known]:
            raise UserError(
                f"{chosen.source}: evidence.metric: there is no {', '.join(missing)}",
                nearest(missing[0], known),
            )
        return chosen.metric
    if every and likely:
        return list(likely)
    tested = [name for name in likely if split_of(name) == "test"] or list(likely)
    if len(tested) != 1:
        found = f"{len(tested)} scores, {', '.join(tested[:20])}" if tested else "no score is seen"
        example = tested[0] if tested else "accuracy"
        raise UserError(
            f"{chosen.source}: which column is the metric? {found[0].upper()}{found[1:]}",
            f"Say evidence.metric={example}, for example.",
        )
    return tested


def measured(runs: RunTable, chosen: EvidenceSettings, *, directed: bool = True) -> list[Measured]:
    """Return what the columns of scores measure, in their order.

    Args:
        runs: with their scores.
        chosen: which way the first one is better, and which are compared by ratios.
        directed: whether it must be known which way the first one is better.

    Raises:
        UserError: which way the first one is better is neither said nor in its name, or a metric
            that is to be compared by ratios is not there.
    """
    columns, better = [str(name) for name in runs.values], chosen.better
    ratios = chosen.ratios or []
    if missing := [name for name in ratios if name not in columns]:
        raise UserError(
            f"{runs.name}: evidence.ratios: {missing[0]} is none of the metrics",
            nearest(missing[0], columns),
        )
    bare = bare_names(columns)
    turned = {"maximize": "higher", "minimize": "lower"}
    found = []
    for position, column in enumerate(columns):
        direction = (runs.directions or {}).get(column)
        known: Better | None = better_of(column)
        if direction is not None:
            known = "higher" if direction == "maximize" else "lower"
        if position == 0:
            if better is not None and direction is not None and better != turned[direction]:
                raise UserError(
                    f"{runs.name}: evidence.better: {column} is to {direction} there",
                    "Leave evidence.better out",
                )
            known = better or known
            if known is None and directed:
                raise UserError(
                    f"{runs.name}: is a higher or a lower {column} better?",
                    "Say evidence.better=higher or evidence.better=lower.",
                )
        metric = Metric(
            bare[column],
            known or "none",
            "",
            f"The column {column} of {runs.name}",
            scale="log" if column in ratios else "linear",
        )
        found.append(Measured(column, split_of(column), metric))
    return found
