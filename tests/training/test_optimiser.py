"""Both forms of the optimiser against torch.optim and clip_grad_norm_."""

import pytest
import torch
from torch import nn

from latentlab.training.config import TrainingConfig
from latentlab.training.optimiser import (
    Optimiser,
    Update,
    clip_divisor,
    corrections,
    fused_kernels_work,
    gradient_norms,
    moment_names,
)
from latentlab.training.parameters import ParameterLayout

CPU = torch.device("cpu")
TRIALS, STEPS, FROZEN = 4, 25, 2
RATES = (1e-3, 1e-2, 5e-3, 3e-2)
DECAYS = (0.0, 0.01, 0.1, 0.3)
MOMENTA = (0.0, 0.5, 0.9, 0.99)
CLIPS = (0.0, 1.0, 0.5, 100.0)
MULTIPLIERS = {"1.": (0.1, 0.0), "0.weight": (2.0, 3.0)}


def models():
    torch.manual_seed(3)
    return [nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3)) for _ in range(TRIALS)]


def reference(rule, model, i, multipliers):
    """torch's own optimiser with the trial's numbers, a group per parameter."""
    groups = []
    for name, parameter in model.named_parameters():
        rate, decay = next(
            (pair for prefix, pair in multipliers.items() if name.startswith(prefix)), (1.0, 1.0)
        )
        groups.append(
            {"params": [parameter], "lr": RATES[i] * rate, "weight_decay": DECAYS[i] * decay}
        )
    if rule == "sgd":
        return torch.optim.SGD(groups, momentum=MOMENTA[i])
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[rule](groups)


def counted(number):
    """The last two of an update's numbers."""
    number = torch.tensor(float(number))
    return number, corrections(number)


def gradients_of(step, layout):
    """Random gradients of very different lengths; those of matrices are transposed views."""
    torch.manual_seed(100 + step)
    out = []
    for shape in layout.shapes:
        gradient = torch.randn(TRIALS, *reversed(shape))
        gradient = gradient.transpose(1, 2) if len(shape) == 2 else gradient
        out.append(gradient * torch.tensor([0.01, 1.0, 30.0, 1.0]).view(-1, *[1] * len(shape)))
    assert not out[0].is_contiguous()
    return out


