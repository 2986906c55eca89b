"""The squared 2-Wasserstein distance of Gaussians; between equal means, the Bures distance.

Dowson & Landau 1982, "The Fréchet distance between multivariate normal distributions":

    W2^2 = |m - n|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2)

The trace of the root is the sum of the roots of the eigenvalues of C^T B C, for any C with
A = C C^T. A gradient that went through the eigenvectors of a root would divide by differences of
eigenvalues, and be NaN for the anchors' very first covariances, which are multiples of I; that of
the eigenvalues alone has no such quotient.

All functions take leading axes that broadcast, and work under `vmap`.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEGACY_RIDGE = 1e-6
"""Added to the diagonal before the Cholesky form's last root, times the matrix's norm."""


def squared_distance(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor, least: Tensor
) -> Tensor:
    """W2^2 of two Gaussians.

    Where rounding makes the covariances' part negative, it is 0. Of covariances that are singular
    but for a floor of 1e-4, float32 is good to about 1e-4 of the value and 1 % of the gradient.

    Args:
        mean: [..., latent].
        covariance: [..., latent, latent], positive definite; NaN comes out where rounding makes it
            less.
        other_mean: [..., latent].
        other_covariance: [..., latent, latent], symmetric.
        least: scalar, not above any eigenvalue of either covariance: nothing is changed by bounding
            the product's eigenvalues by its square but what rounding made of them.

    Returns:
        [...], in squared units of the latents; NaN where an argument is not finite.
    """
    factor = _cholesky(covariance)
    inner, unless_finite = _finite(factor.mT @ other_covariance @ factor)
    eigenvalues = torch.linalg.eigvalsh(inner)
    roots = torch.maximum(eigenvalues, least.square()).sqrt().sum(-1)
    bures = _trace(covariance) + _trace(other_covariance) - 2 * roots
    return (mean - other_mean).square().sum(-1) + bures.clamp(min=0) + unless_finite


def diagonal_squared_distance(
    mean: Tensor, variance: Tensor, other_mean: Tensor, other_variance: Tensor
) -> Tensor:
    """W2^2 of two Gaussians with independent dimensions; all are [..., latent], variances > 0."""
    between_means = (mean - other_mean).square().sum(-1)
    return between_means + (variance.sqrt() - other_variance.sqrt()).square().sum(-1)


def cholesky_squared_distance(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor
) -> Tensor:
    """The reported form, with Cholesky factors where W2^2 has principal square roots.

    The same as W2^2 where all matrices are diagonal. Otherwise at least as large, since the
    diagonal of a matrix's Cholesky factor sums to no more than the roots of its eigenvalues: two
    equal Gaussians are a distance apart. How large a ridge the report had is not known.

    Args:
        mean: [..., latent].
        covariance: [..., latent, latent], positive definite.
        other_mean: [..., latent].
        other_covariance: [..., latent, latent], positive definite.

    Returns:
        [...]; NaN where a matrix has no Cholesky factor.
    """
    factor = _cholesky(covariance)
    inner = factor.mT @ other_covariance @ factor
    ridge = LEGACY_RIDGE * torch.linalg.matrix_norm(inner)
    root = _cholesky(inner + ridge[..., None, None] * _identity(inner))
    bures = _trace(covariance) + _trace(other_covariance) - 2 * _trace(root)
    return (mean - other_mean).square().sum(-1) + bures


def _cholesky(matrix: Tensor) -> Tensor:
    """The lower factor; NaN where there is none, where torch's checked form would raise.

    One diverged trial would otherwise end its whole cohort.
    """
    matrix, unless_finite = _finite(matrix)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    unless_finite = torch.where(failed > 0, torch.nan, unless_finite)
    return factor + unless_finite[..., None, None]


def _finite(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix, or I where it is not finite, since decompositions raise then; and 0 or NaN."""
    finite = matrix.isfinite().all(-1).all(-1)
    safe = torch.where(finite[..., None, None], matrix, _identity(matrix))
    return safe, torch.where(finite, 0.0, torch.nan).to(matrix.dtype)


def _identity(matrix: Tensor) -> Tensor:
    return torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
