"""Objectives of VAEs on data with known factors: what do they change, and what does the seed?"""

from __future__ import annotations

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig
from latentlab.studies.vae_objectives.metrics import METRICS


class VaeObjectivesDeclaration(Declaration):
    """The `vae_objectives` block of the parameters."""

    config_class = VaeObjectivesConfig
    metrics = METRICS


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
