"""The claim of a sweep: its winner beats the default on fresh seeds, whoever the winner will be.

It is registered as the search begins, in the chain of the study, and judged by the same rules.
Until a confirmation was seen, its declaration may still change (a larger budget, other seeds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from latentlab.evidence.registration import Declared, Record, digest_of
from latentlab.evidence.standing import standing_under
from latentlab.evidence.statements import ClaimStatement
from latentlab.experiment.registering import (
    look,
    read_record,
    register,
    weights_digest,
)
from latentlab.experiment.scoring import altered_trials
from latentlab.experiment.study import Made
from latentlab.experiment.sweep.confirmation import DEFAULT, WINNER, for_confirmation
from latentlab.experiment.sweep.file import Sweep
from latentlab.training.store import TrialStore

ALPHA = 0.05
"""Level of the claim in each direction, one claim for each objective."""

SPLIT = "test"
"""The split that the claim is about; the validation split chose the winner."""


def declared_sweep(sweep: Sweep, prepared: Made, precision: str) -> Declared:
    """All that decides whether a winner is confirmed, as it is declared and prepared now."""
    config = for_confirmation(sweep, sweep.config({}))
    names = [objective.name for objective in sweep.objectives]
    search = sweep.settings.model_dump(mode="json", exclude={"confirmation"})
    family = {
        "name": "confirmation",
        "alpha": ALPHA,
        "correction": "none",
        "status": "confirmatory",
        "claims": sorted(names),
    }
    return Declared(
        subject=f"{sweep.declaration.subject}, sweep {sweep.name}",
        fingerprint=prepared.fingerprint,
        precision=precision,
        versions=sweep.study.versions,
        seeds=sweep.settings.confirmation.seeds.numbers(),
        arms={WINNER: {}, DEFAULT: config.model_dump(mode="json")},
        claims={
            objective.name: ClaimStatement(
                claim={
                    "kind": "superiority",
                    "metric": {
                        "name": objective.name,
                        "direction": objective.direction,
                        "split": SPLIT,
                    },
                    "arms": {"treatment": WINNER, "control": DEFAULT},
                    "test": "paired_t",
                    "search": search,
                },
                family=family,
            )
            for objective in sweep.objectives
        },
    )


def register_sweep(sweep: Sweep, now: Declared, root: Path, at: datetime) -> None:
    """Write down what will confirm the winner.

    Args:
        sweep: its study may have an amendment.
        now: from `declared_sweep`.
        root: folder of the trials.
        at: the present time, with a time zone.
    """
    record = read_record(root)
    registered = record.registered(now.subject)
    seen = registered is not None and record.looks(digest_of(registered))
    why = sweep.declaration.amendment or ("" if seen else "no confirmation was seen yet")
    register(sweep.study, why, now, root, at)


def judge_confirmation(
    gain: pd.DataFrame,
    now: Declared,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    store: TrialStore,
    at: datetime,
) -> pd.DataFrame:
    """Say what the gain on the test split may be called, and write down that it was seen.

    Args:
        gain: from `confirmation_table`.
        now: from `declared_sweep`.
        trials: of the confirmation, as from `trial_table`.
        scores: of them.
        store: trials and registration.
        at: the present time, with a time zone.

    Returns:
        The table with `attempt`, `verdict` (by p-values that pay for the attempts before), `status`
        and `status_reason`; empty on the validation split, about which nothing is claimed.
    """
    record = read_record(store.root)
    whole = judged(gain, now, trials, record, altered_trials(scores, store))
    seen = whole[whole["split"] == SPLIT].assign(hypothesis=lambda table: table["metric"])
    look(scores[scores["split"] == SPLIT], trials, seen, now.subject, store.root, at)
    return whole


def judged(
    gain: pd.DataFrame,
    now: Declared,
    trials: pd.DataFrame,
    record: Record,
    altered: Mapping[str, str],
) -> pd.DataFrame:
    """Return what `judge_confirmation` does, and write nothing.

    Args:
        gain: from `confirmation_table`.
        now: from `declared_sweep`.
        trials: of the confirmation, as from `trial_table`.
        record: what was registered.
        altered: trial id -> in what it is not what was trained and measured.
    """
    standing = standing_under(record, now, trials, altered)
    another = _another_winner(record, now.subject, trials)
    rows = []
    for row in gain[gain["split"] == SPLIT].to_dict("records"):
        own = standing(row["metric"], trials)
        if own.status == "confirmatory" and another:
            own = replace(own, status="deviated", reason=another)
        rows.append(
            {
                "metric": row["metric"],
                "split": SPLIT,
                "attempt": len(own.earlier) + 1,
                "verdict": _verdict(row["p"], own.price),
                "status": own.status,
                "status_reason": own.reason,
            }
        )
    return gain.merge(pd.DataFrame(rows), on=["metric", "split"], how="left")


def _verdict(p: float, price: float) -> str:
    """Decide by the paired t test in both directions; a trial that was lost leaves it open."""
    for verdict, one_sided in (("supported", p), ("refuted", 1 - p)):
        if price * one_sided <= ALPHA:
            return verdict
    return "inconclusive"


def _another_winner(record: Record, subject: str, trials: pd.DataFrame) -> str:
    """Say whether another winner was confirmed under this registration; empty where none was."""
    registered = record.registered(subject)
    seen = [] if registered is None else record.looks(digest_of(registered))
    if any(one.weights != weights_digest(trials) for one in seen):
        return "another winner was confirmed on these seeds before"
    return ""
