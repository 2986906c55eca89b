"""The notebook on a table runs from top to bottom, and its verdict is of the mean that it shows."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from labs.project_copies import CHECKOUT

NOTEBOOK = CHECKOUT / "notebooks" / "judge_a_table.ipynb"


def test_the_notebook_judges_its_table(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    where = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources=where)
    client.execute(env=dict(os.environ))
    verdicts, by_hand = (cell.outputs[-1]["data"]["text/plain"].splitlines() for cell in code[-2:])
    assert any(line.startswith("wide") and " supported " in line for line in verdicts)
    assert any(line.startswith("deep") and " inconclusive " in line for line in verdicts)
    # Of the numbers that are drawn, by pandas alone: the effect of the verdict is their mean.
    assert any(line.startswith("wide") and " 0.0445 " in line for line in by_hand)
    assert any(line.startswith("wide") and " 0.045 " in line for line in verdicts)
