"""Variational mixtures of harmoniums: clusters of digits against conjugate latents."""

from __future__ import annotations

from latentlab.studies.declaration import Declaration
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.metrics import METRICS
from latentlab.studies.mixture_harmonium.reported import REPORTED
from latentlab.studies.study import Study


class MixtureHarmoniumDeclaration(Declaration):
    """The `mixture_harmonium` block of the parameters."""

    config_class = MixtureHarmoniumConfig
    metrics = METRICS


STUDY = Study(
    name="mixture_harmonium",
    title="Mixture harmoniums: clustering without an encoder",
    question=(
        "Can the category of a variational mixture of harmoniums find the digits while its prior "
        "and posterior stay conjugate, and does a long warm-up of beta buy that for nothing?"
    ),
    declaration=MixtureHarmoniumDeclaration,
    control="reference",
    curves=(
        "validation_elbo",
        "train_r_squared",
        "train_running_nmi",
        "train_effective_clusters",
    ),
    strips=("nmi", "ami", "r_squared", "negative_elbo"),
    package="latentlab.studies.mixture_harmonium",
    reported=REPORTED,
)
