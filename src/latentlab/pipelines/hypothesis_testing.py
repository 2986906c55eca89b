"""Stage 4: from scores to verdicts, on this data set and over all that have been run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound

STAGE = "hypothesis_testing"


def judge(
    study: Study,
    declaration: Declaration,
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    store: Any,
    made_from: Any,
) -> pd.DataFrame:
    """One row per declared hypothesis; that it was seen is written into the registration."""
    from latentlab.experiment.hypothesis_testing import judge_study
    from latentlab.experiment.registering import look, read_record
    from latentlab.experiment.scoring import altered_trials, kept_examples

    table = trials.assign(config=trials["config"].map(json.loads))
    altered = altered_trials(scores, store)
    record = read_record(store.root)
    examples = kept_examples(study, trials, store, made_from)
    verdicts = judge_study(study, declaration, scores, table, record, altered, examples)
    look(scores, trials, verdicts, declaration.subject, store.root, datetime.now(UTC))
    return verdicts


def keep(
    study: Study,
    declaration: Declaration,
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    card: dict[str, Any],
) -> pd.DataFrame:
    """The scores of this data set, as they are kept beside those of others."""
    from latentlab.experiment.pooling import problem_scores

    return problem_scores(study, declaration, scores, trials, card)


def pool(
    study: Study,
    declaration: Declaration,
    problems: dict[str, pd.DataFrame],
    store: Any,
    verdicts: pd.DataFrame,
) -> pd.DataFrame:
    """One row per declared hypothesis over all data sets; none while there is one data set.

    `verdicts` is not read: its look belongs into the registration before.
    """
    from latentlab.experiment.pooling import judge_problems
    from latentlab.experiment.registering import read_record

    return judge_problems(study, declaration, problems, read_record(store.root))


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    namespace = f"{s}.{STAGE}"
    return Pipeline(
        [
            Node(
                bound(judge, study),
                [
                    f"params:{s}",
                    *(f"{s}.{one}" for one in ("scores", "trials", "store")),
                    study.made_from,
                ],
                f"{s}.verdicts",
                name=f"{s}.judge",
                namespace=namespace,
            ),
            Node(
                bound(keep, study),
                [f"params:{s}", f"{s}.scores", f"{s}.trials", f"{s}.data_card"],
                f"{s}.problem_scores",
                name=f"{s}.keep_scores",
                namespace=namespace,
            ),
            Node(
                bound(pool, study),
                [f"params:{s}", f"{s}.problem_scores", f"{s}.store", f"{s}.verdicts"],
                f"{s}.pooled_verdicts",
                name=f"{s}.pool",
                namespace=namespace,
            ),
        ]
    )
