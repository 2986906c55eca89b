"""A report of sections: everything it was given is on the page and beside it."""

import pandas as pd
import plotly.graph_objects as go
import pytest

from latentlab.core.errors import UserError
from latentlab.reporting.document import Document, Section, write_document


def document(title="A sweep"):
    curve = {"Curve": (go.Figure(go.Scatter(x=[1, 2], y=[0.1, 0.2])), "A curve.")}
    table = pd.DataFrame(
        {
            "parameter": ["<b>rate</b>", "depth"],
            "rho": [0.123456, float("nan")],
            "up": [True, False],
        }
    )
    return Document(
        title=title,
        question="Which way?",
        summary=["One sentence."],
        sections=[
            Section("Directions", ["Of 20 rows."], table, curve, "A note."),
            Section("Nothing here"),
        ],
        tables={"directions.csv": table, "contours/rate.csv": table},
        texts={"full_analysis.log": "all of it"},
        reproduce={"command": "kedro run"},
    )


def test_page_text_tables_and_figures(tmp_path):
    index = write_document(tmp_path / "report", document())
    page = index.read_text()
    assert "&lt;b&gt;rate&lt;/b&gt;" in page
    assert "<b>rate" not in page
    assert ">0.1235<" in page
    assert ">yes<" in page
    for text in ("One sentence.", "Of 20 rows.", "A note.", "A curve.", "kedro run"):
        assert text in page
    markdown = (tmp_path / "report/report.md").read_text()
    assert "## Directions" in markdown
    assert "0.1235" in markdown
    assert pd.read_csv(tmp_path / "report/contours/rate.csv").shape == (2, 3)
    assert (tmp_path / "report/full_analysis.log").read_text() == "all of it"
    assert (tmp_path / "report/figures/curve.json").exists()


def test_an_older_report_is_replaced_and_anything_else_is_not(tmp_path):
    write_document(tmp_path / "report", document("first"))
    assert "second" in write_document(tmp_path / "report", document("second")).read_text()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(UserError):
        write_document(tmp_path / "mine", document())
    assert (tmp_path / "mine/thesis.txt").exists()
