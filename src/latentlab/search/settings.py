"""A sweep as it is declared: the space, how it is searched, and on which seeds."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.search.parameters import Choice, Number, Parameter, Whole
from latentlab.search.space import Space
from latentlab.training.config import Seeds, completed_by

Method = Literal["grid", "random", "quasi_random", "tpe"]

SEARCH_SEEDS = Seeds(first=1000, count=3)
"""Seeds of a search lie apart from those of the study, which judges: nothing is used twice."""
CONFIRMATION_SEEDS = Seeds(first=2000, count=10)


class SearchedMetric(BaseModel):
    """One objective: a metric of the study on the validation split, as its mean over seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    direction: Literal["maximize", "minimize"] | None = Field(
        None, description="none: the direction that the study gives the metric"
    )


class Halving(BaseModel):
    """Early stopping by rungs, at each of which the best 1 / factor go on.

    Rungs lie after `first * factor^k` epochs, or where `rungs` says. With several brackets as in
    Hyperband (Li et al. 2018) cohorts take turns at beginning with the first rung, the second, ..
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Whole | None = Field(None, ge=1, description="epochs of the first rung")
    rungs: tuple[Annotated[Whole, Field(ge=1)], ...] | None = Field(
        None, min_length=1, description="epochs of all rungs, rising, instead of `first`"
    )
    factor: Whole = Field(3, ge=2)
    brackets: Whole = Field(1, ge=1, le=8)
    score: str | None = Field(
        None,
        description="the epoch score that decides, where less is better; none: the study's own",
    )
    force: bool = Field(
        False, description="stop also before a scheduled mechanism of the study has started"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.first is None) == (self.rungs is None):
            raise ValueError("needs either `first` or `rungs`; give one of the two")
        if self.rungs is not None:
            if list(self.rungs) != sorted(set(self.rungs)):
                raise ValueError(f"rungs {list(self.rungs)} do not rise; sort them, each once")
            if self.brackets > len(self.rungs):
                raise ValueError(
                    f"{self.brackets} brackets need as many rungs, not {len(self.rungs)}; "
                    "lower `brackets`"
                )
        return self

    @property
    def earliest(self) -> int:
        """Epochs of the first rung, by whichever of the two it is given."""
        if self.rungs is not None:
            return self.rungs[0]
        assert self.first is not None
        return self.first


class Confirmation(BaseModel):
    """The winner and the default configuration, trained anew on seeds that the search never saw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: Annotated[Seeds, completed_by(CONFIRMATION_SEEDS)] = CONFIRMATION_SEEDS
    epochs: Whole | None = Field(
        None, ge=1, description="none: the study's own budget, not the search's"
    )


class SweepSettings(BaseModel):
    """The content of a sweep file, `conf/<environment>/<study>/sweeps/<name>.yml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = "tpe"
    configurations: Whole | None = Field(
        None, ge=1, description="how many are tried; none: all of a grid"
    )
    seconds: Number | None = Field(
        None, gt=0, description="no new cohort is asked for after this wall-clock time"
    )
    seeds: Annotated[Seeds, completed_by(SEARCH_SEEDS)] = SEARCH_SEEDS
    objectives: list[SearchedMetric] = Field(
        [], description="none: the metric that the study chooses its champion by"
    )
    cohort: Whole = Field(8, ge=1, description="configurations that are asked for together")
    startup: Whole = Field(16, ge=0, description="tpe: configurations drawn quasi-randomly first")
    sampler_seed: Whole = Field(0, ge=0, description="of the sampler, not of the training")
    halving: Halving | None = None
    confirmation: Confirmation = Confirmation()
    fixed: dict[str, Choice | list[Choice]] = {}
    parameters: dict[str, Parameter] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        space = self.space
        if self.method == "grid":
            endless = [name for name, p in space.parameters.items() if p.grid() is None]
            if endless:
                raise ValueError(
                    f"method grid: {endless[0]} has infinitely many values; give it a step or "
                    "choices, or use another method"
                )
        elif self.configurations is None and self.seconds is None:
            raise ValueError(f"method {self.method} has no end; give `configurations` or `seconds`")
        if self.halving is not None and len(self.objectives) > 1:
            raise ValueError("halving needs a single objective")
        shared = set(self.seeds.numbers()) & set(self.confirmation.seeds.numbers())
        if shared:
            raise ValueError(
                f"confirmation.seeds: {min(shared)} is a seed of the search too; choose others"
            )
        return self

    @property
    def space(self) -> Space:
        """What is searched."""
        return Space(fixed=self.fixed, parameters=self.parameters)
