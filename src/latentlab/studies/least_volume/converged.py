"""The decoder's layer norms where the power iteration would end, for evaluation."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from latentlab.studies.least_volume.model import Autoencoder
from latentlab.studies.least_volume.spectral import Operator, unit
from latentlab.training.contract import Tensors


def converged(model: Autoencoder, state: Tensors) -> Tensors:
    """The state with every vector of the power iteration where it would end, for evaluation."""
    return state | {
        f"power.{name}": leading_vector(operator, state[f"power.{name}"])
        for name, operator in model.operators().items()
    }


@torch.no_grad()
def leading_vector(operator: Operator, vector: Tensor) -> Tensor:
    """The direction that the map stretches most, where the power iteration would end.

    By the Lanczos method on A^T A, which the closely spaced singular values of a large convolution
    slow down far less than the power iteration. The norm that follows is right to about 1e-4.

    Args:
        operator: the map A.
        vector: where to start, of the shape of A's inputs.
    """

    def normal_map(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        v = torch.from_numpy(numbers).to(vector).reshape(operator.inputs)
        out: NDArray[np.float32] = operator.transpose(operator.forward(v)).flatten().cpu().numpy()
        return out

    size = vector.numel()
    start = vector.flatten().cpu().numpy()
    # A map from one number has one direction, and one that is 0 has none.
    if size == 1 or not normal_map(start).any():
        return vector
    linear = LinearOperator((size, size), matvec=normal_map, dtype=np.float32)
    _, vectors = eigsh(linear, k=1, which="LA", v0=start, tol=1e-4)
    return unit(torch.from_numpy(vectors[:, 0].copy()).to(vector).reshape(operator.inputs))
