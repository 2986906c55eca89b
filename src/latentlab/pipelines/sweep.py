"""A sweep: configurations are searched, cohort by cohort."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.experiment.sweep.settings import SweepsConfig
from latentlab.pipelines.binding import bound
from latentlab.search.archive import SweepArchive
from latentlab.search.table import SweepTable
from latentlab.tracking.store_address import project_root

STAGE = "search"


def plan(
    study: Study, declaration: Declaration, sweeps: SweepsConfig, archive: SweepArchive
) -> dict[str, Any]:
    """Read the sweep's file; a mistake in it is found before anything is trained."""
    from latentlab.experiment.sweep.file import load_sweep
    from latentlab.experiment.sweep.plan import plan_of
    from latentlab.experiment.sweep.report import compared_table

    sweep = load_sweep(study, declaration, sweeps.folders, project_root(), sweeps.run_cap)
    compared_table(sweep, sweeps.compare_with, archive)
    return plan_of(sweep)


def search(
    study: Study,
    declaration: Declaration,
    sweeps: SweepsConfig,
    compute: ComputeConfig,
    plans: dict[str, dict[str, Any]],
    made_from: Any,
    store: Any,
) -> tuple[SweepTable, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Search; the table of configurations, and those of the trials."""
    from latentlab.experiment.sweep.plan import planned_sweep
    from latentlab.experiment.sweep.runner import search_sweep

    sweep = planned_sweep(study, declaration, plans)
    table, trained = search_sweep(sweep, sweeps, compute, made_from, store)
    return table, trained.trials, trained.history, trained.scores


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    return Pipeline(
        [
            Node(
                bound(plan, study),
                [f"params:{s}", "params:sweeps", f"{s}.sweep_archive"],
                f"{s}.sweep_plan",
                name=f"{s}.plan_sweep",
                namespace=f"{s}.{STAGE}",
            ),
            Node(
                bound(search, study),
                [
                    f"params:{s}",
                    "params:sweeps",
                    "params:compute",
                    f"{s}.sweep_plan",
                    study.made_from,
                    f"{s}.store",
                ],
                [
                    f"{s}.sweep_configurations",
                    f"{s}.sweep_trials",
                    f"{s}.sweep_history",
                    f"{s}.sweep_scores",
                ],
                name=f"{s}.search",
                namespace=f"{s}.{STAGE}",
            ),
        ]
    )
