"""The heat table of means: which way it lies, and what its shades and marks say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labs.reporting_study import ARMS, METRICS, make_scores, make_trials
from latentlab.metrics.metric import Metric
from latentlab.reporting import comparison_table
from latentlab.reporting.cells import Cell
from latentlab.reporting.means import STEPS, means_table, shade_legend


def compared(differences: list[float], better: str = "higher") -> Cell:
    """The cell of an arm whose seeds differ from the control's by so much."""
    seeds = range(len(differences))
    rows = [(f"a{s}", "a", s, "test", "m", 1.0) for s in seeds]
    rows += [
        (f"b{s}", "b", s, "test", "m", 1.0 + d) for s, d in zip(seeds, differences, strict=True)
    ]
    columns = ["trial_id", "arm", "seed", "split", "metric", "value"]
    metric = Metric("m", better, "points", "x")
    table = comparison_table(pd.DataFrame(rows, columns=columns), [metric], "a")
    cell = means_table(table).iloc[-1, -1]
    assert isinstance(cell, Cell)
    return cell


def spread(mean: float, n: int = 20) -> list[float]:
    """Differences with this mean and a standard deviation of one."""
    values = np.linspace(-1, 1, n)
    return list(mean + values / values.std(ddof=1))


@pytest.mark.parametrize(
    ("mean", "better", "shade"),
    [
        (0.4, "higher", ""),
        (0.6, "higher", "better-1"),
        (1.2, "higher", "better-2"),
        (-2.5, "higher", "worse-3"),
        (-0.6, "lower", "better-1"),
        (2.5, "lower", "worse-3"),
        (2.5, "none", ""),
    ],
)
def test_a_shade_is_the_difference_in_its_standard_deviations(
    mean: float, better: str, shade: str
) -> None:
    assert compared(spread(mean), better).shade == shade


def test_a_mark_stands_where_the_interval_excludes_zero_and_says_which_way() -> None:
    # 20 pairs tell 0.4 standard deviations from zero by no 95 % interval, and 0.6 by one.
    assert compared(spread(0.4)).text == "1.40"
    assert compared(spread(0.6)).text == "1.60 ▲"
    assert compared(spread(0.6), "lower").text == "1.60 ▼"
    assert compared(spread(0.6), "none").text == "1.60 ≠"
    few = compared([0.0, 2.0])
    assert (few.text, few.shade) == ("2", "better-1")


def test_differences_without_spread_are_large_and_equal_scores_are_none() -> None:
    assert compared([0.5, 0.5, 0.5]).shade == "better-3"
    assert compared([0.0, 0.0, 0.0]).shade == ""
    assert compared([0.5]).shade == ""


def test_a_cell_says_mean_interval_difference_and_what_was_lost() -> None:
    table = comparison_table(make_scores(), METRICS, ARMS[0], trials=make_trials())
    cell = means_table(table).iloc[2, 1]
    assert cell.hover == (
        "beta_vae_2, kl: 8.04 [7.62, 8.46], n = 9; 1 diverged; difference from standard_vae "
        "-0.57 [-0.90, -0.25] (unadjusted 95 % interval) over 9 pairs"
    )
    assert str(cell) == "8.04 ▲ [7.62, 8.46] (n = 9)"


def test_a_comparison_that_was_read_from_a_file_is_shown_alike(tmp_path: Path) -> None:
    table = comparison_table(make_scores(), METRICS, ARMS[0])
    table.to_csv(tmp_path / "comparison.csv", index=False)
    read = means_table(pd.read_csv(tmp_path / "comparison.csv"))
    pd.testing.assert_frame_equal(read, means_table(table))


def test_the_table_lies_so_that_it_is_narrow() -> None:
    table = comparison_table(make_scores(), METRICS, ARMS[0])
    assert means_table(table).shape == (len(ARMS), 1 + len(METRICS))
    few = table[table["arm"].isin(ARMS[:2])]
    assert means_table(few).shape == (len(METRICS), 3)


def test_the_legend_names_every_shade_in_order() -> None:
    legend = shade_legend()
    assert len(legend) == 2 * len(STEPS) + 1
    assert [cell.shade for cell in legend][:4] == ["worse-3", "worse-2", "worse-1", ""]
    assert [cell.text for cell in legend][-1] == "over 2 SD better"
