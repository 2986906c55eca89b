"""All pipelines: every study, each of its stages, and all studies together."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from latentlab.experiment.study import Study
from latentlab.pipelines import (
    advice,
    audit,
    confirmation,
    data_preparation,
    evaluation,
    evidence,
    hypothesis_testing,
    reporting,
    sweep,
    sweep_analysis,
    training,
    verification,
)
from latentlab.studies.registry import STUDIES

STAGES = (data_preparation, training, evaluation, hypothesis_testing, reporting)
ADVICE_STAGES = (advice, *STAGES)
SWEEP_STAGES = (data_preparation, sweep, confirmation, sweep_analysis)


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; by default the first study.

    `derp_vae`, its stages `derp_vae.training`, ..; `derp_vae.register` and `derp_vae.verify`;
    `derp_vae_sweep`, its stages `derp_vae_sweep.search`, .., and `derp_vae_sweep.verify`;
    `sweep_analysis` of a sweep from elsewhere; `evidence` on runs that exist, and their `audit`;
    `all` studies that have a question of their own. A study of advice has the stage `advice` too,
    and no sweep.
    """
    pipelines: dict[str, Pipeline] = {}
    for study in STUDIES.values():
        pipelines |= study_pipelines(study)
    pipelines["sweep_analysis"] = sweep_analysis.create_imported_pipeline()
    pipelines[evidence.NAME] = evidence.create_pipeline()
    pipelines[audit.NAME] = audit.create_pipeline()
    asking = [study.name for study in STUDIES.values() if not study.advises]
    pipelines["all"] = sum((pipelines[name] for name in asking), Pipeline([]))
    pipelines["__default__"] = pipelines[next(iter(STUDIES))]
    return pipelines


def study_pipelines(study: Study) -> dict[str, Pipeline]:
    """Pipelines of one study by name."""
    pipelines: dict[str, Pipeline] = {}
    made = {study.name: STAGES, f"{study.name}_sweep": SWEEP_STAGES}
    for name, parts in ({study.name: ADVICE_STAGES} if study.advises else made).items():
        stages = {part.STAGE: part.create_pipeline(study) for part in parts}
        pipelines |= {f"{name}.{stage}": part for stage, part in stages.items()}
        pipelines[name] = sum(stages.values(), Pipeline([]))
    pipelines[f"{study.name}.register"] = verification.create_register_pipeline(study)
    pipelines[f"{study.name}.verify"] = verification.create_verify_pipeline(study)
    if not study.advises:
        of_sweep = verification.create_sweep_verify_pipeline(study)
        pipelines[f"{study.name}_sweep.verify"] = of_sweep
    return pipelines
