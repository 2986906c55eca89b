"""Suggests the next configurations: a pure function of the settings and of what is known.

Nothing is kept between calls. The sampler of a configuration is seeded by the sweep's seed, the
cohort's index and the index in the cohort, and sees all earlier results: a killed sweep therefore
asks for the same configurations as one that was never disturbed.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from latentlab.search.sampling import quasi_random_values, random_values, tpe_sampler
from latentlab.search.settings import SweepSettings
from latentlab.search.space import Space
from latentlab.search.suggestion import Suggestion

if TYPE_CHECKING:
    import optuna

Direction = Literal["maximize", "minimize"]

_OPTUNA_STATES = {
    "running": "RUNNING",
    "complete": "COMPLETE",
    "pruned": "PRUNED",
    "diverged": "FAIL",
    "failed": "FAIL",
}
"""Optuna's word for each state."""


def propose(
    settings: SweepSettings,
    directions: Sequence[Direction],
    known: Sequence[Suggestion],
    cohort: int,
    index: int,
    count: int,
) -> list[Suggestion]:
    """Suggest the next configurations.

    Args:
        settings: of the sweep.
        directions: which way each objective is better.
        known: all configurations suggested so far, in order; those of this cohort among them.
        cohort: index of the cohort that is filled.
        index: of the first one in its cohort.
        count: how many; at most what is left of the budget.

    Returns:
        At most `count`; fewer where a grid is used up.
    """
    first = len(known)
    suggestions = [
        Suggestion(number, cohort, values, adaptive=False)
        for number, values in enumerate(_drawn(settings, first, count), first)
    ]
    if settings.method == "tpe" and len(suggestions) < count:
        seeds = [
            int(np.random.SeedSequence([settings.sampler_seed, cohort, k]).generate_state(1)[0])
            for k in range(index + len(suggestions), index + count)
        ]
        by_tpe = _tpe_values(settings.space, directions, [*known, *suggestions], seeds)
        suggestions += [
            Suggestion(number, cohort, values, adaptive=True)
            for number, values in enumerate(by_tpe, first + len(suggestions))
        ]
    return suggestions


def _drawn(settings: SweepSettings, first: int, count: int) -> list[dict[str, Scalar]]:
    """Return the values of those next configurations that earlier scores do not decide."""
    space, seed = settings.space, settings.sampler_seed
    if settings.method == "grid":
        return _cells(settings)[first : first + count]
    if settings.method == "random":
        return [random_values(space, seed, number) for number in range(first, first + count)]
    if settings.method == "tpe":
        count = min(count, max(0, settings.startup - first))
    return quasi_random_values(space, seed, first, count)


def _cells(settings: SweepSettings) -> list[dict[str, Scalar]]:
    """Return the cells of a grid; in a random order where the budget does not cover all."""
    cells = list(grid_configurations(settings.space))
    budget = settings.configurations
    if budget is None or budget >= len(cells):
        return cells
    order = np.random.default_rng(settings.sampler_seed).permutation(len(cells))
    return [cells[i] for i in order[:budget]]


def _tpe_values(
    space: Space,
    directions: Sequence[Direction],
    known: Sequence[Suggestion],
    seeds: Sequence[int],
) -> list[dict[str, Scalar]]:
    """Suggest by Optuna's tree-structured Parzen estimator, one configuration per seed.

    Bergstra et al. 2011; parameters under conditions are modelled in groups.
    """
    import optuna

    with quiet():
        study = optuna.create_study(directions=list(directions))
        worst = _worst(known, directions)
        study.add_trials([frozen_trial(space, one, len(directions), worst) for one in known])
        found = []
        for seed in seeds:
            study.sampler = tpe_sampler(seed)
            # Asked trials stay running: the next one of the cohort keeps away from them.
            found.append(suggested(space, study.ask()))
    return found


def suggested(space: Space, trial: optuna.Trial) -> dict[str, Scalar]:
    """Return what a trial's sampler suggests for the parameters that exist, controllers first."""
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
    """Return a parameter as Optuna's distribution."""
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


def _worst(
    known: Sequence[Suggestion], directions: Sequence[Direction]
) -> tuple[float, ...] | None:
    """Return the worst value seen of each objective; None where nothing is complete."""
    results = [one.result for one in known if one.result is not None]
    values = [result.objectives for result in results if result.state == "complete"]
    if not values:
        return None
    return tuple(
        min(column) if direction == "maximize" else max(column)
        for column, direction in zip(zip(*values, strict=True), directions, strict=True)
    )


def frozen_trial(
    space: Space,
    suggestion: Suggestion,
    objectives: int,
    worst: tuple[float, ...] | None = None,
) -> optuna.trial.FrozenTrial:
    """Return a configuration as a trial of Optuna.

    One that was stopped early counts as pruned, with its scores at the rungs. One that diverged
    counts as the worst that was seen, so that the sampler keeps away from it; one that failed for
    other reasons says nothing, and is passed over.

    Args:
        space: that it comes from.
        suggestion: with its result, if there is one.
        objectives: how many there are.
        worst: value of each objective for one that diverged; none: it counts as failed.
    """
    from optuna.trial import TrialState, create_trial

    state = _OPTUNA_STATES[suggestion.state]
    values = () if suggestion.result is None else suggestion.result.objectives
    if suggestion.state == "diverged" and worst is not None:
        state, values = "COMPLETE", worst
    return create_trial(
        state=TrialState[state],
        params=dict(suggestion.values),
        distributions={name: distribution_of(space.parameters[name]) for name in suggestion.values},
        values=list(values) if state == "COMPLETE" else None,
        intermediate_values=dict(suggestion.rungs) if objectives == 1 else None,
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
