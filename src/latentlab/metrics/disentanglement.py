"""Whether single latent units follow single known factors.

Codes are one number a unit (as a rule posterior means), factors are classes 0, 1, .. that are known of
each example. What the scores mean is disputed: they need factors that are known, agree only partly,
and say nothing of other factors (Locatello et al. 2019).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINS = 20
"""Equal intervals that a unit's codes are counted in, as disentanglement_lib has it."""
TREES = 10
"""Of the forest that names a factor from the codes."""
VOTES = 800
"""Votes that a score is fitted on, and as many that it is measured on."""
SHARED = 64
"""Examples with one value of a factor that a vote looks at."""
LEAST_VARIANCE = 0.05
"""Kim & Mnih 2018: units whose codes vary less do not vote."""


class Dci(NamedTuple):
    """Disentanglement, completeness and informativeness, each in 0..1."""

    disentanglement: float
    completeness: float
    informativeness: float


def mutual_information_gap(codes: Floats, factors: Integers) -> float:
    """Return MIG (Chen et al. 2018): mean over factors of the gap between the two best units.

    In shares of the factor's entropy, with mutual information of a unit's 20 equal bins.

    Args:
        codes: [examples, units], two units or more.
        factors: [examples, factors].
    """
    raise NotImplementedError


def separated_predictability(
    codes: Floats, factors: Integers, classes: Collection[int] = ()
) -> float:
    """Return SAP (Kumar et al. 2018): mean over factors of the gap between the two best units.

    Args:
        codes: [examples, units], two units or more.
        factors: [examples, factors].
        classes: columns of factors whose values have no order: a unit is then as good as the
            balanced accuracy of thresholds on it, else as its squared correlation.
    """
    raise NotImplementedError


def dci(codes: Floats, factors: Integers, rng: np.random.Generator) -> Dci:
    """Return how units share factors (Eastwood & Williams 2018), by a forest for each factor.

    Args:
        codes: [examples, units].
        factors: [examples, factors].
        rng: splits the examples in halves, to fit and to measure, and grows the trees.
    """
    raise NotImplementedError


def factor_vae_score(codes: Floats, factors: Integers, rng: np.random.Generator) -> float:
    """Return how often the unit that varies least tells which factor was fixed (Kim & Mnih 2018).

    Args:
        codes: [examples, units].
        factors: [examples, factors].
        rng: draws the votes.
    """
    raise NotImplementedError


def beta_vae_score(codes: Floats, factors: Integers, rng: np.random.Generator) -> float:
    """Return how often mean differences of pairs tell which factor they share (Higgins et al. 2017).

    Args:
        codes: [examples, units].
        factors: [examples, factors].
        rng: draws the pairs.
    """
    raise NotImplementedError
