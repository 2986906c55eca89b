"""What may be chosen about a mixture harmonium."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.training.config import TrainingConfig, TrialConfig
from latentlab.training.per_trial import PerTrial

OBSERVABLE_TRIALS = 16
"""A pixel is a Binomial(16) count: exact for the digits, sixteen grey levels for other images."""


class ModelConfig(BaseModel):
    """Sizes of the model, and how its conjugation parameters come about."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    latent_dim: int = Field(32, ge=1, le=4096, description="binary latents")
    clusters: int = Field(
        20,
        ge=1,
        le=1024,
        description="components of the mixture; 1 leaves a plain harmonium, without category",
    )
    interaction: Literal["full", "hierarchical"] = Field(
        "full",
        description="full: every component has weights and biases of its own; hierarchical: the "
        "category reaches the pixels through the binary latents alone",
    )
    mode: Literal["gradient", "analytical"] = Field(
        "gradient",
        description="conjugation parameters learned with the rest, or in every step the least "
        "squares solution on samples of the prior",
    )
    grouped_product: Literal["auto", "segments", "one_hot", "grouped_mm"] = Field(
        "auto",
        description="how samples meet the weights of their component; the forms agree and differ "
        "in time and memory",
    )


class LegacyConfig(BaseModel):
    """Quirks of the reported experiment, off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    baseline_without_correction: bool = Field(
        False,
        description="leave the score-function gradient short by the factor (S-1)/S that a baseline "
        "from the same S samples brings",
    )
    surrogate_in_elbo: bool = Field(
        False,
        description="report the ELBO with the score-function surrogate, noise of mean 0, in it",
    )


class ObjectiveConfig(BaseModel):
    """Weights, warm-up and sample sizes of the loss."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    conjugation_weight: Annotated[float, PerTrial()] = Field(
        0.1, ge=0, description="weight of the conjugation penalty, per square nat or per unit of R2"
    )
    conjugation_penalty: Literal["variance", "r2"] = Field(
        "variance",
        description="what is penalised: the variance of the residual, or its share 1 - R2",
    )
    prior_entropy_weight: Annotated[float, PerTrial()] = Field(
        1.0, ge=0, description="weight of the entropy of p(k), which is raised"
    )
    posterior_entropy_weight: Annotated[float, PerTrial()] = Field(
        1.0, ge=0, description="weight of the entropy of q(k) averaged over a batch, raised"
    )
    beta_warmup_fraction: Annotated[float, PerTrial()] = Field(
        0.4,
        ge=0,
        le=1,
        description="share of all steps over which beta, the weight of KL and conjugation penalty, "
        "rises linearly from 0 to 1; with 0 it is 1 from the start",
    )
    likelihood_samples: int = Field(
        4, ge=2, le=1000, description="posterior samples per image for the log-partition"
    )
    prior_samples: int = Field(
        256, ge=2, le=100_000, description="prior samples per step for the conjugation penalty"
    )
    regression_samples_per_latent: int = Field(
        5, ge=2, le=1000, description="analytical: prior samples per step and binary latent"
    )
    rho_lr_multiplier: float = Field(
        30.0,
        gt=0,
        le=1000,
        description="gradient: learning rate of the conjugation parameters over that of the rest; "
        "they have far to go, and Adam moves a number by about one rate a step",
    )
    legacy: LegacyConfig = LegacyConfig()


class MixtureHarmoniumConfig(TrialConfig):
    """Everything that decides a trial of this study, beside its data and seed.

    A `training` block of one's own starts from the trainer's defaults, not from the ones here.
    """

    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig(
        epochs=400, batch_size=128, learning_rate=0.005, warmup_steps=400, validate_every=20
    )

    def warmup_end_epoch(self) -> float:
        """When beta has risen too."""
        risen = self.objective.beta_warmup_fraction * self.training.epochs
        return max(super().warmup_end_epoch(), risen)

    @model_validator(mode="after")
    def _kept_weights_and_state_belong_together(self) -> Self:
        if self.model.mode == "analytical" and self.training.keep == "best":
            raise ValueError(
                "model.mode analytical needs training.keep last: the conjugation parameters are "
                "those of the last step, whichever epoch's weights are kept"
            )
        return self
