"""Anchors: moments of a batch, bounds of their factors, fit, draws and margin."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from latentlab.studies.anchored_multimodal.anchors import (
    FACTOR_NORMS,
    anchors,
    class_moments,
    fit,
    pair_distances,
    separation_by_head,
    separation_by_margin,
)
from latentlab.studies.anchored_multimodal.wasserstein import (
    cholesky_squared_distance,
    squared_distance,
)

CLASSES, LATENT = 4, 3
FLOOR = torch.tensor(1e-4)
LABELS = torch.tensor([0, 1, 1, 3, 3, 3, 1, 3, 1])
"""Class 0 has one latent, class 2 none."""


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_anchors(seed=1, scale=0.5, classes=CLASSES):
    means = drawn(classes, LATENT, seed=seed)
    return anchors(means, scale * drawn(classes, LATENT, LATENT, seed=seed + 50), FLOOR)


def floored(covariance):
    return covariance + FLOOR * torch.eye(covariance.shape[-1])


def test_moments_are_those_of_each_class_alone():
    z = drawn(len(LABELS), LATENT)
    moments = class_moments(z, LABELS, CLASSES)
    assert moments.counts.tolist() == [1, 4, 0, 4]
    variances = class_moments(z, LABELS, CLASSES, diagonal=True)
    for c in (1, 3):
        own = z[c == LABELS]
        torch.testing.assert_close(moments.mean[c], own.mean(0))
        torch.testing.assert_close(moments.covariance[c], torch.cov(own.T))
        torch.testing.assert_close(variances.covariance[c], own.var(0))
    torch.testing.assert_close(moments.mean[0], z[0])
    assert not moments.covariance[[0, 2]].any()
    assert not moments.mean[2].any()


def test_factors_are_scaled_to_the_bounds_alone():
    least, largest = FACTOR_NORMS
    raw = drawn(4, LATENT, LATENT)
    raw = raw / torch.linalg.matrix_norm(raw)[:, None, None]
    sizes = torch.tensor([1e-5, 0.7, 5.0, 300.0])
    factors = (raw * sizes[:, None, None]).requires_grad_()
    bounded = anchors(torch.zeros(4, LATENT), factors, FLOOR)
    norms = torch.linalg.matrix_norm(bounded.factor)
    torch.testing.assert_close(norms, sizes.clamp(least, largest))
    assert torch.equal(bounded.factor[1:3], factors[1:3])
    # Beyond a bound, its direction matters and its size does not.
    by = torch.autograd.grad((bounded.factor * drawn(4, LATENT, LATENT, seed=9)).sum(), factors)[0]
    along = (by * raw).sum((1, 2)).abs() * sizes
    assert (along[[0, 3]] < 1e-5 * torch.linalg.matrix_norm(by)[[0, 3]] * sizes[[0, 3]]).all()
    assert (along[1:3] > 0.01).all()
    torch.testing.assert_close(
        bounded.covariance, floored(bounded.factor @ bounded.factor.mT), rtol=0, atol=0
    )


def test_a_factor_of_zeros_is_an_anchor():
    factors = torch.zeros(2, LATENT, LATENT, requires_grad=True)
    zero = anchors(torch.zeros(2, LATENT), factors, FLOOR)
    torch.testing.assert_close(zero.covariance, floored(torch.zeros(2, LATENT, LATENT)))
    assert torch.autograd.grad(zero.covariance.sum(), factors)[0].isfinite().all()


def test_the_fit_is_the_mean_distance_of_classes_with_two_latents():
    z, anchored = drawn(len(LABELS), LATENT), some_anchors()
    told = [1, 3]
    given = [
        (anchored.mean[c], anchored.covariance[c], own.mean(0), floored(torch.cov(own.T)))
        for c in told
        for own in [z[c == LABELS]]
    ]
    expected = {
        "full": [squared_distance(*one, FLOOR) for one in given],
        "cholesky": [cholesky_squared_distance(*one) for one in given],
        "diagonal": [
            (m - n).square().sum() + (a.diag().sqrt() - b.diag().sqrt()).square().sum()
            for m, a, n, b in given
        ],
    }
    for form, values in expected.items():
        found = fit(z, LABELS, anchored, FLOOR, form)
        torch.testing.assert_close(found, torch.stack(values).mean(), rtol=1e-5, atol=1e-5)
    assert len({round(float(sum(values)), 4) for values in expected.values()}) == 3


@pytest.mark.parametrize("form", ["full", "diagonal", "cholesky"])
def test_a_batch_without_two_of_a_class_has_no_fit(form):
    z = drawn(3, LATENT).requires_grad_()
    factors = (0.05 * torch.eye(LATENT)).repeat(CLASSES, 1, 1).requires_grad_()
    value = fit(z, torch.tensor([0, 1, 3]), anchors(z.new_zeros(4, 3), factors, FLOOR), FLOOR, form)
    assert value == 0
    assert not any(g.any() for g in torch.autograd.grad(value, [z, factors]))


@pytest.mark.parametrize("form", ["full", "diagonal", "cholesky"])
def test_the_fit_s_gradient_is_finite_at_the_start(form):
    """All anchors alike, all factors multiples of I, fewer latents of a class than dimensions."""
    z = drawn(len(LABELS), 8).requires_grad_()
    means = torch.zeros(CLASSES, 8, requires_grad=True)
    factors = (0.05 * torch.eye(8)).repeat(CLASSES, 1, 1).requires_grad_()
    value = fit(z, LABELS, anchors(means, factors, FLOOR), FLOOR, form)
    gradients = torch.autograd.grad(value, [z, means, factors])
    assert all(g.isfinite().all() for g in gradients)
    assert gradients[0][LABELS == 1].all()
    assert not gradients[0][LABELS == 0].any()
    assert not gradients[1][[0, 2]].any()
    assert not gradients[2][[0, 2]].any()


@pytest.mark.parametrize("form", ["full", "diagonal"])
def test_minimising_the_fit_finds_the_moments(form):
    rng = torch.Generator().manual_seed(4)
    labels = torch.arange(2).repeat_interleave(200)
    mixing = torch.randn(2, LATENT, LATENT, generator=rng)
    z = torch.randn(400, LATENT, generator=rng)
    z = torch.stack([mixing[c] @ x + c for x, c in zip(z, labels, strict=True)])
    means = torch.zeros(2, LATENT, requires_grad=True)
    factors = (0.05 * torch.eye(LATENT)).repeat(2, 1, 1).requires_grad_()
    optimiser = torch.optim.Adam([means, factors], 0.05)
    for _ in range(400):
        optimiser.zero_grad()
        fit(z, labels, anchors(means, factors, FLOOR), FLOOR, form).backward()
        optimiser.step()
    found = anchors(means, factors, FLOOR)
    for c in range(2):
        own = z[labels == c]
        torch.testing.assert_close(found.mean[c], own.mean(0), rtol=0, atol=0.02)
        covariance = torch.cov(own.T)
        difference = found.covariance[c] - covariance
        if form == "diagonal":
            difference = difference.diagonal()
        assert difference.abs().max() < 0.03 * covariance.abs().max()


def test_draws_from_the_anchors_have_their_moments():
    anchored, noise = some_anchors(), drawn(CLASSES, 50_000, LATENT, seed=3)
    seen = []

    def head(z):
        seen.append(z)
        return z.new_zeros(len(z), CLASSES)

    value = separation_by_head(anchored, noise, head)
    torch.testing.assert_close(value, torch.tensor(float(np.log(CLASSES))))
    for c, own in enumerate(seen[0].view(CLASSES, -1, LATENT)):
        torch.testing.assert_close(own.mean(0), anchored.mean[c], rtol=0, atol=0.02)
        torch.testing.assert_close(
            floored(torch.cov(own.T)), anchored.covariance[c], atol=0.03, rtol=0
        )


def test_the_head_is_asked_for_each_anchor_s_class():
    anchored, noise = some_anchors(), drawn(CLASSES, 5, LATENT, seed=3)
    weight = drawn(LATENT, CLASSES, seed=7).requires_grad_()
    value = separation_by_head(anchored, noise, lambda z: z @ weight)
    by_class = [
        functional.cross_entropy((m + n @ f.T) @ weight, torch.full((5,), c))
        for c, (m, f, n) in enumerate(zip(anchored.mean, anchored.factor, noise, strict=True))
    ]
    torch.testing.assert_close(value, torch.stack(by_class).mean())
    assert torch.autograd.grad(value, weight)[0].any()


def test_the_margin_bounds_the_squared_distance():
    means = torch.zeros(3, LATENT)
    means[1, 0], means[2, 0] = 1.0, 3.0
    anchored = anchors(means, (0.1 * torch.eye(LATENT)).repeat(3, 1, 1), FLOOR)
    torch.testing.assert_close(
        pair_distances(anchored, FLOOR), torch.tensor([1.0, 9.0, 4.0]), rtol=1e-5, atol=1e-5
    )
    margin = torch.tensor(2.0)
    # Of the three, only the squared distance 1 is within the margin; the distance 1.41 bounds it.
    torch.testing.assert_close(
        separation_by_margin(anchored, FLOOR, margin), torch.tensor(1 / 3), rtol=1e-5, atol=0
    )


def test_the_margin_cannot_part_anchors_that_are_equal():
    means = torch.zeros(2, LATENT, requires_grad=True)
    factors = (0.05 * torch.eye(LATENT)).repeat(2, 1, 1).requires_grad_()
    value = separation_by_margin(anchors(means, factors, FLOOR), FLOOR, torch.tensor(2.0))
    torch.testing.assert_close(value, torch.tensor(2.0))
    by_means, by_factors = torch.autograd.grad(value, [means, factors])
    assert not by_means.any()
    assert by_factors.abs().max() < 1e-5


def test_all_of_it_works_in_a_cohort():
    trials = 3
    z = drawn(trials, len(LABELS), LATENT, seed=11)
    means = drawn(trials, CLASSES, LATENT, seed=12)
    factors = 0.3 * drawn(trials, CLASSES, LATENT, LATENT, seed=13)
    noise = drawn(trials, CLASSES, 2, LATENT, seed=14)
    floors = torch.tensor([1e-4, 1e-3, 1e-2])

    def one(z, means, factors, noise, floor):
        own = anchors(means, factors, floor)
        return torch.stack(
            [
                *(fit(z, LABELS, own, floor, form) for form in ("full", "diagonal", "cholesky")),
                separation_by_head(own, noise, lambda x: torch.cat([x, x[:, :1]], 1)),
                separation_by_margin(own, floor, torch.tensor(9.0)),
            ]
        )

    together = torch.func.vmap(one)(z, means, factors, noise, floors)
    alone = [one(*given) for given in zip(z, means, factors, noise, floors, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-5, atol=1e-5)
