"""A grid of square elements: its nodes and unknowns, assembly, and the solution of K u = f."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded


class Grid:
    """Equal square elements in rows and columns, each with a modulus of its own.

    Nodes are numbered down the columns, from left to right. So an element's nodes lie at most
    height + 2 numbers apart and K is a narrow band, which LAPACK factors several times faster than
    a general sparse solver does at these sizes.

    Args:
        height: rows of elements.
        width: columns of elements.
        element: matrix of an element with unit modulus, [4 k, 4 k] for k unknowns at a node.
        fixed: unknowns that are held at zero, in any order.
    """

    def __init__(
        self,
        height: int,
        width: int,
        element: NDArray[np.float64],
        fixed: NDArray[np.intp],
    ) -> None:
        self.shape = (height, width)
        per_node = len(element) // 4
        self.unknowns = per_node * (height + 1) * (width + 1)
        self._element = element
        row, column = np.indices(self.shape)
        upper_left = (column * (height + 1) + row)[..., None]
        nodes = upper_left + np.array([1, height + 2, height + 1, 0])
        self._members = (per_node * nodes[..., None] + np.arange(per_node)).reshape(
            height, width, -1
        )
        """Unknowns of each element, [height, width, 4 k]."""
        self.free = np.setdiff1d(np.arange(self.unknowns), fixed)
        self._place_in_band()

    def _place_in_band(self) -> None:
        """Where each entry of each element's matrix stands in the band of the free unknowns."""
        number = np.full(self.unknowns, -1)
        number[self.free] = np.arange(len(self.free))
        members = number[self._members]
        rows, columns = np.broadcast_arrays(members[..., :, None], members[..., None, :])
        # The lower triangle is enough. A fixed unknown has no row and no column.
        self._kept = (rows >= columns) & (columns >= 0)
        below = (rows - columns)[self._kept]
        self._band_shape = (int(below.max()) + 1, len(self.free))
        self._places = below * len(self.free) + columns[self._kept]

    def band(self, moduli: NDArray[np.float64]) -> NDArray[np.float64]:
        """K of the free unknowns in LAPACK's lower form: entry (i, j) stands at [i - j, j].

        Args:
            moduli: modulus of each element, [height, width].
        """
        entries = moduli[..., None, None] * self._element
        size = self._band_shape[0] * self._band_shape[1]
        summed = np.bincount(self._places, entries[self._kept], size)
        return summed.reshape(self._band_shape).astype(np.float64, copy=False)

    def solve(self, moduli: NDArray[np.float64], load: NDArray[np.float64]) -> NDArray[np.float64]:
        """The unknowns in equilibrium, [unknowns], the fixed ones zero.

        Args:
            moduli: modulus of each element, positive, [height, width].
            load: right-hand side, [unknowns].
        """
        solution = np.zeros(self.unknowns)
        band = self.band(moduli)
        solution[self.free] = solveh_banded(
            band, load[self.free], lower=True, overwrite_ab=True, check_finite=False
        )
        return solution

    def energies(self, solution: NDArray[np.float64]) -> NDArray[np.float64]:
        """u^T k u of each element at unit modulus, [height, width]; twice its strain energy."""
        of_elements = solution[self._members]
        return np.einsum("hwi,ij,hwj->hw", of_elements, self._element, of_elements, optimize=True)
