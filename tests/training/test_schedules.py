"""Learning rates against closed forms and torch's schedulers."""

import math

import pytest
import torch

from latentlab.training.config import TrainingConfig
from latentlab.training.per_trial import per_trial_values
from latentlab.training.schedules import learning_rates, linear_warmup

EPOCH, TOTAL = 7, 84


def rates(total=TOTAL, epoch=EPOCH, **changes):
    """Rates of two trials, [steps, 2]: the second has twice the learning rate."""
    config = TrainingConfig(**{"learning_rate": 0.01, **changes})
    values = per_trial_values(config)
    numbers = {name.removeprefix("training."): v for name, v in values.items()}
    hyper = {f"training.{n}": torch.tensor([v, v], dtype=torch.float32) for n, v in numbers.items()}
    hyper["training.learning_rate"] = torch.tensor([0.01, 0.02])
    return learning_rates(config, hyper, torch.arange(total).float(), epoch, total)


def expect(found, factor):
    expected = torch.tensor([[0.01 * factor(t), 0.02 * factor(t)] for t in range(len(found))])
    torch.testing.assert_close(found, expected, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["constant", "plateau"])
def test_constant(name):
    expect(rates(schedule=name), lambda t: 1.0)


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_linear(final):
    expect(
        rates(schedule="linear", final_factor=final),
        lambda t: 1 + (final - 1) * t / (TOTAL - 1),
    )


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_equals_torch(final):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, TOTAL - 1, 0.01 * final)
    theirs = []
    for _ in range(TOTAL):
        theirs.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    expect(rates(schedule="cosine", final_factor=final), lambda t: theirs[t] / 0.01)


def test_step_reduces_at_whole_epochs():
    expect(
        rates(schedule="step", step_epochs=3, reduction=0.1),
        lambda t: 0.1 ** ((t // EPOCH) // 3),
    )


@pytest.mark.parametrize("length", [1, 10, 200])
def test_warmup_loses_no_step_and_multiplies_the_schedule(length):
    expect(
        rates(schedule="cosine", warmup_steps=length),
        lambda t: min(1, (t + 1) / length) * (1 + math.cos(math.pi * t / (TOTAL - 1))) / 2,
    )


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "step", "plateau"])
def test_a_training_of_one_step(name):
    expect(rates(total=1, epoch=1, schedule=name), lambda t: 1.0)


def test_linear_warmup_of_each_trial():
    found = linear_warmup(torch.tensor(3.0), torch.tensor([0.0, 2.0, 3.0, 12.0]))
    assert found.tolist() == [1.0, 1.0, 1.0, 0.25]
    assert linear_warmup(torch.tensor(0.0), torch.tensor([0.0, 5.0])).tolist() == [1.0, 0.0]
