"""The whole pipeline as a user runs it, in the smoke environment."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from labs.project_copies import ProjectCopy, copy_project
from latentlab.data.packing import latest_folder
from latentlab.studies.registry import STUDIES

STUDY = "derp_vae"
ARMS, SEEDS = 6, 3


def outputs(project: ProjectCopy, layer: str) -> Path:
    return project.root / "data" / "smoke" / layer / STUDY


def client_of(project: ProjectCopy) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")


def runs_of(project: ProjectCopy) -> tuple[list, list]:
    client = client_of(project)
    experiment = client.get_experiment_by_name(STUDY)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    return parents, [r for r in runs if "mlflow.parentRunId" in r.data.tags]


def test_every_output_of_every_stage_is_there(smoke_project: ProjectCopy) -> None:
    scores = pd.read_parquet(outputs(smoke_project, "07_model_output") / "scores.parquet")
    assert list(scores.columns) == ["trial_id", "arm", "seed", "split", "metric", "value"]
    assert scores["trial_id"].nunique() == ARMS * SEEDS
    assert set(scores["split"]) == {"train", "validation", "test"}
    verdicts = pd.read_csv(outputs(smoke_project, "08_reporting") / "verdicts.csv")
    declared = yaml.safe_load(
        (smoke_project.root / "conf/base/derp_vae/hypotheses.yml").read_text()
    )
    assert set(verdicts["hypothesis"]) == set(declared[STUDY]["hypotheses"]["hypotheses"])
    assert set(verdicts["status"]) == {"confirmatory"}
    report = outputs(smoke_project, "08_reporting") / "report"
    page = (report / "index.html").read_text()
    for name in verdicts["hypothesis"]:
        assert name in page
    assert "derp_vae_5" in (report / "report.md").read_text()
    # The audit spares own runs nothing, and finds nothing wrong in them.
    findings = pd.read_csv(report / "tables" / "findings.csv")
    assert {"D03", "D04"} <= set(findings["rule"])
    assert "error" not in set(findings["severity"])


def test_the_terminal_ends_with_the_verdicts_and_where_to_look(smoke_project: ProjectCopy) -> None:
    lines = (smoke_project.root / "terminal.txt").read_text().strip().splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["report", "MLflow", "arms", "pipelines"]
    page = urlsplit(lines[-4].split(maxsplit=1)[1])
    assert (page.scheme, Path(page.path).exists()) == ("file", True)
    counts = re.compile(r"9 verdicts: .*; 9 confirmatory, 0 exploratory, 0 deviated\.")
    first = next(i for i, line in enumerate(lines) if counts.fullmatch(line))
    # It was not trained to answer anything.
    rehearsal = lines.pop(first + 1)
    assert rehearsal.startswith("A rehearsal: this environment tries the pipeline")
    page_text = Path(page.path).read_text()
    assert "A rehearsal: this environment tries the pipeline" in page_text
    words = {"supported", "refuted", "inconclusive", "invalid", "not_run"}
    assert all(line.split()[0] in words for line in lines[first + 1 : first + 10])
    assert lines[first + 10].startswith("The seeds that an open question needs run from a plan")


def test_nothing_breaks_into_the_verdicts(smoke_project: ProjectCopy) -> None:
    """The only other lines are MLflow's, when it makes the tables of a new store."""
    lines = (smoke_project.root / "errors.txt").read_text().splitlines()
    assert all("INFO mlflow.store.db.utils" in line for line in lines), lines


def test_mlflow_holds_one_parent_and_a_child_for_every_trial(smoke_project: ProjectCopy) -> None:
    parents, children = runs_of(smoke_project)
    assert len(parents) == 1
    assert len(children) == ARMS * SEEDS
    assert {r.info.status for r in parents + children} == {"FINISHED"}
    assert {c.data.tags["mlflow.parentRunId"] for c in children} == {parents[0].info.run_id}
    tags = {"study", "arm", "seed", "trial_id", "status", "plan", "device", "git_sha"}
    for child in children:
        assert tags | {"config_digest", "reused"} <= set(child.data.tags)
        assert child.data.tags["reused"] == "false"
        assert child.data.params["derp_vae.model.latent_dim"] == "2"
        assert "test.accuracy" in child.data.metrics
        assert "validation.negative_elbo" in child.data.metrics


