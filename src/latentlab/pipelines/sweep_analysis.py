"""What a sweep found: tests, importances, warnings, the next sweeps, and the report."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.experiment.sweep.settings import SweepsConfig
from latentlab.pipelines.binding import bound
from latentlab.search.imported_sweeps.source import ImportedSweep
from latentlab.search.table import SweepTable
from latentlab.tracking.store_address import project_root

STAGE = "sweep_analysis"


def analyse(
    study: Study,
    declaration: Declaration,
    sweeps: SweepsConfig,
    plans: dict[str, dict[str, Any]],
    latest: SweepTable,
    archive: Any,
    confirmation: pd.DataFrame,
    scores: pd.DataFrame,
    rehearsal: bool,
) -> tuple[pd.DataFrame, pd.DataFrame, Any]:
    """Return tests and findings of the chosen sweep, and its report."""
    from latentlab.experiment.sweep.plan import planned_sweep
    from latentlab.experiment.sweep.report import report_sweep

    sweep = planned_sweep(study, declaration, plans)
    found = report_sweep(
        sweep, sweeps.compare_with, latest, archive, confirmation, scores, rehearsal
    )
    return found.analysis.screening.frame(), found.findings, found


def analyse_imported(chosen: ImportedSweep) -> Any:
    """Return the report of a sweep from a CSV, an Optuna storage or an MLflow experiment."""
    from latentlab.experiment.sweep.report import report_imported
    from latentlab.search.imported_sweeps.source import read_imported_sweep
    from latentlab.tracking.experiments import runs_of

    return report_imported(read_imported_sweep(chosen, project_root(), runs_of), chosen)


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    return Pipeline(
        [
            Node(
                bound(analyse, study),
                [
                    f"params:{s}",
                    "params:sweeps",
                    f"{s}.sweep_plan",
                    f"{s}.sweep_configurations",
                    f"{s}.sweep_archive",
                    f"{s}.confirmation",
                    f"{s}.confirmation_scores",
                    "params:rehearsal",
                ],
                [f"{s}.sweep_tests", f"{s}.sweep_findings", f"{s}.sweep_report"],
                name=f"{s}.analyse_sweep",
                namespace=f"{s}.{STAGE}",
            )
        ]
    )


def create_imported_pipeline() -> Pipeline:
    """The analysis of a sweep that this project did not run."""
    return Pipeline(
        [
            Node(
                analyse_imported,
                ["params:analysis"],
                "analysis.sweep_report",
                name="analysis.analyse_sweep",
                namespace=f"analysis.{STAGE}",
            )
        ]
    )
