"""Runs of which nothing says what was compared, audited as a sweep."""

from __future__ import annotations

from dataclasses import replace

from latentlab.runs.audit.findings import Finding
from latentlab.runs.run_table import RunTable
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.imported_sweeps.searched_columns import searched_only
from latentlab.search.table import Objective


def audit_as_sweep(
    runs: RunTable, objective: Objective, settings: AnalysisSettings | None = None
) -> tuple[Finding, ...]:
    """Return what the rules of a sweep say of runs whose settings somebody varied.

    Args:
        runs: from any source.
        objective: the metric that they were tried for.
        settings: of the analysis.

    Raises:
        UserError: there is no finished run, or no setting varies.
    """
    kept = searched_only(replace(runs, values=runs.values[[objective.name]]))
    return analyse(sweep_of_runs(kept, [objective]), settings).findings
