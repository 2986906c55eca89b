"""The report of a foreign table: its names are shown as they are, and reach no file or shell."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest
import yaml

from latentlab.experiment.sweep.report import comparison_command, report_imported
from latentlab.reporting.document import write_document
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.imported_sweeps.source import ImportedSweep, read_imported_sweep

SETTINGS = AnalysisSettings(bootstraps=20, null_draws=200, fanova_rows=10, resamples=499)
HOSTILE = ["../../escaped/a", "/etc/b", "<script>alert(1)</script>", "=HYPERLINK(1)", "x" * 300]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The report of a table whose columns and choices have names that no file may have."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.uniform(size=24) for name in HOSTILE})
    frame["kind"] = np.resize(["<b>bold</b>", "../up", '=cmd|"x"'], 24)
    frame["acc"] = frame[HOSTILE[0]] + frame[HOSTILE[1]]
    frame.to_csv(folder / "runs.csv", index=False)
    chosen = ImportedSweep(source="runs.csv", objective="acc", settings=SETTINGS)
    made = report_imported(read_imported_sweep(chosen, folder, pytest.fail), chosen)
    write_document(folder / "in" / "report", made.document())
    return folder, made


def test_names_of_columns_lead_to_no_file_outside_of_the_report(hostile):
    folder, _ = hostile
    assert {path.name for path in folder.iterdir()} == {"runs.csv", "in"}
    assert [path.name for path in (folder / "in").iterdir()] == ["report"]
    inside = [path for path in (folder / "in" / "report").rglob("*") if path.is_file()]
    assert {path.parent.name for path in inside} == {"report", "figures"}
    contours = [path for path in inside if path.name.startswith("contour_data_")]
    assert len(contours) == 3
    assert all(re.fullmatch(r"[\w.-]{1,100}", path.name, re.ASCII) for path in inside)


def test_the_report_shows_true_names_as_text(hostile):
    folder, made = hostile
    page = (folder / "in" / "report" / "index.html").read_text()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    for path in (folder / "in" / "report" / "figures").glob("*.json"):
        assert "<script>" not in path.read_text()
        assert "<b>" not in path.read_text()
    # Tables are for programs: they hold what the table held.
    screening = pd.read_csv(folder / "in" / "report" / "screening.csv")
    assert set(screening["parameter"]) == {*HOSTILE, "kind"}
    text = next(one.text for one in made.next_sweeps if one.text)
    assert set(yaml.safe_load(text)["parameters"]) <= {*HOSTILE, "kind"}


def test_no_command_lets_a_name_reach_the_shell():
    words = shlex.split(comparison_command("study", "$(touch x); a b", 1, "`c`"))
    assert words[:4] == ["kedro", "run", "--pipelines", "study"]
    assert words[5:] == [
        "study.arms.new.$(touch x); a b=1,study.arms.old.$(touch x); a b=`c`,study.seeds.first=3000"
    ]
    own = comparison_command("study", "training.learning_rate", 0.1, 0.2)
    assert own.endswith(
        "--params study.arms.new.training.learning_rate=0.1,"
        "study.arms.old.training.learning_rate=0.2,study.seeds.first=3000"
    )
