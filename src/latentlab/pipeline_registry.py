"""All pipelines: every study, each of its stages, and all studies together."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from latentlab.pipelines import (
    confirmation,
    data_preparation,
    evaluation,
    hypothesis_testing,
    reporting,
    sweep,
    sweep_analysis,
    training,
)
from latentlab.studies.registry import STUDIES

STAGES = (data_preparation, training, evaluation, hypothesis_testing, reporting)
SWEEP_STAGES = (data_preparation, sweep, confirmation, sweep_analysis)


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; by default the first study.

    `derp_vae`, its stages `derp_vae.training`, ..; `derp_vae_sweep`, its stages
    `derp_vae_sweep.search`, ..; `sweep_analysis` of a sweep from elsewhere; `all` studies.
    """
    pipelines: dict[str, Pipeline] = {}
    for study in STUDIES.values():
        for name, parts in ((study.name, STAGES), (f"{study.name}_sweep", SWEEP_STAGES)):
            stages = {part.STAGE: part.create_pipeline(study) for part in parts}
            pipelines |= {f"{name}.{stage}": made for stage, made in stages.items()}
            pipelines[name] = sum(stages.values(), Pipeline([]))
    pipelines["sweep_analysis"] = sweep_analysis.create_foreign_pipeline()
    pipelines["all"] = sum((pipelines[name] for name in STUDIES), Pipeline([]))
    pipelines["__default__"] = pipelines[next(iter(STUDIES))]
    return pipelines
