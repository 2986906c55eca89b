"""Rows of the metrics of latent-variable models, and the page that says what they can tell."""

from __future__ import annotations

from labs.latent_metrics_page import HEADER, PAGE, with_tables
from latentlab.metrics.latent_metrics import FAMILIES, LATENT_METRICS


def test_the_page_has_them_as_they_are() -> None:
    page = PAGE.read_text()
    assert page.count(HEADER) == len(FAMILIES)
    assert page == with_tables(page), "cd tests && python -m labs.latent_metrics_page"


def test_each_has_a_source_and_a_name_of_its_own() -> None:
    assert len(LATENT_METRICS) == sum(map(len, FAMILIES.values()))
    assert all(row.source for row in LATENT_METRICS.values())
