"""The storage of a running sweep: what was suggested, who works on it, and its results.

It is an Optuna study, so that Optuna's own tools read it: a journal file by default, or a database
by its URL. A configuration is written whole in one step before it is trained, with a lease to the
driver that trains it, which goes by the name of its store of trials. Whoever holds that store is
alone with it, so that what was leased to it and is not told is acquired again at once, on whatever
machine and after whatever end; `drivers` says which of the others are at work. Optuna's heartbeat
does not do this: it runs only inside `study.optimize`, and not on journal files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState
from sqlalchemy.exc import SQLAlchemyError

from latentlab.core.databases import failure
from latentlab.core.errors import UserError
from latentlab.runs.trial_attributes import ADAPTIVE, COHORT, STATE
from latentlab.runs.trial_state import stored_state
from latentlab.search.drivers import open_drivers
from latentlab.search.journal import DamagedJournal, damaged, open_journal, set_aside
from latentlab.search.proposals import Direction, frozen_trial
from latentlab.search.space import Space
from latentlab.search.suggestion import Result, Suggestion

_UNREADABLE = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What a record raises whose lines can be read one by one, and make no sense together."""

_SETTINGS, _LEASE, _REPLICATES, _RUNGS, _NOTE = (
    "latentlab.settings",
    "latentlab.lease",
    "latentlab.replicates",
    "latentlab.rungs",
    "latentlab.note",
)
"""Attributes of the study and of its trials, beside those that an importer of runs reads too."""


class SweepStorage:
    """One sweep in its storage.

    Args:
        address: a database's URL, or the path of a journal file.
        name: of the sweep.
        space: what is searched.
        directions: which way each objective is better.
        settings: the sweep's settings as JSON text; a sweep keeps to those that it began with.
        owner: name of the store that configurations are trained in, which the caller holds.

    Raises:
        UserError: the storage cannot be opened, is damaged, or holds another sweep under this name;
            another driver excludes this one.
    """

    def __init__(
        self,
        address: str,
        name: str,
        space: Space,
        directions: Sequence[Direction],
        settings: str,
        owner: str,
    ) -> None:
        self._space = space
        self._directions = tuple(directions)
        self._owner = owner
        self._told: dict[int, Suggestion] = {}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with storage_errors(address):
            self._drivers = open_drivers(address, name, owner)
            try:
                with self._drivers.asking():
                    self._begin(address, name, settings)
            except BaseException:
                self._drivers.close()
                raise

    def _begin(self, address: str, name: str, settings: str) -> None:
        self._storage = _open(address)
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=name,
            directions=list(self._directions),
            load_if_exists=True,
        )
        try:
            self.suggestions()
        except _UNREADABLE as error:
            raise damaged(address) from error
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

    def close(self) -> None:
        """Let others have what is leased to this driver."""
        self._drivers.close()

    def asking(self) -> AbstractContextManager[None]:
        """Give a context in which no other driver asks or tells."""
        return self._drivers.asking()

    def suggestions(self) -> list[Suggestion]:
        """Return all configurations in order, with their results."""
        trials = self._trials()
        # What is told does not change: at each cohort only the new ones are read.
        for trial in trials:
            if trial.state.is_finished() and trial.number not in self._told:
                self._told[trial.number] = _suggestion(trial, self._owner)
        return [self._told.get(one.number) or _suggestion(one, self._owner) for one in trials]

    def add(self, suggestions: Sequence[Suggestion]) -> None:
        """Write configurations that are to be tried, each whole in one step, leased.

        They are numbered as they are written.
        """
        for suggestion in suggestions:
            trial = frozen_trial(self._space, suggestion, len(self._directions))
            trial.user_attrs = {
                COHORT: suggestion.cohort,
                ADAPTIVE: suggestion.adaptive,
                _LEASE: self._lease(),
            }
            self._study.add_trial(trial)

    def acquire(self) -> list[Suggestion]:
        """Lease the first cohort that has configurations in work which no other driver holds.

        Returns:
            These configurations; those that were leased to this store before are among them.
        """
        free = [
            trial
            for trial in self._trials()
            if trial.state == OptunaState.RUNNING and self._free(trial.user_attrs.get(_LEASE))
        ]
        cohort = [one for one in free if one.user_attrs[COHORT] == free[0].user_attrs[COHORT]]
        for trial in cohort:
            self._storage.set_trial_user_attr(trial._trial_id, _LEASE, self._lease())
        return [_suggestion(trial, self._owner) for trial in cohort]

    def report(self, number: int, epochs: int, score: float) -> None:
        """Note a configuration's score at a rung."""
        with self.asking():
            trial = self._trials()[number]
            rungs = trial.user_attrs.get(_RUNGS, {}) | {str(epochs): score}
            self._storage.set_trial_user_attr(trial._trial_id, _RUNGS, rungs)
            self._storage.set_trial_intermediate_value(trial._trial_id, epochs, score)

    def tell(self, number: int, result: Result) -> None:
        """Write what became of a configuration; it is in work no more."""
        with self.asking():
            trial_id = self._trials()[number]._trial_id
            self._storage.set_trial_user_attr(trial_id, STATE, result.state)
            self._storage.set_trial_user_attr(trial_id, _REPLICATES, list(result.replicates))
            if result.note:
                self._storage.set_trial_user_attr(trial_id, _NOTE, result.note)
            state = {"complete": OptunaState.COMPLETE, "pruned": OptunaState.PRUNED}.get(
                result.state, OptunaState.FAIL
            )
            values = list(result.objectives) if result.state == "complete" else None
            self._storage.set_trial_state_values(trial_id, state, values)

    @staticmethod
    def delete(address: str, name: str) -> None:
        """Remove a sweep from its storage, if it is there; a damaged journal is set aside."""
        with (
            storage_errors(address),
            closing(open_drivers(address, name, "restart")) as drivers,
            drivers.asking(),
        ):
            if not drivers.alone():
                raise UserError(
                    f"Other runs work on the sweep {name}, which `sweeps.restart` would remove",
                    "Stop them first, or run without it.",
                )
            try:
                storage = _open(address)
            except DamagedJournal:
                set_aside(Path(address), 0)
                return
            for study in storage.get_all_studies():
                if study.study_name == name:
                    storage.delete_study(study._study_id)

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _lease(self) -> dict[str, Any]:
        return {"owner": self._owner}

    def _free(self, lease: dict[str, Any] | None) -> bool:
        """Return whether no other driver holds a configuration."""
        return (
            lease is None
            or lease["owner"] == self._owner
            or not self._drivers.lives(lease["owner"])
        )


