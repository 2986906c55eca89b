"""Stage 4: from scores to verdicts."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.pipelines.binding import bound
from latentlab.studies.declaration import Declaration
from latentlab.studies.study import Study

STAGE = "hypothesis_testing"


def judge(
    study: Study,
    declaration: Declaration,
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    frozen: dict[str, Any],
) -> pd.DataFrame:
    """One row per declared hypothesis."""
    from latentlab.evidence.freeze import Freeze
    from latentlab.studies.judging import judge_study

    table = trials.assign(config=trials["config"].map(json.loads))
    return judge_study(study, declaration, scores, table, Freeze.model_validate(frozen))


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    return Pipeline(
        [
            Node(
                bound(judge, study),
                [f"params:{s}", f"{s}.scores", f"{s}.trials", f"{s}.freeze"],
                f"{s}.verdicts",
                name=f"{s}.judge",
                namespace=f"{s}.{STAGE}",
            )
        ]
    )
