"""Runs that exist as the engine reads them: trials, their scores, and what is lost of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.reporting.formatting import plural
from latentlab.runs.judging.arms import Arms
from latentlab.runs.judging.reading import Measured
from latentlab.runs.run_table import RunTable
from latentlab.runs.setting_names import setting


def trials_of(runs: RunTable, arms: Arms) -> tuple[pd.DataFrame, list[str]]:
    """Return the runs as trials, one of each arm and seed, and what is said of those left out.

    Raises:
        UserError: two runs that finished have one arm and seed.
    """
    trials, repeated = _without_failed_attempts(_trials(runs, arms))
    _refuse_twice(trials, arms, runs.name)
    return trials, repeated


def scores_of(runs: RunTable, metrics: list[Measured], trials: pd.DataFrame) -> pd.DataFrame:
    """Scores of the runs in long form; a run has no row where it has no finite value."""
    parts = []
    for one in metrics:
        values = runs.values[one.column].to_numpy(dtype=np.float64)[trials.index]
        part = trials[["trial_id", "arm", "seed"]].assign(
            split=one.split, metric=one.metric.name, value=values
        )
        parts.append(part[np.isfinite(values)])
    return pd.concat(parts, ignore_index=True)


def lost_runs(scores: pd.DataFrame, trials: pd.DataFrame, metrics: Sequence[Measured]) -> list[str]:
    """Say of each metric how many runs of which arms have no score of it."""
    said = []
    for one in metrics:
        counts = _without_score(trials, scores, one)["arm"].value_counts(sort=False)
        if len(counts):
            by_arm = ", ".join(f"{arm} {count}" for arm, count in counts.items())
            lost = plural(int(counts.sum()), "run")
            said.append(f"Left out for want of a finite {one.column}: {lost} ({by_arm})")
    return said


def runs_table(
    trials: pd.DataFrame, arms: Arms, scores: pd.DataFrame, first: Measured
) -> pd.DataFrame:
    """How many runs each arm has, how many of no use, and which seeds of the others it lacks."""
    every, without = set(trials["seed"]), _without_score(trials, scores, first)
    rows = []
    for arm in arms.names:
        own = trials[trials["arm"] == arm]
        lost = without[without["arm"] == arm]
        there = set(own["seed"]) - set(lost["seed"])
        lacking = sorted(every - there) if arms.are_seeds else []
        rows.append(
            {
                "arm": arm,
                "runs": str(len(own)),
                "did not finish": str(int((own["status"] != "finished").sum())),
                f"no finite {first.column}": str(len(lost)),
                "seeds to run": ", ".join(map(str, lacking)) or "none",
            }
        )
    return pd.DataFrame(rows)


def _trials(runs: RunTable, arms: Arms) -> pd.DataFrame:
    """One row per run, as the engine reads trials."""
    settings = arms.settings.astype(object).where(arms.settings.notna(), None)
    status = ["finished" if state == "complete" else state for state in runs.states]
    return pd.DataFrame(
        {
            "trial_id": [f"run_{row}" for row in runs.parameters.index],
            "arm": arms.labels,
            "seed": arms.seeds,
            "status": status,
            "started_at": _started(runs),
            "config": settings.to_dict("records"),
        }
    )


def _started(runs: RunTable) -> pd.Series:
    """When each run began, missing where its source does not say it."""
    if runs.started is None:
        return pd.Series(pd.NaT, index=range(len(runs.states)), dtype="datetime64[ns, UTC]")
    return runs.started.reset_index(drop=True)


def _without_failed_attempts(trials: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Leave out failed runs of an arm and seed that was run again and finished."""
    finished = trials["status"] == "finished"
    pairs = pd.MultiIndex.from_frame(trials[["arm", "seed"]])
    again = ~finished.to_numpy() & pairs.isin(pairs[finished.to_numpy()])
    if not again.any():
        return trials, []
    return trials[~again], [
        f"left out, as arm and seed were run again: {plural(int(again.sum()), 'run')} that did not "
        "finish"
    ]


def _refuse_twice(trials: pd.DataFrame, arms: Arms, source: str) -> None:
    """Name an arm of which two runs have one seed.

    Raises:
        UserError: there is one.
    """
    again = trials[trials.duplicated(["arm", "seed"])]
    if again.empty:
        return
    first = again.iloc[0]
    same = trials[(trials["arm"] == first["arm"]) & (trials["seed"] == first["seed"])]
    varying = [str(n) for n in arms.settings if arms.settings[n].astype(str).nunique() > 1]
    columns = "+".join([*arms.columns, varying[0]]) if varying else ""
    raise UserError(
        f"{source}: {len(same)} runs of arm {first['arm']} have seed {first['seed']} "
        f"({', '.join(same['trial_id'][:5])}), and so in {plural(len(again), 'case')}",
        f"Say what else tells arms apart: {setting('arm', columns)}."
        if varying
        else f"Take all but one of them out, or name another column as {setting('seed')}.",
    )


def _without_score(trials: pd.DataFrame, scores: pd.DataFrame, one: Measured) -> pd.DataFrame:
    """Return the trials that have no finite score of a metric."""
    has = scores["metric"].eq(one.metric.name) & scores["split"].eq(one.split)
    return trials[~trials["trial_id"].isin(scores.loc[has, "trial_id"])]
