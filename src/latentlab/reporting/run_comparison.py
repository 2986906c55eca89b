"""Two runs of a study side by side: what was configured, scored and decided otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from latentlab.reporting.formatting import MISSING, as_text, format_estimate
from latentlab.reporting.verdict_cells import effect_text, verdict_rows


@dataclass(frozen=True)
class FinishedRun:
    """A run of a study that reached its verdicts.

    Attributes:
        id: of the run.
        name: for people.
        settings: its resolved configuration, and the versions of its study's formulas and of the
            trainer, as text by dotted key.
        verdicts: one row per hypothesis.
        comparison: mean and interval of every arm and metric, from `comparison_table`.
    """

    id: str
    name: str
    settings: Mapping[str, str]
    verdicts: pd.DataFrame
    comparison: pd.DataFrame


def run_differences(first: FinishedRun, second: FinishedRun) -> dict[str, pd.DataFrame]:
    """Return what differs, as a table of words by subject: settings, verdicts, scores.

    Scores stand with their own intervals and no test: two runs that share seeds share trials, and
    a difference between runs was no one's hypothesis.
    """
    return {
        "settings": _side_by_side("setting", dict(first.settings), dict(second.settings)),
        "verdicts": _side_by_side("hypothesis", _decided(first), _decided(second)),
        "scores": _side_by_side("score", _scored(first), _scored(second)),
    }


def _side_by_side(name: str, first: dict[str, str], second: dict[str, str]) -> pd.DataFrame:
    """Return the rows in which two runs differ, in the order of the first."""
    rows = [
        (key, first.get(key, MISSING), second.get(key, MISSING))
        for key in dict.fromkeys([*first, *second])
        if first.get(key) != second.get(key)
    ]
    return pd.DataFrame(rows, columns=[name, "first", "second"])


def _decided(run: FinishedRun) -> dict[str, str]:
    decided = {}
    for row in verdict_rows(run.verdicts):
        words = [as_text(row.get("verdict")).replace("_", " "), as_text(row.get("status"))]
        decided[as_text(row.get("hypothesis"))] = (
            f"{', '.join(filter(None, words))}; {effect_text(row)}; n {as_text(row.get('n'))}"
        )
    return decided


def _scored(run: FinishedRun) -> dict[str, str]:
    return {
        f"{row['metric']} ({row['split']}), {row['arm']}": (
            f"{format_estimate(row['mean'], row['mean_low'], row['mean_high'])}; n {row['n']}"
        )
        for row in run.comparison.to_dict("records")
    }
