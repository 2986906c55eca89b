"""The report is one page that needs neither a server nor a network, and is looked at first."""

from __future__ import annotations

import itertools
from pathlib import Path

import plotly.graph_objects as go
import pytest

from labs.project_copies import ProjectCopy
from latentlab.reporting import Document, Section, write_document

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(smoke_project: ProjectCopy) -> Path:
    return smoke_project.root / "data/smoke/08_reporting/derp_vae/report/index.html"


def test_report_opens_from_the_disk(page, report: Path) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(report.as_uri())
    page.locator("figure").first.scroll_into_view_if_needed()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()

    assert "DERP-VAE" in page.title()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".js-plotly-plot").count() == page.locator(".plot").count() >= 5
    assert page.locator("details:not([open])").count() == 0
    assert complaints == []
    elsewhere = [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
    assert elsewhere == []
    assert report.stat().st_size < 3_000_000


def test_the_first_screen_has_every_verdict_and_nothing_is_cut_off(page, report: Path) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(report.as_uri())
    rows = page.locator("#verdicts tbody")
    assert rows.count() == 9
    box = rows.last.bounding_box()
    assert box["y"] + box["height"] <= 1000
    assert page.locator("#verdicts svg[role=img]").count() == 9
    for width in (1400, 800):
        page.set_viewport_size({"width": width, "height": 1000})
        # Neither the page nor the first two tables are wider than what is seen of them.
        for part in (
            "html",
            "#verdicts .scroll",
            *(["#comparison .scroll"] if width > 800 else []),
        ):
            box = page.locator(part).first
            assert box.evaluate("part => part.scrollWidth - part.clientWidth") <= 0, (part, width)
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    broken = "all => all.map(a => a.hash.slice(1)).filter(id => !document.getElementById(id))"
    assert page.locator("a[href^='#']").evaluate_all(broken) == []
    assert page.get_by_role("cell", name="nan", exact=True).count() == 0


def test_the_keyboard_unfolds_a_claim_and_moves_in_the_heat_table(page, report: Path) -> None:
    page.goto(f"{report.as_uri()}#claim-H2_reported")
    linked = page.locator("[id='claim-H2_reported'] details")
    assert linked.get_attribute("open") is not None
    first = page.locator("#verdicts summary").first
    told = page.get_by_text("unadjusted p that the claim is supported").first
    assert not told.is_visible()
    first.focus()
    page.keyboard.press("Enter")
    assert told.is_visible()
    page.locator(".heat td[tabindex='0']").focus()
    said = [page.locator(".pointed").inner_text()]
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        said.append(page.locator(".pointed").inner_text())
    starts = [
        "standard_vae, accuracy: ",
        "beta_vae_0.1, accuracy: ",
        "beta_vae_0.1, kl_divergence: ",
    ]
    assert all(text.startswith(start) for text, start in zip(said, starts, strict=True))
    assert "difference from standard_vae" in said[-1]


def test_a_folded_figure_is_as_wide_as_the_page_when_it_unfolds(page, tmp_path) -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 2]))
    folded = Section("More", figures={"Curve": (figure, "A curve.")}, folded=True)
    document = Document("A", "B?", [], [Section("First", sections=[folded])])
    page.goto(write_document(tmp_path / "report", document).as_uri())
    plot = page.locator(".plot")
    assert not plot.is_visible()
    page.get_by_text("More").click()
    width = page.locator("section").first.bounding_box()["width"]
    page.wait_for_function(
        "width => document.querySelector('.main-svg')?.getBoundingClientRect().width === width",
        arg=width,
    )


def test_without_scripts_verdicts_and_comparison_are_there(browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("#verdicts summary").first.click()
    assert page.get_by_text("unadjusted p that the claim is supported").first.is_visible()
    assert page.locator("#comparison td.number").count() > 50
    assert page.locator("noscript p").first.is_visible()
    context.close()
