"""Registration alone, and verification of what came of it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines import data_preparation, training
from latentlab.pipelines.binding import bound
from latentlab.search.table import SweepTable


class ChecksFailed(UserError):
    """Some checks of a verification do not hold.

    Args:
        what: which, and how many.
        remedy: what to do about it.
        checks: all of them, and what was found.
    """

    def __init__(self, what: str, remedy: str, checks: pd.DataFrame) -> None:
        super().__init__(what, remedy)
        self.checks = checks


def verify(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    prepared: Any,
    store: Any,
) -> pd.DataFrame:
    """Print and return every check.

    Raises:
        ChecksFailed: some check fails.
    """
    from latentlab.compute.device import resolve_device
    from latentlab.experiment.verification import verify_study

    table = trials.assign(config=trials["config"].map(json.loads))
    device = resolve_device(compute)
    checks = verify_study(study, declaration, table, scores, verdicts, prepared, store, device)
    return _told(checks, study.name)


def verify_sweep(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    plans: dict[str, dict[str, Any]],
    table: SweepTable,
    confirmation: pd.DataFrame,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    prepared: Any,
    store: Any,
) -> pd.DataFrame:
    """Print and return every check of a sweep's confirmation.

    Raises:
        ChecksFailed: some check fails.
    """
    from latentlab.compute.device import resolve_device
    from latentlab.experiment.sweep.plan import planned_sweep
    from latentlab.experiment.sweep.verification import verify_confirmation

    sweep, device = planned_sweep(study, declaration, plans), resolve_device(compute)
    tables = (table, confirmation, trials, scores)
    checks = verify_confirmation(sweep, *tables, compute.precision, prepared, store, device)
    return _told(checks, f"{study.name}, sweep {sweep.name}")


def _told(checks: pd.DataFrame, of: str) -> pd.DataFrame:
    """Print and return every check.

    Raises:
        ChecksFailed: some check fails.
    """
    from latentlab.reporting.terminal import print_lines

    print_lines([f"{c}: {found or 'holds'}" for c, found in checks.itertuples(index=False)], {})
    failed = int((checks["found"] != "").sum())
    if failed:
        raise ChecksFailed(
            f"{failed} of {len(checks)} checks of {of} do not hold",
            "Give the --env and --params of the run whose verdicts these are: its command stands "
            "under 'How to reproduce' in the report. What is found even so, only a new attempt on "
            "fresh seeds mends.",
            checks,
        )
    return checks


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
        f"{s}.checks",
        name=f"{s}.verify",
        namespace=f"{s}.verify",
    )
    return Pipeline([node])


def create_sweep_verify_pipeline(study: Study) -> Pipeline:
    """Derive the confirmation of a sweep anew from the files."""
    s = study.name
    sweep = ("sweep_plan", "sweep_configurations")
    confirmed = ("confirmation", "confirmation_trials", "confirmation_scores")
    node = Node(
        bound(verify_sweep, study),
        [
            f"params:{s}",
            "params:compute",
            *(f"{s}.{table}" for table in (*sweep, *confirmed)),
            study.made_from,
            f"{s}.store",
        ],
        f"{s}.sweep_checks",
        name=f"{s}.verify_sweep",
        namespace=f"{s}.verify_sweep",
    )
    return Pipeline([node])
