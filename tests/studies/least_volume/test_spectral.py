"""Operator norms against the explicit matrix, and what they cost a decoder in stretch."""

import numpy as np
import pytest
import torch
from torch import nn

from latentlab.studies.least_volume.converged import leading_vector
from latentlab.studies.least_volume.layers import Stage, TransposedConvolution, halved
from latentlab.studies.least_volume.lipschitz import (
    empirical_lipschitz,
    largest_jacobian_norm,
    largest_stretch,
)
from latentlab.studies.least_volume.spectral import (
    matrix_operator,
    power_step,
    random_unit,
)

STAGES = {
    "kernel 3": Stage(4, 6, 3, (6, 12), (3, 6)),
    "kernel 3, odd": Stage(3, 2, 3, (5, 9), (3, 5)),
    "kernel 4": Stage(2, 3, 4, (12, 8), (6, 4)),
    "kernel 4, odd": Stage(1, 5, 4, (9, 7), (4, 3)),
}
each_stage = pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)


def layer_of(stage, seed=0):
    return TransposedConvolution(stage, np.random.default_rng(seed))


def matrix_of(layer, stage):
    """What the layer does to each single number of its input: [outputs, inputs]."""
    numbers = stage.inner * stage.narrow[0] * stage.narrow[1]
    basis = torch.eye(numbers).unflatten(1, (stage.inner, *stage.narrow))
    return layer(basis).flatten(1).T


def iterated(operator, vector, steps):
    """The norm after so many steps of the power iteration."""
    for _ in range(steps - 1):
        _, vector = power_step(operator, vector)
    return norm(operator, vector)


def norm(operator, vector):
    return float(power_step(operator, vector)[0].detach())


def start(operator, seed=1):
    return random_unit(operator.inputs, np.random.default_rng(seed))


@each_stage
def test_stages_are_what_they_say(stage):
    assert halved(stage.wide, stage.kernel) == stage.narrow
    x = torch.rand(2, stage.inner, *stage.narrow)
    assert layer_of(stage)(x).shape == (2, stage.outer, *stage.wide)


@each_stage
def test_the_norm_of_a_convolution_is_that_of_its_matrix(stage):
    layer = layer_of(stage)
    operator = layer.operator(kernel_only=False)
    expected = np.linalg.svd(matrix_of(layer, stage).detach().numpy(), compute_uv=False)[0]
    assert iterated(operator, start(operator), 100) == pytest.approx(expected, rel=1e-2)
    leading = leading_vector(operator, start(operator))
    assert norm(operator, leading) == pytest.approx(expected, rel=1e-5)


@each_stage
def test_the_transpose_is_the_transpose(stage):
    layer = layer_of(stage)
    operator, matrix = layer.operator(kernel_only=False), matrix_of(layer, stage)
    u = torch.randn(stage.outer, *stage.wide, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(operator.transpose(u).flatten(), matrix.T @ u.flatten())


def test_the_norm_never_exceeds_the_true_one():
    stage = STAGES["kernel 4"]
    layer = layer_of(stage)
    operator = layer.operator(kernel_only=False)
    true = float(torch.linalg.matrix_norm(matrix_of(layer, stage), 2).detach())
    vector = start(operator)
    found = []
    for _ in range(30):
        found.append(norm(operator, vector))
        _, vector = power_step(operator, vector)
    torch.testing.assert_close(found, sorted(found))
    assert found[0] < 0.9 * true
    assert found[-1] <= true * (1 + 1e-6)


def test_the_norm_of_the_kernel_is_that_of_torch_and_not_that_of_the_convolution():
    stage = STAGES["kernel 4"]
    layer = layer_of(stage)
    operator = layer.operator(kernel_only=True)
    sigma, _ = power_step(operator, leading_vector(operator, start(operator)))
    reference = nn.ConvTranspose2d(stage.inner, stage.outer, 4, bias=False)
    with torch.no_grad():
        reference.weight.copy_(layer.weight.permute(0, 3, 1, 2))
    nn.utils.parametrizations.spectral_norm(reference, n_power_iterations=200)
    used = reference.weight / layer.weight.permute(0, 3, 1, 2)
    torch.testing.assert_close(1 / sigma, used.mean(), rtol=1e-4, atol=0)
    true = float(torch.linalg.matrix_norm(matrix_of(layer, stage), 2).detach())
    assert float(sigma.detach()) < 0.9 * true


def test_the_gradient_of_the_norm_is_that_of_the_singular_value():
    stage = STAGES["kernel 3, odd"]
    layer = layer_of(stage)
    operator = layer.operator(kernel_only=False)
    sigma, _ = power_step(operator, leading_vector(operator, start(operator)))
    (found,) = torch.autograd.grad(sigma, layer.weight)
    (expected,) = torch.autograd.grad(
        torch.linalg.svdvals(matrix_of(layer, stage))[0], layer.weight
    )
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_maps_that_have_no_direction():
    nothing = matrix_operator(torch.zeros(3, 2, requires_grad=True))
    vector = leading_vector(nothing, start(nothing))
    sigma, after = power_step(nothing, vector)
    assert float(sigma.detach()) == 0
    assert torch.isfinite(torch.cat([vector, after])).all()
    single = matrix_operator(torch.tensor([[3.0, 4.0]]))
    assert float(power_step(single, leading_vector(single, start(single)))[0]) == pytest.approx(5)


def test_half_precision_does_not_reach_the_norm():
    operator = layer_of(STAGES["kernel 3"]).operator(kernel_only=False)
    vector = start(operator)
    with torch.autocast("cpu", torch.bfloat16):
        found = norm(operator, vector)
    assert found == norm(operator, vector)


def test_a_linear_map_stretches_by_its_norm():
    rng = np.random.default_rng(0)
    matrix = torch.from_numpy(rng.standard_normal((3, 7)).astype(np.float32))
    points = torch.from_numpy(rng.standard_normal((50, 3)).astype(np.float32))
    norm = float(torch.linalg.matrix_norm(matrix, 2))

    def stretched(x):
        return (x @ matrix).unflatten(1, (7, 1))

    assert largest_jacobian_norm(stretched, points, rng) == pytest.approx(norm, rel=1e-4)
    assert 0.8 * norm < largest_stretch(stretched, points) <= norm * (1 + 1e-6)
    assert empirical_lipschitz(stretched, points, rng) == pytest.approx(norm, rel=1e-4)


def test_the_steepest_point_counts():
    points = torch.tensor([[-3.0], [0.0], [5.0]])
    rng = np.random.default_rng(0)
    # The sigmoid of 8 x: slope 2 at 0, and at most 1/3 between these points.
    assert largest_jacobian_norm(lambda x: (8 * x).sigmoid(), points, rng) == pytest.approx(2)
    assert largest_stretch(lambda x: (8 * x).sigmoid(), points) < 1 / 3
    assert empirical_lipschitz(lambda x: (8 * x).sigmoid(), points, rng) == pytest.approx(2)


def test_points_that_coincide_stretch_nothing():
    points = torch.ones(3, 2)
    assert largest_stretch(lambda x: x * 5, points) == 0
    assert largest_stretch(lambda x: x * 5, torch.cat([points, points + 1e-3])) == pytest.approx(
        5, rel=1e-3
    )
