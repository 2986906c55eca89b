"""A report of sections: everything it was given is on the page and beside it."""

import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image

from latentlab.core.errors import UserError
from latentlab.reporting.cells import Cell, as_cell
from latentlab.reporting.document import Document, Item, Section, write_document


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


def with_sections(*sections):
    return Document(title="A", question="B?", summary=[], sections=sections)


def test_everything_a_section_can_hold_is_on_the_page_and_in_the_text(tmp_path):
    table = pd.DataFrame(
        {
            "kind": ["first", "second", "first"],
            "name": [Cell("a", ("quiet",)), "b", "c"],
            "value": [Cell("1.5", ("[1.0, 2.0]", "n = 3")), 2.0, 3],
        }
    )
    section = Section(
        "All",
        items=[Item("It holds", "H1"), Item("It is open")],
        facts={"unit": Cell("nats", ("lower is better",)), "n": 12},
        table=table,
        group="kind",
        sections=[Section("More", ["Below."], folded=True)],
        anchor="everything",
    )
    index = write_document(tmp_path / "r", with_sections(section))
    page = index.read_text()
    assert '<section id="everything">' in page
    assert '<a href="#everything">All</a>' in page
    assert "<li><strong>H1.</strong> It holds</li>" in page
    assert "<dt>unit</dt><dd>nats<small>lower is better</small></dd>" in page
    # A group stands once, above all of its rows.
    body = page[page.index("<tbody>") :]
    order = [body.index(text) for text in (">first<", ">a<", ">c<", ">second<", ">b<")]
    assert order == sorted(order)
    assert body.count(">first<") == 1
    assert page.index("<details>") < page.index("Below.") < page.index("</details>")
    text = (tmp_path / "r/report.md").read_text()
    assert "| first | a (quiet) | 1.5 [1.0, 2.0] (n = 3) |" in text
    assert "- H1. It holds\n- It is open" in text
    assert "- **unit**: nats (lower is better)" in text
    assert text.index("## All") < text.index("### More") < text.index("Below.")


def test_figures_of_two_sections_may_have_one_title(tmp_path):
    red, blue = (Image.new("RGB", (2, 2), colour) for colour in ("red", "blue"))
    sections = [
        Section("One", figures={"Picture": (red, "Red.")}),
        Section("Two", sections=[Section("Part", figures={"Picture": (blue, "Blue.")})]),
    ]
    write_document(tmp_path / "r", with_sections(*sections))
    for name, colour in (("picture", (255, 0, 0)), ("picture-2", (0, 0, 255))):
        with Image.open(tmp_path / f"r/figures/{name}.png") as picture:
            assert picture.getpixel((0, 0)) == colour


@pytest.mark.parametrize(
    ("value", "text", "is_numeric"),
    [
        (0.123456, "0.1235", True),
        (float("nan"), "", False),
        (float("inf"), "inf", True),
        (True, "yes", False),
        ("[-1.2, inf]", "[-1.2, inf]", True),
        ("< .001", "< .001", True),
        ("12 seeds", "12 seeds", False),
    ],
)
def test_values_become_cells(value, text, is_numeric):
    cell = as_cell(value)
    assert (cell.text, cell.is_numeric) == (text, is_numeric)
