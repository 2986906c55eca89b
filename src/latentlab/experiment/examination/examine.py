"""The examination: is it collapsed, which units since when, in how many seeds, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.experiment.examination import FEWEST_SEEDS
from latentlab.experiment.examination.causes import (
    CONFIGURED,
    WAKES,
    Answer,
    answer,
    claims,
    judged,
    supported,
)
from latentlab.experiment.examination.cohort import Setting, scores_of
from latentlab.experiment.examination.levers import Lever, levers_of, require_examinable
from latentlab.experiment.examination.units import (
    ENOUGH,
    Units,
    effective_dimensions,
    expected_units,
)
from latentlab.reporting.formatting import plural
from latentlab.training.config import TrialConfig


@dataclass(frozen=True)
class Examination:
    """What was found of one configuration.

    Attributes:
        study: its name.
        arm: what the configuration is called.
        answer: the verdict.
        causes: those that are supported, the one that wakes most units first.
        latent: units that there are.
        dimensions: directions in which the data vary.
        expected: units that the data call for.
        seeds: columns seed, trial_id, status, on (units), kl and information (nats, of all units),
            collapsed; of a trial that diverged no unit is on.
        information: what the units of an arm say of x, nats, mean over seeds: of the configuration
            and, where levers were pulled, of each.
        verdicts: on the claim of each lever; empty where nothing is collapsed, so none was pulled.
        changes: cause -> the setting, its present value and that of the lever, as text.
        unasked: causes whose lever stands already where it would be brought.
    """

    study: str
    arm: str
    answer: Answer
    causes: Sequence[str]
    latent: int
    dimensions: float
    expected: float
    seeds: pd.DataFrame
    information: Mapping[str, float]
    verdicts: pd.DataFrame
    changes: Mapping[str, str]
    unasked: Sequence[str]

    @property
    def information_as_configured(self) -> float:
        """What the units of the configuration say of x, nats, mean over seeds."""
        return self.information[CONFIGURED]


def examine(setting: Setting, arm: str, config: TrialConfig, seeds: Sequence[int]) -> Examination:
    """Examine a configuration.

    Trials that the study trained already are taken as they are. Where a seed is collapsed, every
    lever is pulled with all seeds: trials that can be trained together are.

    Args:
        setting: where trials are made.
        arm: what the configuration is called.
        config: the configuration.
        seeds: to train it with.

    Raises:
        UserError: too few seeds; the study says nothing of its latent-variable models or levers;
            all seeds diverged.
    """
    if len(seeds) < FEWEST_SEEDS:
        raise UserError(
            f"{plural(len(seeds), 'seed')}: too few to examine {arm}",
            f"Take {FEWEST_SEEDS} or more.",
        )
    require_examinable(setting.study)
    levers = levers_of(setting.study)
    pulled = {cause: lever.pulled(config) for cause, lever in levers.items()}
    changed = {cause: other for cause, other in pulled.items() if other != config}
    dimensions = effective_dimensions(setting.features("train"))

    trials = setting.trained(setting.trials({CONFIGURED: config}, seeds))
    units = setting.units(trials)
    if not units:
        raise UserError(
            f"{setting.study.name}, {arm}: all {len(seeds)} seeds diverged",
            "There is no model to examine; lower training.learning_rate.",
        )
    latent = len(next(iter(units.values())).kl)
    expected = expected_units(latent, dimensions)
    table = _seed_table(trials, units, expected)
    verdicts = pd.DataFrame()
    if table["collapsed"].any() and changed:
        others = setting.trained(setting.trials(changed, seeds))
        units |= setting.units(others)
        trials = pd.concat([trials, others], ignore_index=True)
        asked = claims(
            setting.study.name,
            {cause: levers[cause] for cause in changed},
            WAKES * expected,
            len(seeds),
        )
        verdicts = judged(asked, scores_of(trials, units), trials)
    information = _information(trials, units)
    causes = supported(verdicts, information) if len(verdicts) else []
    return Examination(
        study=setting.study.name,
        arm=arm,
        answer=answer(int(table["collapsed"].sum()), causes),
        causes=causes,
        latent=latent,
        dimensions=dimensions,
        expected=expected,
        seeds=table,
        information=information,
        verdicts=verdicts,
        changes={cause: _change(levers[cause], config, other) for cause, other in changed.items()},
        unasked=[cause for cause in levers if cause not in changed],
    )


def _seed_table(trials: pd.DataFrame, units: Mapping[str, Units], expected: float) -> pd.DataFrame:
    rows = []
    for trial in trials.itertuples():
        own = units.get(str(trial.trial_id))
        on = 0 if own is None else int(own.on.sum())
        rows.append(
            {
                "seed": trial.seed,
                "trial_id": trial.trial_id,
                "status": trial.status,
                "on": on,
                "kl": np.nan if own is None else float(own.kl.sum()),
                "information": 0.0 if own is None else float(own.information.sum()),
                "collapsed": on < ENOUGH * expected,
            }
        )
    return pd.DataFrame(rows)


def _information(trials: pd.DataFrame, units: Mapping[str, Units]) -> dict[str, float]:
    """Return the mean of each arm; a trial that diverged says nothing."""
    said = {trial_id: float(own.information.sum()) for trial_id, own in units.items()}
    return dict(trials["trial_id"].map(said).fillna(0.0).groupby(trials["arm"]).mean())


def _change(lever: Lever, config: TrialConfig, other: TrialConfig) -> str:
    values = [lever.of(one) for one in (config, other)]
    before, after = (f"{v:g}" if isinstance(v, float) else str(v) for v in values)
    return f"{lever.setting} {before} -> {after}"
