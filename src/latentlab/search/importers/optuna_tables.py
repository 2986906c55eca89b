"""Finished sweeps from an Optuna storage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.search.importers.assembly import Foreign, assembled
from latentlab.search.importers.optuna_space import choice_of, space_of
from latentlab.search.parameters import is_number
from latentlab.search.space import Space, is_seed
from latentlab.search.storage import ATTRIBUTES
from latentlab.search.table import Objective, SweepTable

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

_STATES = {"COMPLETE": "complete", "PRUNED": "halved", "FAIL": "failed"}
_SQLITE = "sqlite:///"


def read_optuna(
    address: str | Path,
    study: str | None = None,
    *,
    names: Sequence[str] | None = None,
    sampler: str | None = None,
    space: Space | None = None,
) -> SweepTable:
    """A finished study of Optuna.

    Trials that were pruned count as halved, with the value that they reached; those that run or
    wait are left out and counted. The distributions give the space. Optuna does not record
    conditions: they are inferred from where parameters are missing. The sampler is recognised by
    what it leaves in the storage, else unknown. A parameter that is called a seed is taken as the
    seed: trials that differ in nothing else are one configuration.

    Args:
        address: a database's URL, or the path of a journal file.
        study: its name; none: the only one in the storage.
        names: of the objectives; none: the metric names that the study has, or `value`.
        sampler: `grid`, `random`, `quasi_random`, `tpe` or `unknown`; none: as recognised.
        space: what was searched; none: from the distributions.

    Raises:
        UserError: the storage cannot be opened, has no such study, or one of another kind.
    """
    storage = _storage(str(address))
    found = _study(storage, str(address), study)
    every = found.get_trials(deepcopy=False)
    trials = [trial for trial in every if trial.state.is_finished()]
    if not trials:
        raise UserError(f"study {found.study_name}: no trial has ended", "Give one that has run")
    notes: list[str] = []
    if len(trials) < len(every):
        notes.append(f"{len(every) - len(trials)} trials have not ended and are left out")
    enqueued = sum("fixed_params" in trial.system_attrs for trial in trials)
    if enqueued:
        notes.append(f"{enqueued} trials were enqueued by hand, not drawn")
    objectives = _objectives(found, names)
    parameters = _parameters(trials, space)
    seed = _seed(parameters, found.study_name)
    if seed is not None:
        notes.append(f"{seed} is a seed: trials that differ in nothing else are one configuration")
    searched = parameters.drop(columns=[] if seed is None else [seed])
    if space is None:
        space, said = space_of(trials, searched, found.study_name)
        notes += said
    startup = _startup(trials)
    recognised = sampler or _sampler(storage, found, trials, startup)
    foreign = Foreign(
        name=found.study_name,
        parameters=searched,
        values=pd.DataFrame(
            [_values(trial, len(objectives)) for trial in trials],
            columns=[objective.name for objective in objectives],
        ),
        states=np.array([_state(trial) for trial in trials], dtype=object),
        seeds=None if seed is None else parameters[seed].to_numpy(dtype=np.int64),
        seconds=np.array(
            [math.nan if t.duration is None else t.duration.total_seconds() for t in trials]
        ),
        notes=notes,
    )
    table = assembled(foreign, objectives, recognised, space)
    if seed is None:
        _mark(table.outcomes, trials, startup if recognised == "tpe" else None)
    return table


def _storage(address: str) -> BaseStorage:
    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import SQLAlchemyError

    # Optuna makes the file that is not there.
    local = address.startswith(_SQLITE) or "://" not in address
    path = Path(urlsplit(address).path[1:] if address.startswith(_SQLITE) else address)
    if local and not path.is_file():
        raise UserError(
            f"There is no Optuna storage at {address}",
            f"Give a database's URL ({_SQLITE}study.db) or the path of a journal file",
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if "://" in address:
            return RDBStorage(address)
        return JournalStorage(JournalFileBackend(address))
    except (OSError, ImportError, RuntimeError, ValueError, KeyError, SQLAlchemyError) as error:
        raise UserError(
            f"The Optuna storage at {address} cannot be opened: {error}",
            "Check the address, and that its driver is installed",
        ) from error


def _study(storage: BaseStorage, address: str, name: str | None) -> Study:
    import optuna

    known = sorted(one.study_name for one in storage.get_all_studies())
    if name is None and len(known) == 1:
        name = known[0]
    if name is None or name not in known:
        what = "which study is not said" if name is None else f"there is no study {name}"
        raise UserError(
            f"{address}: {what}",
            f"Name one of {', '.join(known)}" if known else "It holds no study: give another one",
        )
    return optuna.load_study(study_name=name, storage=storage)


def _objectives(study: Study, names: Sequence[str] | None) -> tuple[Objective, ...]:
    count = len(study.directions)
    given = names or study.metric_names
    if given is None:
        given = ["value"] if count == 1 else [f"value_{k}" for k in range(count)]
    if len(given) != count:
        raise UserError(
            f"study {study.study_name}: {len(given)} names for its {count} objectives",
            "Name each of them once",
        )
    return tuple(
        Objective(one, "maximize" if direction.name == "MAXIMIZE" else "minimize")
        for one, direction in zip(given, study.directions, strict=True)
    )


def _parameters(trials: Sequence[FrozenTrial], space: Space | None) -> pd.DataFrame:
    """Values by parameter, missing where a trial lacks it; numbers as floats."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    index = pd.RangeIndex(len(trials))
    columns = {}
    for name in names:
        values = [
            trial.params[name] if space is not None else choice_of(trial.params[name])
            for trial in trials
            if name in trial.params
        ]
        there = [place for place, trial in enumerate(trials) if name in trial.params]
        kind = float if all(is_number(value) for value in values) else object
        columns[name] = pd.Series(values, index=there, dtype=kind).reindex(index)
    return pd.DataFrame(columns, index=index)


