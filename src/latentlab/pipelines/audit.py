"""The audit of runs that exist already, of a sweep file or a printed report; nothing is judged."""

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
    """Return what the rules found in `evidence.source` or `evidence.printed`, and the report."""
    from latentlab.search.auditing import audit_source
    from latentlab.tracking.experiments import runs_of

    found = audit_source(chosen, project_root(), runs_of)
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
