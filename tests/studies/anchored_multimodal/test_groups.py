"""Group losses, what is minimised of them, and how q follows."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.groups import (
    group_losses,
    group_objective,
    pulled,
    start,
    updated,
    waits,
)
from latentlab.training.per_trial import per_trial_values

OBJECTIVES = ("plain", "weighted", "max", "logsumexp")
UPDATES = ("exp", "softmax", "exp_smooth")
HALVES = torch.tensor([0.5, 0.5])


def hyper(legacy=None, objective="weighted", **groups):
    config = AnchoredMultimodalConfig.model_validate(
        {"objective": {"groups": {"objective": objective, **groups}, "legacy": legacy or {}}}
    )
    return {name: torch.tensor(value) for name, value in per_trial_values(config).items()}


def of(values, group, groups=2):
    members = torch.nn.functional.one_hot(torch.tensor(group), groups).float()
    return group_losses(torch.as_tensor(values), members)


def losses(*each):
    """One example of each group."""
    return of(torch.tensor(each), list(range(len(each))), len(each))


def objective(name, given, q=HALVES, **changes):
    return group_objective(given, q, hyper(objective=name, **changes))


# The losses.


def test_means_of_groups():
    given = of([1.0, 2.0, 6.0, 3.0], [0, 1, 1, 1])
    torch.testing.assert_close(given.each, torch.tensor([1.0, 11 / 3]))
    assert given.mean == 3.0
    assert given.worst == given.each[1]
    assert given.present.all()


def test_an_absent_group_is_0_and_never_the_worst():
    given = of([1.0, 3.0], [1, 1])
    assert given.each.tolist() == [0.0, 2.0]
    assert given.present.tolist() == [False, True]
    assert given.worst == 2.0


# The objectives.


def test_each_objective_is_its_formula():
    given, q = of([1.0, 2.0, 6.0, 3.0], [0, 1, 1, 1]), torch.tensor([0.3, 0.7])
    one, other = given.each.tolist()
    assert objective("plain", given, q) == 3.0
    assert objective("weighted", given, q) == pytest.approx(0.3 * one + 0.7 * other)
    assert objective("max", given, q) == pytest.approx(other)
    soft = math.log((math.exp(0.4 * one) + math.exp(0.4 * other)) / 2) / 0.4
    assert objective("logsumexp", given, q, eta=0.4) == pytest.approx(soft)


def test_equal_groups_and_weights_are_the_plain_mean():
    values = torch.rand(64, generator=torch.Generator().manual_seed(0)) * 5
    given = of(values, [0, 1] * 32)
    assert abs(objective("weighted", given) - objective("plain", given)) < 1e-6
    unequal = of(values, [0] * 16 + [1] * 48)
    balanced = (values[:16].mean() + values[16:].mean()) / 2
    torch.testing.assert_close(objective("weighted", unequal), balanced)
    assert abs(balanced - values.mean()) > 0.01


def test_the_soft_maximum_goes_from_the_mean_to_the_largest():
    given = losses(0.4, 1.7, 3.1)
    q = torch.full((3,), 1 / 3)
    found = [
        float(objective("logsumexp", given, q, eta=eta))
        for eta in (0, 1e-6, 1e-3, 0.01, 1, 30, 100)
    ]
    assert found == sorted(found)
    assert found[0] == pytest.approx(5.2 / 3, abs=1e-6)
    assert found[1] == pytest.approx(5.2 / 3, abs=1e-5)
    assert found[-1] == pytest.approx(3.1, abs=math.log(3) / 100 + 1e-6)
    # The constant that is left out is log(groups) / eta: 69.3 at the report's eta, of two groups.
    two = losses(0.4, 1.7)
    summed = float(torch.logsumexp(0.01 * two.each.double(), 0) / 0.01)
    constant = summed - float(objective("logsumexp", two, eta=0.01))
    assert constant == pytest.approx(69.3, abs=0.05)
    assert float(objective("logsumexp", two, eta=0.01)) == pytest.approx(1.05, abs=0.01)


def test_an_absent_group_does_not_count_in_the_soft_maximum():
    two, of_three = losses(0.4, 1.7), of([0.4, 1.7], [0, 2], 3)
    third = torch.full((3,), 1 / 3)
    assert objective("logsumexp", of_three, third, eta=2.0) == objective("logsumexp", two, eta=2.0)


def gradient(name, each, q=HALVES, **changes):
    values = torch.tensor(each, requires_grad=True)
    total = objective(name, of(values, [0, 1]), q, **changes)
    return torch.autograd.grad(total, values)[0].tolist()


def test_the_gradient_weighs_the_groups():
    assert gradient("plain", [1.0, 3.0]) == [0.5, 0.5]
    assert gradient("weighted", [1.0, 3.0], torch.tensor([0.2, 0.8])) == pytest.approx([0.2, 0.8])
    assert gradient("max", [1.0, 3.0]) == [0.0, 1.0]
    assert gradient("max", [2.0, 2.0]) == [0.5, 0.5]
    assert gradient("max", [1.0, 3.0], legacy={"detached_max": True}) == [0.0, 0.0]
    e = math.exp(0.7 * 2)
    soft = pytest.approx([1 / (1 + e), e / (1 + e)])
    assert gradient("logsumexp", [1.0, 3.0], eta=0.7) == soft
    assert gradient("logsumexp", [1.0, 3.0], eta=0.0) == pytest.approx([0.5, 0.5])
    assert gradient("logsumexp", [1.0, 30.0], eta=100.0) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_absent_group_takes_no_part(name):
    values = torch.tensor([1.0, 3.0], requires_grad=True)
    given = of(values, [1, 1])
    total = objective(name, given, torch.tensor([0.25, 0.75]), eta=0.5)
    assert total == (1.5 if name == "weighted" else 2.0)
    assert torch.autograd.grad(total, values)[0].isfinite().all()


# The weights.


@pytest.mark.parametrize("update", UPDATES)
def test_the_weights_sum_to_1_and_move_to_the_worse_group(update):
    q, given, changes = HALVES, losses(0.5, 0.8), hyper(update=update, eta=0.3)
    for _ in range(300):
        new = updated(q, given, HALVES, changes)
        assert float(new.sum()) == pytest.approx(1, abs=1e-6)
        assert new[1] > 0.5
        assert update == "softmax" or new[1] > q[1] or new[1] > 1 - 1e-6
        q = new
    if update == "softmax":
        assert q[1] == pytest.approx(1 / (1 + math.exp(-0.3 * 0.3)))
    else:
        # And back: no weight is lost for good.
        for _ in range(900):
            q = updated(q, losses(0.8, 0.5), HALVES, changes)
        assert q[0] > 0.9


def test_exp_is_the_product():
    q = torch.tensor([0.7, 0.3])
    found = updated(q, losses(2.0, 5.0), HALVES, hyper(update="exp", eta=0.4))
    w = [0.7 * math.exp(0.8), 0.3 * math.exp(2.0)]
    assert found.tolist() == pytest.approx([x / sum(w) for x in w])


def test_gamma_is_the_weight_of_the_new_q():
    q, given = torch.tensor([0.6, 0.4]), losses(0.2, 2.3)
    exp = updated(q, given, HALVES, hyper(update="exp", eta=0.5))
    smooth = {
        gamma: updated(q, given, HALVES, hyper(update="exp_smooth", eta=0.5, gamma=gamma))
        for gamma in (0, 0.5, 0.9, 1)
    }
    assert torch.equal(smooth[1], exp)
    assert torch.equal(smooth[0], q)
    torch.testing.assert_close(smooth[0.5], (q + exp) / 2)
    assert (smooth[0.9] - q).abs().sum() > (smooth[0.5] - q).abs().sum()


@pytest.mark.parametrize("pull", [0.0, 0.1])
@pytest.mark.parametrize("update", UPDATES)
def test_without_eta_no_bit_of_q_changes(update, pull):
    shares = torch.tensor([0.37, 0.63])
    for begin in ("uniform", "proportions"):
        changes = hyper(update=update, eta=0.0, pull=pull, start=begin)
        first = q = start(shares, changes)
        for seed in range(200):
            values = torch.rand(2, generator=torch.Generator().manual_seed(seed))
            q = updated(q, losses(*values.tolist()), shares, changes)
        assert torch.equal(q, first)
        assert first.tolist() == (HALVES if begin == "uniform" else shares).tolist()


@pytest.mark.parametrize("name", ["plain", "max", "logsumexp"])
def test_weights_that_nothing_uses_stay(name):
    q = torch.tensor([0.4, 0.6])
    assert torch.equal(updated(q, losses(9.0, 1.0), HALVES, hyper(objective=name, eta=1.0)), q)


@pytest.mark.parametrize("update", UPDATES)
def test_an_absent_group_s_weight_is_left_to_the_normalisation(update):
    q = torch.tensor([0.2, 0.3, 0.5])
    given = of([1.0, 4.0], [0, 2], 3)
    found = updated(q, given, q, hyper(update=update, eta=0.6, gamma=1.0))
    assert found.isfinite().all()
    assert float(found.sum()) == pytest.approx(1)
    if update == "softmax":
        # It has no product to normalise: the absent one's weight stays, the others share the rest.
        assert found[1] == pytest.approx(0.3)
        assert found[2] / found[0] == pytest.approx(math.exp(0.6 * 3))
    else:
        w = [0.2 * math.exp(0.6), 0.3, 0.5 * math.exp(2.4)]
        assert found.tolist() == pytest.approx([x / sum(w) for x in w])


@pytest.mark.parametrize("update", UPDATES)
def test_extreme_losses_leave_finite_weights(update):
    changes = hyper(update=update, eta=100.0, pull=0.5, gamma=1.0)
    for shares in (HALVES, torch.tensor([0.0, 1.0])):
        q = HALVES
        for each in ((0.0, 50.0), (1e4, 0.0), (0.0, 0.0)):
            q = updated(q, losses(*each), shares, changes)
            assert q.isfinite().all()
            assert float(q.sum()) == pytest.approx(1)
    # From 0, to which a weight may fall, it comes back.
    changes = hyper(update="exp", eta=100.0)
    far = updated(HALVES, losses(0.0, 50.0), HALVES, changes)
    assert far.tolist() == [0.0, 1.0]
    assert updated(far, losses(50.0, 0.0), HALVES, changes).tolist() == [1.0, 0.0]


def test_the_pull_is_the_step_that_it_says():
    q, shares, strength = np.array([0.9, 0.1]), np.array([0.3, 0.7]), 0.6

    def divergence(first):
        p = np.array([first[0], 1 - first[0]])
        return (p * np.log(p / q)).sum() + strength * (p * np.log(p / shares)).sum()

    best = minimize(divergence, [0.5], bounds=[(1e-6, 1 - 1e-6)], tol=1e-12).x[0]
    found = pulled(torch.tensor(q), torch.tensor(shares), torch.tensor(strength))
    assert found.tolist() == pytest.approx([best, 1 - best], abs=1e-6)


@pytest.mark.parametrize("update", ["exp", "exp_smooth"])
@pytest.mark.parametrize("eta", [0.1, 0.5])
def test_the_pull_s_rest_does_not_depend_on_eta(update, eta):
    shares, pull = torch.tensor([0.3, 0.7]), 0.4
    q, changes = HALVES, hyper(update=update, eta=eta, pull=pull)
    for _ in range(600):
        q = updated(q, losses(1.0, 0.9), shares, changes)
    w = [0.3 * math.exp(1.0 / pull), 0.7 * math.exp(0.9 / pull)]
    assert q.tolist() == pytest.approx([x / sum(w) for x in w], abs=1e-4)


def test_warm_up_is_counted_in_epochs():
    epochs = torch.arange(4.0)
    assert waits(epochs, hyper(warmup_epochs=2)).tolist() == [True, True, False, False]
    assert not waits(epochs, hyper(warmup_epochs=0)).any()
    counted = waits(epochs, hyper(warmup_epochs=0, start="proportions"))
    assert counted.tolist() == [True, False, False, False]
    assert waits(epochs, hyper(warmup_epochs=3, start="proportions")).sum() == 3


def test_all_choices_work_in_one_cohort():
    chosen = [
        hyper(objective=o, update=u, start=s, eta=0.3, pull=p, legacy={"detached_max": d})
        for o in OBJECTIVES
        for u in UPDATES
        for s, p, d in (("uniform", 0.0, False), ("proportions", 0.2, True))
    ]
    together = {name: torch.stack([h[name] for h in chosen]) for name in chosen[0]}
    rng = torch.Generator().manual_seed(1)
    values = torch.rand(len(chosen), 10, generator=rng)
    members = torch.nn.functional.one_hot(torch.tensor([0, 1, 1] * 3 + [0])).float()
    shares = torch.tensor([0.4, 0.6])

    def one(values, changes):
        given = group_losses(values, members)
        q = start(shares, changes)
        return group_objective(given, q, changes), updated(q, given, shares, changes)

    totals, weights = torch.func.vmap(one)(values, together)
    for i, changes in enumerate(chosen):
        total, q = one(values[i], changes)
        torch.testing.assert_close(totals[i], total)
        torch.testing.assert_close(weights[i], q)
