"""What importers say of runs before anything is known about a space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from labs.table_imports import import_csv
from latentlab.runs.importers.mlflow import import_mlflow
from latentlab.runs.importers.optuna import import_optuna
from latentlab.runs.trial_state import STATES, stored_state


def test_a_csv_as_columns(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    path.write_text(
        "encoder,depth,note,seed,status,epoch,loss\n"
        "cnn,2,,1,done,3,0.5\n"
        "cnn,2,x,2,halved,1,0.7\n"
        "mlp,,x,1,running,,\n"
        "mlp,,y,1,NaN,2,inf\n"
    )
    runs = import_csv(path, ["loss"], state="status", epochs="epoch")
    # One row per run that has ended: seeds are not merged, and nothing is left out.
    assert runs.name == "trials"
    assert list(runs.parameters) == ["encoder", "depth", "note"]
    assert runs.parameters["encoder"].tolist() == ["cnn", "cnn", "mlp"]
    assert runs.parameters["depth"].tolist()[:2] == [2.0, 2.0]
    assert runs.parameters["depth"].isna().tolist() == [False, False, True]
    assert runs.parameters["note"].tolist() == [None, "x", "y"]
    assert runs.seeds is not None
    assert runs.seeds.tolist() == [1, 2, 1]
    assert runs.states.tolist() == ["complete", "pruned", "diverged"]
    assert runs.values["loss"].tolist() == [0.5, 0.7, np.inf]
    assert runs.epochs is not None
    assert runs.epochs.tolist() == [3, 1, 2]
    assert (runs.seconds, runs.sampler, runs.distributions) == (None, "unknown", None)
    assert runs.notes == (
        "seed is a seed: rows that differ in nothing else are one configuration",
        "1 run left out that had not ended",
    )


def test_an_mlflow_experiment_as_columns() -> None:
    table = pd.DataFrame(
        {
            "status": ["FINISHED", "KILLED", "RUNNING"],
            "params.rate": ["0.1", "1e-3", "2"],
            "params.random_seed": ["4", "5", "6"],
            "metrics.loss": [0.5, np.nan, 1.0],
            "metrics.other": [1.0, 1.0, 1.0],
            "start_time": pd.to_datetime(["2026-01-02", "2026-01-01", "2026-01-03"], utc=True),
            "end_time": pd.to_datetime(["2026-01-03", "2026-01-02", None], utc=True),
        }
    )
    runs = import_mlflow(table, ["loss"], "mine")
    assert runs.parameters["rate"].tolist() == [0.001, 0.1]
    assert runs.seeds is not None
    assert runs.seeds.tolist() == [5, 4]
    assert runs.states.tolist() == ["failed", "complete"]
    assert list(runs.values) == ["loss"]
    assert runs.seconds is not None
    assert runs.seconds.tolist() == [86400.0, 86400.0]


def test_an_optuna_study_carries_its_distributions_as_they_are(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "j.log")))
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    rate = FloatDistribution(0.01, 1.0, log=True)
    kind = CategoricalDistribution(["a", None])
    rows: list[tuple[TrialState, float | None, dict[str, Any]]] = [
        (TrialState.COMPLETE, 0.5, {"rate": 0.1, "kind": None}),
        (TrialState.PRUNED, None, {"rate": 0.2}),
    ]
    for state, value, params in rows:
        kinds = {name: {"rate": rate, "kind": kind}[name] for name in params}
        study.add_trial(create_trial(state=state, value=value, params=params, distributions=kinds))
    runs = import_optuna(tmp_path / "j.log")
    assert runs.distributions == [{"rate": rate, "kind": kind}, {"rate": rate}]
    assert runs.directions == {"value": "maximize"}
    assert runs.parameters["kind"].tolist()[0] == "null"
    assert runs.parameters["kind"].isna().tolist() == [False, True]
    assert runs.states.tolist() == ["complete", "pruned"]
    assert (runs.sampler, runs.adaptive, runs.cohorts) == ("unknown", None, None)


def test_what_is_stored_as_a_state_is_one() -> None:
    assert [stored_state(state) for state in STATES] == list(STATES)
    with pytest.raises(ValueError, match="'done' is no state"):
        stored_state("done")
