"""The volume against its definition in numpy, and its identities."""

import numpy as np
import pytest
import torch

from latentlab.studies.least_volume.volume import (
    deviations,
    followed,
    log_volume,
    masked,
    ramp,
    relative_volume,
)

ETA = torch.tensor(1e-4)


def scalar(value):
    return torch.tensor(float(value))


def latents(batch=16, latent=5, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(1, np.arange(1, latent + 1), (batch, latent))).float()


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_weight_rises_from_0_to_all_of_it(power):
    epochs = torch.arange(20.0)
    shares = torch.stack([ramp(epoch, scalar(10), scalar(power)) for epoch in epochs])
    assert shares[0] == 0
    assert (shares[10:] == 1).all()
    assert (shares[:10].diff() > 0).all()
    np.testing.assert_allclose(shares[:10], (np.arange(10) / 10) ** power, rtol=1e-6)
    assert ramp(scalar(0), scalar(0), scalar(power)) == 1


def test_deviations_are_numpys():
    z = latents()
    np.testing.assert_allclose(deviations(z), z.numpy().std(axis=0, ddof=1), rtol=1e-5)


def test_what_does_not_vary_has_no_deviation_and_no_gradient():
    z = latents()
    z[:, 1] = 3.0
    z.requires_grad_()
    sd = deviations(z)
    (gradient,) = torch.autograd.grad((sd + ETA).log().sum(), z)
    assert sd[1] == 0
    assert (gradient[:, 1] == 0).all()
    others = [0, 2, 3, 4]
    centred = (z - z.mean(0)).detach()
    expected = centred / (len(z) - 1) / (sd * (sd + ETA)).detach()
    torch.testing.assert_close(gradient[:, others], expected[:, others])


def test_one_example_has_no_deviation_and_no_gradient():
    z = latents(1).requires_grad_()
    sd = deviations(z)
    (gradient,) = torch.autograd.grad((sd + ETA).log().sum(), z)
    assert (sd == 0).all()
    assert (gradient == 0).all()


def test_the_log_volume_is_that_of_the_active_dimensions():
    sd = torch.tensor([0.5, 2.0, 0.0, 1e-6, 3.0])
    active = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0])
    expected = np.log(np.array([0.5, 2.0, 1e-6]) + 1e-4).mean()
    assert float(log_volume(sd, active, ETA)) == pytest.approx(expected, rel=1e-6)


def test_the_relative_volume_is_a_ratio_of_geometric_means_times_the_share():
    sd = torch.tensor([0.5, 2.0, 0.7, 1.0])
    reference = torch.tensor([1.0, 1.0, 9.0, 2.0])
    active = torch.tensor([1.0, 1.0, 0.0, 1.0])
    ratios = (np.array([0.5, 2.0, 1.0]) + 1e-4) / (np.array([1.0, 1.0, 2.0]) + 1e-4)
    expected = 0.75 * np.prod(ratios) ** (1 / 3)
    found = relative_volume(sd, reference, active, ETA)
    assert float(found) == pytest.approx(expected, rel=1e-6)
    assert float(relative_volume(sd, sd, torch.ones(4), ETA)) == 1.0
    assert float(relative_volume(sd, sd, active, ETA)) == 0.75


def test_without_an_active_dimension_volume_and_gradient_are_0():
    z = latents().requires_grad_()
    none = torch.zeros(5)
    sd = none * deviations(masked(z, none, torch.arange(5.0)))
    both = relative_volume(sd, torch.ones(5), none, ETA) + log_volume(sd, none, ETA)
    (gradient,) = torch.autograd.grad(both, z)
    assert both == 0
    assert (gradient == 0).all()


def test_pruned_dimensions_are_frozen_and_freezing_twice_is_freezing_once():
    z, frozen = latents(), torch.arange(5.0)
    active = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
    once = masked(z, active, frozen)
    assert torch.equal(once[:, [0, 2]], z[:, [0, 2]])
    assert torch.equal(once[:, [1, 3, 4]], frozen[[1, 3, 4]].expand(16, 3))
    assert torch.equal(masked(once, active, frozen), once)


def test_the_reference_is_set_then_follows_then_stays():
    first, second, third = (torch.full((2,), v) for v in (1.0, 3.0, 7.0))
    off, on, length = scalar(0), scalar(1), scalar(5)
    reference = followed(torch.full((2,), 99.0), first, on, scalar(0), length)
    assert torch.equal(reference, first)
    reference = followed(reference, second, off, scalar(4), length)
    torch.testing.assert_close(reference, torch.full((2,), 0.9 * 1 + 0.1 * 3))
    assert torch.equal(followed(reference, third, off, scalar(5), length), reference)
    assert torch.equal(followed(reference, third, on, scalar(50), length), third)
