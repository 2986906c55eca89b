"""Stage 2: freeze the hypotheses, then train the trials that are not trained yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.data import Prepared
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound

STAGE = "training"


def freeze(study: Study, declaration: Declaration, store: Any) -> dict[str, Any]:
    """Record what the hypotheses say before training, and since when."""
    from latentlab.experiment.planning import freeze_hypotheses

    frozen = freeze_hypotheses(declaration, store.root / "freeze.json", datetime.now(UTC))
    return frozen.model_dump(mode="json")


def train(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    retrain: bool,
    prepared: Prepared,
    store: Any,
    frozen: dict[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train what is missing; return tables of the study's trials and of their histories."""
    from latentlab.evidence.freeze import Freeze
    from latentlab.experiment.looks import train_study
    from latentlab.experiment.planning import history_table, trial_table

    record = Freeze.model_validate(frozen)
    trials, trained = train_study(study, declaration, compute, prepared, store, record, retrain)
    return trial_table(trials, store, trained), history_table(trials, store)


def create_pipeline(study: Study) -> Pipeline:
    """Return the stage for one study."""
    s = study.name
    return Pipeline(
        [
            Node(
                bound(freeze, study),
                [f"params:{s}", f"{s}.store"],
                f"{s}.freeze",
                name=f"{s}.freeze_hypotheses",
                namespace=f"{s}.{STAGE}",
            ),
            Node(
                bound(train, study),
                [
                    f"params:{s}",
                    "params:compute",
                    "params:retrain",
                    f"{s}.prepared",
                    f"{s}.store",
                    f"{s}.freeze",
                ],
                [f"{s}.trials", f"{s}.history"],
                name=f"{s}.train",
                namespace=f"{s}.{STAGE}",
            ),
        ]
    )
