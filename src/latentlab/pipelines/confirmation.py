"""The winner of a sweep and the default, trained anew on seeds that the search never saw."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.data import Prepared
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.experiment.sweep.settings import SweepsConfig
from latentlab.pipelines.binding import bound
from latentlab.search.table import SweepTable
from latentlab.tracking.store_address import project_root

STAGE = "confirmation"


def confirm(
    study: Study,
    declaration: Declaration,
    sweeps: SweepsConfig,
    compute: ComputeConfig,
    table: SweepTable,
    prepared: Prepared,
    store: Any,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The gain on fresh seeds, and the tables of these trials."""
    from latentlab.experiment.sweep.file import load_sweep
    from latentlab.experiment.sweep.runner import confirm as run_confirmation

    sweep = load_sweep(study, declaration, sweeps.folders, project_root())
    gain, trained = run_confirmation(sweep, table, compute, prepared, store)
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
                    "params:sweeps",
                    "params:compute",
                    f"{s}.sweep_configurations",
                    f"{s}.prepared",
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
