"""What may be chosen about a classifier of ARC tasks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.training.config import TrainingConfig, TrialConfig
from latentlab.training.per_trial import PerTrial


class CnnConfig(BaseModel):
    """The convolutional encoder; without effect where `model.encoder` is `context`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    channels: int = Field(
        64, ge=1, le=1024, description="channels of the first layer at width_multiplier 1"
    )
    width_multiplier: float = Field(
        1.0, gt=0, le=16, description="factor of the channels of all layers"
    )
    depth: int = Field(
        4,
        ge=2,
        le=9,
        description="3x3 convolutions: channels double in the second and third; each further one "
        "adds to what it is given",
    )
    demo_aggregation: Literal["flatten", "mean"] = Field(
        "flatten",
        description="features of the three pairs side by side in their order, or averaged",
    )
    mlp_hidden: int = Field(512, ge=1, le=65536, description="hidden units after the aggregation")
    coordinates: bool = Field(
        False, description="two more channels: row and column of each cell, as shares of 30"
    )
    dropout: Annotated[float, PerTrial(switch=True)] = Field(
        0.2, ge=0, lt=1, description="share of hidden units dropped"
    )


class ContextConfig(BaseModel):
    """The attention encoder; without effect where `model.encoder` is `cnn`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    width: int = Field(128, ge=4, le=4096, description="features of a cell, and of a grid")
    heads: int = Field(4, ge=1, le=64, description="attention heads; a divisor of width")
    pixel_layers: int = Field(1, ge=1, le=12, description="transformer layers within each grid")
    grid_layers: int = Field(
        1, ge=1, le=12, description="layers in which output grids attend to input grids"
    )
    feed_forward: int = Field(
        2048, ge=1, le=65536, description="hidden units of the dense part of a pixel layer"
    )
    dropout: Annotated[float, PerTrial(switch=True)] = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of features dropped after each layer, the same in all cells of a grid",
    )

    @model_validator(mode="after")
    def _width_divides(self) -> Self:
        if self.width % self.heads or self.width % 4:
            raise ValueError(
                f"width {self.width} must be a multiple of heads ({self.heads}) and of 4, for sine "
                "and cosine of row and column"
            )
        return self


class LegacyConfig(BaseModel):
    """Quirks of the reported experiment, off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    unmasked_padding: bool = Field(
        False,
        description="treat padding as an eleventh colour: the convolutional encoder sees it and "
        "averages over it, the attention encoder attends to it",
    )


class ModelConfig(BaseModel):
    """Encoder and head."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Literal["cnn", "context"] = Field("cnn", description="which of the two encoders")
    embedding: int = Field(128, ge=1, le=65536, description="features of a task")
    cosine: bool = Field(
        False,
        description="logits are temperature times the cosine between a task and the prototypes, "
        "else their dot product",
    )
    relations: bool = Field(
        False,
        description="tell the encoder of each cell the share of its grid's cells that have its "
        "colour, and whether the other grid of the pair differs there: no permutation of colours "
        "changes these",
    )
    temperature: Annotated[float, PerTrial()] = Field(
        10.0, gt=0, le=1000, description="factor of the cosine; without effect on dot products"
    )
    cnn: CnnConfig = CnnConfig()
    context: ContextConfig = ContextConfig()
    legacy: LegacyConfig = LegacyConfig()


class ObjectiveConfig(BaseModel):
    """The loss."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label_smoothing: Annotated[float, PerTrial()] = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the target that is spread evenly over all classes",
    )


class ArcClassifierConfig(TrialConfig):
    """Everything that decides a trial of this study, beside its data and seed.

    A `training` block of one's own starts from the trainer's defaults, not from the ones here.
    """

    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig(
        epochs=20,
        batch_size=16,
        validation_fraction=0.2,
        optimiser="adamw",
        learning_rate=1e-3,
        schedule="plateau",
        plateau_patience=2,
        monitor="validation_error_rate",
        stop_patience=4,
        keep="best",
    )
