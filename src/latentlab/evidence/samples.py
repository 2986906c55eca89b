"""From tables of trials and scores to the numbers that a hypothesis is about.

Every gate that a verdict must pass before any statistics lies here: are the trials there, is each
(arm, seed) there once, do the configurations differ only as declared, is every score there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from latentlab.evidence.configurations import differing_keys, flatten
from latentlab.evidence.copies import copied
from latentlab.evidence.tables import NoVerdict, Tables

Missing = Literal["fail", "worst_value", "exclude_pair"]


@dataclass(frozen=True)
class ArmScores:
    """Scores of the arms that a claim compares.

    Args:
        values: one row per seed, one column per arm; NaN only where arms are not paired.
        trials: the trials that the values come from.
    """

    values: pd.DataFrame
    trials: pd.DataFrame


def arm_scores(
    tables: Tables,
    arms: list[str],
    metric: str,
    split: str,
    *,
    varies: Iterable[str],
    missing: Missing,
    worst: float | None,
    paired: bool,
) -> ArmScores:
    """Return the scores per seed and arm, after every gate.

    Args:
        tables: what `tidy` returned.
        arms: the arms that are compared.
        metric: name of the metric.
        split: which data it was measured on.
        varies: configuration keys in which the arms may differ.
        missing: what a trial without a score means.
        worst: the value that `worst_value` puts in place of a missing score: an infinite bound
            stands for the worst score that was observed.
        paired: whether arms share seeds.

    Raises:
        NoVerdict: when a gate fails.
    """
    trials = tables.trials[tables.trials["arm"].isin(arms)]
    absent = [arm for arm in arms if arm not in set(trials["arm"])]
    if absent:
        raise NoVerdict("not_run", f"no trial of {', '.join(absent)} has been run")
    _seeds_are_replicates(trials)
    _only_declared_differences(trials, varies)
    scored = _with_scores(tables, trials, metric, split)
    values = scored.pivot(index="seed", columns="arm", values="value").reindex(columns=arms)
    was_run = scored.assign(run=True).pivot(index="seed", columns="arm", values="run")
    was_run = was_run.reindex(columns=arms).notna()
    # Independent arms have seeds of their own; only paired ones owe each other every seed.
    expected = pd.DataFrame(True, values.index, values.columns) if paired else was_run
    lacking = values.isna() & expected
    if missing == "worst_value":
        values = _fill_with_worst(values, lacking & was_run, worst)
        lacking &= ~was_run
    if missing != "exclude_pair" and bool(lacking.to_numpy().any()):
        raise NoVerdict("invalid", _describe_missing(lacking, was_run, f"{metric} on {split}"))
    if paired:
        values = values.dropna()
    used = scored[scored["seed"].isin(values.index)]
    return ArmScores(values, used)


def logarithms(samples: ArmScores, metric: str) -> ArmScores:
    """Return the logarithms of scores, which are compared by ratios.

    Raises:
        NoVerdict: a score has none; it is named.
    """
    for arm, scores in samples.values.items():
        without = scores[scores <= 0]
        if len(without):
            raise NoVerdict(
                "invalid",
                f"{metric} is compared by ratios, and {arm} has {without.iloc[0]:g} with seed "
                f"{without.index[0]}",
            )
    return replace(samples, values=samples.values.transform(np.log))


@dataclass(frozen=True)
class TrialColumns:
    """Two columns of trials whose association is claimed, each of shape [trials]."""

    metric: np.ndarray
    against: np.ndarray
    seeds: np.ndarray
    trials: pd.DataFrame


def trials_of(tables: Tables, arms: Sequence[str]) -> pd.DataFrame:
    """Return the trials of some arms, or of all where none is named, each once.

    Raises:
        NoVerdict: there are none, or two of an arm share a seed.
    """
    trials = tables.trials
    if arms:
        trials = trials[trials["arm"].isin(arms)]
    trials = trials.drop_duplicates("trial_id")
    if trials.empty:
        raise NoVerdict("not_run", "no trial has been run")
    _seeds_are_replicates(trials)
    return trials


def trial_columns(
    tables: Tables,
    trials: pd.DataFrame,
    metric: str,
    split: str,
    against: np.ndarray,
    missing: Missing,
) -> TrialColumns:
    """Return a metric and its counterpart over trials, after every gate.

    Args:
        tables: what `tidy` returned.
        trials: what `trials_of` returned.
        metric: name of the metric.
        split: which data it was measured on.
        against: its counterpart, shape [trials]; NaN where there is none.
        missing: what a trial without a value means.

    Raises:
        NoVerdict: when a gate fails.
    """
    scored = _with_scores(tables, trials, metric, split)
    here = np.isfinite(scored["value"].to_numpy()) & np.isfinite(against)
    if not here.all() and missing == "fail":
        lost = scored.loc[~here, "trial_id"].astype(str)
        raise NoVerdict(
            "invalid",
            f"{len(lost)} of {len(here)} trials lack a value (first: trial {lost.iloc[0]})",
        )
    kept = scored[here]
    seeds = pd.factorize(kept["seed"])[0]
    return TrialColumns(kept["value"].to_numpy(), against[here], seeds, kept)


def metric_values(tables: Tables, trials: pd.DataFrame, metric: str, split: str) -> np.ndarray:
    """Return a metric of each trial, shape [trials]; NaN where it was not measured."""
    return _with_scores(tables, trials, metric, split)["value"].to_numpy()


def factor_values(trials: pd.DataFrame, factor: str) -> np.ndarray:
    """Return a configuration key of each trial, shape [trials]; NaN where it is absent.

    Raises:
        NoVerdict: the key holds no numbers.
    """
    found = [flatten(config).get(factor) for config in trials["config"]]
    numeric = [isinstance(value, (int, float)) or value is None for value in found]
    if not all(numeric) or all(value is None for value in found):
        raise NoVerdict("invalid", f"the configuration key {factor} holds no numbers")
    return np.array([np.nan if value is None else float(value) for value in found])


def _seeds_are_replicates(trials: pd.DataFrame) -> None:
    repeated = trials[trials.duplicated(["arm", "seed"], keep=False)]
    if not repeated.empty:
        first = repeated.iloc[0]
        raise NoVerdict(
            "invalid",
            f"duplicate seeds: different trials of arm {first['arm']} share seed {first['seed']}",
        )
    if found := copied(trials):
        raise NoVerdict("invalid", found)


def _only_declared_differences(trials: pd.DataFrame, varies: Iterable[str]) -> None:
    for arm, rows in trials.groupby("arm", sort=False):
        within = differing_keys(rows["config"], ())
        if within:
            raise NoVerdict(
                "invalid", f"the trials of arm {arm} differ between seeds in {', '.join(within)}"
            )
    between = differing_keys(trials["config"], varies)
    if between:
        raise NoVerdict(
            "invalid",
            f"the arms also differ in {', '.join(between)}, which varies does not list",
        )


def _with_scores(tables: Tables, trials: pd.DataFrame, metric: str, split: str) -> pd.DataFrame:
    chosen = tables.scores["metric"].eq(metric) & tables.scores["split"].eq(split)
    scored = trials.merge(
        tables.scores.loc[chosen, ["trial_id", "value"]], on="trial_id", how="left"
    )
    # A trial id stands for one outcome. Two values of it cannot both be that outcome.
    conflicting = scored.loc[scored["trial_id"].duplicated(), "trial_id"]
    if not conflicting.empty:
        raise NoVerdict(
            "invalid",
            f"trial {conflicting.iloc[0]} has two different values of {metric}",
        )
    if scored["value"].isna().all():
        raise NoVerdict("invalid", f"no trial has a score of {metric} on {split}")
    return scored


def _fill_with_worst(
    values: pd.DataFrame, cells: pd.DataFrame, worst: float | None
) -> pd.DataFrame:
    if worst is None:
        raise NoVerdict("invalid", "the metric has no better direction, so no worst value")
    if not np.isfinite(worst):
        observed = values.to_numpy()
        worst = float(np.nanmin(observed) if worst < 0 else np.nanmax(observed))
    return values.mask(cells, worst)


def _describe_missing(lacking: pd.DataFrame, was_run: pd.DataFrame, metric: str) -> str:
    def cells(table: pd.DataFrame) -> list[str]:
        return [
            f"{arm} seed {', '.join(map(str, table.index[table[arm]]))}"
            for arm in table.columns
            if table[arm].any()
        ]

    parts: Iterable[str] = [
        f"{what} {'; '.join(found)}"
        for what, found in (
            ("not run:", cells(lacking & ~was_run)),
            (f"no score of {metric}:", cells(lacking & was_run)),
        )
        if found
    ]
    return "missing runs: " + "; ".join(parts)
