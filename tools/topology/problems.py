"""Two problems of topology optimisation: a beam in bending, and a plate that is to be cooled.

- `beams2d`: the half of a Messerschmitt-Boelkow-Blohm beam, as in EngiBench's problem of that name:
  the left edge is the axis of symmetry, the lower right corner rolls, and a unit force points down
  at some place of the upper edge. The compliance is that of E. Andreassen et al. (2011).
- `heat_conduction2d`: our own problem, not EngiBench's. A square of side 1 is heated evenly and
  cooled at a part of its left edge; the rest of its edge is insulated. The compliance is the mean
  temperature, per unit of heat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from topology.elements import conductivity_matrix, stiffness_matrix
from topology.grid import Grid
from topology.optimisation import Task

POISSON = 0.3
HEAT_FILTER_RADIUS = 1.5
"""In elements: enough against checkerboards, and thin branches stay."""


@dataclass(frozen=True)
class Problem:
    """A family of tasks.

    Attributes:
        name: of the source that reads its designs.
        size: height and width of a design where none is asked for.
        conditions: lowest and highest value of each condition.
        pose: the task for a height, a width and values of the conditions.
    """

    name: str
    size: tuple[int, int]
    conditions: Mapping[str, tuple[float, float]]
    pose: Callable[[int, int, Mapping[str, float]], Task]

    def draw_conditions(self, seed: int, index: int) -> dict[str, float]:
        """Values of design number `index`, uniform and independent of how many are made."""
        rng = np.random.Generator(np.random.PCG64([seed, index]))
        return {name: rng.uniform(*bounds) for name, bounds in self.conditions.items()}


def pose_beam(height: int, width: int, conditions: Mapping[str, float]) -> Task:
    """Half of an MBB beam.

    Args:
        height: rows of elements.
        width: columns of elements.
        conditions: `volfrac`, share of the area to fill; `rmin`, radius of the filter in elements;
            `forcedist`, distance of the force from the upper left corner as a share of the width.
    """
    left_edge = 2 * np.arange(height + 1)
    lower_right = 2 * (height + 1) * (width + 1) - 1
    fixed = np.append(left_edge, lower_right)
    grid = Grid(height, width, stiffness_matrix(POISSON), fixed)
    load = np.zeros(grid.unknowns)
    # Between two nodes the force is shared by the shape functions, which are linear on the edge.
    column, rest = divmod(conditions["forcedist"] * width, 1.0)
    for place, part in ((int(column), 1.0 - rest), (int(column) + 1, rest)):
        if part > 0:
            load[2 * (height + 1) * place + 1] = -part
    return Task(grid, load, 1e-9, conditions["volfrac"], conditions["rmin"])


def pose_cooling(height: int, width: int, conditions: Mapping[str, float]) -> Task:
    """A plate that is heated evenly and cooled at its left edge.

    Args:
        height: rows of elements.
        width: columns of elements.
        conditions: `volfrac`, share of the area that conducts well; `sink_position` and
            `sink_length`, the centre (from above) and the extent of the cooled part, as shares of
            the edge. Nodes within it have temperature 0, at least the nearest one.
    """
    place = np.arange(height + 1) / height
    distance = np.abs(place - conditions["sink_position"])
    reach = max(conditions["sink_length"] / 2.0, distance.min())
    grid = Grid(height, width, conductivity_matrix(), np.flatnonzero(distance <= reach))
    # Every element gives a quarter of its heat to each of its nodes.
    heat = np.zeros((width + 1, height + 1))
    for right in (0, 1):
        for down in (0, 1):
            heat[right : width + right, down : height + down] += 0.25 / (height * width)
    return Task(grid, heat.ravel(), 1e-3, conditions["volfrac"], HEAT_FILTER_RADIUS)


PROBLEMS: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        Problem(
            "beams2d",
            (24, 48),
            {"volfrac": (0.15, 0.4), "rmin": (1.5, 4.0), "forcedist": (0.0, 1.0)},
            pose_beam,
        ),
        Problem(
            "heat_conduction2d",
            (32, 32),
            {"volfrac": (0.2, 0.5), "sink_position": (0.2, 0.8), "sink_length": (0.1, 0.4)},
            pose_cooling,
        ),
    )
}
