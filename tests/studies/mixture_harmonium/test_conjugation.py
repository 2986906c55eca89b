"""R2, its undefined case, its perfect case, and the regression of analytical mode."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.harmonium import DIGITS, built, config, enumerated, make_conjugate, step_inputs, tiny
from latentlab.studies.mixture_harmonium.conjugation import (
    Conjugation,
    conjugation,
    regressed_rho,
)
from latentlab.studies.mixture_harmonium.method import METHOD


def on_samples(model, samples=4000, seed=0):
    prior, likelihood = model.prior(), model.likelihood()
    rng = torch.Generator().manual_seed(seed)
    latent = model.config.model.latent_dim
    z = prior.sample(torch.rand(samples, generator=rng), torch.rand(samples, latent, generator=rng))
    return z, likelihood.log_partition(z).detach()


def test_r_squared_is_undefined_where_the_latents_do_nothing():
    model = tiny()
    for name in ("weight", "weight_offsets", "bias_offsets"):
        getattr(model, name).data.zero_()
    z, psi = on_samples(model)
    found = conjugation(model.rho.detach(), z.y, psi)
    assert float(found.log_partition) == pytest.approx(0, abs=1e-20)
    assert math.isnan(found.r_squared)
    # The penalty that uses it stays a number.
    assert torch.isfinite(found.unexplained)


@pytest.mark.parametrize("interaction", ["full", "hierarchical"])
def test_r_squared_is_one_where_every_pixel_has_at_most_one_latent(interaction):
    model = make_conjugate(tiny(interaction=interaction, scale=1.0))
    z, psi = on_samples(model)
    found = conjugation(model.rho.detach(), z.y, psi)
    assert found.log_partition > 1
    assert float(found.r_squared) == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(regressed_rho(z.y, psi), model.rho.detach())


def test_variances_are_numpys_and_a_constant_changes_nothing():
    rng = np.random.default_rng(0)
    y, psi, rho = rng.integers(0, 2, (50, 4)) * 1.0, rng.normal(size=50), rng.normal(size=4)
    found = conjugation(*(torch.from_numpy(a) for a in (rho, y, psi + 7)))
    assert float(found.residual) == pytest.approx(np.var(y @ rho - psi, ddof=1))
    assert float(found.log_partition) == pytest.approx(np.var(psi, ddof=1))
    share = 1 - np.var(y @ rho - psi) / np.var(psi)
    assert float(found.r_squared) == pytest.approx(share)


def test_r_squared_is_clipped_from_below():
    far = Conjugation(torch.tensor(1e6), torch.tensor(1.0))
    assert float(far.r_squared) == -10


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_the_regression_equals_numpys_least_squares(seed, latent):
    rng = np.random.default_rng(seed)
    y = (rng.random((12 * latent + 8, latent)) < 0.5) * 1.0
    psi = rng.normal(size=len(y)) + y @ rng.normal(size=latent) + 100
    design = np.column_stack([np.ones(len(y)), y])
    if np.linalg.matrix_rank(design) <= latent:
        return
    expected = np.linalg.lstsq(design, psi, rcond=None)[0][1:]
    found = regressed_rho(torch.from_numpy(y), torch.from_numpy(psi))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)


def test_the_gradient_of_the_regression_equals_that_of_torchs_least_squares():
    rng = torch.Generator().manual_seed(0)
    y = (torch.rand(40, 5, generator=rng) < 0.4).double()
    psi = torch.randn(40, generator=rng, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(5, generator=rng, dtype=torch.float64)
    ours = torch.autograd.grad(regressed_rho(y, psi) @ weights, psi)[0]
    design = torch.cat([torch.ones(40, 1, dtype=torch.float64), y], 1)
    slopes = torch.linalg.lstsq(design, psi[:, None]).solution[1:, 0]
    theirs = torch.autograd.grad(slopes @ weights, psi)[0]
    torch.testing.assert_close(ours, theirs)


def test_a_latent_that_never_changes_has_no_slope():
    rng = torch.Generator().manual_seed(0)
    y = (torch.rand(60, 4, generator=rng) < 0.5).double()
    y[:, 1], y[:, 2] = 1.0, 0.0
    psi = y[:, 0] * 3 - y[:, 3]
    expected = torch.tensor([3.0, 0.0, 0.0, -1.0], dtype=torch.float64)
    torch.testing.assert_close(regressed_rho(y, psi), expected, atol=1e-9, rtol=0)


def test_regression_leaves_least_of_all_slopes():
    model = tiny(7, scale=1.0)
    states = enumerated(model)
    z, psi = on_samples(model, 20_000)
    best = conjugation(regressed_rho(z.y, psi), z.y, psi)
    for shift in (0.05, -0.05):
        other = conjugation(regressed_rho(z.y, psi) + shift, z.y, psi)
        assert other.residual > best.residual
    # And it nears the regression under the exact prior.
    weight = states.prior.exp().sqrt().detach()[:, None]
    design = torch.cat([torch.ones_like(weight), states.y], 1) * weight
    exact = torch.linalg.lstsq(design, (states.psi[:, None] * weight).detach()).solution[1:, 0]
    error = (best.residual / z.y.var(0) / len(z.y)).sqrt()
    assert ((regressed_rho(z.y, psi) - exact).abs() < 5 * error).all()


ANALYTICAL = {"model": {"mode": "analytical", "latent_dim": 6, "clusters": 4}}


def test_a_step_of_analytical_mode_regresses_and_keeps_the_slopes():
    settings_ = config(**ANALYTICAL)
    model = built(settings_)
    batch, hyper, noise, state, clock = step_inputs(settings_)
    assert noise["regression_latent"].shape == (30, 6)
    total, _, new = METHOD.loss(model, batch, hyper, noise, state, clock)
    z = model.prior().sample(noise["regression_component"], noise["regression_latent"])
    psi = model.likelihood().log_partition(z)
    design = np.column_stack([np.ones(30), z.y.numpy()])
    expected = np.linalg.lstsq(design, psi.detach().numpy(), rcond=None)[0][1:]
    np.testing.assert_allclose(new["rho"].detach().numpy(), expected, atol=1e-3)
    # The gradient runs through the slopes: with them held still it is another.
    through = torch.autograd.grad(total, model.observable_bias, retain_graph=True)[0]
    held = noise.copy()
    del held["regression_component"], held["regression_latent"]
    still, _, same = METHOD.loss(model, batch, hyper, held, {**state, "rho": new["rho"]}, clock)
    torch.testing.assert_close(still, total)
    assert torch.equal(same["rho"], new["rho"])
    state["rho"] = new["rho"].detach()
    still, _, _ = METHOD.loss(model, batch, hyper, held, state, clock)
    torch.testing.assert_close(still, total)
    assert not torch.allclose(torch.autograd.grad(still, model.observable_bias)[0], through)


def test_evaluation_uses_the_slopes_of_the_state():
    settings_ = config(**ANALYTICAL)
    model = built(settings_, DIGITS)
    batch, hyper, noise, state, clock = step_inputs(settings_, training=False)
    assert "regression_latent" not in noise
    state["rho"] = torch.full((6,), 2.0)
    _, terms, new = METHOD.loss(model, batch, hyper, noise, state, clock)
    assert torch.equal(new["rho"], state["rho"])
    assert float(terms["rho_norm"]) == pytest.approx(np.sqrt(24))
