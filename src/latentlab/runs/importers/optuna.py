"""Imports the trials of an Optuna study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentlab.core.arrays import Mask
from latentlab.core.errors import UserError
from latentlab.reporting.formatting import plural
from latentlab.runs.columns import NULL, number_or_word
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.importers.optuna_storage import opened, storage_at, study_in
from latentlab.runs.importers.starts import utc
from latentlab.runs.run_table import RunTable
from latentlab.runs.seed_names import only_seed
from latentlab.runs.trial_attributes import ADAPTIVE, COHORT, STATE
from latentlab.runs.trial_state import TrialState, stored_state

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

_STATES: dict[str, TrialState] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def import_optuna(
    address: str | Path, study: str | None = None, *, metrics: Sequence[str] | None = None
) -> RunTable:
    """Import the trials of an Optuna study that have ended.

    Trials that were pruned have the value that they reached; those that run or wait are left out
    and counted. The distributions are carried as they are. The sampler is recognised by what it
    leaves in the storage, else unknown. A parameter that is called a seed is taken as the seed.

    Args:
        address: a database's URL, or the path of a journal file.
        study: its name; none: the only one in the storage.
        metrics: names of the values; none: those that the study has, or `value`.

    Raises:
        UserError: the storage cannot be opened, has no such study, or one of another kind.
    """
    with opened(str(address)) as storage:
        return _runs_of(storage, str(address), study, metrics)


def _runs_of(
    storage: BaseStorage, address: str, study: str | None, metrics: Sequence[str] | None
) -> RunTable:
    chosen = study_in(storage, address, study)
    name = chosen.study_name
    every = chosen.get_trials(deepcopy=False)
    trials = [trial for trial in every if trial.state.is_finished()]
    if not trials:
        raise UserError(f"study {name}: no trial has ended", "Give one that has run")
    notes: list[str] = []
    if len(trials) < len(every):
        notes.append(f"{plural(len(every) - len(trials), 'trial')} left out that had not ended")
    enqueued = sum("fixed_params" in trial.system_attrs for trial in trials)
    if enqueued:
        notes.append(f"{enqueued} trials were enqueued by hand, not drawn")
    infeasible = sum(map(_breaks_constraints, trials))
    if infeasible:
        notes.append(f"{infeasible} trials break the study's constraints and count as failed")
    directions = _directions(chosen, metrics)
    parameters = _parameters(trials)
    seed = _seed(parameters, name)
    if seed is not None:
        notes.append(f"{seed} is a seed: trials that differ in nothing else are one configuration")
    startup = _startup(trials)
    sampler = _sampler(storage, chosen, trials, startup)
    adaptive, cohorts = _asking(trials, startup if sampler == "tpe" else None)
    values = [_values(trial, len(directions)) for trial in trials]
    return RunTable(
        name=name,
        parameters=parameters.drop(columns=[] if seed is None else [seed]),
        values=pd.DataFrame(values, columns=list(directions)),
        states=np.array([_state(trial) for trial in trials], dtype=object),
        seeds=None if seed is None else parameters[seed].to_numpy(dtype=np.int64),
        started=_started(trials),
        seconds=np.array(
            [math.nan if t.duration is None else t.duration.total_seconds() for t in trials]
        ),
        adaptive=adaptive,
        cohorts=cohorts,
        sampler=sampler,
        directions=directions,
        distributions=[trial.distributions for trial in trials],
        notes=tuple(notes),
    )


def choice_of(value: Any) -> bool | int | float | str:
    """Return a choice of Optuna's as a single value: None and what is no scalar as a word."""
    if value is None:
        return NULL
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return number_or_word(str(value))


def _directions(
    study: Study, metrics: Sequence[str] | None
) -> dict[str, Literal["maximize", "minimize"]]:
    """Return which way each metric is better, in the study's order."""
    count = len(study.directions)
    names = metrics or study.metric_names
    if names is None:
        names = ["value"] if count == 1 else [f"value_{k}" for k in range(count)]
    if len(names) != count:
        raise UserError(
            f"study {study.study_name}: {len(names)} names for its {count} objectives",
            "Name each of them once",
        )
    return {
        name: "maximize" if direction.name == "MAXIMIZE" else "minimize"
        for name, direction in zip(names, study.directions, strict=True)
    }


