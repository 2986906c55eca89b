"""How nearly the harmonium is conjugate: psi_X(theta_X(y, k)) against const + rho . y.

Sokoloski, arXiv 2404.19501. The residual f = rho . y - psi_X is constant exactly where prior and
posterior are conjugate, so its variance under the prior is what training holds down and R2 reports.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

SMALLEST_VARIANCE = 1e-6
"""Below this variance of psi_X there is nothing to explain, and R2 is not defined."""
LOWEST_R_SQUARED = -10.0


class Conjugation(NamedTuple):
    """Variances over samples of the prior, in square nats.

    Attributes:
        residual: of f = rho . y - psi_X.
        log_partition: of psi_X.
    """

    residual: Tensor
    log_partition: Tensor

    @property
    def unexplained(self) -> Tensor:
        """Var f / Var psi_X, which is 1 - R2; finite, and differentiable everywhere."""
        return self.residual / self.log_partition.clamp(min=SMALLEST_VARIANCE)

    @property
    def r_squared(self) -> Tensor:
        """1 - Var f / Var psi_X, at least -10; NaN where psi_X does not vary. No gradient."""
        value = (1 - self.unexplained.detach()).clamp(min=LOWEST_R_SQUARED)
        defined = self.log_partition.detach() > SMALLEST_VARIANCE
        return torch.where(defined, value, torch.full_like(value, torch.nan))


def conjugation(rho: Tensor, y: Tensor, log_partition: Tensor) -> Conjugation:
    """Both variances, unbiased.

    Args:
        rho: conjugation parameters, [latent].
        y: samples of the prior, [samples, latent].
        log_partition: their psi_X, [samples].
    """
    return Conjugation(((y * rho).sum(-1) - log_partition).var(), log_partition.var())


def regressed_rho(y: Tensor, log_partition: Tensor) -> Tensor:
    """Slopes of the least squares regression of psi_X on (1, y): [latent].

    The gradient flows through psi_X, of which the slopes are a linear function. A latent that is
    the same in all samples has no slope of its own and gets 0; among several solutions the
    shortest is taken.

    Args:
        y: samples of the prior, [samples, latent]; constant, they carry no gradient.
        log_partition: their psi_X, [samples].
    """
    with torch.no_grad():
        centred = y - y.mean(0)
        inverse = torch.linalg.pinv(centred.mT @ centred, hermitian=True)
    return inverse @ (centred.mT @ (log_partition - log_partition.mean()))