def test_parameters_are_flat_and_none_is_a_printed_object(smoke_project: ProjectCopy) -> None:
    parameters = runs_of(smoke_project)[0][0].data.params
    assert parameters["derp_vae.model.latent_dim"] == "2"
    assert parameters["derp_vae.training.epochs"] == "2"
    assert parameters["compute.device"] == "cpu"
    assert parameters["derp_vae.arms.beta_vae_0.1.objective.beta"] == "0.1"
    # And what else two runs may differ in.
    for name, version in STUDIES[STUDY].versions.items():
        assert parameters[f"derp_vae.versions.{name}"] == str(version)
    assert not [k for k, v in parameters.items() if re.search(r"\w+=\w+ \w+=", v)]


def test_histories_carry_the_training_step(smoke_project: ProjectCopy) -> None:
    child = runs_of(smoke_project)[1][0]
    points = client_of(smoke_project).get_metric_history(child.info.run_id, "train_total")
    assert [p.step for p in points] == [5, 10]  # 180 examples in batches of 32, two epochs


def test_children_carry_weights_and_config_and_the_parent_the_report(
    smoke_project: ProjectCopy,
) -> None:
    client = client_of(smoke_project)
    parents, children = runs_of(smoke_project)
    names = {a.path for a in client.list_artifacts(children[0].info.run_id)}
    assert {"weights.safetensors", "config.json"} <= names
    names = {a.path for a in client.list_artifacts(parents[0].info.run_id)}
    assert {"verdicts.csv", "comparison.csv", "comparison.json", "report", "trials.csv"} <= names
    control = [c for c in children if c.data.tags["arm"] == "standard_vae"]
    mean = parents[0].data.metrics["derp_vae.test.accuracy.mean/standard_vae"]
    assert mean == pytest.approx(np.mean([c.data.metrics["test.accuracy"] for c in control]))
    assert "mlflow.sharedViewState.derp_vae" in client.get_experiment_by_name(STUDY).tags


