"""Verdicts on runs that exist already, whoever trained them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.core.databases import shown
from latentlab.core.errors import UserError
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.runs.setting_names import setting
from latentlab.tracking.store_address import project_root

NAME = "evidence"

logger = logging.getLogger(__name__)


def judge(
    chosen: EvidenceSettings,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Any]:
    """Return verdicts, the comparison of the arms, what the audit found, and the report."""
    from latentlab.runs.judging.judged import judge_runs
    from latentlab.runs.judging.registering import note_look
    from latentlab.tracking.experiments import runs_of
    from latentlab.tracking.write_back import write_back

    written = _place_to_write(chosen)
    found = judge_runs(chosen, project_root(), runs_of)
    if chosen.claims is not None:
        claims = project_root() / chosen.claims
        note_look(claims, found.scores, found.verdicts, datetime.now(UTC))
    for sentence in found.said:
        logger.info(sentence)
    if written is not None:
        run = write_back(written, found.verdicts)
        logger.info("Verdicts are written into %s, run %s.", shown(written), run)
    return found.verdicts, found.comparison, found.findings, found.document


def _place_to_write(chosen: EvidenceSettings) -> str | None:
    """Return the experiment that verdicts are written into; none where that is not asked for.

    Raises:
        UserError: the runs are of no experiment of MLflow, or it cannot be written.
    """
    from latentlab.runs.importers.mlflow import MLFLOW
    from latentlab.tracking.write_back import client_to_write

    if not chosen.write_back:
        return None
    if chosen.source is None or not chosen.source.startswith(MLFLOW):
        raise UserError(
            f"{setting('write_back')}: {chosen.source} is no experiment of MLflow",
            "Leave it out; the report has the verdicts as CSV.",
        )
    place = chosen.source.removeprefix(MLFLOW)
    client_to_write(place)
    return place


def create_pipeline() -> Pipeline:
    """One stage: reading takes a moment, and nothing is trained."""
    return Pipeline(
        [
            Node(
                judge,
                [f"params:{NAME}"],
                [f"{NAME}.{name}" for name in ("verdicts", "comparison", "findings", "report")],
                name=f"{NAME}.judge_runs",
                namespace=NAME,
            )
        ]
    )
