"""Compares the figures that pages print with what the code gives today: `make figures-check`.

A figure is a line of a page, found by how it begins, and what a function says must stand in it.
Pages that are written whole, drawings and the rules of the audit have tests of their own
(`tests/runs/audit`, `tests/tools`), which the same command runs. What takes hours is not measured
again: each page of `docs/results` that holds such figures says when and where they were.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import scipy
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from audit_of_five_reports import PAGE as FIVE_REPORTS
from latentlab.reporting.formatting import plural
from latentlab.statistics.alpha_spending import Spending, first_crossings, nominal_levels
from latentlab.studies.registry import STUDIES

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
MEASURED = "Measured once: "
README, STATISTICS = ROOT / "README.md", RESULTS / "statistics.md"
LOOKS = 5


class Printed(NamedTuple):
    """A figure of a page.

    Attributes:
        page: the file.
        line: how the line begins that holds it.
        text: gives what must stand in this line.
    """

    page: Path
    line: str
    text: Callable[[], str]


def wrong_figures(figures: Iterator[Printed]) -> list[str]:
    """Return a line for each figure that is not what the code gives."""
    found = []
    for page, line, text in figures:
        lines = [each for each in page.read_text("utf-8").splitlines() if each.startswith(line)]
        if not lines:
            found.append(f"{page.relative_to(ROOT)}: no line begins with {line!r}")
        elif not any(text() in each for each in lines):
            found.append(f"{page.relative_to(ROOT)}: {lines[0]!r} should have {text()!r}")
    return found


def undated_pages() -> list[str]:
    """Return a line for each page of results that does not say when it was measured."""
    pages = sorted(set(RESULTS.glob("*.md")) - {FIVE_REPORTS})
    undated = [page for page in pages if f"\n{MEASURED}" not in page.read_text("utf-8")]
    return [f"{page.relative_to(ROOT)}: no line begins with {MEASURED!r}" for page in undated]


def figures() -> Iterator[Printed]:
    """Return all that is compared."""
    bootstrap_project(ROOT)
    session = KedroSession.create(project_path=ROOT, save_on_close=False)
    with session:
        params = session.load_context().params
    for name in STUDIES:
        study = params[name]
        size = f"| {len(study.configs)} x {study.seeds.count} on "
        yield Printed(README, f"| `{name}` |", partial(str, size))
    claims = plural(len(params["derp_vae"].applicable.hypotheses), "verdict")
    yield Printed(README, claims.partition(" ")[0] + " verdicts: ", partial(str, claims))
    yield Printed(STATISTICS, "| O'Brien-Fleming's constant |", partial(_constant, 0.5))
    yield Printed(STATISTICS, "| Pocock's constant |", partial(_constant, 0.0))
    for spending in ("obrien_fleming", "pocock"):
        yield Printed(STATISTICS, f"| spent by `{spending}` |", partial(_boundaries, spending))


def _constant(power: float) -> str:
    """Return the constant of a boundary c (K / k)^power that errs in .05 on two sides."""
    looks = np.arange(1.0, LOOKS + 1)

    def surplus(constant: float) -> float:
        boundaries = constant * (LOOKS / looks) ** power
        return float(np.sum(first_crossings(boundaries, looks))) - 0.025

    return f"| {scipy.optimize.brentq(surplus, 1.5, 4.0):.3f} |"


def _boundaries(spending: Spending) -> str:
    levels = nominal_levels(0.025, tuple(range(10, 10 * LOOKS + 1, 10)), spending)
    return " ".join(f"{boundary:.3f}" for boundary in scipy.stats.norm.isf(levels))


if __name__ == "__main__":
    every = list(figures())
    wrong = [*wrong_figures(iter(every)), *undated_pages()]
    click.echo("\n".join([*wrong, f"{len(every)} figures compared; {len(wrong)} to mend."]))
    sys.exit(bool(wrong))
