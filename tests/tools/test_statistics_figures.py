"""The figures of `docs/statistics_explained.md` and its numbers are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import statistics_figures
from labs.project_copies import CHECKOUT
from latentlab.statistics.intervals import t_quantile
from latentlab.statistics.power import seeds_for_effect
from latentlab.statistics.sequential import GroupSequential

PAGE = (CHECKOUT / "docs" / "statistics_explained.md").read_text()
WORDS = " ".join(PAGE.split())


def points(svg: Path) -> list[str]:
    """The lines of a figure, without what fonts and versions of matplotlib change."""
    return re.findall(r'<path d="(M[^"]+L[^"]+)"[^>]*clip-path', svg.read_text())


def test_committed_figures_are_those_of_the_code(tmp_path: Path) -> None:
    statistics_figures.draw(tmp_path)
    for name in statistics_figures.FIGURES:
        drawn = points(tmp_path / f"{name}.svg")
        assert drawn
        assert drawn == points(statistics_figures.FOLDER / f"{name}.svg")
        assert f"images/statistics/{name}.svg" in PAGE


def test_the_page_says_what_the_functions_give() -> None:
    halves = [f"{t_quantile(0.9, seeds - 1):.2f}" for seeds in (2, 3, 5, 10)]
    assert (
        "reaches {} standard errors to each side, with 3 it is {}, with 5 it is {}".format(
            *halves[:3]
        )
        in WORDS
    )
    seeds = [seeds_for_effect(effect, 0.05, paired=True) for effect in (1.5, 1.0, 0.75, 0.5)]
    sentence = "needs {} seeds for a chance of 80 %, one of 1 needs {}, one of .75 needs {} and one"
    assert sentence.format(*seeds[:3]) + f" of half a standard deviation {seeds[3]}" in WORDS
    design = GroupSequential((5, 10, 15, 20), "obrien_fleming")
    first, last = design.level(0.05, 0), design.level(0.05, 3)
    assert (
        f"asks for {first:.4f} at the first look and leaves {last:.3f}".replace("0.", ".") in WORDS
    )
