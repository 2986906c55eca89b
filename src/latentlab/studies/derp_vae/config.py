"""What may be chosen about a DERP-VAE, with the values of the report as defaults."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.training.config import TrialConfig
from latentlab.training.per_trial import PerTrial


class ModelConfig(BaseModel):
    """Encoder, decoder and classifier."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    architecture: Literal["dense", "convolutional"] = Field(
        "dense", description="dense as in the report, or 4x4 convolutions of stride 2"
    )
    hidden: int = Field(
        256, ge=4, le=16_384, description="width of the first dense layer; the second has half"
    )
    channels: int = Field(
        32,
        ge=1,
        le=1024,
        description="convolutional: channels of the first layer, doubled by each further",
    )
    latent_dim: int = Field(4, ge=1, le=1024, description="latent dimensions")
    dropout: Annotated[float, PerTrial(switch=True)] = Field(
        0.2, ge=0, lt=1, description="share of hidden units dropped in encoder and decoder"
    )
    classifier_dropout: Annotated[float, PerTrial(switch=True)] = Field(
        0.3, ge=0, lt=1, description="share of hidden units dropped in the classifier"
    )


class LegacyConfig(BaseModel):
    """Quirks of the reported experiment, off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trainable_perceptual_net: bool = Field(
        False,
        description="train the feature net with the rest, as reported: its features collapse to a "
        "constant and the perceptual term to 0",
    )


class ObjectiveConfig(BaseModel):
    """Weights of the five loss terms; a weight of 0 leaves its term out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    beta: Annotated[float, PerTrial()] = Field(1.0, ge=0, description="weight of the KL term")
    beta_warmup_epochs: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, description="epochs of a linear rise of beta from 0"
    )
    classification_weight: Annotated[float, PerTrial(switch=True)] = Field(
        0.5, ge=0, description="weight of the classifier's cross-entropy"
    )
    perceptual_weight: Annotated[float, PerTrial(switch=True)] = Field(
        0.3, ge=0, description="weight of the squared distance of features"
    )
    distributional_weight: Annotated[float, PerTrial(switch=True)] = Field(
        0.0, ge=0, description="weight of the DERP term"
    )
    probes: int = Field(0, ge=0, le=1024, description="random directions of the DERP term")
    resample_probes: Literal["never", "per_step"] = Field(
        "never", description="keep the probes for the whole training, or draw new ones each step"
    )
    legacy: LegacyConfig = LegacyConfig()

    @model_validator(mode="after")
    def _probes_where_needed(self) -> Self:
        if (self.distributional_weight > 0) != (self.probes > 0):
            raise ValueError(
                "the DERP term needs both distributional_weight and probes above 0, or both 0"
            )
        return self


class DerpVaeConfig(TrialConfig):
    """Everything that decides a trial of this study, beside its data and seed."""

    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()

    def warmup_end_epoch(self) -> float:
        """When beta has risen too."""
        return max(super().warmup_end_epoch(), self.objective.beta_warmup_epochs)
