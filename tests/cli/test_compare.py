"""`latentlab compare`: two runs of a study side by side."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from click.testing import CliRunner

from latentlab.cli import compare
from latentlab.core.errors import UserError
from latentlab.tracking.finished_runs import MODEL_FACTS

VERDICT = {"effect": 0.1, "interval_low": 0.0, "interval_high": 0.2, "unit": "share"}
SCORE = {"metric": "accuracy", "split": "test", "mean_low": 0.4, "mean_high": 0.6, "n": 5}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """A tracking store with a study's experiment."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    client = mlflow.MlflowClient(uri)
    client.create_experiment("toy", artifact_location=(tmp_path / "files").as_uri())
    return client


def log_run(
    client: mlflow.MlflowClient, folder: Path, rate: float, verdict: str, mean: float
) -> str:
    """A run as a study logs it, with a trial below it and one that was stopped after it."""
    experiment = client.get_experiment_by_name("toy").experiment_id
    run = client.create_run(experiment, run_name="toy").info.run_id
    client.log_param(run, "toy.training.learning_rate", rate)
    client.log_param(run, "toy.seeds.count", 5)
    tables = {
        "verdicts": {"hypothesis": "better", "verdict": verdict, "status": "confirmatory", "n": 5}
        | VERDICT,
        "comparison": SCORE | {"arm": "large", "mean": mean},
    }
    for name, row in tables.items():
        pd.DataFrame([row]).to_csv(folder / f"{name}.csv", index=False)
        client.log_artifact(run, str(folder / f"{name}.csv"))
    client.set_terminated(run)
    client.set_terminated(
        client.create_run(experiment, tags={"mlflow.parentRunId": run}).info.run_id
    )
    client.set_terminated(client.create_run(experiment).info.run_id, "FAILED")
    return run


def test_what_differs(store: mlflow.MlflowClient, tmp_path: Path) -> None:
    old = log_run(store, tmp_path, 0.1, "inconclusive", 0.5)
    for fact in MODEL_FACTS:
        # It registered a model, the second run found the same one.
        store.log_param(old, fact, "toy")
    log_run(store, tmp_path, 0.2, "supported", 0.5)
    result = CliRunner().invoke(compare, ["toy~1", "toy", "--json"], catch_exceptions=False)
    found = json.loads(result.output)
    assert found["first"] == f"toy ({old})"
    assert found["settings"] == [
        {"setting": "toy.training.learning_rate", "first": "0.1", "second": "0.2"}
    ]
    assert [row["hypothesis"] for row in found["verdicts"]] == ["better"]
    assert found["verdicts"][0]["second"].startswith("supported, confirmatory; ")
    assert found["scores"] == []
    said = CliRunner().invoke(compare, [old, old], catch_exceptions=False).output
    assert "The same settings." in said
    assert "The same verdicts." in said


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("toy~3", "toy has 1 run with verdicts"),
        ("tyo", "There is no experiment tyo"),
        ("0" * 32, "There is no run 0"),
    ],
)
def test_runs_that_are_not_there(
    store: mlflow.MlflowClient, tmp_path: Path, reference: str, told: str
) -> None:
    log_run(store, tmp_path, 0.1, "supported", 0.5)
    with pytest.raises(UserError, match=told):
        CliRunner().invoke(compare, ["toy", reference], catch_exceptions=False)


def test_studies_alone_are_listed(store: mlflow.MlflowClient) -> None:
    for name in ("evidence", "derp_vae"):
        store.create_experiment(name)
    with pytest.raises(UserError) as caught:
        CliRunner().invoke(compare, ["nope", "toy"], catch_exceptions=False)
    assert str(caught.value) == "There is no experiment nope. Use one of derp_vae."
