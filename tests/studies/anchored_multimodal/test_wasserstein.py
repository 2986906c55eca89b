"""Squared distances of Gaussians: identities, an independent library, and gradients that exist."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from latentlab.studies.anchored_multimodal.wasserstein import (
    cholesky_squared_distance,
    diagonal_squared_distance,
    squared_distance,
)

FLOOR = 1e-4
DOUBLE = torch.float64


def gaussians(count, latent, seed=0, rank=None, dtype=DOUBLE):
    """Means [count, latent] and covariances of a rank, with the floor on their diagonal."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((count, latent, rank or 2 * latent)) / latent**0.5
    covariances = factors @ factors.swapaxes(1, 2) + FLOOR * np.eye(latent)
    means = rng.standard_normal((count, latent))
    return torch.from_numpy(means).to(dtype), torch.from_numpy(covariances).to(dtype)


def exact(*given):
    return squared_distance(*given, torch.tensor(FLOOR, dtype=given[0].dtype))


def by_scipy(mean, covariance, other_mean, other_covariance):
    """W2^2 with principal roots of matrices."""
    m, a, n, b = (x.double().numpy() for x in (mean, covariance, other_mean, other_covariance))
    root = sqrtm(a)
    cross = sqrtm(root @ b @ root)
    return ((m - n) ** 2).sum() + np.trace(a + b - 2 * np.real(cross))


def parameters(latent, seed, dtype=DOUBLE):
    """Factors and means of two Gaussians that ask for a gradient."""
    rng = torch.Generator().manual_seed(seed)
    shapes = ((latent,), (latent, latent), (latent,), (latent, latent))
    return [torch.randn(s, generator=rng, dtype=dtype, requires_grad=True) for s in shapes]


def of_factors(function):
    """The distance as a function of factors, so that covariances stay symmetric."""

    def distance(mean, factor, other_mean, other_factor):
        identity = FLOOR * torch.eye(len(mean), dtype=mean.dtype)
        a, b = factor @ factor.mT + identity, other_factor @ other_factor.mT + identity
        return function(mean, a, other_mean, b)

    return distance


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("latent", [1, 3, 16])
def test_equal_gaussians_are_no_distance_apart(latent, rank):
    means, covariances = gaussians(5, latent, rank=rank)
    assert exact(means, covariances, means, covariances).abs().max() < 1e-12
    variances = covariances.diagonal(dim1=-2, dim2=-1)
    assert diagonal_squared_distance(means, variances, means, variances).abs().max() == 0


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("latent", [2, 16])
def test_it_agrees_with_scipy(latent, rank):
    m, a = gaussians(4, latent, 1, rank)
    n, b = gaussians(4, latent, 2)
    expected = [by_scipy(*pair) for pair in zip(m, a, n, b, strict=True)]
    np.testing.assert_allclose(exact(m, a, n, b), expected, rtol=1e-9)
    single = exact(*(x.float() for x in (m, a, n, b)))
    np.testing.assert_allclose(single, expected, rtol=1e-5)
    np.testing.assert_allclose(exact(n, b, m, a), expected, rtol=1e-9)


