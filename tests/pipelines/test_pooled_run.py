"""A second data set, as a user runs it: its verdicts, and those over both."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from labs.project_copies import ProjectCopy
from latentlab.data import SOURCES
from latentlab.data.images.digits import DIGITS, DigitsConfig
from latentlab.data.images.mnist import MnistConfig
from latentlab.data.prepared import Prepared
from latentlab.data.source import Source

STUDY = "derp_vae"
NODES = {
    "data_preparation": ("prepare",),
    "training": ("register", "train"),
    "evaluation": ("measure", "time_arms", "collect_scores"),
    "hypothesis_testing": ("judge", "keep_scores", "pool"),
    "reporting": ("write_report",),
}
"""What a second run needs; figures, comparison and model of the first one stand for the rest."""


def digits_as_mnist(config: MnistConfig, folder: Path) -> Prepared:
    """Data without files: the embedded digits under the other name."""
    found = DIGITS.read(DigitsConfig(subset=config.subset), folder)
    schema = found.schema.model_copy(update={"name": "mnist"})
    return Prepared(schema, found.splits, found.origin)


def test_a_second_data_set_is_pooled_with_the_first(
    smoke_project: ProjectCopy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "project"
    shutil.copytree(smoke_project.root, root)
    reports = root / "data/smoke/08_reporting" / STUDY
    assert pd.read_csv(reports / "pooled_verdicts.csv").empty
    assert "Over all problems" not in (reports / "report/report.md").read_text()

    monkeypatch.setitem(SOURCES, "mnist", Source("mnist", MnistConfig, digits_as_mnist))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")
    monkeypatch.chdir(root)
    bootstrap_project(root)
    parameters = {STUDY: {"dataset": "mnist"}}
    with KedroSession.create(root, env="smoke", runtime_params=parameters) as session:
        nodes = [f"{STUDY}.{stage}.{STUDY}.{n}" for stage, names in NODES.items() for n in names]
        session.run(pipeline_names=[STUDY], node_names=nodes)
    mlflow.set_tracking_uri(None)

    kept = root / "data/smoke/07_model_output" / STUDY / "problems"
    assert sorted(path.name for path in kept.iterdir()) == ["digits.parquet", "mnist.parquet"]
    pooled = pd.read_csv(reports / "pooled_verdicts.csv").set_index("hypothesis")
    verdicts = pd.read_csv(reports / "verdicts.csv").set_index("hypothesis")
    assert set(pooled.index) == set(verdicts.index)
    for name, row in pooled.iterrows():
        problems = json.loads(row["problems"])
        assert list(problems) == ["digits", "mnist"]
        # Of the two, the second is what the run itself found.
        assert problems["mnist"]["effect"] == pytest.approx(verdicts.loc[name, "effect"])
        effects = [problem["effect"] for problem in problems.values()]
        if row["unit"] == "% of control geometric mean":
            # KL and times, of which less is better: the geometric mean of their ratios.
            ratio = math.prod(1 - effect / 100 for effect in effects) ** 0.5
            assert row["effect"] == pytest.approx(100 * (1 - ratio))
        else:
            assert row["effect"] == pytest.approx(sum(effects) / 2)
    assert set(pooled["status"]) == {"confirmatory"}

    for page in ("index.html", "report.md"):
        assert "Over all problems run so far" in (reports / "report" / page).read_text()
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Pooled over digits, mnist:")
    for (name, row), line in zip(pooled.iterrows(), lines[start + 1 :], strict=False):
        claim = row["question"][0].upper() + row["question"][1:]
        assert line.startswith(f"{row['verdict']:<12}  {name}: {claim}; effect ")
    client = mlflow.MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(STUDY)
    query = f"tags.`pooled_verdict.{STUDY}.accuracy_kept` = '{pooled['verdict']['accuracy_kept']}'"
    (run,) = client.search_runs([experiment.experiment_id], query)
    assert "pooled_verdicts.csv" in {one.path for one in client.list_artifacts(run.info.run_id)}
