"""The parts of tracking that need no pipeline."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.tracking import ui
from latentlab.tracking.flatten import LONGEST, flatten
from latentlab.tracking.run_tree import HISTORY_POINTS, RunTree
from latentlab.tracking.store_address import artifact_location, tracking_uri


def test_settings_become_flat_names() -> None:
    nested = {"model": {"latent_dim": 8}, "seeds": [1, 2], "name": "x", "none": None}
    assert flatten(nested, "derp_vae") == {
        "derp_vae.model.latent_dim": "8",
        "derp_vae.seeds": "[1, 2]",
        "derp_vae.name": "x",
        "derp_vae.none": "null",
    }
    assert len(flatten("y" * 7000, "long")["long"]) == LONGEST


@given(st.recursive(st.integers(), lambda c: st.dictionaries(st.text("ab", min_size=1), c)))
def test_no_leaf_is_lost(nested: object) -> None:
    def leaves(value: object) -> int:
        return sum(leaves(v) for v in value.values()) if isinstance(value, dict) else 1

    assert len(flatten(nested, "x")) == leaves(nested)


def test_the_store_is_absolute_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = tracking_uri().removeprefix("sqlite:///")
    assert Path(path).is_absolute()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5001")
    assert tracking_uri() == "http://127.0.0.1:5001"


def test_files_lie_beside_a_sqlite_store_and_a_server_decides_itself() -> None:
    location = artifact_location("sqlite:////somewhere/mlflow.db", "derp_vae")
    assert location == "file:///somewhere/mlartifacts/derp_vae"
    assert artifact_location("http://127.0.0.1:5000", "derp_vae") is None


def test_the_pages_are_for_this_machine_alone() -> None:
    command = ui.command([])
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "5000"
    assert ui.command(["--port", "5050"]).count("--port") == 1


def trial_rows(count: int, status: str = "finished") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "trial_id": f"t{i}",
                "arm": "a",
                "seed": i,
                "status": status,
                "outcome": "ok",
                "plan": "p",
                "device": "cpu",
                "reused": False,
                "started_at": "2026-01-01T00:00:00+00:00",
                "finished_at": "2026-01-01T00:01:00+00:00",
                "diverged_at": 7.0 if status == "diverged" else None,
                "config": '{"objective": {"beta": 1.0}}',
            }
            for i in range(count)
        ]
    )


@pytest.fixture
def tree(tmp_path: Path):
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.create_experiment("study", (tmp_path / "files").as_uri())
    parent = client.create_run(experiment).info.run_id
    return client, RunTree(client, parent, "abc")


def test_a_diverged_trial_is_a_finished_run_with_a_tag(tree) -> None:
    client, runs = tree
    runs.log_trials("study", trial_rows(1, "diverged"), "digest")
    runs.log_rest()
    run = client.get_run(runs.child("t0"))
    assert run.info.status == "FINISHED"
    assert run.data.tags["status"] == "diverged"
    assert run.data.tags["diverged_at"] == "7"
    assert run.data.params["study.objective.beta"] == "1.0"


def test_a_long_history_is_thinned_to_its_ends_and_written_in_batches(
    tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, runs = tree
    runs.log_trials("study", trial_rows(2), "digest")
    steps = range(1, 1001)
    history = pd.DataFrame(
        [
            (f"t{i}", "a", i, step, step, metric, float(step))
            for i in range(2)
            for metric in ("x", "y")
            for step in steps
        ],
        columns=["trial_id", "arm", "seed", "epoch", "step", "metric", "value"],
    )
    calls = []
    real = client.log_batch
    monkeypatch.setattr(client, "log_batch", lambda *a, **k: calls.append(a) or real(*a, **k))
    runs.log_history(history)
    runs.log_rest()
    assert len(calls) == 2
    assert client.get_run(runs.child("t0")).data.params["study.objective.beta"] == "1.0"
    points = client.get_metric_history(runs.child("t0"), "x")
    assert len(points) == HISTORY_POINTS
    assert [points[0].step, points[-1].step] == [1, 1000]
