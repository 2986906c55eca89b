"""How much a function stretches distances, as far as points can tell.

Both figures are lower bounds of the Lipschitz constant: between and beside the points the function
may stretch more. A figure above a bound that was promised refutes it; one below proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from latentlab.studies.least_volume.spectral import TINY

Function = Callable[[Tensor], Tensor]


def empirical_lipschitz(
    function: Function, points: Tensor, rng: np.random.Generator, iterations: int = 30
) -> float:
    """The larger of the largest stretch over pairs and the largest norm of a Jacobian.

    Args:
        function: maps [points, inputs] to [points, ...], each point on its own.
        points: [points, inputs].
        rng: gives the directions from which the Jacobians' norms are sought.
        iterations: steps of the power iteration.
    """
    return max(
        largest_stretch(function, points),
        largest_jacobian_norm(function, points, rng, iterations),
    )


@torch.no_grad()
def largest_stretch(function: Function, points: Tensor) -> float:
    """Largest ratio of output to input distance over all pairs of different points; 0 if none."""
    # The quick way to distances by a matrix product loses the small ones.
    before, after = (torch.pdist(x.flatten(1).double()) for x in (points, function(points)))
    apart = before > 0
    return float((after[apart] / before[apart]).max()) if apart.any() else 0.0


@torch.enable_grad()
def largest_jacobian_norm(
    function: Function, points: Tensor, rng: np.random.Generator, iterations: int = 30
) -> float:
    """Largest spectral norm of the function's Jacobian at the points, by power iteration."""
    draws = rng.standard_normal(points.shape, dtype=np.float32)
    v = torch.from_numpy(draws).to(points)
    points = points.detach().requires_grad_()
    image = function(points)
    # J^T u is linear in u, so that its derivative is J: quicker than forward differentiation.
    u = torch.zeros_like(image, requires_grad=True)
    (pulled_back,) = torch.autograd.grad(image, points, u, create_graph=True)
    squared = torch.zeros(1)
    for _ in range(iterations):
        v = v / torch.linalg.vector_norm(v, dim=1, keepdim=True).clamp(min=TINY)
        (pushed,) = torch.autograd.grad(pulled_back, u, v, retain_graph=True)
        squared = pushed.detach().flatten(1).square().sum(1)
        (v,) = torch.autograd.grad(image, points, pushed, retain_graph=True)
    return float(squared.max().sqrt())
