"""Notebooks that need no project: run from top to bottom in a folder of their own."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from labs.project_copies import CHECKOUT


def executed(name: str, folder: Path) -> list[nbformat.NotebookNode]:
    """The cells of code of a notebook after they ran; it is kept without outputs."""
    notebook = nbformat.read(CHECKOUT / "notebooks" / name, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources=where)
    client.execute(env=dict(os.environ))
    return code


def printed(cell: nbformat.NotebookNode) -> str:
    """What a cell shows, as text."""
    data = cell.outputs[-1]["data"]
    return data.get("text/markdown", data["text/plain"])
