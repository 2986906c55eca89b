"""Objectives of VAEs on data with known factors: what do they change, and what does the seed?"""

from __future__ import annotations

from typing import ClassVar

from latentlab.experiment.declaration import TRAINING_CONDITIONS, Conditions, Declaration
from latentlab.experiment.study import Study
from latentlab.studies.vae_objectives.config import READ, VaeObjectivesConfig
from latentlab.studies.vae_objectives.metrics import METRICS


class VaeObjectivesDeclaration(Declaration):
    """The `vae_objectives` block of the parameters."""

    config_class = VaeObjectivesConfig
    own_metrics = METRICS
    conditions: ClassVar[Conditions] = {
        **TRAINING_CONDITIONS,
        **{f"objective.{name}": {"objective.kind": kinds} for name, kinds in READ.items()},
    }


STUDY = Study(
    name="vae_objectives",
    title="Objectives of variational auto-encoders",
    question=(
        "Which published claims about objectives of VAEs (collapse, likelihood, disentanglement) "
        "hold for one model on pictures with known factors?"
    ),
    declaration=VaeObjectivesDeclaration,
    control="vae",
    curves=("validation_reconstruction", "validation_kl", "validation_total_correlation"),
    strips=("mig", "mutual_information", "negative_log_likelihood", "active_units"),
    package="latentlab.studies.vae_objectives",
    figures=("verdicts", "curves", "reconstructions"),
)
