"""The `training` block of a study: everything about optimisation that is no part of the model."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from latentlab.training.per_trial import PerTrial


class TrainingConfig(BaseModel):
    """How the trials of a study are optimised.

    Fields marked `PerTrial` may differ within a cohort; any other difference splits cohorts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(30, ge=1, le=1_000_000, description="passes over the training examples")
    batch_size: int = Field(
        128, ge=2, le=1_000_000, description="examples per step; a short last batch is left out"
    )
    validation_fraction: float = Field(
        0.1, gt=0, lt=1, description="share of the training split held out for validation, by seed"
    )
    optimiser: Literal["adam", "adamw", "sgd"] = Field("adam", description="update rule")
    learning_rate: Annotated[float, PerTrial()] = Field(1e-3, gt=0, lt=100, description="per step")
    weight_decay: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, description="L2 penalty for adam and sgd, decoupled decay for adamw"
    )
    momentum: Annotated[float, PerTrial()] = Field(0.9, ge=0, lt=1, description="sgd only")
    gradient_clip: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, description="largest norm of the whole gradient; 0 does not clip"
    )
    schedule: Literal["constant", "linear", "cosine", "step", "plateau"] = Field(
        "constant", description="how the learning rate changes over training"
    )
    warmup_steps: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, description="steps of a linear rise of the learning rate from 0"
    )
    warmup_fraction: Annotated[float, PerTrial()] = Field(
        0.0,
        ge=0,
        le=1,
        description="the same as a share of all steps, so that it scales with epochs; the longer "
        "of the two counts",
    )
    final_factor: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, le=1, description="linear, cosine: last learning rate over the first"
    )
    step_epochs: Annotated[float, PerTrial()] = Field(
        10, gt=0, description="step: epochs between two reductions"
    )
    reduction: Annotated[float, PerTrial()] = Field(
        0.5, gt=0, lt=1, description="step, plateau: factor of one reduction"
    )
    plateau_patience: Annotated[float, PerTrial()] = Field(
        3,
        ge=0,
        description="plateau: epochs without improvement that are tolerated before the rate is "
        "reduced",
    )
    monitor: str = Field(
        "validation_total",
        pattern=r"^(train|validation)_\w+$",
        description="the epoch score that plateau, stopping and best epoch watch, less is better: "
        "the total or a term of the loss, as in validation_total",
    )
    stop_patience: Annotated[float, PerTrial(switch=True)] = Field(
        0, ge=0, description="epochs without improvement before a trial stops; 0 never stops"
    )
    keep: Literal["last", "best"] = Field(
        "last", description="weights that are kept: of the last epoch, or of the best by `monitor`"
    )
    validate_every: int = Field(1, ge=1, le=1_000_000, description="epochs between two validations")

    @model_validator(mode="after")
    def _watched_scores_exist(self) -> Self:
        watching = self.schedule == "plateau" or self.stop_patience > 0 or self.keep == "best"
        if watching and self.monitor.startswith("validation_") and self.validate_every != 1:
            raise ValueError(
                f"plateau, stop_patience and keep: best watch {self.monitor} after every epoch: "
                "set validate_every to 1, or monitor to train_total"
            )
        return self


class TrialConfig(BaseModel):
    """What decides a trial, beside its data and seed; studies add `model` and `objective`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    training: TrainingConfig = TrainingConfig()

    def warmup_end_epoch(self) -> float:
        """Return the epoch from which every scheduled mechanism is on; studies add their own.

        A search never stops a configuration before it, unless it is told to.
        """
        return self.training.warmup_fraction * self.training.epochs


class Seeds(BaseModel):
    """Seeds: a blocking factor, the same for everything that is compared.

    A field of this type says what is meant where a part is left out: see `completed_by`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int = Field(ge=0, le=2**32 - 1, strict=True, description="first seed")
    count: int = Field(
        ge=1, le=10_000, strict=True, description="number of consecutive seeds from the first"
    )
    chosen: tuple[Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)], ...] | None = Field(
        None, min_length=1, max_length=10_000, description="these seeds instead of a range"
    )

    @model_validator(mode="after")
    def _no_seed_twice(self) -> Self:
        for seed, times in Counter(self.chosen or ()).items():
            if times > 1:
                raise ValueError(f"chosen holds seed {seed} twice; name it once")
        return self

    def numbers(self) -> tuple[int, ...]:
        """Return the seeds in order."""
        return self.chosen or tuple(range(self.first, self.first + self.count))


def completed_by(default: Seeds) -> BeforeValidator:
    """Return a validator of a field of `Seeds`: what a block leaves out is as in the default.

    So `seeds: {count: 5}` keeps the default's first seed.
    """
    known = {"first": default.first, "count": default.count}
    return BeforeValidator(lambda value: known | value if isinstance(value, dict) else value)
