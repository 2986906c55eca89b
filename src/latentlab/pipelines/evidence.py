"""Verdicts on runs that exist already, whoever trained them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.tracking.store_address import project_root

NAME = "evidence"

logger = logging.getLogger(__name__)


def judge(chosen: EvidenceSettings) -> tuple[pd.DataFrame, pd.DataFrame, Any]:
    """Return verdicts, the comparison of the arms, and the report."""
    from latentlab.runs.judging.judged import judge_runs
    from latentlab.runs.judging.registering import note_look
    from latentlab.tracking.experiments import runs_of

    found = judge_runs(chosen, project_root(), runs_of)
    if chosen.claims is not None:
        claims = project_root() / chosen.claims
        note_look(claims, found.scores, found.verdicts, datetime.now(UTC))
    for sentence in found.said:
        logger.info(sentence)
    return found.verdicts, found.comparison, found.document


def create_pipeline() -> Pipeline:
    """One stage: reading takes a moment, and nothing is trained."""
    return Pipeline(
        [
            Node(
                judge,
                [f"params:{NAME}"],
                [f"{NAME}.verdicts", f"{NAME}.comparison", f"{NAME}.report"],
                name=f"{NAME}.judge_runs",
                namespace=NAME,
            )
        ]
    )