@contextmanager
def storage_errors(address: str) -> Iterator[None]:
    """Turn what Optuna raises of a database that is gone, locked or no such one into one line."""
    try:
        yield
    except (ImportError, RuntimeError, SQLAlchemyError, StorageInternalError) as error:
        why, remedy = failure(error)
        raise UserError(
            f"The storage of sweeps at {address} cannot be used: {why}",
            remedy
            or "Mend `sweeps.storage`: a URL of SQLite or PostgreSQL, or nothing for a journal. "
            "What was trained is kept.",
        ) from error


def _open(address: str) -> BaseStorage:
    """Open the storage behind a database's URL or the path of a journal file."""
    if "://" in address:
        return RDBStorage(address)
    try:
        return open_journal(Path(address))
    except _UNREADABLE as error:
        raise damaged(address) from error


def _suggestion(trial: FrozenTrial, owner: str) -> Suggestion:
    """Return a stored trial as the configuration that was suggested, with its result.

    Args:
        trial: of the storage.
        owner: of the store that the caller holds.
    """
    attributes = trial.user_attrs
    result = None
    if trial.state.is_finished():
        state = stored_state(attributes[STATE])
        result = Result(
            state,
            objectives=tuple(trial.values or ()) if state == "complete" else (),
            replicates=tuple(
                {**row, "state": stored_state(row["state"])} for row in attributes[_REPLICATES]
            ),
            note=attributes.get(_NOTE, ""),
        )
    return Suggestion(
        trial.number,
        cohort=int(attributes[COHORT]),
        values=dict(trial.params),
        adaptive=bool(attributes[ADAPTIVE]),
        rungs={int(epochs): score for epochs, score in attributes.get(_RUNGS, {}).items()},
        result=result,
        elsewhere=attributes.get(_LEASE, {}).get("owner", owner) != owner,
    )


def _first_difference(begun: str, now: str) -> str:
    old, new = json.loads(begun), json.loads(now)
    names = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return f"`{names[0]}` differs" if names else "they differ"
