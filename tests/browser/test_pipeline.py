"""Kedro-Viz: a study is one box that opens into its stages, and its data can be looked at."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from labs.project_copies import ProjectCopy, free_port, serving
from latentlab.studies.registry import STUDIES

pytestmark = pytest.mark.browser

STAGES = {
    f"derp_vae.{stage}"
    for stage in ("data_preparation", "training", "evaluation", "hypothesis_testing", "reporting")
}
BOXES = ".pipeline-node--modularPipeline"
# What a first visit remembers, without the tour that covers the page.
MEMORY = {"showFeatureHints": False}


@pytest.fixture(scope="module")
def viz_log(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("viz") / "log"


@pytest.fixture(scope="module")
def viz_address(smoke_project: ProjectCopy, viz_log) -> Iterator[str]:
    """Where Kedro-Viz shows the smoke run."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", "--env", "smoke"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--pipeline", "derp_vae"]
    with serving(smoke_project, command, f"{address}/api/main", viz_log):
        yield address


@pytest.fixture
def chart(page, viz_address: str):
    """The study's chart as it first appears."""
    memory = json.dumps(json.dumps(MEMORY))
    page.add_init_script(
        f"localStorage.getItem('KedroViz') || localStorage.setItem('KedroViz', {memory})"
    )
    page.goto(viz_address)
    page.locator(BOXES).first.wait_for()
    return page


def boxes(chart) -> set[str]:
    return set(chart.locator(BOXES).evaluate_all("all => all.map(one => one.dataset.id)"))


def unfold(chart, name: str) -> None:
    """Open a box by its triangle in the list on the left."""
    row = chart.locator(".MuiTreeItem-content", has=chart.get_by_text(name, exact=True)).last
    row.locator(".MuiTreeItem-iconContainer").click()


def test_study_is_one_box_that_opens_into_its_stages(chart) -> None:
    assert boxes(chart) == {"derp_vae"}
    unfold(chart, "derp_vae")
    chart.locator(f"{BOXES}[data-id='derp_vae']").wait_for(state="detached")
    assert boxes(chart) == STAGES


@pytest.mark.parametrize(
    ("stage", "dataset", "preview"),
    [
        pytest.param(None, "verdicts", "table", id="table"),
        pytest.param(None, "prepared", "img", id="picture"),
        pytest.param("reporting", "figure_verdicts", ".js-plotly-plot", id="figure"),
    ],
)
def test_dataset_is_previewed(chart, stage: str | None, dataset: str, preview: str) -> None:
    unfold(chart, "derp_vae")
    if stage:
        unfold(chart, f"derp_vae.{stage}")
    chart.get_by_text(f"derp_vae.{dataset}", exact=True).first.click()
    shown = chart.locator(".pipeline-metadata").locator(preview).first
    shown.wait_for()
    if dataset == "verdicts":
        assert shown.locator("th").all_inner_texts()[:3] == ["hypothesis", "verdict", "status"]


def test_layers_can_be_shown(chart, viz_log) -> None:
    assert "Layers visualisation is disabled" not in viz_log.read_text()


def test_static_site_is_built_without_a_network(smoke_project: ProjectCopy) -> None:
    result = smoke_project.kedro("viz", "build")
    site = smoke_project.root / "build"
    assert result.returncode == 0, result.stdout + result.stderr
    assert (site / "index.html").is_file()
    chart = json.loads((site / "api" / "main").read_text())
    assert {node["name"] for node in chart["nodes"]} >= STAGES | {"derp_vae.verdicts"}
    asking = {study.name for study in STUDIES.values() if not study.advises}
    pipelines = {pipeline["id"] for pipeline in chart["pipelines"]}
    assert pipelines >= set(STUDIES) | {f"{name}_sweep" for name in asking} | {"all"}
    everything = json.loads((site / "api" / "pipelines" / "all").read_text())
    boxes = {name for name in everything["modular_pipelines"] if "." not in name}
    assert boxes == asking | {"__root__"}
