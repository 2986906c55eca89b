"""One command audits whatever is named: runs, a sweep file, a printed report."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labs.project_copies import CHECKOUT
from latentlab.core.errors import UserError
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.search import auditing
from latentlab.search.auditing import audit_source

REPORT = CHECKOUT / "tests" / "runs" / "audit" / "printed" / "vae_comparison.yml"
GRID = """
method: grid
metric: {name: loss, goal: minimize}
parameters:
  pruning_strategy: {values: [plummet, lognorm]}
  plummet_threshold: {values: [0.01, 0.02, 0.05]}
  seed: {values: [1, 2]}
"""


def never(*_):
    raise AssertionError


def rules(found):
    return set(found.findings["rule"])


def audited(root, **said):
    return audit_source(EvidenceSettings(**said), root, never)


def test_a_printed_report_alone_and_by_its_own_setting():
    assert {"D01", "D23", "D25"} <= rules(audited(Path("/"), source=str(REPORT)))
    again = audited(Path("/"), printed=str(REPORT))
    assert rules(again) == rules(audited(Path("/"), source=str(REPORT)))
    assert again.document.sections[0].title == "What to beware of in what is printed"


def test_a_sweep_file(tmp_path):
    (tmp_path / "sweep.yaml").write_text(GRID)
    found = audited(tmp_path, source="sweep.yaml")
    assert {"D17", "D19"} <= rules(found)
    assert found.said[0].startswith("sweep.yaml: 12 runs, 6 configurations on 2 seeds")


@pytest.fixture
def searched(tmp_path):
    """Forty random configurations, one of whose parameters is a copy of another."""
    rng = np.random.default_rng(0)
    rate = rng.uniform(0.001, 0.1, 40).round(5)
    table = pd.DataFrame(
        {
            "rate": rate,
            "twin": (2 * rate).round(5),
            "width": rng.integers(8, 65, 40),
            "test_accuracy": (0.5 + 3 * rate + rng.normal(0, 0.05, 40)).round(4),
        }
    )
    table.to_csv(tmp_path / "trials.csv", index=False)
    return tmp_path


def test_runs_that_nothing_tells_apart_are_asked_what_a_sweep_is(searched, monkeypatch):
    found = audited(searched, source="trials.csv", better="higher")
    assert {"D05", "D09", "D10"} <= rules(found)
    assert found.findings["rule"].tolist().count("D09") == 1
    monkeypatch.setattr(auditing, "MOST_RUNS", 39)
    fewer = audited(searched, source="trials.csv", better="higher")
    assert "D10" not in rules(fewer)
    assert any("more than 39 runs" in line for line in fewer.said)


def test_nothing_named_is_one_line():
    with pytest.raises(UserError, match=r"evidence\.source names nothing to audit"):
        audited(Path("/"))


def test_yaml_that_is_neither_is_one_line(tmp_path):
    (tmp_path / "other.yml").write_text("colour: blue\n")
    with pytest.raises(UserError):
        audited(tmp_path, source="other.yml")
