"""The parts of tracking that need no pipeline."""

from __future__ import annotations

import json
import secrets
import socket
import zlib
from base64 import b64decode
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_experiment_tag, _validate_param_name
from scipy.stats import t as student_t

from labs.project_copies import empty_store
from latentlab.metrics.metric import Metric
from latentlab.reporting.tables import comparison_table, printed_comparison
from latentlab.tracking import ui
from latentlab.tracking.arms_view import PAGE, arms_view, summary_metrics
from latentlab.tracking.description import LONGEST as LONGEST_TAG
from latentlab.tracking.description import run_description
from latentlab.tracking.flatten import LONGEST, LONGEST_KEY, flatten, mlflow_key
from latentlab.tracking.outbox import Outbox
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
    assert len(flatten({"long": "y" * 7000}, "")["long"]) == LONGEST


@given(st.recursive(st.integers(), lambda c: st.dictionaries(st.text("ab", min_size=1), c)))
def test_no_leaf_is_lost(nested: object) -> None:
    def leaves(value: object) -> int:
        return sum(leaves(v) for v in value.values()) if isinstance(value, dict) else 1

    assert len(flatten({"x": nested}, "")) == leaves(nested)


@given(st.lists(st.text(max_size=300), unique=True, max_size=5))
def test_mlflow_takes_any_name_and_keeps_names_apart(names: list[str]) -> None:
    taken: list[str] = []
    for name in names:
        taken.append(mlflow_key(name, taken))
        _validate_param_name(taken[-1])
        assert 0 < len(taken[-1]) <= LONGEST_KEY
    assert len(set(taken)) == len(names)


def test_arms_of_any_name_have_parameters_of_their_own() -> None:
    arms = {"beta=4": 4, "beta_4": 5, "wide (512)": 512, "50%": 50}
    assert flatten({"arms": arms}, "") == {
        "arms.beta_4": "4",
        "arms.beta_4_2": "5",
        "arms.wide _512_": "512",
        "arms.50_": "50",
    }


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


def test_a_runs_address_is_that_of_the_server_or_of_the_pages_to_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = ui.run_path("3", "abc")
    of_a_server = ui.page_of("http://me:secret@lab:80/", path)
    assert (
        of_a_server == "http://me:***@lab:80/#/experiments/3/runs/abc?workflowType=machine_learning"
    )
    with socket.socket() as pages:
        pages.bind(("127.0.0.1", 0))
        monkeypatch.setattr(ui, "PORT", str(pages.getsockname()[1]))
        page = f"http://127.0.0.1:{ui.PORT}/#/experiments/3/runs/abc?workflowType=machine_learning"
        assert ui.page_of("sqlite:///mlflow.db", path) == f"{page}  (after make ui)"
        pages.listen()
        assert ui.page_of("sqlite:///mlflow.db", path) == page


def test_a_description_has_question_and_verdicts_and_counts_what_does_not_fit() -> None:
    row = {
        "hypothesis": "h",
        "question": "A is | better",
        "verdict": "not_run",
        "status": "exploratory",
    }
    row |= {"effect": 1.0, "interval_low": 0.5, "interval_high": 1.5, "unit": "nats"}
    links = {"Report": "#/x/artifacts", "Arms": "#/y"}
    text = run_description("Why?", pd.DataFrame([row]), links)
    assert text.startswith("Why?\n\n[Report](#/x/artifacts) · [Arms](#/y)\n\n| verdict |")
    assert "| not run | A is \\| better |" in text
    many = run_description("Why?", pd.DataFrame([row] * 500), links)
    shown = many.count("| not run |")
    assert len(many) <= LONGEST_TAG
    assert 0 < shown < 500
    assert f"{500 - shown} more claims are in the report." in many


def trial_rows(count: int, status: str = "finished", reused: bool = False) -> pd.DataFrame:
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
                "reused": reused,
                "started_at": "2026-01-01T00:00:00+00:00",
                "finished_at": "2026-01-01T00:01:00+00:00",
                "diverged_at": 7.0 if status == "diverged" else None,
                "config": '{"objective": {"beta": 1.0}}',
            }
            for i in range(count)
        ]
    )


def compared(arms: dict[str, list[float]]) -> pd.DataFrame:
    """The comparison of arms by one metric, the first being the control."""
    rows = [
        (f"{arm}{seed}", arm, seed, "test", "loss/a", value)
        for arm, values in arms.items()
        for seed, value in enumerate(values)
    ]
    columns = ["trial_id", "arm", "seed", "split", "metric", "value"]
    metric = Metric("loss/a", "lower", "nats", "A loss.")
    return comparison_table(pd.DataFrame(rows, columns=columns), [metric], next(iter(arms)))


def test_means_intervals_and_counts_of_arms_are_metrics_of_the_parent(tree, monkeypatch) -> None:
    client, runs = tree
    comparison = compared({"a (1)": [1.0, 2.0, 3.0], "a [1]": [5.0]})
    metrics = summary_metrics("study", comparison)
    half = student_t.ppf(0.975, 2) / np.sqrt(3)
    assert metrics == {
        "study.test.loss/a.mean/a _1_": 2.0,
        "study.test.loss/a.mean/a _1__2": 5.0,
        # One seed has no interval.
        "study.test.loss/a.low/a _1_": pytest.approx(2 - half),
        "study.test.loss/a.high/a _1_": pytest.approx(2 + half),
        "study.test.loss/a.n/a _1_": 3.0,
        "study.test.loss/a.n/a _1__2": 1.0,
    }
    real, calls = client.log_batch, []
    monkeypatch.setattr(client, "log_batch", lambda *a, **k: calls.append(a) or real(*a, **k))
    runs.log_summary(metrics)
    runs.log_table("comparison.json", printed_comparison(comparison))
    assert len(calls) == 2
    run = client.get_run(runs.parent)
    assert run.data.metrics == metrics
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"])[0]["path"] == "comparison.json"
    table = json.loads(Path(client.download_artifacts(runs.parent, "comparison.json")).read_text())
    means = [row[table["columns"].index("mean")] for row in table["data"]]
    assert means == ["2.0 [-0.5, 4.5]", "5"]