def _parameters(trials: Sequence[FrozenTrial]) -> pd.DataFrame:
    """Return values by parameter, missing where a trial lacks it; numbers as floats."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    index = pd.RangeIndex(len(trials))
    columns = {}
    for name in names:
        rows = [row for row, trial in enumerate(trials) if name in trial.params]
        values = [choice_of(trials[row].params[name]) for row in rows]
        numeric = all(not isinstance(value, bool | str) for value in values)
        column = pd.Series(values, index=rows, dtype=float if numeric else object)
        columns[name] = column.reindex(index)
    return pd.DataFrame(columns, index=index)


def _seed(parameters: pd.DataFrame, study: str) -> str | None:
    remedy = "Give its trials as CSV, and name one as the seed"
    seed = only_seed(parameters.columns, f"study {study}: parameters", remedy)
    if seed is not None and parameters[seed].isna().any():
        raise UserError(
            f"study {study}: some trials have no {seed}",
            "Give those that have one as CSV, and name it as the seed",
        )
    return seed


def _values(trial: FrozenTrial, count: int) -> list[float]:
    """Return what a trial was worth; of a pruned one the last value that it reported."""
    if trial.values is not None:
        return [float(value) for value in trial.values]
    if count == 1 and trial.last_step is not None:
        return [float(trial.intermediate_values[trial.last_step])]
    return [math.nan] * count


def _breaks_constraints(trial: FrozenTrial) -> bool:
    """Return whether Optuna takes a trial for infeasible: a constraint is not 0 or less."""
    return not all(value <= 0 for value in trial.constraints.values())


def _state(trial: FrozenTrial) -> TrialState:
    """Return our own state where the trial has one, else that of Optuna.

    An infeasible trial is no winner, whatever its value: it has failed.
    """
    own = trial.user_attrs.get(STATE)
    if own is None and _breaks_constraints(trial):
        return "failed"
    return _STATES[trial.state.name] if own is None else stored_state(own)


def _asking(
    trials: Sequence[FrozenTrial], startup: int | None
) -> tuple[Mask | None, NDArray[np.int64] | None]:
    """Return which trials were adaptive, and their cohorts, where the storage tells."""
    if all(ADAPTIVE in trial.user_attrs for trial in trials):
        return (
            np.array([trial.user_attrs[ADAPTIVE] for trial in trials], dtype=bool),
            np.array([trial.user_attrs[COHORT] for trial in trials], dtype=np.int64),
        )
    # What was drawn before the estimator had begun is not adaptive.
    return (None if startup is None else np.arange(len(trials)) >= startup), None


def _startup(trials: Sequence[FrozenTrial]) -> int | None:
    """Return how many trials were drawn before TPE began; none where it left no trace."""
    for count, trial in enumerate(trials):
        if any(key.startswith("tpe:") for key in trial.system_attrs):
            return count
    return None


def _sampler(
    storage: BaseStorage, study: Study, trials: Sequence[FrozenTrial], startup: int | None
) -> str:
    """Return the sampler by what it leaves behind: of random search there is no trace."""
    attributes = storage.get_study_system_attrs(storage.get_study_id_from_name(study.study_name))
    traces = {
        "grid": any("grid_id" in trial.system_attrs for trial in trials),
        "quasi_random": any(key.startswith("qmc:") for key in attributes),
        "tpe": startup is not None,
    }
    recognised = [name for name, left in traces.items() if left]
    return recognised[0] if len(recognised) == 1 else "unknown"


def _started(trials: Sequence[FrozenTrial]) -> pd.Series:
    """When trials began; Optuna keeps the clock of the machine without its zone."""
    starts = [trial.datetime_start for trial in trials]
    times = [pd.NaT if start is None else utc(start) for start in starts]
    return pd.Series(times, dtype="datetime64[ns, UTC]")


def _found(place: str, asked: Asked) -> Found:
    runs = import_optuna(place, asked.said.study)
    known = [str(name) for name in runs.values]
    return Found(
        lambda: known,
        known,
        lambda metrics: replace(runs, values=runs.values[list(metrics)]),
        known,
    )


IMPORTER = Importer("an Optuna study", frozenset({"study"}), storage_at, _found)
