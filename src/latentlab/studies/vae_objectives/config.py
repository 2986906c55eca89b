"""What may be chosen about a VAE and its objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.training.config import TrialConfig
from latentlab.training.per_trial import PerTrial

Kind = Literal[
    "vae",
    "capacity",
    "cyclical",
    "free_bits",
    "factor_vae",
    "beta_tc",
    "dip_i",
    "dip_ii",
    "mmd",
    "derp",
    "iwae",
    "vamp",
    "vq",
]

READ: Mapping[str, tuple[Kind, ...]] = {
    "weight": ("factor_vae", "beta_tc", "dip_i", "dip_ii", "mmd", "derp", "vq"),
    "capacity": ("capacity",),
    "rise": ("capacity", "cyclical"),
    "cycles": ("cyclical",),
    "free_bits": ("free_bits",),
    "discriminator": ("factor_vae",),
    "discriminator_rate": ("factor_vae",),
    "probes": ("derp",),
    "samples": ("iwae",),
    "components": ("vamp",),
    "codes": ("vq",),
}
"""Which kinds read a setting, where not all do."""

BOUND: tuple[Kind, ...] = ("iwae", "vq")
"""Kinds in which the KL has no weight but 1, or no place."""


class ModelConfig(BaseModel):
    """Encoder and decoder: dense layers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    hidden: int = Field(
        256, ge=4, le=16_384, description="width of the first layer; the second has half"
    )
    latent_dim: int = Field(10, ge=2, le=1024, description="latent units")


class ObjectiveConfig(BaseModel):
    """What is minimised; the defaults are the plain VAE."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind = Field("vae", description="which objective; with a beta other than 1 a beta-VAE")
    beta: Annotated[float, PerTrial()] = Field(
        1.0, ge=0, description="weight of the KL term; capacity: of its distance from the capacity"
    )
    weight: Annotated[float, PerTrial()] = Field(
        0.0,
        ge=0,
        description="of the objective's own term, 0 being the plain VAE; vq: of the commitment",
    )
    capacity: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, description="capacity: nats that the KL term is pulled to in the end"
    )
    rise: Annotated[float, PerTrial()] = Field(
        0.0,
        ge=0,
        le=1,
        description="capacity: share of training over which it rises from 0; cyclical: share of a "
        "cycle over which the KL's weight does",
    )
    cycles: Annotated[float, PerTrial()] = Field(
        1.0, ge=1, description="cyclical: rises of the KL's weight; 1 is a warm-up"
    )
    free_bits: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, description="free_bits: nats of a unit that cost no more than its last one"
    )
    discriminator: int = Field(
        64, ge=2, le=16_384, description="factor_vae: width of its two hidden layers"
    )
    discriminator_rate: float = Field(
        1.0, gt=0, le=1000, description="factor_vae: multiple of the learning rate"
    )
    probes: int = Field(16, ge=1, le=1024, description="derp: random directions, new ones a step")
    samples: int = Field(5, ge=1, le=1024, description="iwae: samples of the posterior")
    components: int = Field(50, ge=1, le=10_000, description="vamp: pseudo-inputs")
    codes: int = Field(16, ge=2, le=10_000, description="vq: values that a unit can take")

    @model_validator(mode="after")
    def _only_what_is_read(self) -> Self:
        unread = [n for n in self.model_fields_set if self.kind not in READ.get(n, (self.kind,))]
        idle = [n for n in unread if getattr(self, n) != type(self).model_fields[n].default]
        if idle:
            raise ValueError(
                f"{', '.join(sorted(idle))} would change nothing: {self.kind} does not read it; "
                "leave it out, or name a kind that does"
            )
        if self.kind in BOUND and self.beta != 1:
            raise ValueError(f"beta: {self.kind} has no weight of the KL but 1; leave it out")
        return self


class VaeObjectivesConfig(TrialConfig):
    """Everything that decides a trial of this study, beside its data and seed."""

    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()

    def warmup_end_epoch(self) -> float:
        """When what the objective schedules has risen too."""
        objective = self.objective
        scheduled = objective.kind in READ["rise"] and objective.rise > 0
        # The weight of the last cycle is on only from the end of its own rise.
        cycles = objective.cycles
        end = (cycles - 1 + objective.rise) / cycles if scheduled else 0.0
        return max(super().warmup_end_epoch(), end * self.training.epochs)
