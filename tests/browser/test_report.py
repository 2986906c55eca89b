"""The report is one page that needs neither a server nor a network."""

from __future__ import annotations

import pytest

from labs.project_copies import ProjectCopy

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


def test_report_shows_no_missing_value_as_a_number(page, smoke_project: ProjectCopy) -> None:
    report = smoke_project.root / "data/smoke/08_reporting/derp_vae/report/index.html"
    page.goto(report.as_uri())
    assert page.get_by_role("cell", name="nan", exact=True).count() == 0
