"""The audit of runs that exist already, without verdicts."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.tracking.store_address import project_root

NAME = "audit"

logger = logging.getLogger(__name__)


def audit(chosen: EvidenceSettings) -> tuple[pd.DataFrame, Any]:
    """Return what the rules found in the runs of `evidence.source`, and the report."""
    from latentlab.runs.judging.auditing import audit_runs
    from latentlab.tracking.experiments import runs_of

    found = audit_runs(chosen, project_root(), runs_of)
    for sentence in found.said:
        logger.info(sentence)
    return found.findings, found.document


def create_pipeline() -> Pipeline:
    """One stage: it reads what `evidence` would judge."""
    return Pipeline(
        [
            Node(
                audit,
                ["params:evidence"],
                [f"{NAME}.findings", f"{NAME}.report"],
                name=f"{NAME}.audit_runs",
                namespace=NAME,
            )
        ]
    )
