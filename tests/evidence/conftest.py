"""Builders of small studies, shared by the tests of evidence."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from latentlab.evidence.hypotheses import read_hypotheses
from latentlab.metrics.metric import Metric

METRICS = {
    "accuracy": Metric("accuracy", "higher", "share", "share of hits", 0.0, 1.0),
    "loss": Metric("loss", "lower", "nats", "negative log-likelihood"),
    "seconds": Metric("seconds", "lower", "seconds", "time of a step", 0.0, scale="log"),
    "speed": Metric("speed", "higher", "steps per second", "steps of a time", 0.0, scale="log"),
    "kl": Metric("kl", "none", "nats", "divergence from the prior", 0.0),
}
SUPERIORITY = {
    "kind": "superiority",
    "question": "the treatment is better",
    "metric": {"name": "accuracy", "split": "test"},
    "arms": {"treatment": "new", "control": "old"},
    "varies": ["objective"],
    "family": "primary",
}


@pytest.fixture
def metrics():
    return dict(METRICS)


@pytest.fixture
def declare():
    """declare(H1={changes to SUPERIORITY}, ..., families=..., defaults=...) -> Hypotheses."""

    def build(families=None, defaults=None, **hypotheses):
        contents = {
            "study": "toy",
            "families": families or {"primary": {}},
            "defaults": defaults or {"min_seeds": 3},
            "hypotheses": {},
        }
        for name, changes in hypotheses.items():
            whole = changes.get("kind") in ("monotone", "association", "interaction")
            entry = copy.deepcopy(SUPERIORITY)
            if whole:
                entry.pop("arms")
            if changes.get("kind") == "association":
                entry.pop("varies")
            contents["hypotheses"][name] = entry | changes
        return read_hypotheses(contents, "hypotheses.yml")

    return build


@pytest.fixture
def tables():
    """tables({arm: scores over seeds}) -> scores, trials."""

    def build(arms, metric="accuracy", first_seed=0):
        scores, trials = [], []
        for index, (arm, values) in enumerate(arms.items()):
            for seed, value in enumerate(np.asarray(values, dtype=float), start=first_seed):
                trial = {"trial_id": f"{arm}-{seed}", "arm": arm, "seed": seed}
                config = {"seed": {"data": seed}, "objective": {"arm": index}, "width": 8}
                trials.append(
                    trial
                    | {
                        "status": "finished",
                        "started_at": "2026-11-22T10:00:00Z",
                        "config": config,
                    }
                )
                scores.append(trial | {"split": "test", "metric": metric, "value": value})
        return pd.DataFrame(scores), pd.DataFrame(trials)

    return build
