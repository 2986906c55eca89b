"""The tables that verdicts are read from: trials, their scores, the values of single examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from latentlab.core.arrays import AnyArray
from latentlab.core.errors import UserError
from latentlab.evidence.copies import WEIGHTS, outcomes

SCORE_COLUMNS = ("trial_id", "split", "metric", "value")
TRIAL_COLUMNS = ("trial_id", "arm", "seed", "status", "started_at", "config")


def none_kept(trial_id: str) -> None:
    """Where no values of single examples are kept."""


@dataclass(frozen=True)
class Examples:
    """The values of single examples behind scores, and which examples belong together.

    Args:
        of_trial: trial id -> `split/metric` -> values, NaN of examples that the metric leaves out,
            [examples]; None: none are kept. A split that each seed draws for itself has none.
        groups: split -> integers; examples of one number belong together, [examples]. A split whose
            examples are each on their own has none.
        grouping: digest of the groups; empty where there are none.
    """

    of_trial: Callable[[str], Mapping[str, AnyArray] | None] = none_kept
    groups: Mapping[str, AnyArray] = field(default_factory=dict)
    grouping: str = ""


NO_EXAMPLES = Examples()


class NoVerdict(Exception):
    """A gate failed: there is nothing to test.

    Args:
        verdict: the non-verdict to report.
        cause: why, in a clause for the reader.
    """

    def __init__(self, verdict: Literal["invalid", "not_run"], cause: str) -> None:
        super().__init__(cause)
        self.verdict = verdict
        self.cause = cause


@dataclass(frozen=True)
class Tables:
    """Scores, and trials with one row per trial and arm.

    Args:
        scores: columns trial_id, split, metric, value; finite values, no row twice.
        trials: columns trial_id, arm, seed, status, started_at (UTC or NaT), config, and what
            copies of trials share (`evidence.copies`).
        examples: values of single examples.
    """

    scores: pd.DataFrame
    trials: pd.DataFrame
    examples: Examples = NO_EXAMPLES


def tidy(scores: pd.DataFrame, trials: pd.DataFrame, examples: Examples = NO_EXAMPLES) -> Tables:
    """Reduce the tables to one row per trial and arm: one logged twice is one piece of evidence.

    Arms of one configuration share their trials; each then has them.

    Of several rows of a trial the earliest start is kept: logging a trial again after a freeze
    does not make it younger.

    Raises:
        UserError: when a column is missing.
    """
    for label, table, columns in (
        ("scores", scores, SCORE_COLUMNS),
        ("trials", trials, TRIAL_COLUMNS),
    ):
        absent = [column for column in columns if column not in table]
        if absent:
            raise UserError(
                f"the table of {label} has no column {', '.join(absent)}",
                f"It needs {', '.join(columns)}",
            )
    values = scores.loc[:, list(SCORE_COLUMNS)].astype({"value": float})
    values = values[np.isfinite(values["value"])].drop_duplicates()
    known = trials.reindex(columns=[*TRIAL_COLUMNS, WEIGHTS])
    once = known.assign(
        outcome=known["trial_id"].map(outcomes(values)),
        started_at=pd.to_datetime(
            trials["started_at"], utc=True, errors="coerce", format="ISO8601"
        ),
    )
    once = once.sort_values("started_at", kind="stable").drop_duplicates(["trial_id", "arm"])
    return Tables(values, once.sort_index(), examples)


def at_looks(tables: Tables, looks: Sequence[int]) -> list[Tables]:
    """Return what was known at each look that was reached: the trials of the first seeds.

    Args:
        tables: what `tidy` returned.
        looks: seeds at each look.
    """
    seeds = np.sort(tables.trials["seed"].unique())
    return [
        replace(tables, trials=tables.trials[tables.trials["seed"].isin(seeds[:n])])
        for n in looks
        if n <= len(seeds)
    ]
