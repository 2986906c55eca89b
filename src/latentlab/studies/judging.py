"""Verdicts on all of a study's hypotheses, those that its data set cannot decide among them."""

from __future__ import annotations

import pandas as pd

from latentlab.evidence.freeze import Freeze
from latentlab.evidence.verdicts import judge
from latentlab.studies.baselines import baseline_trials
from latentlab.studies.declaration import Declaration
from latentlab.studies.study import Study


def judge_study(
    study: Study,
    declaration: Declaration,
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    frozen: Freeze,
) -> pd.DataFrame:
    """One row per declared hypothesis; what does not apply to this run is `not_run`.

    Args:
        study: names its baselines.
        declaration: hypotheses, metrics, and what does not apply.
        scores: all scores of the study.
        trials: one row per trial, `config` as a nested mapping.
        frozen: what the hypotheses said before training.
    """
    if study.baselines:
        trials = pd.concat([trials, baseline_trials(study, scores, trials)], ignore_index=True)
    verdicts = judge(scores, declaration.judged, declaration.metric_table, trials, frozen)
    skipped = [
        {
            "hypothesis": name,
            "question": declaration.hypotheses.hypotheses[name].question,
            "kind": declaration.hypotheses.hypotheses[name].kind,
            "family": declaration.hypotheses.hypotheses[name].family,
            "verdict": "not_run",
            "reason": why,
        }
        for name, why in declaration.not_applicable.items()
        if name in declaration.hypotheses.hypotheses
    ]
    if not skipped:
        return verdicts
    rows = [*verdicts.to_dict("records"), *skipped]
    return pd.DataFrame(rows, columns=verdicts.columns)
