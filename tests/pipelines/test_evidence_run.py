"""Runs that exist through `kedro run`, and a study's own scores through the same door."""

from __future__ import annotations

import mlflow
import pandas as pd

from labs.project_copies import ProjectCopy
from latentlab.metrics.timing import TIMES
from latentlab.runs.judging.judged import judge_runs
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.studies.derp_vae.metrics import METRICS

STUDY = "derp_vae"


def test_a_table_of_runs_is_judged_by_one_command(project: ProjectCopy) -> None:
    runs = pd.DataFrame({"model": ["control", "new"] * 6, "seed": [s // 2 for s in range(12)]})
    runs["test_acc"] = [0.5 + 0.1 * (k % 2) + 0.01 * (k % 5) for k in range(12)]
    runs.to_csv(project.root / "runs.csv", index=False)
    (project.root / "report.yml").write_text(
        "title: a report\nstatements: [{says: predicts, who: a wider one, by: 5 %}]\n"
    )
    said = "evidence.source=runs.csv,evidence.printed=report.yml"
    done = project.kedro("run", "--pipelines", "evidence", "--params", said)
    assert done.returncode == 0, done.stderr
    report = project.root / "data/08_reporting/evidence/report/report.md"
    assert "1 prediction without a run: a wider one 5 %." in report.read_text()
    assert "; 0 confirmatory, 1 exploratory, 0 deviated." in done.stdout
    assert "An arm is a value of model" in done.stdout + done.stderr
    client = mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("evidence")
    (run,) = client.search_runs([experiment.experiment_id])
    assert {"verdicts.csv", "findings.csv", "report"} <= {
        file.path for file in client.list_artifacts(run.info.run_id)
    }
    # One seed is lost, and nothing says which of the arms is the control.
    runs.assign(model=runs["model"].replace("control", "old")).drop(index=[3]).to_csv(
        project.root / "runs.csv", index=False
    )
    done = project.kedro("run", "--pipelines", "audit", "--params", "evidence.source=runs.csv")
    assert done.returncode == 0, done.stderr
    assert "note: noise floor (D04). Runs of equal configuration differ" in done.stdout
    report = (project.root / "data/08_reporting/audit/report/report.md").read_text()
    assert "nothing was judged" in report


def test_own_scores_through_this_door_give_the_studys_verdicts(
    smoke_project: ProjectCopy, tmp_path
) -> None:
    data = smoke_project.root / "data/smoke"
    scores = pd.read_parquet(data / "07_model_output" / STUDY / "scores.parquet")
    scores["column"] = scores["split"] + "." + scores["metric"]
    wide = scores.pivot(index=["arm", "seed"], columns="column", values="value").reset_index()
    wide.to_csv(tmp_path / "runs.csv", index=False)
    compared_by_ratios = {m.name for m in (*METRICS, *TIMES) if m.scale == "log"}
    claims = (smoke_project.root / "conf/base" / STUDY / "hypotheses.yml").read_text()
    # What conf/smoke changes of them.
    (tmp_path / "claims.yml").write_text(claims.replace("min_seeds: 5", "min_seeds: 3"))
    chosen = EvidenceSettings(
        source="runs.csv",
        metric=[name for name in wide if name not in ("arm", "seed")],
        better="higher",
        ratios=[name for name in wide if name.partition(".")[2] in compared_by_ratios],
        arm=["arm"],
        claims="claims.yml",
    )
    found = judge_runs(chosen, tmp_path, lambda _: pd.DataFrame()).verdicts
    own = pd.read_csv(data / "08_reporting" / STUDY / "verdicts.csv")
    numbers = ["n", "effect", "interval_low", "interval_high", "p_supported_adjusted"]
    columns = ["hypothesis", "verdict", "test", *numbers]
    known = found["better"].eq(own["better"])
    assert known.sum() >= 4
    pd.testing.assert_frame_equal(
        found.loc[known, columns].astype({"n": float}),
        own.loc[known, columns].astype({"n": float}),
    )
