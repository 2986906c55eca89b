"""What may be chosen about a least-volume auto-encoder, with the guide's values as defaults."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.training.config import TrainingConfig, TrialConfig
from latentlab.training.per_trial import PerTrial

Policy = Literal["none", "plummet", "lognorm", "pca_cdf", "probabilistic"]

Side = Annotated[int, Field(ge=16, le=4096)]


class ModelConfig(BaseModel):
    """Encoder and decoder."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    architecture: Literal["convolutional", "dense", "linear"] = Field(
        "convolutional",
        description="convolutional as in the guide; dense: two hidden layers each way; linear: one "
        "matrix each way, no output non-linearity",
    )
    resolution: tuple[Side, Side] = Field(
        (100, 100),
        description="convolutional: height and width that designs are resized to before the "
        "encoder, and that the decoder draws before its final resize; halved four times",
    )
    width_multiplier: float = Field(
        1.0, gt=0, le=4, description="convolutional: of the widths 64, 128, 256, 512"
    )
    hidden: int = Field(64, ge=2, le=16_384, description="dense: width of the hidden layers")
    latent_dim: int = Field(250, ge=1, le=4096, description="latent dimensions before pruning")
    spectral_norm: Literal["none", "operator", "kernel"] = Field(
        "none",
        description="of every weighted layer of the decoder: that of the convolution as an "
        "operator at its own input size, without batch normalisation; or, as the guide's code has "
        "it, that of the reshaped kernel, which bounds nothing, beside batch normalisation",
    )
    lipschitz_bound: Annotated[float, PerTrial()] = Field(
        1.0,
        gt=0,
        description="spectral_norm: largest factor by which the decoder may stretch a distance, "
        "before its final resize",
    )
    bound_of: Literal["decoder", "layer"] = Field(
        "decoder",
        description="what lipschitz_bound bounds: the decoder, each of its n weighted layers then "
        "the n-th root of it; or each layer on its own",
    )


class LegacyConfig(BaseModel):
    """Quirks of the guide's code, off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    all_dimensions: Annotated[bool, PerTrial()] = Field(
        False,
        description="policies look at pruned dimensions too: plummet then prunes once and never "
        "again, lognorm's cut falls with every prune",
    )
    reference_after_drop: Annotated[bool, PerTrial()] = Field(
        False,
        description="plummet compares with the deviation just after the steepest drop, so that a "
        "flat floor is never pruned; not with the one just before it",
    )


class SafeguardConfig(BaseModel):
    """Limits to pruning, all off by default; applied in this order."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_active: Annotated[int, PerTrial()] = Field(
        0, ge=0, le=65_536, description="no pruning where so few dimensions are left, nor to fewer"
    )
    cooldown_epochs: Annotated[int, PerTrial()] = Field(
        0, ge=0, le=1_000_000, description="epochs without pruning after one that pruned"
    )
    reconstruction_tolerance: Annotated[float, PerTrial()] = Field(
        0.0,
        ge=0,
        description="no pruning in an epoch whose validation error is above (1 + this) times the "
        "lowest so far; 0: off",
    )
    consecutive: Annotated[int, PerTrial()] = Field(
        1, ge=1, le=1_000_000, description="epochs in a row that a dimension must be a candidate"
    )
    max_per_epoch: Annotated[int, PerTrial()] = Field(
        0,
        ge=0,
        le=65_536,
        description="most dimensions pruned in one epoch, the smallest first; 0: off",
    )


class PruningConfig(BaseModel):
    """When latent dimensions are fixed at their mean."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    policy: Annotated[Policy, PerTrial()] = Field("plummet", description="which are candidates")
    start_epoch: Annotated[int, PerTrial()] = Field(
        500,
        ge=0,
        le=1_000_000,
        description="first epoch, from 0, at whose end dimensions may be pruned",
    )
    threshold: Annotated[float, PerTrial()] = Field(
        0.02,
        gt=0,
        lt=1,
        description="plummet: a deviation below this share of the one before the steepest drop",
    )
    alpha: Annotated[float, PerTrial()] = Field(
        0.2,
        ge=0,
        le=1,
        description="lognorm: how far the reference log-deviations give way to the present ones",
    )
    percentile: Annotated[float, PerTrial()] = Field(
        0.05, gt=0, lt=1, description="lognorm: deviations below this quantile are candidates"
    )
    variance_share: Annotated[float, PerTrial()] = Field(
        0.95, gt=0, le=1, description="pca_cdf: share of the reference variance that is kept"
    )
    temperature: Annotated[float, PerTrial()] = Field(
        1.0, gt=0, description="probabilistic: larger is closer to a coin for every dimension"
    )
    momentum: Annotated[float, PerTrial()] = Field(
        0.9, ge=0, lt=1, description="of the running mean and deviation of each dimension, a batch"
    )
    safeguards: SafeguardConfig = SafeguardConfig()
    legacy: LegacyConfig = LegacyConfig()


class ObjectiveConfig(BaseModel):
    """Reconstruction error and volume."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    volume_weight: Annotated[float, PerTrial()] = Field(
        0.01, ge=0, description="of the volume, once it has risen; 0: a plain auto-encoder"
    )
    ramp_epochs: Annotated[float, PerTrial()] = Field(
        100, ge=0, description="epochs in which the weight of the volume rises from 0"
    )
    ramp_power: Annotated[float, PerTrial()] = Field(2.0, gt=0, description="shape of that rise")
    eta: Annotated[float, PerTrial()] = Field(
        1e-4, gt=0, description="added to deviations before their logarithm; the paper has 1"
    )
    reference_epochs: Annotated[float, PerTrial()] = Field(
        5,
        ge=0,
        description="epochs in which the reference deviations follow the batches' (a tenth each)",
    )
    pruning: PruningConfig = PruningConfig()


class LeastVolumeConfig(TrialConfig):
    """Everything that decides a trial of this study, beside its data and seed."""

    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig(epochs=2500, learning_rate=1e-4)

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        pruning, epochs = self.objective.pruning, self.training.epochs
        if pruning.policy != "none" and pruning.start_epoch >= epochs:
            raise ValueError(
                f"objective.pruning.start_epoch {pruning.start_epoch} is not before the last of "
                f"{epochs} epochs; start earlier, or write policy: none"
            )
        least = pruning.safeguards.min_active
        if least > self.model.latent_dim:
            raise ValueError(
                f"objective.pruning.safeguards.min_active {least} is more than model.latent_dim "
                f"{self.model.latent_dim}"
            )
        return self

    def warmup_end_epoch(self) -> float:
        """When the volume has its weight and pruning has begun too."""
        objective = self.objective
        pruning = objective.pruning
        begun = pruning.start_epoch + 1 if pruning.policy != "none" else 0
        return max(
            super().warmup_end_epoch(), objective.ramp_epochs, objective.reference_epochs, begun
        )
