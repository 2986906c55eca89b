"""Which configurations are tried next: a pure function of the settings and of what is known.

Nothing is kept between calls. The sampler of a configuration is seeded by the sweep's seed, the
cohort's index and the place in the cohort, and sees what was told before: a killed sweep therefore
asks for the same configurations as one that was never disturbed.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from latentlab.search.grid import configurations as grid_configurations
from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Parameter,
    Scalar,
)
from latentlab.search.sampling import quasi_random_values, random_values
from latentlab.search.settings import SweepSettings
from latentlab.search.space import Space

if TYPE_CHECKING:
    import optuna

Direction = Literal["maximize", "minimize"]

_STATES = {
    "running": "RUNNING",
    "complete": "COMPLETE",
    "halved": "PRUNED",
    "diverged": "FAIL",
    "failed": "FAIL",
}
"""Optuna's word for each state."""


@dataclass(frozen=True)
class Known:
    """A configuration that was asked for.

    Attributes:
        values: of the parameters that exist in it.
        state: `running` until it is told.
        objectives: one number per objective where it is complete; empty where there is none.
        rungs: the score at each rung it reached, by epochs; turned like the objective.
    """

    values: dict[str, Scalar]
    state: Literal["running", "complete", "halved", "diverged", "failed"]
    objectives: tuple[float, ...] = ()
    rungs: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """A configuration to be tried.

    Attributes:
        values: of the parameters that exist in it.
        adaptive: whether the scores of earlier ones decided it.
    """

    values: dict[str, Scalar]
    adaptive: bool


def propose(
    settings: SweepSettings,
    directions: Sequence[Direction],
    known: Sequence[Known],
    cohort: int,
    place: int,
    count: int,
) -> list[Proposal]:
    """The next configurations.

    Args:
        settings: of the sweep.
        directions: which way each objective is better.
        known: all configurations asked for so far, in order; those of this cohort among them.
        cohort: index of the cohort that is filled.
        place: of the first one in its cohort.
        count: how many; at most what is left of the budget.

    Returns:
        At most `count`; fewer where a grid is used up.
    """
    space, seed, first = settings.space, settings.sampler_seed, len(known)
    if settings.method == "grid":
        return [Proposal(values, False) for values in _cells(settings)[first : first + count]]
    if settings.method == "random":
        return [Proposal(random_values(space, seed, n), False) for n in range(first, first + count)]
    even = count if settings.method == "quasi_random" else max(0, settings.startup - first)
    even = min(even, count)
    proposals = [
        Proposal(values, False) for values in quasi_random_values(space, seed, first, even)
    ]
    if even < count:
        proposals += _by_tpe(
            space,
            directions,
            [*known, *_running(proposals)],
            (seed, cohort),
            place + even,
            count - even,
        )
    return proposals


def _cells(settings: SweepSettings) -> list[dict[str, Scalar]]:
    """The cells of a grid; where the budget is smaller, in a random order, so that it covers."""
    cells = list(grid_configurations(settings.space))
    budget = settings.configurations
    if budget is None or budget >= len(cells):
        return cells
    order = np.random.default_rng(settings.sampler_seed).permutation(len(cells))
    return [cells[i] for i in order[:budget]]


def _running(proposals: Sequence[Proposal]) -> list[Known]:
    return [Known(proposal.values, "running") for proposal in proposals]


def _by_tpe(
    space: Space,
    directions: Sequence[Direction],
    known: Sequence[Known],
    seeds: tuple[int, int],
    place: int,
    count: int,
) -> list[Proposal]:
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), conditions by groups."""
    import optuna

    with quiet():
        study = optuna.create_study(directions=list(directions))
        worst = _worst(known, directions)
        study.add_trials([frozen_trial(space, one, len(directions), worst) for one in known])
        proposals = []
        for offset in range(count):
            study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=0,
                multivariate=True,
                group=True,
                constant_liar=True,
                seed=int(np.random.SeedSequence([*seeds, place + offset]).generate_state(1)[0]),
            )
            trial = study.ask()
            # Asked trials stay running: the next one of the cohort keeps away from them.
            proposals.append(Proposal(suggested(space, trial), True))
    return proposals


def suggested(space: Space, trial: optuna.Trial) -> dict[str, Scalar]:
    """What a trial's sampler suggests for the parameters that exist, controllers first."""
    values: dict[str, Any] = dict(space.fixed)
    found: dict[str, Scalar] = {}
    for name in space.order:
        if space.parameters[name].met(values):
            found[name] = values[name] = _suggest(trial, name, space.parameters[name])
    return found


def _suggest(trial: optuna.Trial, name: str, parameter: Parameter) -> Scalar:
    if isinstance(parameter, CategoricalParameter):
        chosen: Scalar = trial.suggest_categorical(name, parameter.choices)
        return chosen
    if isinstance(parameter, FloatParameter):
        return trial.suggest_float(
            name, parameter.low, parameter.high, log=parameter.log, step=parameter.step
        )
    assert isinstance(parameter, IntParameter)
    return trial.suggest_int(
        name, parameter.low, parameter.high, log=parameter.log, step=parameter.step
    )


def distribution_of(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    """A parameter as Optuna says it."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(parameter, CategoricalParameter):
        return CategoricalDistribution(parameter.choices)
    if isinstance(parameter, FloatParameter):
        return FloatDistribution(
            parameter.low, parameter.high, log=parameter.log, step=parameter.step
        )
    assert isinstance(parameter, IntParameter)
    return IntDistribution(parameter.low, parameter.high, log=parameter.log, step=parameter.step)


def _worst(known: Sequence[Known], directions: Sequence[Direction]) -> tuple[float, ...] | None:
    """The worst value seen of each objective; None where nothing is complete."""
    values = [one.objectives for one in known if one.state == "complete"]
    if not values:
        return None
    return tuple(
        min(column) if direction == "maximize" else max(column)
        for column, direction in zip(zip(*values, strict=True), directions, strict=True)
    )


def frozen_trial(
    space: Space, one: Known, objectives: int, worst: tuple[float, ...] | None = None
) -> optuna.trial.FrozenTrial:
    """A configuration as a trial of Optuna.

    One that was stopped early counts as pruned, with its scores at the rungs. One that diverged
    counts as the worst that was seen, so that the sampler keeps away from it; one that failed for
    other reasons says nothing, and is passed over.
    """
    from optuna.trial import TrialState, create_trial

    state, values = _STATES[one.state], one.objectives
    if one.state == "diverged" and worst is not None:
        state, values = "COMPLETE", worst
    return create_trial(
        state=TrialState[state],
        params=dict(one.values),
        distributions={name: distribution_of(space.parameters[name]) for name in one.values},
        values=list(values) if state == "COMPLETE" else None,
        intermediate_values=dict(one.rungs) if objectives == 1 else None,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's log of each trial and its warnings about experimental options."""
    logger = logging.getLogger("optuna")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
