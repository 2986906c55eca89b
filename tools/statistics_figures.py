"""Draws the figures of `docs/statistics_explained.md` with the project's own statistics.

    python tools/statistics_figures.py

It writes `docs/images/statistics/*.svg`, the same bytes for the same matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import scipy
from cycler import cycler
from matplotlib.figure import Figure

from latentlab.statistics.alpha_spending import Spending, spent
from latentlab.statistics.intervals import t_quantile
from latentlab.statistics.power import power
from latentlab.statistics.sequential import GroupSequential
from latentlab.statistics.two_way import TwoWayMean

FOLDER = Path(__file__).parent.parent / "docs" / "images" / "statistics"
ALPHA = 0.05
LOOKS = (5, 10, 15, 20)
SPENDINGS: tuple[Spending, ...] = ("obrien_fleming", "pocock")
# Of Okabe and Ito: the colour-blind can tell them apart, on white and on black.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")


def power_against_seeds() -> Figure:
    """Draw what a one-sided paired t test finds, for four true effects."""
    figure, seeds = Figure(figsize=(6, 3.4)), range(2, 31)
    axes = figure.subplots()
    for effect in (0.5, 0.75, 1.0, 1.5):
        found = [power(effect, n, ALPHA, paired=True) for n in seeds]
        axes.plot(seeds, found, label=f"{effect:g} standard deviations")
    axes.axhline(0.8, color="grey", linestyle=":")
    axes.set(xlabel="seeds", ylabel="chance of `supported`", ylim=(0, 1))
    axes.legend(title="true distance from the boundary", frameon=False, loc="lower right")
    return figure


def alpha_by_look() -> Figure:
    """Draw how much of alpha is spent by each of four looks, and the level of each."""
    figure = Figure(figsize=(6, 3.4))
    by_then, at_look = figure.subplots(1, 2)
    share = np.linspace(0.01, 1, 200)
    for spending in SPENDINGS:
        design = GroupSequential(LOOKS, spending)
        by_then.plot(LOOKS[-1] * share, spent(ALPHA, share, spending), label=spending)
        levels = [design.level(ALPHA, k) for k in range(len(LOOKS))]
        at_look.plot(LOOKS, levels, "o-", label=spending)
    by_then.set(xlabel="seeds", ylabel="alpha spent so far", ylim=(0, None))
    at_look.set(xlabel="seeds at the look", ylabel="level of the look", ylim=(0, None))
    by_then.legend(frameon=False)
    return figure


def two_sources() -> Figure:
    """Draw half the width of an interval over seeds and examples, for three numbers of examples.

    A seed varies with a standard deviation of .02, an example of .4, both together of .2.
    """
    figure, seeds = Figure(figsize=(6, 3.4)), range(3, 41)
    axes = figure.subplots()
    for examples in (100, 400, 1600):
        tables = [_expected(n, examples) for n in seeds]
        halves = [float(np.diff(table.interval(0.9))[0]) / 2 for table in tables]
        (line,) = axes.plot(seeds, halves, label=f"{examples} examples")
        axes.axhline(tables[-1].narrowest(0.9), color=line.get_color(), linestyle=":")
    axes.set(xlabel="seeds", ylabel="half of the 90 % interval", ylim=(0, 0.1))
    axes.legend(frameon=False, ncols=3, loc="upper right")
    return figure


def _expected(seeds: int, examples: int) -> TwoWayMean:
    """Return a table whose mean squares are what is expected of them."""
    rest = 0.2**2 / (seeds * examples)
    row, column = 0.02**2 / seeds + rest, 0.4**2 / examples + rest
    mean = np.zeros(())
    return TwoWayMean(
        mean, np.array(row), np.array(column), np.array(rest), seeds=seeds, examples=examples
    )


def interval_of_few_seeds() -> Figure:
    """Draw half the width of Student's interval in standard errors: what few seeds cost."""
    figure, seeds = Figure(figsize=(6, 3.4)), range(2, 21)
    axes = figure.subplots()
    axes.plot(seeds, [t_quantile(0.9, n - 1) for n in seeds], "o-", label="Student's t")
    axes.axhline(scipy.stats.norm.isf(0.05), color="grey", linestyle=":", label="known variance")
    axes.set(xlabel="seeds", ylabel="standard errors", ylim=(0, 7), xticks=(2, 5, 10, 15, 20))
    axes.legend(frameon=False)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "power": power_against_seeds,
    "looks": alpha_by_look,
    "two_sources": two_sources,
    "few_seeds": interval_of_few_seeds,
}


def draw(folder: Path) -> None:
    """Write every figure into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    style = matplotlib.rc_context(
        {
            "svg.hashsalt": "latentlab",
            "svg.fonttype": "none",
            "font.size": 10,
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    with style:
        for name, figure in FIGURES.items():
            drawn = figure()
            drawn.tight_layout()
            drawn.savefig(folder / f"{name}.svg", metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    draw(FOLDER)
