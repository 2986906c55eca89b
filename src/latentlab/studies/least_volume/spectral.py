"""The largest singular value of a linear map that is given by what it does, not by its matrix.

For a convolution that is the factor by which it may stretch a signal of its own size (Gouk et al.
2021, "Regularisation of neural networks by enforcing Lipschitz continuity"). The norm of its kernel
as a matrix (Miyato et al. 2018, "Spectral normalization for generative adversarial networks") is
neither that factor nor a bound of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

TINY = 1e-12
"""Below this length a vector is not scaled to length 1: that of a map that is 0."""


class Operator(NamedTuple):
    """A linear map.

    Attributes:
        forward: what it does to a vector of the shape `inputs`.
        transpose: what its transpose does to a vector of its outputs.
        inputs: shape of what it maps.
    """

    forward: Callable[[Tensor], Tensor]
    transpose: Callable[[Tensor], Tensor]
    inputs: tuple[int, ...]


def matrix_operator(matrix: Tensor) -> Operator:
    """The map x -> x @ matrix, with matrix [inputs, outputs]."""
    return Operator(lambda v: v @ matrix, lambda u: matrix @ u, (matrix.shape[0],))


def unit(vector: Tensor) -> Tensor:
    """The same direction with length 1; 0 stays 0."""
    return vector / torch.linalg.vector_norm(vector).clamp(min=TINY)


def random_unit(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """A random direction of this shape, from which the power iteration may start."""
    return unit(torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)))


def power_step(operator: Operator, vector: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the power iteration: the largest singular value, and the next vector.

    The value is |A^T u| with u = A v / |A v|, at most the true one. Its gradient is that of
    <u, A w> for fixed u and w = A^T u / |A^T u|: the derivative of a singular value where u and w
    are its singular vectors.

    Args:
        operator: the map A, whose weights may require gradients.
        vector: the direction v, of the shape of A's inputs and of length 1.

    Returns:
        The singular value, a scalar, and the direction w without gradient.
    """
    # A product in half precision would blur the value by more than the iteration does.
    with torch.autocast(vector.device.type, enabled=False):
        with torch.no_grad():
            u = unit(operator.forward(vector))
        image = operator.transpose(u)
        sigma = torch.linalg.vector_norm(image)
        return sigma, image.detach() / sigma.detach().clamp(min=TINY)
