"""Sweeps as a user runs them: `kedro run`, killed at any moment, and analyses of other sweeps."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import mlflow
import optuna
import pandas as pd
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from labs.project_copies import ProjectCopy, copy_project
from labs.warm_processes import start_kedro

STUDY = "derp_vae"
ARGUMENTS = ("run", "--env", "smoke", "--pipelines", f"{STUDY}_sweep")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project in which the sweep has run."""
    copy = copy_project(tmp_path_factory.mktemp("sweep") / "project")
    done = copy.kedro(*ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "6 configurations by quasi_random search: 6 complete." in done.stdout
    assert "fresh seeds" in done.stdout
    assert "A rehearsal: this environment tries the pipeline" in done.stdout
    pages = (copy.root / f"data/smoke/08_reporting/{STUDY}").rglob("index.html")
    assert any("A rehearsal: this environment" in page.read_text() for page in pages)
    return copy


def folder(project: ProjectCopy, name: str):
    return project.root / "data/smoke" / name / STUDY


def asked(project: ProjectCopy) -> list[dict[str, object]]:
    journal = folder(project, "06_models") / "sweeps/default.journal"
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name=f"{STUDY}/default", storage=storage)
    return [trial.params for trial in study.trials]


def written(project: ProjectCopy) -> int:
    """Bytes of the sweep's record."""
    journal = folder(project, "06_models") / "sweeps/default.journal"
    return journal.stat().st_size if journal.exists() else 0


