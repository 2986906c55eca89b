"""Runs the sweep of a study, and the confirmation of what it found."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import resolve_device
from latentlab.core.files import write_atomically
from latentlab.experiment.planning import history_table, trial_table
from latentlab.experiment.registering import begin
from latentlab.experiment.scoring import score_trials
from latentlab.experiment.study import Made
from latentlab.experiment.sweep.confirmation import confirmation_table, confirmation_trials
from latentlab.experiment.sweep.file import Sweep
from latentlab.experiment.sweep.registration import (
    declared_sweep,
    judge_confirmation,
    register_sweep,
)
from latentlab.experiment.sweep.results import search_scores, stored_trials, sweep_table
from latentlab.experiment.sweep.settings import SweepsConfig
from latentlab.experiment.sweep.training import SweepTraining
from latentlab.search.engine import run_sweep
from latentlab.search.storage import SweepStorage, storage_errors
from latentlab.search.table import SweepTable
from latentlab.training.store import TrialStore


@dataclass(frozen=True)
class Trained:
    """Tables of trials, as those of a study.

    Attributes:
        trials: as from `trial_table`.
        history: as from `history_table`.
        scores: as from `score_trials`.
    """

    trials: pd.DataFrame
    history: pd.DataFrame
    scores: pd.DataFrame


def search_sweep(
    sweep: Sweep,
    config: SweepsConfig,
    compute: ComputeConfig,
    made_from: Any,
    store: TrialStore,
) -> tuple[SweepTable, Trained]:
    """Run a sweep to the end of its budget; one that was killed goes on where it stood.

    Args:
        sweep: what is searched, and how.
        config: where sweeps are kept.
        compute: device, engine and plan.
        made_from: the prepared data, in a folder, or the program.
        store: where trials are kept.

    Raises:
        UserError: another run holds the store, or the storage holds another sweep of this name, is
            damaged, or is gone.
    """
    directions = [objective.direction for objective in sweep.objectives]
    device = resolve_device(compute)
    study, declaration = sweep.study, sweep.declaration
    with (
        study.trainer(declaration, made_from, store, compute, one_plan=True) as trainer,
        closing(open_storage(sweep, config, made_from, store)) as storage,
    ):
        training = SweepTraining(sweep, made_from, store, trainer, storage, compute, device)
        training.refuse_untrainable()
        training.check(storage.suggestions())
        now = declared_sweep(sweep, made_from, compute.precision)
        register_sweep(sweep, now, store.root, datetime.now(UTC))
        with storage_errors(_address(sweep, config, store)):
            run_sweep(sweep.settings, directions, storage, training)
            suggestions = storage.suggestions()
        table = sweep_table(sweep, suggestions)
        trials, history = stored_trials(training, suggestions)
        return table, Trained(trials, history, search_scores(table))


def open_storage(
    sweep: Sweep, config: SweepsConfig, made_from: Any, store: TrialStore
) -> SweepStorage:
    """Open the sweep's storage; the caller holds the store."""
    address = _address(sweep, config, store)
    name = f"{sweep.study.name}/{sweep.name}"
    directions = [objective.direction for objective in sweep.objectives]
    identity = _identity(sweep, made_from)
    if config.restart:
        SweepStorage.delete(address, name)
    return SweepStorage(address, name, sweep.settings.space, directions, identity, _owner(store))


def _address(sweep: Sweep, config: SweepsConfig, store: TrialStore) -> str:
    """Return the database's URL, or the path of a journal file beside the trials."""
    return config.storage or str(store.root / "sweeps" / f"{sweep.name}.journal")


def _owner(store: TrialStore) -> str:
    """Return the name under which configurations are leased to a store, wherever it is mounted."""
    path = store.root / "sweeps" / "owner.txt"
    if not path.exists():
        write_atomically(path, secrets.token_hex(8).encode())
    return path.read_text(encoding="utf-8", errors="replace")


def _identity(sweep: Sweep, made_from: Made) -> str:
    """Return what a sweep must keep to from its first cohort to its last, as JSON text.

    A budget may be raised later, but not that of a grid, whose order hangs on it.
    """
    free = {"seconds", "confirmation"}
    if sweep.settings.method != "grid":
        free.add("configurations")
    settings = json.loads(sweep.settings.model_dump_json(exclude=free))
    return json.dumps(
        {
            **settings,
            "objectives": [vars(objective) for objective in sweep.objectives],
            "default": sweep.config({}).model_dump(mode="json"),
            "data": made_from.fingerprint,
        }
    )


def confirm_sweep(
    sweep: Sweep,
    table: SweepTable,
    compute: ComputeConfig,
    made_from: Any,
    store: TrialStore,
) -> tuple[pd.DataFrame, Trained]:
    """Train the winner and the default on fresh seeds; return the gain, and their tables."""
    planned = confirmation_trials(sweep, table, made_from, compute.precision)

    def note(ids: Collection[str]) -> None:
        begin(store.root, ids, datetime.now(UTC))

    with sweep.study.trainer(sweep.declaration, made_from, store, compute) as trainer:
        trained = trainer.train(planned, begin=note)
    trials = trial_table(planned, store, trained)
    scores = score_trials(
        sweep.study, trials, made_from, store, resolve_device(compute), compute=compute
    )
    history = history_table(planned, store)
    gain = judge_confirmation(
        confirmation_table(sweep, table, scores),
        declared_sweep(sweep, made_from, compute.precision),
        trials,
        scores,
        store,
        datetime.now(UTC),
    )
    return gain, Trained(trials, history, scores)