def _seed(parameters: pd.DataFrame, name: str) -> str | None:
    found = [key for key in parameters.columns if is_seed(key)]
    if len(found) > 1:
        raise UserError(
            f"study {name}: parameters {' and '.join(found)} are both seeds",
            "Give its trials as CSV, and name one as the seed",
        )
    if found and parameters[found[0]].isna().any():
        raise UserError(
            f"study {name}: some trials have no {found[0]}",
            "Give those that have one as CSV, and name it as the seed",
        )
    return found[0] if found else None


def _values(trial: FrozenTrial, count: int) -> list[float]:
    """What a trial was worth; of a pruned one the last value that it reported."""
    if trial.values is not None:
        return [float(value) for value in trial.values]
    if count == 1 and trial.last_step is not None:
        return [float(trial.intermediate_values[trial.last_step])]
    return [math.nan] * count


def _state(trial: FrozenTrial) -> str:
    """Our own state where the trial has one, else that of Optuna."""
    return str(trial.user_attrs.get(ATTRIBUTES["state"], _STATES[trial.state.name]))


def _mark(outcomes: pd.DataFrame, trials: Sequence[FrozenTrial], startup: int | None) -> None:
    """Which trials were adaptive, and their cohorts, where the storage tells."""
    if all(ATTRIBUTES["adaptive"] in trial.user_attrs for trial in trials):
        for key in ("adaptive", "cohort"):
            outcomes[key] = [trial.user_attrs[ATTRIBUTES[key]] for trial in trials]
    elif startup is not None:
        # What was drawn before the estimator had begun is not adaptive.
        outcomes["adaptive"] = np.arange(len(trials)) >= startup


def _startup(trials: Sequence[FrozenTrial]) -> int | None:
    """How many trials were drawn before TPE began; none where it left no trace."""
    for place, trial in enumerate(trials):
        if any(key.startswith("tpe:") for key in trial.system_attrs):
            return place
    return None


def _sampler(
    storage: BaseStorage, study: Study, trials: Sequence[FrozenTrial], startup: int | None
) -> str:
    """The sampler by what it leaves behind: of random search there is no trace."""
    attributes = storage.get_study_system_attrs(storage.get_study_id_from_name(study.study_name))
    traces = {
        "grid": any("grid_id" in trial.system_attrs for trial in trials),
        "quasi_random": any(key.startswith("qmc:") for key in attributes),
        "tpe": startup is not None,
    }
    seen = [name for name, there in traces.items() if there]
    return seen[0] if len(seen) == 1 else "unknown"