def test_the_report_has_every_file_and_mlflow_every_trial(finished: ProjectCopy) -> None:
    report = folder(finished, "08_reporting") / "sweeps/default"
    for name in (
        "index.html",
        "report.md",
        "directionality_continuous.csv",
        "directionality_boolean.csv",
        "directionality_categorical_detail.csv",
        "directionality_categorical_summary.csv",
        "empirical_ranges.csv",
        "param_importances.csv",
        "confirmation.csv",
        "confirmation_by_seed.csv",
        "full_analysis.log",
        "figures/importances.json",
    ):
        assert (report / name).exists(), name
    assert list(report.glob("contour_data_*.csv"))
    client = mlflow.MlflowClient(f"sqlite:///{finished.root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(STUDY)
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    arms = [run.data.tags["arm"] for run in runs if "arm" in run.data.tags]
    assert sorted(set(arms)) == [*(f"c00{i}" for i in range(6)), "default", "winner"]
    assert len(arms) == 6 * 2 + 2 * 3
    searched = [run for run in runs if run.data.tags.get("arm", "").startswith("c")]
    # The test split stays closed in a search.
    assert not any(name.startswith("test.") for run in searched for name in run.data.metrics)
    assert all("validation.negative_elbo" in run.data.metrics for run in searched)
    parent = next(run for run in runs if "sweep" in run.data.tags)
    assert parent.data.tags["sweep"] == "default"


def test_again_nothing_is_trained(finished: ProjectCopy) -> None:
    done = finished.kedro(*ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "Cohort" not in done.stdout + done.stderr
    assert "6 of 6 trials are known" in done.stdout + done.stderr
    # And nothing departs: the confirmation follows from its files.
    done = finished.kedro("verify", f"{STUDY}_sweep", "--env", "smoke")
    assert done.returncode == 0, done.stderr
    assert "confirmation derived anew: holds" in done.stdout


def test_the_analysis_runs_alone(finished: ProjectCopy) -> None:
    report = folder(finished, "08_reporting") / "sweeps/default/report.md"
    before = report.stat().st_mtime_ns
    stage = f"{STUDY}_sweep.sweep_analysis"
    # The stored plan says what was searched, whatever has become of the file since.
    file = finished.root / "conf/smoke" / STUDY / "sweeps/default.yml"
    declared = file.read_text()
    file.write_text("method: nonsense")
    done = finished.kedro("run", "--env", "smoke", "--pipelines", stage)
    file.write_text(declared)
    assert done.returncode == 0, done.stderr
    assert report.stat().st_mtime_ns > before
    missing = finished.kedro(
        "run", "--env", "smoke", "--pipelines", stage, "--params", f"{STUDY}.sweep=wide"
    )
    assert missing.returncode != 0
    assert f"The sweep wide of {STUDY} has not been run" in missing.stderr
    assert "Traceback" not in missing.stderr


@pytest.mark.slow
def test_kills_lose_nothing_and_ask_the_same(finished: ProjectCopy, tmp_path) -> None:
    copy = copy_project(tmp_path / "killed")
    rng = random.Random(7)
    for kill in range(4):
        before = written(copy)
        process = start_kedro(ARGUMENTS, copy.root, copy.environment)
        if kill < 2:
            # From the first sign of this run's search on, at a moment of chance.
            limit = time.monotonic() + 90
            while written(copy) == before and process.is_alive():
                assert time.monotonic() < limit
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.8))
            assert process.is_alive()
        else:
            # At any moment of the run, its confirmation and its report too.
            process.join(rng.uniform(0.5, 8))
        if process.is_alive():
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        if kill % 2 == 1:
            # As a crash of the machine leaves it: the last lines of the record are torn.
            journal = folder(copy, "06_models") / "sweeps/default.journal"
            os.truncate(journal, journal.stat().st_size - rng.randrange(5, 300))
    done = copy.kedro(*ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert asked(copy) == asked(finished)
    tables = [
        pd.read_csv(folder(project, "08_reporting") / "sweeps/default/rows.csv")
        for project in (copy, finished)
    ]
    pd.testing.assert_frame_equal(
        tables[0].drop(columns="seconds"), tables[1].drop(columns="seconds"), rtol=1e-4
    )
    trials = pd.read_parquet(folder(copy, "06_models") / "sweep_trials.parquet")
    assert not trials.duplicated(["trial_id"]).any()


def test_a_sweep_from_a_csv(finished: ProjectCopy) -> None:
    rows = pd.DataFrame(
        {
            "rate": [10 ** (-4 + 0.1 * i) for i in range(20)],
            "encoder": ["cnn", "context"] * 10,
            "accuracy": [0.2 + 0.01 * i for i in range(20)],
        }
    )
    rows.to_csv(finished.root / "trials.csv", index=False)
    chosen = "analysis.source=trials.csv,analysis.objective=accuracy"
    done = finished.kedro(
        "run", "--env", "smoke", "--pipelines", "sweep_analysis", "--params", chosen
    )
    assert done.returncode == 0, done.stderr
    tests = pd.read_csv(
        finished.root / "data/smoke/08_reporting/analysis/sweeps/trials/screening.csv"
    ).set_index("parameter")
    assert tests.loc["rate", "tier"] == "high"
    assert tests.loc["encoder", "tier"] == "open"
    # The pipeline has no sweep of its own: what it proposes is run by a study.
    assert "analysis.sweep=" not in done.stdout
    assert "copy trials_conservative.yml to conf/local/<study>/sweeps/, then kedro run" in " ".join(
        done.stdout.split()
    )


def test_a_sweep_to_compare_with_that_is_not_there_is_one_line(finished: ProjectCopy) -> None:
    before = written(finished)
    done = finished.kedro(*ARGUMENTS, "--params", "sweeps.compare_with=wide")
    assert done.returncode != 0
    assert "sweeps.compare_with: There is no finished sweep wide" in done.stderr
    assert "Those that are there: default." in done.stderr
    assert written(finished) == before


def test_our_own_record_is_read_as_any_study_of_optuna(finished: ProjectCopy) -> None:
    journal = folder(finished, "06_models") / "sweeps/default.journal"
    before = journal.read_bytes()
    source = f"analysis.source={journal.relative_to(finished.root)}"
    chosen = ("--params", f"{source},analysis.study={STUDY}/default")
    done = finished.kedro("run", "--env", "smoke", "--pipelines", "sweep_analysis", *chosen)
    assert done.returncode == 0, done.stderr
    reports = finished.root / "data/smoke/08_reporting/analysis/sweeps"
    assert f"sweep {STUDY}/default" in (reports / f"{STUDY}-default/report.md").read_text()
    assert not (reports / STUDY).exists()
    assert journal.read_bytes() == before


def test_an_experiment_that_is_not_there_is_one_line(finished: ProjectCopy) -> None:
    chosen = ("--params", "analysis.source=mlflow:nothing")
    done = finished.kedro("run", "--env", "smoke", "--pipelines", "sweep_analysis", *chosen)
    assert done.returncode != 0
    assert "no experiment nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_file_stops_before_anything_is_written(project: ProjectCopy) -> None:
    sweep = project.root / "conf/smoke" / STUDY / "sweeps/default.yml"
    sweep.write_text(sweep.read_text().replace("low: 0.05", "low: 5e-2"))
    done = project.kedro(*ARGUMENTS)
    assert done.returncode != 0
    assert "default.yml" in done.stderr
    assert "5.0e-2" in done.stderr
    assert not (folder(project, "06_models") / "sweeps").exists()


def test_the_plan_is_recorded(finished: ProjectCopy) -> None:
    plan = json.loads((folder(finished, "05_model_input") / "sweeps/default.json").read_text())
    assert plan["name"] == "default"
    assert plan["objectives"] == [
        {"name": "negative_elbo", "direction": "minimize", "constant": None}
    ]
