"""Values of parameters from numbers in [0, 1): the same map for random and quasi-random search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import qmc

from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Parameter,
    Scalar,
)
from latentlab.search.space import Space

if TYPE_CHECKING:
    import optuna


def value_at(parameter: Parameter, share: float) -> Scalar:
    """The value below which a uniform draw lies with probability `share`, in [0, 1).

    Choices and whole numbers are equally likely; on a log scale a whole number has the
    probability of the interval half a unit around it, as in Optuna.
    """
    if isinstance(parameter, CategoricalParameter):
        return parameter.choices[int(share * len(parameter.choices))]
    if isinstance(parameter, FloatParameter):
        values = parameter.grid()
        if values is not None:
            return values[int(share * len(values))]
        low, high = parameter.low, parameter.high
        if parameter.log:
            return float(np.clip(low * (high / low) ** share, low, high))
        return low + share * (high - low)
    assert isinstance(parameter, IntParameter)
    if parameter.log:
        low, high = math.log(parameter.low - 0.5), math.log(parameter.high + 0.5)
        return int(np.clip(round(math.exp(low + share * (high - low))), *_ends(parameter)))
    # Not the tuple of all values: a range of a billion whole numbers would fill the memory.
    whole = range(parameter.low, parameter.high + 1, parameter.step)
    return whole[int(share * len(whole))]


def _ends(parameter: IntParameter) -> tuple[int, int]:
    return parameter.low, parameter.high


def values_at(space: Space, shares: Sequence[float]) -> dict[str, Scalar]:
    """The parameters that exist, from one number in [0, 1) for each parameter of the space."""
    drawn = {
        name: value_at(parameter, share)
        for (name, parameter), share in zip(space.parameters.items(), shares, strict=True)
    }
    return {name: drawn[name] for name in space.active(drawn)}


def random_values(space: Space, seed: int, number: int) -> dict[str, Scalar]:
    """Independent uniform values of configuration `number`, whatever was drawn before it."""
    rng = np.random.default_rng([seed, number])
    return values_at(space, rng.random(len(space.parameters)).tolist())


def quasi_random_values(space: Space, seed: int, first: int, count: int) -> list[dict[str, Scalar]]:
    """Configurations `first` to `first + count - 1` of a scrambled Halton sequence (Owen 2017).

    The sequence has one coordinate for each parameter, so that a parameter's values are spread
    evenly; under a condition those that exist are a part of that sequence. A Sobol sequence would
    not do: of 12 two-valued parameters it ties 7 pairs to each other in its first 16 points, and 2
    pairs in its first 32, under every scrambling; their effects could not be told apart.
    """
    engine = qmc.Halton(len(space.parameters), scramble=True, rng=np.random.default_rng(seed))
    if first:
        engine.fast_forward(first)
    return [values_at(space, shares.tolist()) for shares in engine.random(count)]


def tpe_sampler(seed: int) -> optuna.samplers.TPESampler:
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), conditions by groups."""
    import optuna

    return optuna.samplers.TPESampler(
        n_startup_trials=0, multivariate=True, group=True, constant_liar=True, seed=seed
    )
