"""Imports the runs of an MLflow experiment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.runs.columns import numbers_of, seeds_of, typed
from latentlab.runs.imported_runs import ImportedRuns
from latentlab.runs.seed_names import only_seed

_STATES = {"FINISHED": "complete", "FAILED": "failed", "KILLED": "failed"}
_PARAMETERS, _METRICS = "params.", "metrics."


def import_mlflow(
    runs: pd.DataFrame,
    metrics: Sequence[str],
    name: str,
    *,
    seed: str | None = None,
    parameters: Sequence[str] | None = None,
) -> ImportedRuns:
    """Import what `mlflow.search_runs` returns.

    A parameter that a run does not have does not exist in it. A finished run without the metric
    has failed; a run that is still running is left out and counted, and so is a run without
    parameters, such as a parent. A parameter that is called a seed is taken as the seed.

    Args:
        runs: with columns `params.*`, `metrics.*`, `status`, `start_time` and `end_time`.
        metrics: to take as values, without `metrics.`.
        name: of the experiment, for titles and messages.
        seed: the parameter that is the seed; runs that differ in nothing else are one
            configuration.
        parameters: those to take; none: all.

    Raises:
        UserError: a metric or a parameter is in no run, or a value is wrong.
    """
    known = [c.removeprefix(_PARAMETERS) for c in runs.columns if c.startswith(_PARAMETERS)]
    notes: list[str] = []
    remedy = "Name one as the seed, and the parameters"
    chosen_seed = seed or only_seed(known, f"{name}: parameters", remedy)
    chosen = [one for one in parameters or known if one != chosen_seed]
    for one in chosen if chosen_seed is None else [*chosen, chosen_seed]:
        _check(runs, _PARAMETERS + one, f"{name}: no run has the parameter {one}", known)
    logged = [c.removeprefix(_METRICS) for c in runs.columns if c.startswith(_METRICS)]
    for metric in metrics:
        _check(runs, _METRICS + metric, f"{name}: no run has the metric {metric}", logged)
    runs = _ended(runs, [_PARAMETERS + one for one in chosen], notes)
    if chosen_seed and not seed:
        notes.append(
            f"{chosen_seed} is a seed: runs that differ in nothing else are one configuration"
        )
    columns = {one: typed(runs[_PARAMETERS + one]) for one in chosen}
    values = {one: numbers_of(runs[_METRICS + one], f"{name}: metric {one}") for one in metrics}
    return ImportedRuns(
        name=name,
        parameters=pd.DataFrame(columns, index=runs.index),
        values=pd.DataFrame(values, index=runs.index),
        states=np.array([_STATES[one] for one in runs["status"]], dtype=object),
        seeds=seeds_of(runs[_PARAMETERS + chosen_seed], f"{name}: {chosen_seed}")
        if chosen_seed
        else None,
        seconds=_seconds(runs),
        notes=tuple(notes),
    )


def _check(runs: pd.DataFrame, column: str, what: str, known: Sequence[str]) -> None:
    if column not in runs:
        raise UserError(what, f"Name one of {', '.join(sorted(known)) or 'those that it logs'}")


def _ended(runs: pd.DataFrame, parameters: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """The runs that have ended and have parameters, oldest first."""
    ended = runs["status"].isin(list(_STATES)).to_numpy()
    if not ended.all():
        notes.append(f"{int((~ended).sum())} runs have not ended and are left out")
    bare = ended & runs[list(parameters)].isna().all(axis=1).to_numpy()
    if bare.any():
        notes.append(f"{int(bare.sum())} runs without parameters are left out")
    # MLflow gives the newest first.
    return runs[ended & ~bare].sort_values("start_time", kind="stable")


def _seconds(runs: pd.DataFrame) -> np.ndarray:
    span = pd.to_datetime(runs["end_time"], utc=True) - pd.to_datetime(runs["start_time"], utc=True)
    return span.dt.total_seconds().to_numpy(dtype=float)
