"""What may be planted. As they stand, no setting is at the value to which a lever brings it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from latentlab.training.config import TrainingConfig, TrialConfig
from latentlab.training.per_trial import PerTrial


class ModelConfig(BaseModel):
    """Encoder and decoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latent_dim: int = 8
    hidden: int = 64
    input_scale: Annotated[float, PerTrial()] = 0.9
    """Factor of what the encoder sees."""
    encoder_shift: Annotated[float, PerTrial()] = 0.1
    """Added to what enters the encoder's units."""
    decoder_gain: Annotated[float, PerTrial()] = 0.9
    """Factor of z where it enters the decoder."""
    shortcut: Annotated[float, PerTrial()] = 0.02
    """How much of x the decoder sees beside z."""
    log_variance_floor: Annotated[float, PerTrial()] = -6.0
    """The least that the log variance of q(z|x) may be."""


class ObjectiveConfig(BaseModel):
    """The loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kl_weight: Annotated[float, PerTrial()] = 1.2
    kl_warmup_epochs: Annotated[float, PerTrial()] = 0.0
    likelihood_scale: Annotated[float, PerTrial()] = 0.8


class PlantedVaeConfig(TrialConfig):
    """All of it."""

    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig(
        epochs=30, batch_size=64, learning_rate=3e-3, weight_decay=1e-6, validate_every=30
    )
