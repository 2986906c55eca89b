"""Registrations of small studies."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.registration import Begun, Declared, Record, Registered
from latentlab.evidence.standing import JudgeStanding, standing_under
from latentlab.evidence.statements import statements
from latentlab.metrics.metric import Metric

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def declared_as(
    plan: Hypotheses,
    trials: pd.DataFrame,
    metrics: Mapping[str, Metric] | None = None,
    **changes: Any,
) -> Declared:
    """What is declared, where it is what the trials were trained with."""
    arms = {arm: group["config"].iloc[0] for arm, group in trials.groupby("arm", sort=False)}
    whole = {
        "subject": "toy",
        "fingerprint": "data",
        "precision": "float32",
        "versions": {"study": 1, "trainer": 1, "evaluation": 1},
        "seeds": sorted({int(seed) for seed in trials["seed"]}),
        "arms": {arm: {k: v for k, v in c.items() if k != "seed"} for arm, c in arms.items()},
        "claims": statements(plan, metrics or {}),
    }
    return Declared.model_validate(whole | changes)


def registered(
    now: Declared, at: datetime.datetime, trials: pd.DataFrame, before: Record | None = None
) -> Record:
    """A record in which trials began right after it was written."""
    record = before or Record()
    first = Registered(at=at, previous=record.head(), git="unknown", declared=now)
    record = Record((*record.entries, first))
    ids = sorted(set(trials["trial_id"]))
    begun = Begun(at=at, previous=record.head(), git="unknown", trials=ids)
    return Record((*record.entries, begun))


def followed(plan: Hypotheses, trials: pd.DataFrame, at: datetime.datetime = NOW) -> JudgeStanding:
    """The standing under a registration that was followed to the letter."""
    now = declared_as(plan, trials)
    return standing_under(registered(now, at, trials), now, trials, {})
