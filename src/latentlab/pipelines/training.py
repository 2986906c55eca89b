"""Stage 2: register what decides the verdicts, then train the trials that are not trained yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound

STAGE = "training"


def register(
    study: Study, declaration: Declaration, compute: ComputeConfig, prepared: Any, store: Any
) -> dict[str, Any]:
    """Write down what will decide the verdicts; return which entry holds."""
    from latentlab.experiment import registering

    now = registering.declared_now(
        study, declaration, prepared.fingerprint, compute.precision, prepared.grouping
    )
    record = registering.register(study, declaration.amendment, now, store.root, datetime.now(UTC))
    return registering.holding(record, now.subject)


def train(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    retrain: bool,
    prepared: Any,
    store: Any,
    registered: dict[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train what is missing; return tables of the study's trials and of their histories.

    `registered` is not read: it makes the registration come first.
    """
    from latentlab.experiment.looks import train_study
    from latentlab.experiment.planning import history_table, trial_table

    trials, trained = train_study(study, declaration, compute, prepared, store, retrain)
    return trial_table(trials, store, trained), history_table(trials, store)


def registration_node(study: Study) -> Node:
    """The node that comes before training, and that `<study>.register` ends with."""
    s = study.name
    return Node(
        bound(register, study),
        [f"params:{s}", "params:compute", study.made_from, f"{s}.store"],
        f"{s}.registered",
        name=f"{s}.register",
        namespace=f"{s}.{STAGE}",
    )


def create_pipeline(study: Study) -> Pipeline:
    """Return the stage for one study."""
    s = study.name
    return Pipeline(
        [
            registration_node(study),
            Node(
                bound(train, study),
                [
                    f"params:{s}",
                    "params:compute",
                    "params:retrain",
                    study.made_from,
                    f"{s}.store",
                    f"{s}.registered",
                ],
                [f"{s}.trials", f"{s}.history"],
                name=f"{s}.train",
                namespace=f"{s}.{STAGE}",
            ),
        ]
    )
