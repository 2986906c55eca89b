"""The record of a running sweep: what was asked, who works on it, and what came of it.

It is an Optuna study, so that Optuna's own tools read it: a journal file by default, any database
that Optuna can use by its URL. A configuration is written whole in one step before it is trained,
with a lease; one whose holder is gone is taken up again. Optuna's heartbeat does not do this: it
runs only inside `study.optimize`, and not on journal files.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from latentlab.core.errors import UserError
from latentlab.search.proposals import Direction, Known, Proposal, frozen_trial
from latentlab.search.space import Configuration, Space
from latentlab.search.table import State

LEASE_SECONDS = 3600.0
"""A lease that was not renewed for this long has no holder any more."""

_SETTINGS, _LEASE, _COHORT, _ADAPTIVE, _STATE, _REPLICATES, _RUNGS, _NOTE = (
    "latentlab.settings",
    "latentlab.lease",
    "latentlab.cohort",
    "latentlab.adaptive",
    "latentlab.state",
    "latentlab.replicates",
    "latentlab.rungs",
    "latentlab.note",
)
"""Attributes of the study and of its trials."""

ATTRIBUTES = {
    "cohort": _COHORT,
    "adaptive": _ADAPTIVE,
    "state": _STATE,
    "replicates": _REPLICATES,
    "settings": _SETTINGS,
}
"""Those that a reader of a finished sweep wants, by what they say."""


@dataclass(frozen=True)
class Asked:
    """A configuration in work.

    Attributes:
        number: of the configuration, from 0.
        cohort: index of the cohort it was asked in.
        values: of the parameters that exist in it.
        configuration: the same with the fixed values.
        rungs: scores at rungs it has passed, by epochs.
    """

    number: int
    cohort: int
    values: dict[str, Any]
    configuration: Configuration
    rungs: dict[int, float]


@dataclass(frozen=True)
class Told:
    """What became of a configuration.

    Attributes:
        number: of the configuration.
        state: how it ended.
        objectives: one number per objective, means over seeds; empty unless it is complete.
        replicates: one row per seed: `seed`, `trial_id`, `state`, `epochs`, `seconds` and a number
            per objective where there is one.
        note: why it failed, or nothing.
    """

    number: int
    state: State
    objectives: tuple[float, ...] = ()
    replicates: tuple[dict[str, Any], ...] = ()
    note: str = ""


class Ledger:
    """One sweep in its storage.

    Args:
        address: a database's URL, or the path of a journal file.
        name: of the sweep.
        space: what is searched.
        directions: which way each objective is better.
        settings: the sweep's settings as JSON text; a sweep keeps to those that it began with.
        owner: who asks, `host/process`; leases of dead processes of this host are void.
        now: seconds since 1970.

    Raises:
        UserError: the storage cannot be opened, or holds another sweep under this name.
    """

    def __init__(
        self,
        address: str,
        name: str,
        space: Space,
        directions: Sequence[Direction],
        settings: str,
        owner: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._space = space
        self._directions = tuple(directions)
        self._owner = owner or f"{socket.gethostname()}/{os.getpid()}"
        self._now = now
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._storage = open_storage(address)
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=name,
            directions=list(self._directions),
            load_if_exists=True,
        )
        begun = self._study.user_attrs.get(_SETTINGS)
        if begun is None:
            self._study.set_user_attr(_SETTINGS, settings)
        elif begun != settings:
            changed = _first_difference(begun, settings)
            raise UserError(
                f"The sweep {name} was begun with other settings ({changed})",
                "Give the changed file a new name, or set `sweeps.restart=true` to begin again: "
                "trained trials are kept either way.",
            )

    @property
    def trials(self) -> list[FrozenTrial]:
        """All configurations as Optuna keeps them."""
        return self._study.get_trials(deepcopy=False)

    def known(self) -> list[Known]:
        """All configurations in order, for the next proposal."""
        return [_known(trial) for trial in self.trials]

    def add(self, proposals: Sequence[Proposal], cohort: int) -> None:
        """Write configurations that are to be tried, each whole in one step, leased."""
        for proposal in proposals:
            trial = frozen_trial(
                self._space, Known(proposal.values, "running"), len(self._directions)
            )
            trial.user_attrs = {
                _COHORT: cohort,
                _ADAPTIVE: proposal.adaptive,
                _LEASE: self._lease(),
            }
            self._study.add_trial(trial)

    def take_up(self) -> list[Asked]:
        """Configurations in work that nobody else holds; they are leased to this process.

        Those of this process are among them.
        """
        mine: list[Asked] = []
        for trial in self.trials:
            if trial.state != TrialState.RUNNING or not self._free(trial.user_attrs.get(_LEASE)):
                continue
            self._storage.set_trial_user_attr(trial._trial_id, _LEASE, self._lease())
            mine.append(self.asked(trial))
        return mine

    def asked(self, trial: FrozenTrial) -> Asked:
        """What was asked for, of one of `trials`."""
        values = dict(trial.params)
        rungs = {int(k): v for k, v in trial.user_attrs.get(_RUNGS, {}).items()}
        cohort = int(trial.user_attrs[_COHORT])
        return Asked(trial.number, cohort, values, self._space.configuration(values), rungs)

    def report(self, number: int, epochs: int, score: float) -> None:
        """Note a score at a rung, and renew the lease."""
        trial = self.trials[number]
        rungs = trial.user_attrs.get(_RUNGS, {}) | {str(epochs): score}
        self._storage.set_trial_user_attr(trial._trial_id, _RUNGS, rungs)
        self._storage.set_trial_intermediate_value(trial._trial_id, epochs, score)
        self._storage.set_trial_user_attr(trial._trial_id, _LEASE, self._lease())

    def tell(self, told: Told) -> None:
        """Note what became of a configuration; its last word."""
        trial_id = self.trials[told.number]._trial_id
        self._storage.set_trial_user_attr(trial_id, _STATE, told.state)
        self._storage.set_trial_user_attr(trial_id, _REPLICATES, list(told.replicates))
        if told.note:
            self._storage.set_trial_user_attr(trial_id, _NOTE, told.note)
        state = {"complete": TrialState.COMPLETE, "halved": TrialState.PRUNED}.get(
            told.state, TrialState.FAIL
        )
        values = list(told.objectives) if told.state == "complete" else None
        self._storage.set_trial_state_values(trial_id, state, values)

    @staticmethod
    def forget(address: str, name: str) -> None:
        """Remove a sweep from its storage, if it is there."""
        storage = open_storage(address)
        for study in storage.get_all_studies():
            if study.study_name == name:
                storage.delete_study(study._study_id)

    def _lease(self) -> dict[str, Any]:
        return {"owner": self._owner, "until": self._now() + LEASE_SECONDS}

    def _free(self, lease: dict[str, Any] | None) -> bool:
        """Whether a configuration has no other living holder."""
        if lease is None or lease["owner"] == self._owner or lease["until"] < self._now():
            return True
        host, _, process = lease["owner"].partition("/")
        return host == socket.gethostname() and not _lives(int(process))


def open_storage(address: str) -> BaseStorage:
    """The storage behind a database's URL or the path of a journal file.

    Raises:
        UserError: it cannot be opened.
    """
    try:
        if "://" in address:
            return RDBStorage(address)
        path = Path(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_torn_line(path)
        return JournalStorage(JournalFileBackend(address))
    except (OSError, ImportError, SQLAlchemyError, StorageInternalError) as error:
        raise UserError(
            f"The storage of sweeps at {address} cannot be opened: {error}",
            "Mend `sweeps.storage`: a database's URL, or nothing for a journal file.",
        ) from error


def _drop_torn_line(path: Path) -> None:
    """Remove a last line that a killed process did not finish: what follows would be lost too."""
    if not path.exists():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _known(trial: FrozenTrial) -> Known:
    attributes = trial.user_attrs
    rungs = {int(k): v for k, v in attributes.get(_RUNGS, {}).items()}
    if trial.state in {TrialState.RUNNING, TrialState.WAITING}:
        return Known(dict(trial.params), "running", (), rungs)
    state: State = attributes[_STATE]
    objectives = tuple(trial.values or ()) if state == "complete" else ()
    return Known(dict(trial.params), state, objectives, rungs)


def _lives(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_difference(begun: str, now: str) -> str:
    old, new = json.loads(begun), json.loads(now)
    names = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return f"`{names[0]}` differs" if names else "they differ"
