"""Stage 0 of a study of advice: what the rules say about the configuration, before any training."""

from __future__ import annotations

from typing import Any

from kedro.pipeline import Node, Pipeline

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound

STAGE = "advice"


def advise(study: Study, declaration: Declaration) -> Any:
    """Status table, recommended configurations and order of action; its dataset writes them."""
    return study.advice.document(declaration)


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    return Pipeline(
        [
            Node(
                bound(advise, study),
                [f"params:{s}"],
                f"{s}.advice",
                name=f"{s}.advise",
                namespace=f"{s}.{STAGE}",
            )
        ]
    )
