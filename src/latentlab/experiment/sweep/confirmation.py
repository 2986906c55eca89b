"""Did the search find anything? Its winner and the default, trained anew on fresh seeds.

The best of many noisy scores is too good by selection. Trained again, on seeds that the search
never saw and on the study's own budget, the winner has a score without that bias, and its gain
over the default configuration an interval. The test split is opened here for the first time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.experiment.blocks import merged
from latentlab.experiment.study import Made
from latentlab.experiment.sweep.file import Sweep
from latentlab.search.table import SweepTable
from latentlab.statistics.intervals import mean_interval
from latentlab.statistics.location import location_p
from latentlab.training.config import TrialConfig
from latentlab.training.trial import Trial

WINNER, DEFAULT = "winner", "default"

LEVEL = 0.95


def confirmation_trials(
    sweep: Sweep, table: SweepTable, made_from: Made, precision: str
) -> list[Trial]:
    """Return the winner and the default configuration on the confirmation's seeds.

    Raises:
        UserError: no configuration is complete.
    """
    configs = {WINNER: _winner(sweep, table), DEFAULT: sweep.config({})}
    return [
        sweep.trial(arm, seed, for_confirmation(sweep, config), made_from, precision)
        for seed in sweep.settings.confirmation.seeds.numbers()
        for arm, config in configs.items()
    ]


def winner_of(table: SweepTable) -> int:
    """Return the number of the best complete configuration; of equals the earliest.

    Raises:
        UserError: none is complete.
    """
    if not table.complete.any():
        raise UserError(
            f"No configuration of the sweep {table.name} has a score",
            "Look at the states in the table of configurations: they failed, diverged or were "
            "stopped early.",
        )
    return int(table.outcomes.index[table.complete][int(np.argmax(table.scores))])


def _winner(sweep: Sweep, table: SweepTable) -> TrialConfig:
    space, number = sweep.settings.space, winner_of(table)
    row = {name: table.parameters.at[number, name] for name in space.parameters}
    # What exists depends on the values: none at all (null) may be one of the choices.
    values: dict[str, Any] = space.configuration(row)
    for name in values.keys() & space.parameters.keys():
        # Whole numbers come back from a table as floats.
        if space.parameters[name].type == "int":
            values[name] = int(values[name])
    return sweep.config(values)


def for_confirmation(sweep: Sweep, config: TrialConfig) -> TrialConfig:
    """Return a configuration with the budget of the confirmation: the study's own by default."""
    if sweep.study.runs_programs:
        return config
    epochs = sweep.settings.confirmation.epochs or sweep.config({}).training.epochs
    block = merged(config.model_dump(mode="json"), {"training": {"epochs": epochs}})
    return type(config).model_validate(block)


def confirmation_table(sweep: Sweep, table: SweepTable, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the gain of the winner over the default, paired by seed.

    A trial that diverged, or has no finite score, is lost. A mean over the seeds that are left
    leaves out what a loss says, so that it has no p-value: it is no evidence for the winner.

    Args:
        sweep: names the objectives.
        table: of the search; says what the winner seemed to reach.
        scores: of the confirmation's trials, as from `score_trials`.

    Returns:
        One row per objective and split: `sweep`, `metric`, `split`; `seeds`, and on how many of
        them the trial was lost, `winner_lost` and `default_lost`, and neither, `pairs`; over these
        `winner` and `default` (means) and `gain` (positive is better) with its 95 % t interval
        `low` and `high`; one-sided `p`, missing where a trial was lost; `search_score`, the
        winner's mean in the search: better than `winner` by its luck.
    """
    rows = []
    best = winner_of(table)
    for objective in sweep.objectives:
        searched = float(table.outcomes[objective.name].loc[best])
        for split in ("validation", "test"):
            arms = _by_seed(sweep, scores, objective.name, split)
            lost = arms.isna()
            pairs = arms.dropna()
            winner, default = pairs[WINNER].to_numpy(), pairs[DEFAULT].to_numpy()
            gains = objective.sign * (winner - default)
            low, high = mean_interval(gains, LEVEL)
            sides = objective.sign * winner[None], objective.sign * default[None]
            p = float(location_p("paired_t", *sides, "greater")[0])
            rows.append(
                {
                    "sweep": sweep.name,
                    "metric": objective.name,
                    "split": split,
                    "seeds": len(arms),
                    "winner_lost": int(lost[WINNER].sum()),
                    "default_lost": int(lost[DEFAULT].sum()),
                    "pairs": len(pairs),
                    # Of a table without rows pandas gives NaN without a warning.
                    "winner": pairs[WINNER].mean(),
                    "default": pairs[DEFAULT].mean(),
                    "gain": objective.sign * (pairs[WINNER] - pairs[DEFAULT]).mean(),
                    "low": low,
                    "high": high,
                    "p": math.nan if lost.any(axis=None) else p,
                    "search_score": searched,
                    "configuration": best,
                }
            )
    return pd.DataFrame(rows)


def outcomes_by_seed(sweep: Sweep, scores: pd.DataFrame) -> pd.DataFrame:
    """Return what became of the winner and the default on each fresh seed.

    Args:
        sweep: names the objectives; the first one is shown, on the test split.
        scores: of the confirmation's trials, as from `score_trials`.

    Returns:
        `seed`, `winner` and `default`, missing where the trial was lost, and `gain`, positive where
        the winner is better.
    """
    objective = sweep.objectives[0]
    arms = _by_seed(sweep, scores, objective.name, "test")
    gain = objective.sign * (arms[WINNER] - arms[DEFAULT])
    shown = arms.assign(gain=gain).rename_axis(index="seed", columns=None)
    return shown.reset_index()


def _by_seed(sweep: Sweep, scores: pd.DataFrame, metric: str, split: str) -> pd.DataFrame:
    """Return scores [seeds, arms] of all fresh seeds; NaN where a trial was lost."""
    chosen = scores[
        (scores["metric"] == metric) & (scores["split"] == split) & np.isfinite(scores["value"])
    ]
    wide = chosen.pivot_table(index="seed", columns="arm", values="value")
    return wide.reindex(
        index=sweep.settings.confirmation.seeds.numbers(), columns=[WINNER, DEFAULT]
    )
