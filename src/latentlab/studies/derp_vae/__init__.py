"""VAE, beta-VAE and DERP-VAE: does enforcing N(0, 1) on random projections help?"""

from __future__ import annotations

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.studies.derp_vae.config import DerpVaeConfig
from latentlab.studies.derp_vae.metrics import METRICS
from latentlab.studies.derp_vae.reported import REPORTED


class DerpVaeDeclaration(Declaration):
    """The `derp_vae` block of the parameters."""

    config_class = DerpVaeConfig
    own_metrics = METRICS


STUDY = Study(
    name="derp_vae",
    title="DERP-VAE: distributional enforcement by random probes",
    question=(
        "Does pulling random one-dimensional projections of a VAE's latent sample towards N(0, 1) "
        "prevent posterior collapse and separate classes, without costing accuracy or time?"
    ),
    declaration=DerpVaeDeclaration,
    control="standard_vae",
    curves=(
        "validation_reconstruction",
        "validation_kl",
        "validation_classification",
        "train_distributional",
    ),
    strips=("accuracy", "kl_divergence", "mutual_information", "derp_over_floor"),
    package="latentlab.studies.derp_vae",
    figures=("verdicts", "curves", "reconstructions", "latents", "marginals"),
    reported=REPORTED,
)
