"""MLflow's pages: the run tree of a study, and two of its trials side by side."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from labs.project_copies import ProjectCopy, free_port, serving
from latentlab.studies.registry import STUDIES

pytestmark = pytest.mark.browser

ARMS = (
    "standard_vae",
    "beta_vae_0.1",
    "beta_vae_0.5",
    "beta_vae_2.0",
    "derp_vae_3",
    "derp_vae_5",
)
SEEDS = range(3)
TRIAL = re.compile(r" s\d+$")


@pytest.fixture(scope="module")
def mlflow_address(
    smoke_project: ProjectCopy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where MLflow shows the smoke run."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "latentlab.tracking.ui", "--port", str(port)]
    log = tmp_path_factory.mktemp("mlflow") / "log"
    with serving(smoke_project, command, f"{address}/health", log):
        yield address


@pytest.fixture
def runs_page(page, mlflow_address: str):
    """The study's runs, reached as a user reaches them."""
    page.goto(f"{mlflow_address}/#/experiments")
    page.get_by_text("Model training", exact=True).click()
    page.get_by_role("link", name="derp_vae", exact=True).click()
    page.get_by_text(f"{1 + len(ARMS) * len(SEEDS)} matching runs").wait_for()
    page.get_by_role("button", name="Close", exact=True).click()  # MLflow's assistant
    return page


def test_trials_are_children_of_one_run(runs_page) -> None:
    trials = runs_page.get_by_role("link", name=TRIAL)
    assert trials.count() == 0, "the parent is shown folded"
    runs_page.locator(".ag-row button").click()
    trials.first.wait_for()
    expected = sorted(f"{arm} s{seed}" for arm in ARMS for seed in SEEDS)
    assert sorted(trials.all_inner_texts()) == expected


def test_from_the_printed_address_verdicts_and_arms_are_one_click_away(
    page, mlflow_address: str, smoke_project: ProjectCopy
) -> None:
    printed = (smoke_project.root / "terminal.txt").read_text().splitlines()
    (line,) = (line for line in printed if line.startswith("MLflow"))
    page.goto(f"{mlflow_address}/#{line.split()[1].partition('#')[2]}")
    page.get_by_text(STUDIES["derp_vae"].question).first.wait_for()
    page.get_by_text("derp_vae.test.accuracy.mean/standard_vae").wait_for()
    page.get_by_role("button", name="Close", exact=True).click()  # MLflow's assistant
    page.get_by_text("Show more").click()
    assert page.get_by_role("cell", name="DERP with 5 probes").count() >= 3
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Arms side by side").click()
    arms = opened.value
    arms.set_default_timeout(20_000)
    arms.get_by_text(f"{len(ARMS) * len(SEEDS)} matching runs").wait_for()
    arms.get_by_role("button", name="Arms of derp_vae").wait_for()
    arms.get_by_text("Metrics of the claims", exact=True).wait_for()
    arms.get_by_text("test.kl_divergence", exact=True).first.wait_for()
    assert arms.locator(".ag-row").filter(has_text="Group:").count() == len(ARMS)
    assert arms.get_by_role("link", name=TRIAL).count() == 0, "seeds are folded"


def test_two_trials_are_compared_by_parameters_and_metrics(runs_page) -> None:
    runs_page.locator(".ag-row button").click()
    for name in ("derp_vae_5 s0", "standard_vae s0"):
        link = runs_page.get_by_role("link", name=name)
        row = runs_page.locator(".ag-row", has=link).get_attribute("row-id")
        runs_page.locator(f".ag-row[row-id='{row}'] input.ag-checkbox-input").check(force=True)
    runs_page.get_by_role("button", name="Compare").click()
    runs_page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for()

    def shown(name: str) -> list[str]:
        row = runs_page.get_by_role("row").filter(has=runs_page.get_by_text(name, exact=True))
        row.first.wait_for()
        return row.first.inner_text().split()[1:]

    assert shown("derp_vae.model.latent_dim") == ["2", "2"]
    assert shown("derp_vae.objective.probes") == ["5", "0"]
    runs_page.get_by_text("test.accuracy", exact=True).first.wait_for()
    assert runs_page.get_by_text("test.kl_divergence", exact=True).count() > 0
