"""The winner of a sweep and the default, trained anew on seeds that the search never saw."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound
from latentlab.search.table import SweepTable

STAGE = "confirmation"


def confirm(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    plans: dict[str, dict[str, Any]],
    table: SweepTable,
    made_from: Any,
    store: Any,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the gain on fresh seeds, and the tables of these trials."""
    from latentlab.experiment.sweep.plan import planned_sweep
    from latentlab.experiment.sweep.runner import confirm_sweep

    sweep = planned_sweep(study, declaration, plans)
    gain, trained = confirm_sweep(sweep, table, compute, made_from, store)
    return gain, trained.trials, trained.history, trained.scores


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    return Pipeline(
        [
            Node(
                bound(confirm, study),
                [
                    f"params:{s}",
                    "params:compute",
                    f"{s}.sweep_plan",
                    f"{s}.sweep_configurations",
                    study.made_from,
                    f"{s}.store",
                ],
                [
                    f"{s}.confirmation",
                    f"{s}.confirmation_trials",
                    f"{s}.confirmation_history",
                    f"{s}.confirmation_scores",
                ],
                name=f"{s}.confirm",
                namespace=f"{s}.{STAGE}",
            )
        ]
    )
