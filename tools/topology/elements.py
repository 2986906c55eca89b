"""Element matrices of the bilinear square with side 1, by Gauss quadrature.

Nodes go round the element against the clock from its lower left corner; x points right, y up.
Formulas: K.-J. Bathe (1996), Finite Element Procedures, chapter 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
"""The nodes in coordinates from -1 to 1, [4, 2]."""

GAUSS_POINTS = CORNERS / np.sqrt(3.0)
"""Two by two points integrate products of the bilinear functions' derivatives exactly."""


def conductivity_matrix() -> NDArray[np.float64]:
    """Of heat conduction at unit conductivity, [4, 4]: the integral of grad N^T grad N."""
    return np.mean([g.T @ g for g in map(_gradients, GAUSS_POINTS)], axis=0)


def stiffness_matrix(poisson: float) -> NDArray[np.float64]:
    """Of plane stress at unit Young's modulus and thickness, [8, 8]: the integral of B^T C B.

    Args:
        poisson: Poisson's ratio, in (-1, .5).

    Returns:
        The matrix for displacements in the order x and y of the first node, x and y of the second.
    """
    elasticity = np.array(
        [[1.0, poisson, 0.0], [poisson, 1.0, 0.0], [0.0, 0.0, (1.0 - poisson) / 2.0]]
    ) / (1.0 - poisson**2)
    strains = [_strains(_gradients(point)) for point in GAUSS_POINTS]
    return np.mean([strain.T @ elasticity @ strain for strain in strains], axis=0)


def _gradients(point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives of the four shape functions by x and y, [2, 4], at a point in -1..1."""
    along_x, along_y = (1.0 + CORNERS * point).T
    # N = (1 + x x_i)(1 + y y_i) / 4; the side 1 spans two units of these coordinates.
    return np.stack([CORNERS[:, 0] * along_y, CORNERS[:, 1] * along_x]) / 2.0


def _strains(gradients: NDArray[np.float64]) -> NDArray[np.float64]:
    """B, [3, 8]: normal strains and shear angle of nodal displacements."""
    strain = np.zeros((3, 8))
    strain[0, 0::2] = strain[2, 1::2] = gradients[0]
    strain[1, 1::2] = strain[2, 0::2] = gradients[1]
    return strain