def opened(view: str) -> dict:
    """The state of a page, as the pages unpack it."""
    packed = json.loads(view)["state"].removeprefix("deflate;")
    return json.loads(zlib.decompress(b64decode(packed)))


def test_a_view_groups_the_seeds_and_shows_what_is_claimed_first() -> None:
    comparison = compared({"a": [1.0], "b": [2.0]})
    both = pd.concat([comparison.assign(metric="other"), comparison])
    state = opened(arms_view("study", both, ["loss/a"], ["r1", "r2"]))
    assert state["searchFilter"] == "attributes.run_id IN ('r1', 'r2')"
    assert [chart["metricKey"] for chart in state["compareRunCharts"]] == [
        "test.loss/a",
        "test.other",
    ]
    sections = [section["uuid"] for section in state["compareRunSections"]]
    assert sections == [chart["metricSectionId"] for chart in state["compareRunCharts"]]
    assert state["groupsExpanded"] == {"tag.arm.a": False, "tag.arm.b": False}
    many = [f"{number:032x}" for number in range(PAGE + 1)]
    assert opened(arms_view("study", both, [], many))["searchFilter"] == "tags.arm != ''"


def test_the_largest_view_fits_a_tag() -> None:
    names = [secrets.token_hex(20) for _ in range(PAGE)]
    comparison = pd.DataFrame({"split": "test", "metric": names, "arm": names[::-1]})
    runs = [secrets.token_hex(16) for _ in range(PAGE)]
    view = arms_view("study", comparison, names[:9], runs)
    _validate_experiment_tag("mlflow.sharedViewState.study", view)


@pytest.fixture
def tree(tmp_path: Path):
    client = mlflow.MlflowClient(f"sqlite:///{empty_store(tmp_path)}")
    client.create_experiment("study", (tmp_path / "files").as_uri())
    return client, another_run(client, tmp_path)


def another_run(client: mlflow.MlflowClient, folder: Path) -> RunTree:
    experiment = client.get_experiment_by_name("study").experiment_id
    parent = client.create_run(experiment).info.run_id
    return RunTree(Outbox(client, folder, experiment), parent, experiment, "abc")


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


def scores_of(count: int, **values: float) -> pd.DataFrame:
    return pd.DataFrame(
        [(f"t{i}", "a", i, "test", name, v) for i in range(count) for name, v in values.items()],
        columns=["trial_id", "arm", "seed", "split", "metric", "value"],
    )


def children(client: mlflow.MlflowClient) -> list:
    experiment = client.get_experiment_by_name("study").experiment_id
    return client.search_runs([experiment], "tags.trial_id != ''")


def test_a_known_trial_is_linked_and_only_new_scores_are_written(tree, tmp_path, monkeypatch):
    client, runs = tree
    odd = {"loss": np.nan, "bound": np.inf, "accuracy": 0.1}
    runs.log_trials("study", trial_rows(3), "digest")
    runs.log_scores(scores_of(3, **odd))
    runs.log_rest()
    first = {run.info.run_id: run for run in children(client)}
    again = another_run(client, tmp_path)
    real, calls = client.log_batch, []
    monkeypatch.setattr(client, "log_batch", lambda *a, **k: calls.append(a) or real(*a, **k))
    again.log_trials("study", trial_rows(3, reused=True), "digest")
    again.log_history(pd.DataFrame(columns=["trial_id", "arm", "metric", "value", "step"]))
    again.log_scores(scores_of(3, **odd))
    assert not calls
    again.log_scores(scores_of(3, **odd, later=2.0))
    again.log_rest()
    assert [[m.key for m in metrics] for _, metrics, *_ in calls] == [["test.later"]] * 3
    assert {run.info.run_id for run in children(client)} == set(first)
    assert {run.data.tags["mlflow.parentRunId"] for run in first.values()} == {runs.parent}
    table = pd.read_csv(client.download_artifacts(again.parent, "trials.csv"))
    assert set(table["run_id"]) == set(first)
    assert table["reused"].all()


def test_a_trial_that_is_trained_again_is_a_child_again(tree, tmp_path: Path) -> None:
    client, runs = tree
    runs.log_trials("study", trial_rows(1), "digest")
    runs.log_rest()
    later = trial_rows(1).assign(started_at="2026-02-01T00:00:00+00:00")
    another_run(client, tmp_path).log_trials("study", later, "digest")
    assert len(children(client)) == 2


def test_a_child_that_a_kill_left_half_written_is_completed(tree, tmp_path: Path) -> None:
    client, runs = tree
    runs.log_trials("study", trial_rows(1), "digest")
    again = another_run(client, tmp_path)
    again.log_trials("study", trial_rows(1, reused=True), "digest")
    again.log_rest()
    (run,) = children(client)
    assert run.data.params["study.objective.beta"] == "1.0"