def test_the_champion_loads_by_its_alias(
    smoke_project: ProjectCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = json.loads((outputs(smoke_project, "07_model_output") / "champion.json").read_text())
    uri = f"sqlite:///{smoke_project.root / 'mlflow.db'}"
    version = mlflow.MlflowClient(uri).get_model_version_by_alias(STUDY, "champion")
    assert version.tags["trial_id"] == chosen["trial_id"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    try:
        model = mlflow.pyfunc.load_model(f"models:/{STUDY}@champion")
        example = model.metadata.load_input_example(version.source)
    finally:
        mlflow.set_tracking_uri(None)
    folder = latest_folder(outputs(smoke_project, "05_model_input") / "prepared")
    examples = np.load(folder / "test_features.npy").reshape(-1, 64).astype(np.float32)
    answers = model.predict(examples)
    assert list(answers.columns) == ["latent_0", "latent_1", "label"]
    assert model.metadata.get_output_schema().input_names() == list(answers.columns)
    training = np.load(folder / "train_features.npy").reshape(-1, 64)
    assert all((row == training).all(axis=1).any() for row in example)
    assert len(answers) == len(examples)


def test_a_second_run_trains_nothing_and_an_added_arm_trains_alone(
    smoke_project: ProjectCopy, tmp_path: Path
) -> None:
    shutil.copytree(smoke_project.root, tmp_path / "project")
    project = ProjectCopy(tmp_path / "project")
    trials = outputs(project, "06_models") / "trials"
    before = {p.name: (p / "record.json").stat().st_mtime_ns for p in trials.iterdir()}
    arms = {"derp_vae": {"arms": {"beta_vae_4": {"objective": {"beta": 4.0}}}}}
    (project.root / "conf" / "smoke" / "parameters_extra.yml").write_text(yaml.safe_dump(arms))
    done = project.kedro("run", "--env", "smoke")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(outputs(project, "06_models") / "trials.parquet")
    assert set(table.loc[~table["reused"], "arm"]) == {"beta_vae_4"}
    assert len(table) == (ARMS + 1) * SEEDS
    after = {p.name: (p / "record.json").stat().st_mtime_ns for p in trials.iterdir()}
    assert {name: after[name] for name in before} == before
    parents, children = runs_of(project)
    assert len(parents) == 2
    # A trial has one run, under the run that trained it; every parent names those of its trials.
    assert len(children) == (ARMS + 1) * SEEDS
    newest = max(parents, key=lambda run: run.info.start_time)
    linked = client_of(project).download_artifacts(newest.info.run_id, "trials.csv")
    assert set(pd.read_csv(linked)["run_id"]) == {c.info.run_id for c in children}


def test_a_stage_runs_alone_from_stored_outputs(smoke_project: ProjectCopy, tmp_path: Path) -> None:
    shutil.copytree(smoke_project.root, tmp_path / "project")
    project = ProjectCopy(tmp_path / "project")
    shutil.rmtree(outputs(project, "08_reporting"))
    # As scored by a version that kept no values of single examples, which a claim now asks for.
    values = list(outputs(project, "06_models").glob("trials/*/examples.npz"))
    assert len(values) == ARMS * SEEDS
    for path in values:
        path.unlink()
    claim = {"accuracy_kept": {"generalises_to": ["seeds", "examples"]}}
    changed = {STUDY: {"hypotheses": {"hypotheses": claim}}}
    (project.root / "conf" / "smoke" / "parameters_extra.yml").write_text(yaml.safe_dump(changed))
    done = project.kedro("run", "--env", "smoke", "--pipelines", f"{STUDY}.evaluation")
    assert done.returncode == 0, done.stderr
    assert all(path.exists() for path in values)
    parents, children = runs_of(project)
    assert len(parents) == 2
    assert len(children) == ARMS * SEEDS
    missing = project.kedro("run", "--env", "smoke", "--pipelines", STUDY, "--only-missing-outputs")
    assert missing.returncode == 0, missing.stderr
    assert (outputs(project, "08_reporting") / "report" / "index.html").exists()
    verdicts = pd.read_csv(outputs(project, "08_reporting") / "verdicts.csv", index_col=0)
    kept = verdicts.loc["accuracy_kept"]
    assert kept["examples"] > 0
    assert kept["status"] == "deviated"
    assert "its generalises_to is ['seeds', 'examples']" in kept["status_reason"]
    assert verdicts["examples"].notna().sum() == 1


def test_two_runs_in_one_process_come_out_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    project = copy_project(tmp_path / "project")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.root / 'mlflow.db'}")
    monkeypatch.chdir(project.root)
    bootstrap_project(project.root)
    for seeds in (2, 3):
        parameters = {"derp_vae": {"seeds": {"count": seeds}}}
        with KedroSession.create(project.root, env="smoke", runtime_params=parameters) as session:
            session.run(pipeline_names=[f"{STUDY}.data_preparation", f"{STUDY}.training"])
    parents, children = runs_of(project)
    assert {r.info.status for r in parents + children} == {"FINISHED"}
    counts = sorted(
        sum(c.data.tags["mlflow.parentRunId"] == p.info.run_id for c in children) for p in parents
    )
    assert counts == [ARMS, 2 * ARMS]
    assert sorted(p.data.params["derp_vae.seeds.count"] for p in parents) == ["2", "3"]
    mlflow.set_tracking_uri(None)
