"""The study anchored_multimodal_advice as a user runs it, in the smoke environment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from labs.project_copies import ProjectCopy, copy_project
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig

STUDY = "anchored_multimodal_advice"
ADVICE = Path("data/smoke/08_reporting") / STUDY / "advice"


@pytest.fixture(scope="module")
def advised(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project in which the advice has been given and measured."""
    copy = copy_project(tmp_path_factory.mktemp("advice") / "project")
    done = copy.kedro("run", "--env", "smoke", "--pipelines", STUDY)
    assert done.returncode == 0, done.stderr
    (copy.root / "terminal.txt").write_text(done.stdout)
    return copy


def test_the_three_things_are_written(advised: ProjectCopy) -> None:
    folder = advised.root / ADVICE
    status = pd.read_csv(folder / "status.csv", dtype=str)
    assert status["section"].tolist()[:12] == [str(section) for section in range(1, 13)]
    assert status["rationale"].notna().all()
    order = pd.read_csv(folder / "order.csv")
    assert order["step"].tolist() == list(range(1, len(order) + 1))
    for name in ("recommended_baseline.yml", "recommended_groupdro.yml"):
        block = yaml.safe_load((folder / name).read_text())["anchored_multimodal"]
        AnchoredMultimodalConfig.model_validate(block)
    assert "Implementation order" in (folder / "report.md").read_text()


def test_every_prediction_has_its_measured_effect(advised: ProjectCopy) -> None:
    folder = advised.root / "data/smoke/08_reporting" / STUDY
    verdicts = pd.read_csv(folder / "verdicts.csv").set_index("hypothesis")
    predicted = verdicts[verdicts["family"] == "predicted"]
    assert len(predicted) == 6
    assert predicted[["effect", "interval_low", "interval_high"]].notna().all(axis=None)
    assert {"together", "together_groupdro"} < set(verdicts.index)
    # Frozen before anything was trained.
    assert set(verdicts["status"]) == {"confirmatory"}
    assert not {"invalid", "not_run"} & set(verdicts["verdict"])
    printed = (advised.root / "terminal.txt").read_text()
    assert "measured alone" in printed
    assert "measured together" in printed
    assert "+0.10 to +0.20" in printed
    assert str(ADVICE / "index.html") in printed
    page = (folder / "report/index.html").read_text()
    for title in ("Predicted and measured gains", "Status of the configuration"):
        assert title in page


def test_a_recommended_file_runs_as_settings_of_the_study(advised: ProjectCopy) -> None:
    """Copied to conf/local, as the file itself says."""
    source = advised.root / ADVICE / "recommended_groupdro.yml"
    shutil.copy(source, advised.root / "conf/local/parameters_advice.yml")
    study = "anchored_multimodal"
    fewer = {"seeds.count": 1, "training.epochs": 1, "datasets.handwriting.source.subset": 200}
    done = advised.kedro(
        *("run", "--pipelines", f"{study}.data_preparation,{study}.training", "--params"),
        "compute.engine=inline,compute.threads=1,compute.cohort=16,compute.compile=false,"
        + ",".join(f"{study}.{key}={value}" for key, value in fewer.items()),
    )
    assert done.returncode == 0, done.stderr
    trials = pd.read_parquet(advised.root / f"data/06_models/{study}/trials.parquet")
    recommended = yaml.safe_load(source.read_text())[study]
    recommended["training"]["epochs"] = 1
    expected = AnchoredMultimodalConfig.model_validate(recommended)
    (ran,) = trials.loc[trials["arm"] == "baseline", "config"]
    assert AnchoredMultimodalConfig.model_validate_json(ran) == expected


def test_a_file_in_the_reports_names_is_advised_on(advised: ProjectCopy, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yml"
    mine.write_text("lr: 1.0e-2\nbatch_size: 64\noptimizer: sgd\n")
    chosen = f"{STUDY}.configuration={mine}"
    stage = ("run", "--env", "smoke", "--pipelines", f"{STUDY}.advice", "--params", chosen)
    done = advised.kedro(*stage)
    assert done.returncode == 0, done.stderr
    status = pd.read_csv(advised.root / ADVICE / "status.csv").set_index("check")["status"]
    assert status["Batch size"] == "good"
    assert status["Optimiser"] == "could be better"

    mine.write_text("lr: 1.0e-2\nbatchsize: 64\n")
    done = advised.kedro(*stage)
    assert done.returncode != 0
    assert "batchsize: there is no such setting" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