@pytest.mark.parametrize("multipliers", [{}, MULTIPLIERS])
@pytest.mark.parametrize("rule", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("fused", [True, False])
def test_equals_torch_optim_with_clipping(fused, rule, multipliers):
    if fused and not fused_kernels_work(torch.device("cpu")):
        pytest.skip("this torch has no such fused kernels: the matrix form is used")
    theirs = models()
    layout = ParameterLayout.of(theirs[0])
    config = TrainingConfig(optimiser=rule)
    weights = torch.stack([layout.flatten(model) for model in theirs])
    moments = {name: torch.zeros_like(weights) for name in moment_names(config)}
    optimiser = Optimiser(config, layout, multipliers, CPU, fused)
    optimisers = [reference(rule, model, i, multipliers) for i, model in enumerate(theirs)]
    for step in range(STEPS):
        gradients = gradients_of(step, layout)
        for i, (model, one) in enumerate(zip(theirs, optimisers, strict=True)):
            if i == FROZEN and step >= 10:
                continue
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.grad = gradient[i].clone()
            if CLIPS[i]:
                nn.utils.clip_grad_norm_(model.parameters(), CLIPS[i])
            one.step()
        if step == 10:
            frozen = weights[FROZEN].clone(), {n: m[FROZEN].clone() for n, m in moments.items()}
        norms = gradient_norms(gradients)
        active = torch.ones(TRIALS, dtype=torch.bool)
        if step >= 10:
            # What a diverged trial computes must not reach its weights.
            active[FROZEN] = False
            for gradient in gradients:
                gradient[FROZEN] = torch.nan
        update = Update(
            torch.tensor(RATES),
            torch.tensor(DECAYS),
            torch.tensor(MOMENTA),
            clip_divisor(norms, torch.tensor(CLIPS)),
            active,
            *counted(step + 1),
        )
        optimiser.step(weights, moments, optimiser.gathered(gradients), update)
    for i, model in enumerate(theirs):
        torch.testing.assert_close(weights[i], layout.flatten(model), rtol=1e-5, atol=1e-6)
    assert torch.equal(weights[FROZEN], frozen[0])
    assert all(torch.equal(m[FROZEN], frozen[1][n]) for n, m in moments.items())


def test_moments_are_found_by_name_in_any_order():
    """A checkpoint gives them back in another order than they were made in."""
    layout = ParameterLayout.of(models()[0])
    config = TrainingConfig(optimiser="adam")
    results = []
    for names in (["first", "second"], ["second", "first"]):
        weights = torch.stack([layout.flatten(model) for model in models()])
        moments = {name: torch.zeros_like(weights) for name in names}
        ones = torch.ones(TRIALS)
        for step in range(3):
            update = Update(ones * 0.1, ones * 0, ones * 0, ones, ones.bool(), *counted(step + 1))
            optimiser = Optimiser(config, layout, {}, CPU, fused=True)
            gradients = optimiser.gathered(gradients_of(step, layout))
            optimiser.step(weights, moments, gradients, update)
        results.append(weights)
    assert torch.equal(*results)


def test_gradients_of_other_lengths_are_refused():
    """The fused kernel would read beyond their end."""
    layout = ParameterLayout.of(models()[0])
    weights = torch.stack([layout.flatten(model) for model in models()])
    moments = {name: torch.zeros_like(weights) for name in ("first", "second")}
    ones = torch.ones(TRIALS)
    update = Update(ones, ones, ones, ones, ones.bool(), *counted(1))
    optimiser = Optimiser(TrainingConfig(), layout, {}, CPU, fused=True)
    with pytest.raises(ValueError, match="gathered"):
        optimiser.step(weights, moments, gradients_of(0, layout), update)


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_rows_in_one_piece_and_in_several_are_one_update(monkeypatch, size):
    monkeypatch.setattr("latentlab.training.optimiser.SMALL_ROW", size)
    layout = ParameterLayout.of(models()[0])
    config = TrainingConfig(optimiser="adam")
    optimiser = Optimiser(config, layout, {}, CPU, fused=True)
    assert len(optimiser.gathered(gradients_of(0, layout))) == (1 if size > 1 else 4)
    weights = torch.stack([layout.flatten(model) for model in models()])
    start, moments = weights.clone(), {n: torch.zeros_like(weights) for n in ("first", "second")}
    ones = torch.ones(TRIALS)
    for step in range(3):
        optimiser.step(
            weights,
            moments,
            optimiser.gathered(gradients_of(step, layout)),
            Update(ones * 0.1, ones * 0, ones * 0, ones, ones.bool(), *counted(step + 1)),
        )
        if step == 0:
            # Adam's first step is the learning rate, whatever the gradient.
            torch.testing.assert_close((weights - start).abs(), torch.full_like(weights, 0.1))


def test_norms_and_clipping_as_torch_has_them():
    layout = ParameterLayout.of(models()[0])
    gradients = gradients_of(0, layout)
    norms = gradient_norms(gradients)
    largest = torch.tensor([0.0, 1e9, 1e-3, 2.0])
    divisors = clip_divisor(norms, largest)
    for i in range(TRIALS):
        parameters = [nn.Parameter(g[i].clone()) for g in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient[i].clone()
        bound = float(largest[i]) or torch.inf
        norm = nn.utils.clip_grad_norm_(parameters, bound)
        torch.testing.assert_close(norms[i], norm)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            torch.testing.assert_close(gradient[i] / divisors[i], parameter.grad)


def test_norms_do_not_depend_on_the_company():
    torch.manual_seed(0)
    shapes = [(13,), (5, 11), (64, 9)] * 6
    gradients = [torch.randn(60, *shape) for shape in shapes]
    whole = gradient_norms(gradients)
    for count in (2, 3, 17, 31, 59):
        assert torch.equal(gradient_norms([g[:count] for g in gradients]), whole[:count])


def test_an_infinite_gradient_has_an_infinite_norm():
    gradients = [torch.ones(3, 4), torch.ones(3, 2)]
    gradients[1][1, 0] = torch.inf
    gradients[0][2, 3] = torch.nan
    assert torch.isfinite(gradient_norms(gradients)).tolist() == [True, False, False]
