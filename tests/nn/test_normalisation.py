"""Batch normalisation by a part of a batch; that of a whole one is tested with the auto-encoder."""

import pytest
import torch
from torch import nn

from latentlab.nn.normalisation import BatchNorm, initial_statistics


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def norm():
    norm = BatchNorm("x", 3)
    with torch.no_grad():
        norm.weight.copy_(normal(3, seed=1))
        norm.bias.copy_(normal(3, seed=2))
    return norm


def test_the_counted_examples_are_normalised_as_if_alone(norm):
    x = (3 * normal(6, 3, 4, 2) + 100).requires_grad_()
    counted = torch.tensor([1.0, 0, 1, 1, 0, 1])
    kept = counted.bool()
    state = norm.initial_state()
    y, changes = norm(x, state, True, counted)
    alone, expected = norm(x[kept], state, True)
    torch.testing.assert_close(y[kept], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(y[~kept], norm.bias[:, None, None].expand_as(y[~kept]))
    for name, value in expected.items():
        torch.testing.assert_close(changes[name], value, rtol=1e-5, atol=1e-5)
    weights = normal(*y.shape, seed=3)
    inputs = [x, *norm.parameters()]
    found = torch.autograd.grad((y * weights)[kept].sum(), inputs)
    right = torch.autograd.grad((alone * weights[kept]).sum(), inputs)
    for mine, other in zip(found, right, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)
    assert float(found[0][~kept].abs().max()) == 0


def test_all_counted_is_the_whole_batch(norm):
    x = normal(5, 3, 4, 2)
    state = norm.initial_state()
    for mine, other in zip(norm(x, state, True, torch.ones(5)), norm(x, state, True), strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize(("count", "side"), [(0, 4), (1, 1)])
def test_too_few_numbers_leave_the_statistics(norm, count, side):
    x = (1e4 * normal(4, 3, side, side)).requires_grad_()
    counted = torch.tensor([1.0] * count + [0.0] * (4 - count))
    state = {name: value + 0.5 for name, value in norm.initial_state().items()}
    y, changes = norm(x, state, True, counted)
    assert torch.equal(y, norm.bias[:, None, None].expand_as(y))
    assert all(torch.equal(changes[name], state[name]) for name in state)
    assert torch.isfinite(torch.autograd.grad(y.square().sum(), x)[0]).all()


def test_in_evaluation_nothing_is_counted(norm):
    x, state = normal(4, 3, 2, 2), norm.initial_state()
    y, changes = norm(x, state, False, torch.tensor([1.0, 0, 0, 0]))
    assert changes == {}
    assert torch.equal(y, norm(x, state, False)[0])


def test_the_first_statistics_are_those_of_all_within():
    both = nn.ModuleList([BatchNorm("a", 2), nn.ModuleList([BatchNorm("b", 3)])])
    assert {name: value.tolist() for name, value in initial_statistics(both).items()} == {
        "norm.a.mean": [0, 0],
        "norm.a.variance": [1, 1],
        "norm.b.mean": [0, 0, 0],
        "norm.b.variance": [1, 1, 1],
    }
