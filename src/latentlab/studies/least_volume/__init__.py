"""The least-volume auto-encoder: which dimensions does it give up, and should it?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.experiment.declaration import TRAINING_CONDITIONS, Conditions, Declaration
from latentlab.experiment.study import Study
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.failures import CAPTION, failure_table
from latentlab.studies.least_volume.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd


class LeastVolumeDeclaration(Declaration):
    """The `least_volume` block of the parameters."""

    config_class = LeastVolumeConfig
    own_metrics = METRICS
    table_title = "How the trials ended"
    table_caption = CAPTION
    rung_score = "validation_reconstruction"
    parameter_aliases: ClassVar[Mapping[str, ParameterAlias]] = {
        "lr": ParameterAlias("training.learning_rate"),
        "batch_size": ParameterAlias("training.batch_size"),
        "n_epochs": ParameterAlias("training.epochs"),
        "latent_dim": ParameterAlias("model.latent_dim"),
        "use_spectral_norm": ParameterAlias(
            "model.spectral_norm", {True: "operator", False: "none"}
        ),
        "lipschitz_bound": ParameterAlias("model.lipschitz_bound"),
        "w_v": ParameterAlias("objective.volume_weight"),
        "eta": ParameterAlias("objective.eta"),
        "pruning_epoch": ParameterAlias("objective.pruning.start_epoch"),
        "pruning_strategy": ParameterAlias("objective.pruning.policy"),
        "plummet_threshold": ParameterAlias("objective.pruning.threshold"),
        "alpha": ParameterAlias("objective.pruning.alpha"),
        "percentile": ParameterAlias("objective.pruning.percentile"),
        "cdf_threshold": ParameterAlias("objective.pruning.variance_share"),
        "temperature": ParameterAlias("objective.pruning.temperature"),
        "beta": ParameterAlias("objective.pruning.momentum"),
        "image_size": ParameterAlias("model.resolution"),
        "min_active_dims": ParameterAlias("objective.pruning.safeguards.min_active"),
        "max_prune_per_epoch": ParameterAlias(
            "objective.pruning.safeguards.max_per_epoch", {None: 0}
        ),
        "cooldown_epochs": ParameterAlias("objective.pruning.safeguards.cooldown_epochs"),
        "k_consecutive": ParameterAlias("objective.pruning.safeguards.consecutive"),
        "recon_tol": ParameterAlias(
            "objective.pruning.safeguards.reconstruction_tolerance", {math.inf: 0.0, None: 0.0}
        ),
    }
    metric_aliases: ClassVar[Mapping[str, str]] = {
        "val_rec": "reconstruction_error",
        "active_dims": "active_dimensions",
    }
    conditions: ClassVar[Conditions] = {
        **TRAINING_CONDITIONS,
        "model.resolution": {"model.architecture": ("convolutional",)},
        "model.width_multiplier": {"model.architecture": ("convolutional",)},
        "model.hidden": {"model.architecture": ("dense",)},
        "model.lipschitz_bound": {"model.spectral_norm": ("operator", "kernel")},
        "model.bound_of": {"model.spectral_norm": ("operator", "kernel")},
        "objective.pruning.threshold": {"objective.pruning.policy": ("plummet",)},
        "objective.pruning.alpha": {"objective.pruning.policy": ("lognorm",)},
        "objective.pruning.percentile": {"objective.pruning.policy": ("lognorm",)},
        "objective.pruning.variance_share": {"objective.pruning.policy": ("pca_cdf",)},
        "objective.pruning.temperature": {"objective.pruning.policy": ("probabilistic",)},
    }

    def table(self, comparison: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame | None:
        """How the trials of every arm ended."""
        found = failure_table(comparison, self.dataset)
        return None if found.empty else found


STUDY = Study(
    name="least_volume",
    title="Least volume: pruning an auto-encoder's latent space",
    question=(
        "Which latent dimensions does a least-volume auto-encoder give up under each pruning "
        "policy, at what cost, and do spectral norm, timing and the volume's weight matter?"
    ),
    declaration=LeastVolumeDeclaration,
    control="plummet",
    curves=(
        "validation_reconstruction",
        "validation_log_volume",
        "train_volume",
    ),
    strips=("log_reconstruction_error", "active_dimensions", "lipschitz_estimate"),
    package="latentlab.studies.least_volume",
    figures=(
        "verdicts",
        "active_dimensions",
        "pruning_timeline",
        "frontier",
        "failures",
        "sensitivity",
        "spectral_norm",
        "spectrum",
        "curves",
        "reconstructions",
    ),
)
