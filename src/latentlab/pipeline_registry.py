"""All pipelines: every study, each of its stages, and all studies together."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from latentlab.pipelines import (
    data_preparation,
    evaluation,
    hypothesis_testing,
    reporting,
    training,
)
from latentlab.studies.registry import STUDIES

STAGES = (data_preparation, training, evaluation, hypothesis_testing, reporting)


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name: `derp_vae`, `derp_vae.training`, .., `all`; by default the first study."""
    pipelines: dict[str, Pipeline] = {}
    for study in STUDIES.values():
        stages = {stage.STAGE: stage.create_pipeline(study) for stage in STAGES}
        pipelines |= {f"{study.name}.{name}": stage for name, stage in stages.items()}
        pipelines[study.name] = sum(stages.values(), Pipeline([]))
    pipelines["all"] = sum((pipelines[name] for name in STUDIES), Pipeline([]))
    pipelines["__default__"] = pipelines[next(iter(STUDIES))]
    return pipelines
