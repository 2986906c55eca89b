"""Trials in a store that nothing trained."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from latentlab.training.store import TrialStore
from latentlab.training.trial_files import TrialRecord

RECORD = TrialRecord(
    id="trial",
    study="study",
    seed=0,
    status="finished",
    outcome="ok",
    epochs=1,
    epoch_steps=1,
    steps=1,
    seconds=0.5,
    diverged_at=None,
    best_epoch=None,
    started_at="2026-01-01T00:00:00+00:00",
    finished_at="2026-01-01T00:00:01+00:00",
    device="cpu",
    plan="cohort 1",
    cohort=1,
    precision="float32",
    data="data",
    versions={"torch": "2"},
    weights_digest="",
)


def write_trial(
    root: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any] | None = None
) -> Path:
    """Store a trial of these tensors; its folder."""
    store, weights = TrialStore(root), save(dict(tensors))
    record = replace(RECORD, weights_digest=hashlib.sha256(weights).hexdigest())
    with store.locked():
        store.save(record, weights, config or {}, {"total": [1.0]})
    return store.folder(record.id)
