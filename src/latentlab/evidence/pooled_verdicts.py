"""The same hypotheses answered over several problems: one row of verdict each.

Gates, correction, decision and wording are those of a single problem; the statistics are pooled
(`evidence.pooling`), as each claim says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from latentlab.evidence.assessment import Assessment, Level
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.pooling import PooledAssessment
from latentlab.evidence.standing import JudgeStanding, unregistered
from latentlab.evidence.tables import tidy
from latentlab.evidence.verdict_columns import POOLED_COLUMNS
from latentlab.evidence.verdicts import judge_families
from latentlab.metrics.metric import Metric


def judge_pooled(
    tables: Mapping[str, pd.DataFrame],
    hypotheses: Hypotheses,
    asked: Mapping[str, Sequence[str]],
    metrics: Mapping[str, Metric],
    standing: JudgeStanding = unregistered,
) -> pd.DataFrame:
    """Judge hypotheses over all problems that they are asked of.

    Args:
        tables: problem -> scores with the columns of their trials beside them: trial_id, split,
            metric, value, arm, seed, status, started_at, config.
        hypotheses: the declarations; a family is corrected over its pooled p-values.
        asked: hypothesis -> its problems.
        metrics: name -> metric.
        standing: what a verdict may be called, and at which attempt.

    Returns:
        One row per hypothesis, in their order, with the columns of `POOLED_COLUMNS`.
    """
    problems = {problem: tidy(table, table) for problem, table in tables.items()}
    pooled: dict[str, PooledAssessment] = {}

    def assess(name: str, level: Level) -> Assessment:
        own = {problem: problems[problem] for problem in asked[name]}
        pooled[name] = hypotheses.hypotheses[name].pool(own, metrics, level)
        return pooled[name].assessment

    seeds = {seed for one in problems.values() for seed in one.trials["seed"]}
    verdicts = judge_families(hypotheses, metrics, [assess], seeds, standing)
    found = [pooled[name].columns() if name in pooled else {} for name in hypotheses.hypotheses]
    return verdicts.join(pd.DataFrame(found)).reindex(columns=list(POOLED_COLUMNS))
