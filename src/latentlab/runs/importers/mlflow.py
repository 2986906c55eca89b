"""Imports the runs of an MLflow experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.reporting.formatting import plural
from latentlab.runs.columns import numbers_of, seeds_of, typed
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.importers.picking import pick_of
from latentlab.runs.run_table import RunTable
from latentlab.runs.seed_names import is_seed, only_seed

MLFLOW = "mlflow:"
"""Marks an experiment of the tracking store: `mlflow:<experiment>`."""

_STATES = {"FINISHED": "complete", "FAILED": "failed", "KILLED": "failed"}
_PARAMETERS, _METRICS = "params.", "metrics."
_PARENT, _RUN_NAME = "tags.mlflow.parentRunId", "tags.mlflow.runName"


def import_mlflow(
    runs: pd.DataFrame,
    metrics: Sequence[str],
    name: str,
    *,
    seed: str | None = None,
    parameters: Sequence[str] | None = None,
) -> RunTable:
    """Import what `mlflow.search_runs` returns.

    A parameter that a run does not have does not exist in it. A finished run without the metric
    has failed. Left out and counted are runs that still run, runs without parameters, runs with
    others nested in them that have not the metric themselves (a search), and nested runs without
    the seed that the run around them has (its parts). A parameter that is called a seed, and is a
    number somewhere, is taken as the seed.

    Args:
        runs: with columns `params.*`, `metrics.*`, `status`, `start_time` and `end_time`; with
            `run_id`, `tags.mlflow.parentRunId` and `tags.mlflow.runName` where they are known.
        metrics: to take as values, without `metrics.`.
        name: of the experiment, for titles and messages; what stands before a # is its store.
        seed: the parameter that is the seed; runs that differ in nothing else are one
            configuration.
        parameters: those to take; none: all.

    Raises:
        UserError: a metric or a parameter is in no run, or a value is wrong.
    """
    known = [c.removeprefix(_PARAMETERS) for c in runs.columns if c.startswith(_PARAMETERS)]
    notes: list[str] = []
    chosen_seed = seed or only_seed(
        [key for key in known if _is_number_somewhere(runs[_PARAMETERS + key])],
        f"{name}: parameters",
        "Name one as the seed, and the parameters",
    )
    no_seeds = [key for key in known if is_seed(key) and key != chosen_seed and not parameters]
    if no_seeds:
        notes.append(f"{', '.join(no_seeds)}: called a seed, not taken as it, and left out")
    chosen = [key for key in parameters or known if key not in (chosen_seed, *no_seeds)]
    for key in chosen if chosen_seed is None else [*chosen, chosen_seed]:
        _check(runs, _PARAMETERS + key, f"{name}: no run has the parameter {key}", known)
    logged = [c.removeprefix(_METRICS) for c in runs.columns if c.startswith(_METRICS)]
    for metric in metrics:
        _check(runs, _METRICS + metric, f"{name}: no run has the metric {metric}", logged)
    runs = _ended(runs, [_PARAMETERS + key for key in chosen], notes)
    runs = _single(runs, [_METRICS + metric for metric in metrics], chosen_seed, notes)
    if chosen_seed:
        _check_seeds(runs, chosen_seed, name)
        if not seed:
            notes.append(
                f"{chosen_seed} is a seed: runs that differ in nothing else are one configuration"
            )
    columns = {key: typed(runs[_PARAMETERS + key]) for key in chosen}
    values = {key: numbers_of(runs[_METRICS + key], f"{name}: metric {key}") for key in metrics}
    return RunTable(
        name=name.rpartition("#")[2],
        parameters=pd.DataFrame(columns, index=runs.index),
        values=pd.DataFrame(values, index=runs.index),
        states=np.array([_STATES[status] for status in runs["status"]], dtype=object),
        seeds=seeds_of(runs[_PARAMETERS + chosen_seed], f"{name}: {chosen_seed}")
        if chosen_seed
        else None,
        started=pd.to_datetime(runs["start_time"], utc=True),
        seconds=_seconds(runs),
        notes=tuple(notes),
    )


def _check(runs: pd.DataFrame, column: str, what: str, known: Sequence[str]) -> None:
    if column not in runs:
        raise UserError(what, f"Name one of {', '.join(sorted(known)) or 'those that it logs'}")


def _ended(runs: pd.DataFrame, parameters: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """Return the runs that have ended and have parameters, oldest first."""
    ended = runs["status"].isin(list(_STATES)).to_numpy()
    if not ended.all():
        notes.append(f"{plural(int((~ended).sum()), 'run')} left out that had not ended")
    bare = ended & runs[list(parameters)].isna().all(axis=1).to_numpy()
    if bare.any():
        notes.append(f"{int(bare.sum())} runs without parameters are left out")
    # MLflow gives the newest first.
    return runs[ended & ~bare].sort_values("start_time", kind="stable")


def _single(
    runs: pd.DataFrame, metrics: Sequence[str], seed: str | None, notes: list[str]
) -> pd.DataFrame:
    """Return the runs that are one training each: no searches around them, no parts of them."""
    if _PARENT not in runs or "run_id" not in runs:
        return runs
    searches = (
        runs["run_id"].isin(set(runs[_PARENT].dropna())) & runs[list(metrics)].isna().all(axis=1)
    ).to_numpy()
    if searches.any():
        notes.append(
            f"{int(searches.sum())} runs with others nested in them have no metric of their own "
            "and are left out"
        )
    runs = runs[~searches]
    if seed is None:
        return runs
    has_seed = runs[_PARAMETERS + seed].notna()
    around = set(runs.loc[has_seed, "run_id"])
    parts = (~has_seed & runs[_PARENT].isin(around)).to_numpy()
    if parts.any():
        notes.append(
            f"{int(parts.sum())} runs nested in one with the {seed} that they lack are left out"
        )
    return runs[~parts]


def _is_number_somewhere(column: pd.Series) -> bool:
    return bool(pd.to_numeric(column, errors="coerce").notna().any())


def _check_seeds(runs: pd.DataFrame, seed: str, name: str) -> None:
    """Name the first run whose seed is no whole number.

    Raises:
        UserError: there is one.
    """
    wrong = runs[(pd.to_numeric(runs[_PARAMETERS + seed], errors="coerce") % 1 != 0).to_numpy()]
    if wrong.empty:
        return
    first = wrong.iloc[0]
    called, given = first.get(_RUN_NAME), first[_PARAMETERS + seed]
    said = "has none" if pd.isna(given) else f"says {given}"
    raise UserError(
        f"{name}: {seed} is the seed, but the run {first.get('run_id', '')}"
        f"{f' ({called})' if isinstance(called, str) else ''} {said}"
        f"{f', as do {len(wrong) - 1} others' if len(wrong) > 1 else ''}",
        "Delete such runs in MLflow, where they can be restored, or name another parameter as "
        "analysis.seed.",
    )


def _seconds(runs: pd.DataFrame) -> np.ndarray:
    span = pd.to_datetime(runs["end_time"], utc=True) - pd.to_datetime(runs["start_time"], utc=True)
    return span.dt.total_seconds().to_numpy(dtype=float)


def _place_of(source: str, path: Path) -> str | None:
    return source.removeprefix(MLFLOW) if source.startswith(MLFLOW) else None


def _found(place: str, asked: Asked) -> Found:
    value = asked.said.value
    if value is None or value == "last":
        runs = asked.runs_of(place)
    else:
        picks = {
            metric: pick_of(metric, value, asked.better if k == 0 else None, asked.block)
            for k, metric in enumerate(asked.metrics or ())
        }
        runs = asked.runs_of(place, picks)
    known = [c.removeprefix(_METRICS) for c in runs.columns if c.startswith(_METRICS)]
    # What only a run without parameters has, such as verdicts that were written back, is no score.
    configured = runs[[c for c in runs.columns if c.startswith(_PARAMETERS)]].notna().any(axis=1)
    likely = [metric for metric in known if runs.loc[configured, _METRICS + metric].notna().any()]
    return Found(
        lambda: likely,
        known,
        lambda metrics: import_mlflow(
            runs, metrics, place, seed=asked.said.seed, parameters=asked.parameters
        ),
    )


IMPORTER = Importer(
    "an MLflow experiment", frozenset({"seed", "parameters", "value"}), _place_of, _found
)
