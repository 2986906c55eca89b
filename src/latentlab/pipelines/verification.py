"""Registration alone, and verification of what came of it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines import data_preparation, training
from latentlab.pipelines.binding import bound


def verify(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    prepared: Any,
    store: Any,
) -> None:
    """Print every check.

    Raises:
        UserError: some check fails.
    """
    from latentlab.compute.device import resolve_device
    from latentlab.core.errors import UserError
    from latentlab.experiment.verification import verify_study
    from latentlab.reporting.terminal import print_lines

    table = trials.assign(config=trials["config"].map(json.loads))
    device = resolve_device(compute)
    checks = verify_study(study, declaration, table, scores, verdicts, prepared, store, device)
    print_lines([f"{c}: {found or 'holds'}" for c, found in checks.itertuples(index=False)], {})
    failed = int((checks["found"] != "").sum())
    if failed:
        raise UserError(
            f"{failed} of {len(checks)} checks of {study.name} do not hold",
            "What was found stands above; only a new attempt on fresh seeds mends a departure.",
        )


def create_register_pipeline(study: Study) -> Pipeline:
    """Prepare the data, and write the registration."""
    node = Pipeline([training.registration_node(study)])
    return data_preparation.create_pipeline(study) + node


def create_verify_pipeline(study: Study) -> Pipeline:
    """Derive everything anew from the files."""
    s = study.name
    tables = [f"{s}.{table}" for table in ("trials", "scores", "verdicts")]
    node = Node(
        bound(verify, study),
        [f"params:{s}", "params:compute", *tables, study.made_from, f"{s}.store"],
        None,
        name=f"{s}.verify",
        namespace=f"{s}.verify",
    )
    return Pipeline([node])
