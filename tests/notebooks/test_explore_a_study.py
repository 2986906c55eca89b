"""The notebook runs from top to bottom on a finished study, and is kept without outputs."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbclient import NotebookClient

from labs.project_copies import CHECKOUT, ProjectCopy

NOTEBOOK = CHECKOUT / "notebooks" / "explore_a_study.ipynb"
PLOTLY = "application/vnd.plotly.v1+json"


@pytest.fixture(scope="module")
def executed(smoke_project: ProjectCopy) -> nbformat.NotebookNode:
    """The notebook after it ran on the smoke results."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(smoke_project.root)}}
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources=where)
    return client.execute(env={**smoke_project.environment, "KEDRO_ENV": "smoke"})


def outputs(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    """Everything of one kind that the cells gave."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = [output.get("data", {}) for cell in cells for output in cell.outputs]
    return [data[kind] for data in found if kind in data]


def test_notebook_shows_verdicts_comparison_and_scores(executed: nbformat.NotebookNode) -> None:
    tables = outputs(executed, "text/html")
    assert any("H1_reported" in table and "verdict" in table for table in tables)
    assert any("kl_divergence" in table and "standard_vae" in table for table in tables)


def test_notebook_shows_a_stored_figure_and_one_of_its_own(executed: nbformat.NotebookNode) -> None:
    stored, own = outputs(executed, PLOTLY)
    assert len(stored["data"]) > 0
    assert {trace["name"] for trace in own["data"]} == {"0", "1", "2"}
    assert all(len(set(trace["x"])) == 6 for trace in own["data"])


def test_notebook_is_kept_without_outputs_and_paths() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert not re.search(r"/(home|Users|work|tmp|root)/", NOTEBOOK.read_text())
