"""Stage 3: one table of scores, arrays for figures, and the chosen model."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.data import Prepared
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound

STAGE = "evaluation"


def measure(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    trials: pd.DataFrame,
    made_from: Any,
    store: Any,
) -> pd.DataFrame:
    """Score the weights on validation and test, and the baselines; or read what programs wrote."""
    from latentlab.compute.device import resolve_device
    from latentlab.experiment.study_scores import measure_trials

    device = resolve_device(compute)
    return measure_trials(study, declaration, trials, made_from, store, device, compute)


def time_alone(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    prepared: Prepared,
    store: Any,
) -> pd.DataFrame:
    """Return seconds per step of each arm, alone and interleaved."""
    from latentlab.compute.device import resolve_device
    from latentlab.experiment.timing import time_arms

    device = resolve_device(compute)
    return time_arms(study, declaration, prepared, store, device, compute.precision, compute)


def collect(trials: pd.DataFrame, measured: pd.DataFrame, timings: pd.DataFrame) -> pd.DataFrame:
    """Return all scores in one table."""
    from latentlab.experiment.scoring import collect_scores

    return collect_scores(trials, measured, timings)


def picture(study: Study, trials: pd.DataFrame, prepared: Prepared, store: Any) -> dict[str, Any]:
    """Return arrays for the figures."""
    from latentlab.experiment.pictures import draw_pictures

    return draw_pictures(study, trials, prepared, store)


def choose(study: Study, declaration: Declaration, scores: pd.DataFrame) -> dict[str, Any]:
    """Return the trial to be registered."""
    from latentlab.experiment.champion import choose_champion

    return choose_champion(declaration, scores)


def _measuring(study: Study, output: str, namespace: str) -> Node:
    s = study.name
    return Node(
        bound(measure, study),
        [f"params:{s}", "params:compute", f"{s}.trials", study.made_from, f"{s}.store"],
        output,
        name=f"{s}.measure",
        namespace=namespace,
    )


def create_pipeline(study: Study) -> Pipeline:
    """Return the stage for one study."""
    s = study.name
    namespace = f"{s}.{STAGE}"
    if study.runs_programs:
        return Pipeline([_measuring(study, f"{s}.scores", namespace)])
    return Pipeline(
        [
            _measuring(study, f"{s}.measured", namespace),
            Node(
                bound(time_alone, study),
                [f"params:{s}", "params:compute", f"{s}.prepared", f"{s}.store"],
                f"{s}.timings",
                name=f"{s}.time_arms",
                namespace=namespace,
            ),
            Node(
                collect,
                [f"{s}.trials", f"{s}.measured", f"{s}.timings"],
                f"{s}.scores",
                name=f"{s}.collect_scores",
                namespace=namespace,
            ),
            Node(
                bound(picture, study),
                [f"{s}.trials", f"{s}.prepared", f"{s}.store"],
                f"{s}.pictures",
                name=f"{s}.draw_pictures",
                namespace=namespace,
            ),
            Node(
                bound(choose, study),
                [f"params:{s}", f"{s}.scores"],
                f"{s}.champion",
                name=f"{s}.choose_champion",
                namespace=namespace,
            ),
        ]
    )
