"""The report is one page that needs neither a server nor a network."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from labs.project_copies import ProjectCopy
from latentlab.reporting import Document, Section, write_document

pytestmark = pytest.mark.browser


def test_report_opens_from_the_disk(page, smoke_project: ProjectCopy) -> None:
    report = smoke_project.root / "data/smoke/08_reporting/derp_vae/report/index.html"
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(report.as_uri())
    page.locator(".js-plotly-plot .main-svg").first.wait_for()

    assert "DERP-VAE" in page.title()
    figures = page.locator(".js-plotly-plot")
    assert figures.count() >= 5
    assert complaints == []
    elsewhere = [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
    assert elsewhere == []


def test_a_folded_figure_is_as_wide_as_the_page_when_it_unfolds(page, tmp_path) -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 2]))
    folded = Section("More", figures={"Curve": (figure, "A curve.")}, folded=True)
    document = Document("A", "B?", [], [Section("First", sections=[folded])])
    page.goto(write_document(tmp_path / "report", document).as_uri())
    plot = page.locator(".js-plotly-plot")
    assert not plot.is_visible()
    page.get_by_text("More").click()
    width = page.locator("section").first.bounding_box()["width"]
    page.wait_for_function(
        "width => document.querySelector('.main-svg').getBoundingClientRect().width === width",
        arg=width,
    )


def test_report_shows_no_missing_value_as_a_number(page, smoke_project: ProjectCopy) -> None:
    report = smoke_project.root / "data/smoke/08_reporting/derp_vae/report/index.html"
    page.goto(report.as_uri())
    assert page.get_by_role("cell", name="nan", exact=True).count() == 0
