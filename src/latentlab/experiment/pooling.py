"""A study's hypotheses over all problems, that is data sets, that have been run so far.

A run has one data set. Its scores are kept beside those of earlier runs on other data sets, each
with what its trials were; what the present declaration would compute anew is not pooled.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd
from pydantic import ValidationError

from latentlab.evidence.pooled_verdicts import judge_pooled
from latentlab.evidence.registration import Record
from latentlab.evidence.standing import JudgeStanding, Standing, standing_under
from latentlab.evidence.verdict_columns import POOLED_COLUMNS
from latentlab.experiment.baselines import baseline_trials
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.hypothesis_testing import with_skipped
from latentlab.experiment.registering import declared_now, one_of
from latentlab.experiment.same_data import require_prepared, require_same_data
from latentlab.experiment.study import Study
from latentlab.training.per_trial import canonical_json

logger = logging.getLogger(__name__)

_KEYS = ["trial_id", "arm", "seed"]
_OF_TRIALS = ["status", "started_at", "config", "data", "precision"]


def problem_scores(
    study: Study,
    declaration: Declaration,
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    card: Mapping[str, Any],
) -> pd.DataFrame:
    """The scores of a run with what judges must know of its trials.

    Args:
        study: names its baselines.
        declaration: the settings of the source.
        scores: all scores of the run.
        trials: from `trial_table`.
        card: the data card.

    Returns:
        The scores, the columns status, started_at, config (JSON), data (fingerprint) and precision
        of their trials, and dataset and source (settings, as JSON), which are the same in all rows.

    Raises:
        UserError: what is prepared is not the declared data set, or not what the trials were
            trained on.
    """
    require_prepared(study, declaration, card["name"])
    require_same_data(study, trials, card["fingerprint"])
    table = trials[_KEYS + _OF_TRIALS]
    if study.baselines:
        baselines = baseline_trials(study, scores, trials)
        baselines = baselines.assign(config=baselines["config"].map(json.dumps))
        table = pd.concat([table, baselines], ignore_index=True)
    # From the right, because a trial without a score is still a trial that was run.
    return scores.merge(table, on=_KEYS, how="right").assign(
        dataset=declaration.dataset, source=canonical_json(declaration.dataset_config.source)
    )


def judge_problems(
    study: Study,
    declaration: Declaration,
    problems: Mapping[str, pd.DataFrame],
    record: Record,
) -> pd.DataFrame:
    """Pooled verdicts over the data sets whose scores are those of the present declaration.

    Args:
        study: whose formulas and baselines count.
        declaration: of any data set.
        problems: data set -> result of `problem_scores`.
        record: what was registered.

    Returns:
        One row per declared hypothesis with the columns of `POOLED_COLUMNS`; one that fewer than
        two of the problems were asked is `not_run`. Empty for fewer than two problems, and where
        looks are declared: each problem then has as many seeds as its own verdicts took.
    """
    if declaration.hypotheses.stopping is not None:
        if len(problems) > 1:
            logger.info("Verdicts are not pooled: with stopping, problems differ in their seeds")
        return pd.DataFrame(columns=list(POOLED_COLUMNS))
    kept: dict[str, Declaration] = {}
    left_out: dict[str, str] = {}
    for name, table in problems.items():
        found = _declared(study, declaration, name, table)
        if isinstance(found, str):
            left_out[name] = found
            logger.warning(
                "%s is left out of pooling: %s. `kedro run --pipelines %s --params %s.dataset=%s` "
                "brings it up to date.",
                name,
                found,
                study.name,
                study.name,
                name,
            )
        else:
            kept[name] = found
    if len(kept) < 2:
        return pd.DataFrame(columns=list(POOLED_COLUMNS))
    declared = declaration.hypotheses
    asked = {
        hypothesis: [name for name, own in kept.items() if hypothesis in own.applicable.hypotheses]
        for hypothesis in declared.hypotheses
    }
    shared = {h: claim for h, claim in declared.hypotheses.items() if len(asked[h]) > 1}
    skipped = {
        h: f"not pooled: of the problems run so far, asked of {' '.join(own) or 'none'} alone"
        for h, own in asked.items()
        if h not in shared
    }
    verdicts = judge_pooled(
        {name: problems[name] for name in kept},
        declared.model_copy(update={"hypotheses": shared}),
        asked,
        declaration.metric_table,
        _standing(study, record, kept, problems),
    )
    why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    return with_skipped(verdicts, declared, skipped).assign(left_out=why)


def _standing(
    study: Study,
    record: Record,
    kept: Mapping[str, Declaration],
    problems: Mapping[str, pd.DataFrame],
) -> JudgeStanding:
    """What a pooled verdict may be called: what the least of its problems' may be called."""
    of_problem = {}
    for name, own in kept.items():
        trials = problems[name].drop_duplicates(["trial_id", "arm"])
        trials = trials.assign(config=trials["config"].map(json.loads))
        trained = trials[~trials["arm"].isin(study.baselines)]
        now = declared_now(study, own, *one_of(trained, "data", "precision"))
        of_problem[name] = (set(trials["trial_id"]), standing_under(record, now, trials, {}))

    def standing(name: str, used: pd.DataFrame | None) -> Standing:
        found = {
            problem: judge(name, None if used is None else used[used["trial_id"].isin(ids)])
            for problem, (ids, judge) in of_problem.items()
        }
        seen = {
            "earlier": max((one.earlier for one in found.values()), key=len),
            "otherwise": max((one.otherwise for one in found.values()), key=len),
        }
        for status in ("deviated", "exploratory"):
            reasons = [f"{p}: {one.reason}" for p, one in found.items() if one.status == status]
            if reasons:
                return Standing(status, "; ".join(reasons), **seen)
        return Standing("confirmatory", "", **seen)

    return standing


def _declared(
    study: Study, declaration: Declaration, name: str, table: pd.DataFrame
) -> Declaration | str:
    """The declaration for data set `name`, or why the stored scores are not its scores.

    A trial's id is a hash of all that decides its outcome, so equal ids are equal trials.
    """
    fields = {field: getattr(declaration, field) for field in type(declaration).model_fields}
    try:
        own = type(declaration).model_validate(fields | {"dataset": name})
    except ValidationError:
        return "its declaration does not resolve"
    if set(table["source"]) != {canonical_json(own.dataset_config.source)}:
        return "its data were read with other settings"
    trials = table[~table["arm"].isin(study.baselines)].drop_duplicates(["arm", "seed"])
    planned = {(arm, seed) for arm in own.configs for seed in own.seeds.numbers()}
    if set(zip(trials["arm"], trials["seed"], strict=True)) != planned:
        return "it was run with other arms or seeds"
    for row in trials.to_dict("records"):
        config = own.configs[row["arm"]]
        trial = study.trial(
            own, row["arm"], int(row["seed"]), config, row["data"], row["precision"]
        )
        if trial.id != row["trial_id"]:
            return f"its arm {row['arm']} has other settings or formulas now"
    return own
