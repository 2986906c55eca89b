"""The notebook on a sweep runs from top to bottom, and finds what was put into its table."""

from __future__ import annotations

from pathlib import Path

from labs.notebooks import executed, printed


def test_the_notebook_finds_the_settings_that_matter(tmp_path: Path) -> None:
    code = executed("analyse_a_sweep.ipynb", tmp_path)
    tests, findings, spaces, by_hand = (printed(cell) for cell in code[-4:])
    tiers = {line.split()[0]: line.split()[4] for line in tests.splitlines()[2:]}
    assert tiers == {"learning_rate": "high", "width": "high", "dropout": "open"}
    assert "best of many" in findings
    assert spaces.count("learning_rate: {type: float") == 2
    correlations = dict(line.split() for line in by_hand.splitlines()[1:])
    assert abs(float(correlations["dropout"])) < 0.3 < float(correlations["width"])
