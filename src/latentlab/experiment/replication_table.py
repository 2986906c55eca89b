"""The measured figures compared with those of the report that a study re-does."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from latentlab.reporting.document import Section
from latentlab.reporting.formatting import MISSING, estimate_parts

COLUMNS = ["metric", "arm", "reported", "measured", "low", "high", "n", "agrees"]


def replication_table(
    comparison: pd.DataFrame, reported: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """Compare measured with reported figures: one row per figure that both have.

    Args:
        comparison: from `comparison_table`.
        reported: by arm and metric; single runs.

    Returns:
        Columns metric, arm, reported, measured (mean over seeds), low and high (the range in which
        95 % of single runs are expected, a prediction interval), n, and `agrees`: whether the
        reported figure lies in it. An interval for the mean would be too narrow for one run.
    """
    rows = []
    for row in comparison.to_dict("records"):
        value = reported.get(row["arm"], {}).get(row["metric"])
        if value is None:
            continue
        n = int(row["n"])
        # The half-width of the mean's interval is t s / sqrt(n); that of one new run is
        # t s sqrt(1 + 1 / n).
        reach = (row["mean_high"] - row["mean"]) * (n + 1) ** 0.5
        low, high = row["mean"] - reach, row["mean"] + reach
        rows.append(
            (row["metric"], row["arm"], value, row["mean"], low, high, n, low <= value <= high)
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def replication_section(table: pd.DataFrame) -> Section:
    """Put the table into the report, in the digits of the ranges."""
    written = [
        estimate_parts(*ends)
        for ends in zip(table["measured"], table["low"], table["high"], strict=True)
    ]
    shown = table.assign(
        measured=[mean for mean, _ in written], range=[ends or MISSING for _, ends in written]
    )
    names = {
        "metric": "metric",
        "arm": "arm",
        "reported": "reported, one run",
        "measured": "measured, mean",
        "n": "seeds",
        "range": "95 % of runs expected",
        "agrees": "reported within",
    }
    return Section(
        "Compared with the report",
        table=shown.loc[:, list(names)].rename(columns=names),
        note="The report's figures are single runs; a figure that lies outside the range in which "
        "95 % of our runs are expected does not reproduce here.",
    )
