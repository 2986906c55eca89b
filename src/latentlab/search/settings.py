"""A sweep as it is declared: the space, how it is searched, and on which seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.core.validation import Mistake, all_of
from latentlab.search.grid import count
from latentlab.search.parameters import Choice, Number, Parameter, Whole
from latentlab.search.space import Space, misfits
from latentlab.training.config import Seeds, completed_by

MOST_CONFIGURATIONS = 100_000
"""More than any study here could train, and few enough to be listed in memory."""
MOST_VALUES = 1_000_000
"""Of a range of whole numbers or of steps: its values may have to be listed."""
MOST_CHOICES = 1_000
"""Of a choice, each of which is looked at before the sweep begins."""
MOST_EPOCHS = 1_000_000

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

    first: Whole | None = Field(None, ge=1, le=MOST_EPOCHS, description="epochs of the first rung")
    rungs: tuple[Annotated[Whole, Field(ge=1, le=MOST_EPOCHS)], ...] | None = Field(
        None, min_length=1, description="epochs of all rungs, rising, instead of `first`"
    )
    factor: Whole = Field(3, ge=2, le=MOST_EPOCHS)
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
        None, ge=1, le=MOST_EPOCHS, description="none: the study's own budget, not the search's"
    )


class SweepSettings(BaseModel):
    """The content of a sweep file, `conf/<environment>/<study>/sweeps/<name>.yml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = "tpe"
    configurations: Whole | None = Field(
        None, ge=1, le=MOST_CONFIGURATIONS, description="how many are tried; none: all of a grid"
    )
    seconds: Number | None = Field(
        None, gt=0, description="no new cohort is asked for after this wall-clock time"
    )
    seeds: Annotated[Seeds, completed_by(SEARCH_SEEDS)] = SEARCH_SEEDS
    objectives: list[SearchedMetric] = Field(
        [], description="none: the metric that the study chooses its champion by"
    )
    cohort: Whole = Field(
        8, ge=1, le=MOST_CONFIGURATIONS, description="configurations that are asked for together"
    )
    startup: Whole = Field(
        16,
        ge=0,
        le=MOST_CONFIGURATIONS,
        description="tpe: configurations drawn quasi-randomly first",
    )
    sampler_seed: Whole = Field(0, ge=0, description="of the sampler, not of the training")
    halving: Halving | None = None
    confirmation: Confirmation = Confirmation()
    # All three are left out of other sweeps' dumps, whose registrations would change with them.
    command: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        exclude_if=lambda command: command is None,
        description="of a study of programs: how its configurations are called; none: as its arms",
    )
    nested: tuple[str, ...] = Field(
        (),
        exclude_if=lambda nested: not nested,
        description="of a study of programs: blocks that a command takes whole (program.nested)",
    )
    arguments: dict[str, Choice | list[Choice]] = Field(
        {},
        exclude_if=lambda arguments: not arguments,
        description="what a command takes beside parameters and `fixed`; a value may be {seed}",
    )
    fixed: dict[str, Choice | list[Choice]] = {}
    parameters: dict[str, Parameter] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if found := list(self._mistakes()):
            raise all_of(found)
        space = self.space
        if self.method != "grid":
            if self.configurations is None and self.seconds is None:
                raise ValueError(
                    f"method {self.method} has no end; give `configurations` or `seconds`"
                )
        elif (cells := count(space)) > MOST_CONFIGURATIONS:
            raise ValueError(
                f"a grid of {cells:,} configurations is more than {MOST_CONFIGURATIONS:,}; take "
                "values out, or use another method"
            )
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        yield from misfits(self.fixed, self.parameters)
        for name, parameter in self.parameters.items():
            size, where = parameter.size(), ("parameters", name)
            if size is None and self.method == "grid":
                what = f"method grid: {name} has infinitely many values"
                yield Mistake(where, what, "Give it a step or choices, or use another method")
            elif parameter.type == "categorical" and len(parameter.choices) > MOST_CHOICES:
                what = f"{len(parameter.choices):,} choices are more than {MOST_CHOICES:,}"
                yield Mistake(where, what, "Take some out, or write a range")
            elif size is not None and size > MOST_VALUES:
                what = f"{size:,} values are more than {MOST_VALUES:,}"
                yield Mistake(where, what, "Give it a larger step, or narrow it")
        if self.halving is not None and len(self.objectives) > 1:
            yield Mistake(("halving",), "it needs a single objective", "Keep one")
        shared = set(self.seeds.numbers()) & set(self.confirmation.seeds.numbers())
        if shared:
            what = f"{min(shared)} is a seed of the search too"
            yield Mistake(("confirmation", "seeds"), what, "Choose others")

    @property
    def space(self) -> Space:
        """What is searched."""
        return Space(fixed=self.fixed, parameters=self.parameters)