def test_diagonal_gaussians_have_a_closed_form():
    rng = np.random.default_rng(3)
    v, w = (torch.from_numpy(rng.uniform(0.01, 4, (6, 8))) for _ in range(2))
    m, n = (torch.from_numpy(rng.standard_normal((6, 8))) for _ in range(2))
    expected = ((m - n) ** 2).sum(-1) + ((v**0.5 - w**0.5) ** 2).sum(-1)
    given = (m, torch.diag_embed(v), n, torch.diag_embed(w))
    torch.testing.assert_close(exact(*given), expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(diagonal_squared_distance(m, v, n, w), expected)
    torch.testing.assert_close(cholesky_squared_distance(*given), expected, rtol=1e-4, atol=0)


def test_means_alone_and_scaling():
    m, a = gaussians(3, 5, 4)
    n, b = gaussians(3, 5, 5)
    shifted = exact(m, a, m + 2, a)
    torch.testing.assert_close(shifted, torch.full((3,), 4.0 * 5, dtype=DOUBLE))
    torch.testing.assert_close(exact(3 * m, 9 * a, 3 * n, 9 * b), 9 * exact(m, a, n, b))


def test_gradients_are_those_of_differences():
    given = parameters(3, 0)
    assert torch.autograd.gradcheck(of_factors(exact), given)
    assert torch.autograd.gradcheck(of_factors(cholesky_squared_distance), given)
    variances = [p.square() + 0.1 for p in given[:1] + given[2:3]]
    diagonal = (given[0], variances[0].detach(), given[2], variances[1].detach())
    asking = [x.detach().requires_grad_() for x in diagonal]
    assert torch.autograd.gradcheck(diagonal_squared_distance, asking)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 0.01), (torch.float64, 1e-6)])
def test_gradients_are_finite_and_right_at_repeated_eigenvalues(dtype, error):
    """Anchors start at multiples of I, where a root through eigenvectors has the gradient NaN."""
    latent = 16
    mean, _, other_mean, other = parameters(latent, 1, dtype)
    factor = (0.05 * torch.eye(latent, dtype=dtype)).requires_grad_()
    few = other.detach()[:3]
    identity = FLOOR * torch.eye(latent, dtype=dtype)
    a, b = factor @ factor.mT + identity, (few.mT @ few + identity).requires_grad_()
    value = exact(mean, a, other_mean, b)
    by_a, by_b = torch.autograd.grad(value, [a, b])
    # d/dA tr (A^1/2 B A^1/2)^1/2 = 1/2 A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2, A a multiple of I here.
    scale = float(a.detach()[0, 0])
    root = torch.from_numpy(np.real(sqrtm(b.detach().double().numpy())))
    expected = torch.eye(latent, dtype=DOUBLE) - root / scale**0.5
    assert (by_a.double() - expected).norm() < error * expected.norm()
    inverse = torch.linalg.inv(root)
    expected = torch.eye(latent, dtype=DOUBLE) - inverse * scale**0.5
    assert (by_b.double() - expected).norm() < error * expected.norm()

    # And where both are equal multiples of I, with the gradient 0 of a minimum.
    c, d = ((0.3 * torch.eye(latent, dtype=dtype)).requires_grad_() for _ in range(2))
    at_minimum = torch.autograd.grad(exact(mean, c, mean, d), [c, d])
    assert all(g.abs().max() < 1e-5 for g in at_minimum)


def test_the_report_s_form_is_another_distance():
    m, a = gaussians(20, 4, 6)
    n, b = gaussians(20, 4, 7)
    legacy, true = cholesky_squared_distance(m, a, n, b), exact(m, a, n, b)
    assert (legacy > true).all()
    assert (legacy / true).max() > 1.05
    assert (cholesky_squared_distance(m, a, m, a) > 0.01).all()


@pytest.mark.parametrize("function", [exact, cholesky_squared_distance])
def test_what_has_no_root_is_nan_and_harms_no_other(function):
    """Torch's decompositions raise for such matrices, which would end a whole cohort."""
    m, a = gaussians(4, 3, 8)
    bad = a.clone()
    bad[1, 0, 0] = torch.nan
    bad[2] = torch.inf
    bad[3] = -torch.eye(3, dtype=DOUBLE)
    clean = function(m, a, m + 1, a)
    for values in ((m, bad, m + 1, a), (m, a, m + 1, bad)):
        given = [x.clone().requires_grad_() for x in values]
        value = torch.func.vmap(function)(*given)
        assert value[0] == clean[0]
        assert value[1:3].isnan().all()
        gradients = torch.autograd.grad(value.sum(), given)
        assert all(g[0].isfinite().all() for g in gradients)
    assert function(m, bad, m + 1, a)[3].isnan()
