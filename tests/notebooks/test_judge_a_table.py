"""The notebook on a table runs from top to bottom, and its verdict is of the mean that it shows."""

from __future__ import annotations

from pathlib import Path

from labs.notebooks import executed, printed


def test_the_notebook_judges_its_table(tmp_path: Path) -> None:
    code = executed("judge_a_table.ipynb", tmp_path)
    verdicts, by_hand = (printed(cell).splitlines() for cell in code[-2:])
    assert any(line.startswith("wide") and " supported " in line for line in verdicts)
    assert any(line.startswith("deep") and " inconclusive " in line for line in verdicts)
    # Of the numbers that are drawn, by pandas alone: the effect of the verdict is their mean.
    assert any(line.startswith("wide") and " 0.0445 " in line for line in by_hand)
    assert any(line.startswith("wide") and " 0.045 " in line for line in verdicts)
