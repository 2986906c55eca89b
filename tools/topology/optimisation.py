"""Minimum compliance by SIMP, a density filter and the optimality criteria.

Solid isotropic material with penalisation (M. P. Bendsoe and O. Sigmund (2003), Topology
Optimization, sections 1.2 and 1.3), in the form of E. Andreassen et al. (2011), Efficient topology
optimization in MATLAB using 88 lines of code: an element of density d has the modulus
`void + d^3 (1 - void)`; its density is the weighted mean of the design variables around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import csr_array

from topology.grid import Grid

PENALTY = 3.0
"""Exponent by which intermediate densities are made a bad bargain."""
LARGEST_CHANGE = 0.2
"""Of a design variable in one iteration."""


@dataclass(frozen=True)
class Task:
    """What is to be optimised.

    Attributes:
        grid: elements and supports.
        load: forces, or heat put in, [unknowns].
        void: modulus where there is no material, in (0, 1); that of solid material is 1.
        volume: share of the grid that may be filled, in (0, 1).
        radius: of the density filter, in elements; below 1 it does nothing.
    """

    grid: Grid
    load: NDArray[np.float64]
    void: float
    volume: float
    radius: float


@dataclass(frozen=True)
class Optimised:
    """An optimised design.

    Attributes:
        densities: filtered, thus physical, [height, width] in [0, 1].
        compliance: load times solution, of these densities.
        history: compliance before each iteration.
    """

    densities: NDArray[np.float64]
    compliance: float
    history: tuple[float, ...]


def optimise(task: Task, iterations: int, tolerance: float = 0.01) -> Optimised:
    """Improve an even distribution until no design variable moves by more than the tolerance.

    Args:
        task: what is to be optimised.
        iterations: at most so many.
        tolerance: change of a design variable at which to stop.
    """
    weights = filter_weights(*task.grid.shape, task.radius)
    variables = np.full(weights.shape[0], task.volume)
    share = weights.T @ np.full_like(variables, 1.0 / len(variables))
    history = []
    for _ in range(iterations):
        compliance, slope = compliance_and_gradient(task, weights @ variables)
        history.append(compliance)
        before = variables
        variables = _optimality_step(variables, -(weights.T @ slope), share, task.volume)
        if np.abs(variables - before).max() <= tolerance:
            break
    densities = weights @ variables
    compliance, _ = compliance_and_gradient(task, densities)
    return Optimised(densities.reshape(task.grid.shape), compliance, tuple(history))


def compliance_and_gradient(
    task: Task, densities: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Compliance of physical densities [elements], and its derivatives by them, [elements].

    The problem is its own adjoint, so that the derivative of f^T u is -u^T (dK / d density) u.
    """
    field = densities.reshape(task.grid.shape)
    span = 1.0 - task.void
    solution = task.grid.solve(task.void + span * field**PENALTY, task.load)
    slope = -PENALTY * span * field ** (PENALTY - 1.0) * task.grid.energies(solution)
    return float(task.load @ solution), slope.ravel()


def filter_weights(height: int, width: int, radius: float) -> csr_array:
    """Weights of the design variables in each density, sparse [elements, elements].

    They fall linearly with the distance between centres, to zero at the radius, and sum to one.
    """
    reach = max(0, int(np.ceil(radius)) - 1)
    steps = np.arange(-reach, reach + 1)
    row, column, down, right = np.ix_(np.arange(height), np.arange(width), steps, steps)
    weight = np.maximum(0.0, max(radius, 1.0) - np.hypot(down, right))
    in_rows = (row + down >= 0) & (row + down < height)
    in_columns = (column + right >= 0) & (column + right < width)
    inside = in_rows & in_columns & (weight > 0)
    element, neighbour, weight = np.broadcast_arrays(
        row * width + column, (row + down) * width + column + right, weight
    )
    matrix = csr_array(
        (weight[inside], (element[inside], neighbour[inside])), shape=(height * width,) * 2
    )
    return csr_array(matrix / matrix.sum(axis=1)[:, None])


def _optimality_step(
    variables: NDArray[np.float64],
    gain: NDArray[np.float64],
    share: NDArray[np.float64],
    volume: float,
) -> NDArray[np.float64]:
    """Design variables after x <- x sqrt(gain / (multiplier share)) within the limits of a step.

    Args:
        variables: now, [elements] in [0, 1].
        gain: fall of compliance per design variable, [elements], not negative.
        share: volume per design variable, [elements].
        volume: that the new ones have; found by the multiplier.
    """
    factor = np.sqrt(np.maximum(gain, 0.0) / share)
    low = np.maximum(0.0, variables - LARGEST_CHANGE)
    high = np.minimum(1.0, variables + LARGEST_CHANGE)

    def stepped(divisor: float) -> NDArray[np.float64]:
        return np.clip(variables * factor / divisor, low, high)

    def excess(divisor: float) -> float:
        return float(share @ stepped(divisor)) - volume

    # Between these all variables grow, and all shrink: the volume lies in between.
    bounds = max(factor.min(), 1e-9 * factor.max()) / 2.0, factor.max() * 2.0
    return stepped(brentq(excess, *bounds, rtol=1e-12))
