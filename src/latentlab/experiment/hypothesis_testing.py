"""Verdicts on all of a study's hypotheses, those that its data set cannot decide among them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.registration import Record
from latentlab.evidence.standing import held_against_looks, standing_under
from latentlab.evidence.tables import NO_EXAMPLES, Examples
from latentlab.evidence.verdicts import judge
from latentlab.experiment.baselines import baseline_trials
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.registering import declared_now, one_of
from latentlab.experiment.study import Study


def judge_study(
    study: Study,
    declaration: Declaration,
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    record: Record,
    altered: Mapping[str, str],
    examples: Examples = NO_EXAMPLES,
) -> pd.DataFrame:
    """One row per declared hypothesis; what does not apply to this run is `not_run`.

    Args:
        study: names its baselines.
        declaration: hypotheses, metrics, and what does not apply.
        scores: all scores of the study.
        trials: one row per trial, `config` as a nested mapping.
        record: what was registered.
        altered: from `altered_trials`.
        examples: from `kept_examples`.
    """
    data, precision = one_of(trials, "data", "precision")
    now = declared_now(study, declaration, data, precision, examples.grouping)
    standing = standing_under(record, now, trials, altered)
    seeds = trials["seed"]
    if study.baselines:
        trials = pd.concat([trials, baseline_trials(study, scores, trials)], ignore_index=True)
    verdicts = judge(
        scores, declaration.applicable, declaration.metric_table, trials, standing, examples
    )
    verdicts = held_against_looks(verdicts, record, now.subject, seeds)
    return with_skipped(verdicts, declaration.hypotheses, declaration.not_applicable)


def with_skipped(
    verdicts: pd.DataFrame, hypotheses: Hypotheses, reasons: Mapping[str, str]
) -> pd.DataFrame:
    """The verdicts, and after them as `not_run` the hypotheses that do not apply.

    Args:
        verdicts: one row per hypothesis that was judged.
        hypotheses: all that are declared.
        reasons: hypothesis -> why it does not apply.
    """
    skipped = [
        {
            "hypothesis": name,
            "question": hypotheses.hypotheses[name].question,
            "kind": hypotheses.hypotheses[name].kind,
            "family": hypotheses.hypotheses[name].family,
            "verdict": "not_run",
            "cause": why,
        }
        for name, why in reasons.items()
        if name in hypotheses.hypotheses
    ]
    if not skipped:
        return verdicts
    rows = [*verdicts.to_dict("records"), *skipped]
    return pd.DataFrame(rows, columns=verdicts.columns)
