"""The study mixture_harmonium as a user runs it, in the smoke environment."""

from __future__ import annotations

import pandas as pd
import pytest

from labs.project_copies import ProjectCopy, copy_project

STUDY = "mixture_harmonium"
SEEDS = 3


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project in which the study has run with its own arms."""
    copy = copy_project(tmp_path_factory.mktemp("harmonium") / "project")
    done = copy.kedro("run", "--env", "smoke", "--pipelines", STUDY)
    assert done.returncode == 0, done.stderr
    return copy


def reporting(project: ProjectCopy, name: str) -> str:
    return (project.root / "data/smoke/08_reporting" / STUDY / name).read_text()


def test_every_claim_has_a_verdict_and_the_baselines_their_scores(
    finished: ProjectCopy,
) -> None:
    folder = finished.root / "data/smoke"
    scores = pd.read_parquet(folder / "07_model_output" / STUDY / "scores.parquet")
    verdicts = pd.read_csv(folder / "08_reporting" / STUDY / "verdicts.csv")
    baselines = {"k_means_classes", "k_means_same"}
    assert baselines < set(scores["arm"])
    assert set(scores.loc[scores["arm"].isin(baselines), "metric"]) == {"nmi", "ami", "ari"}
    assert not {"invalid", "not_run"} & set(verdicts["verdict"])
    assert set(verdicts["status"]) == {"confirmatory"}
    page = reporting(finished, "report/index.html")
    for title in ("NMI against R2", "What the clusters look like", "What the clusters hold"):
        assert title in page
    assert "k_means_classes" in reporting(finished, "report/report.md")


def test_rows_of_the_plan_are_printed_and_reported_as_the_reports_table(
    project: ProjectCopy,
) -> None:
    chosen = f"{STUDY}.plan.rows=25-26"
    for known in (0, 2 * SEEDS):
        done = project.kedro("run", "--env", "smoke", "--pipelines", STUDY, "--params", chosen)
        assert done.returncode == 0, done.stderr
        assert f"{known} of {2 * SEEDS} trials are known" in done.stdout + done.stderr
    assert "phase 3A" in done.stdout
    assert "reported NMI" in done.stdout
    page = reporting(project, "report/report.md")
    assert "| 3A | 25 |" in page[page.index("## The report's table") :]


def test_a_row_that_is_not_there_is_one_line(project: ProjectCopy) -> None:
    chosen = f"{STUDY}.plan.rows=99"
    done = project.kedro("run", "--env", "smoke", "--pipelines", STUDY, "--params", chosen)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert len(lines) == 1, done.stderr[-2000:]
    assert "there is no row 99. There are 1 to 37" in lines[0]
    assert "Traceback" not in done.stderr
