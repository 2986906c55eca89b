"""Whether a sweep's confirmation follows from its registration: derived anew from the files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from latentlab.data import Prepared
from latentlab.evidence.registration import Record
from latentlab.experiment.registering import read_record
from latentlab.experiment.sweep.confirmation import confirmation_table, confirmation_trials
from latentlab.experiment.sweep.file import Sweep
from latentlab.experiment.sweep.registration import declared_sweep, judged
from latentlab.experiment.verification import altered_anew, checks, checks_of_record, other_data
from latentlab.search.table import SweepTable
from latentlab.training.store import TrialStore


def verify_confirmation(
    sweep: Sweep,
    table: SweepTable,
    confirmation: pd.DataFrame,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    precision: str,
    prepared: Prepared,
    store: TrialStore,
    device: torch.device,
) -> pd.DataFrame:
    """Check chain, data, who won, weights, scores, the gain and what it may be called.

    Args:
        sweep: as it was planned.
        table: of its search, which chose the winner.
        confirmation: the gain on fresh seeds, as it was stored.
        trials: of the confirmation.
        scores: of them.
        precision: arithmetic of the training steps.
        prepared: the data, as they are prepared now.
        store: the trials and the registration.
        device: where scores are computed anew.

    Returns:
        Columns check and found; found is empty where the check holds.
    """
    record: Record = read_record(store.root)
    altered = altered_anew(sweep.study, trials, scores, prepared, store, device)
    now = declared_sweep(sweep, prepared, precision)
    again = judged(confirmation_table(sweep, table, scores), now, trials, record, altered)
    registered = record.registered(now.subject) is not None
    won = {trial.id for trial in confirmation_trials(sweep, table, prepared, precision)}
    others = "" if set(trials["trial_id"]) == won else "others were trained than the search chose"
    rows = [
        (f"the sweep {sweep.name} is registered", "" if registered else "it never was"),
        *checks_of_record(record),
        ("data", other_data(trials, prepared)),
        ("winner and default", others),
        ("weights and scores", "; ".join(f"trial {t}: {what}" for t, what in altered.items())),
        ("confirmation derived anew", "; ".join(_differences(confirmation, again))),
    ]
    return checks(rows, again, "metric")


def _differences(stored: pd.DataFrame, again: pd.DataFrame) -> Iterator[str]:
    """Name each number and word of the stored table that is found otherwise."""
    known = stored.reindex(columns=again.columns)
    both = known.merge(again, on=["metric", "split"], how="outer", suffixes=("", "_again"))
    for row in both.to_dict("records"):
        where = f"{row['metric']} ({row['split']})"
        for column in again.columns.drop(["metric", "split"]):
            old, new = row[column], row[f"{column}_again"]
            if not _alike(old, new):
                yield f"{column} of {where} is stored as {old}, found {new}"


def _alike(old: Any, new: Any) -> bool:
    if isinstance(old, (int, float, np.number)) and isinstance(new, (int, float, np.number)):
        return bool(np.isclose(float(old), float(new), rtol=1e-9, atol=1e-12, equal_nan=True))
    return bool((pd.isna(old) or old == "") and (pd.isna(new) or new == "")) or old == new
