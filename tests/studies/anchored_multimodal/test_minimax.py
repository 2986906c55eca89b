"""Positive control: GroupDRO finds the minimax solution that convex optimisation finds.

A linear classifier of points in the plane, for two groups whose classes differ along other
directions and with other noise. What is good for one group is bad for the other, nine tenths of the
points belong to one, and both losses are convex in the weights: the least possible worst-group loss
is the optimum of a convex programme, and min max = max min.
"""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, softplus
from torch import nn

from latentlab.data import ImageTextLayout
from latentlab.data.image_text_layout import SCALE
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.method import METHOD
from latentlab.studies.anchored_multimodal.model import MultimodalModel
from latentlab.training.contract import Batch, Clock
from latentlab.training.per_trial import per_trial_values

PARTS = ImageTextLayout(image=(1, 1, 2), text=1)
POINTS = {0: 540, 1: 60}
SLOPES = {0: (2.0, 0.5), 1: (-1.0, 1.5)}
NOISE = {0: 0.8, 1: 1.6}


class Linear(MultimodalModel):
    """Logits of the picture's two numbers: the study's model without its encoders."""

    def __init__(self, config):
        nn.Module.__init__(self)
        self.config, self.parts = config, PARTS
        self.weight = nn.Parameter(torch.zeros(2, 2))
        self.bias = nn.Parameter(torch.zeros(2))

    def encode(self, samples, state, noise, hyper, training):
        return samples.image.flatten(1), {}

    def head(self, z):
        return z @ self.weight + self.bias


@pytest.fixture(scope="module")
def points():
    """Points [n, 2], classes and groups [n]."""
    rng = np.random.default_rng(0)
    x, y, g = [], [], []
    for group, count in POINTS.items():
        labels = np.arange(count) % 2
        centres = np.outer(labels - 0.5, SLOPES[group])
        x.append(centres + NOISE[group] * rng.standard_normal((count, 2)))
        y.append(labels)
        g.append(np.full(count, group))
    return np.concatenate(x), np.concatenate(y), np.concatenate(g)


def convex(points):
    """Losses [groups] and their gradients [groups, 3] of a slope and intercept, by numpy."""
    x, y, g = points
    padded, signs = np.c_[x, np.ones(len(x))], 2 * y - 1
    means = np.stack([(g == group) / (g == group).sum() for group in POINTS])

    def losses(w):
        margins = signs * (padded @ w)
        pull = -signs * expit(-margins)
        return means @ softplus(-margins), means @ (pull[:, None] * padded)

    return losses


@pytest.fixture(scope="module")
def minimax(points):
    """The least worst-group loss, by the epigraph: min t with L_g(w) <= t."""
    losses = convex(points)
    found = minimize(
        lambda v: v[3],
        [0.0, 0.0, 0.0, 1.0],
        jac=lambda v: np.array([0.0, 0.0, 0.0, 1.0]),
        constraints={
            "type": "ineq",
            "fun": lambda v: v[3] - losses(v[:3])[0],
            "jac": lambda v: np.c_[-losses(v[:3])[1], np.ones(2)],
        },
        method="SLSQP",
        options={"ftol": 1e-12},
    )
    assert found.success
    return found.x[3]


def trained(points, legacy=None, rate=0.5, **groups):
    """Group losses after 400 steps with the study's loss and state, and the last q."""
    weights = {"fit_weight": 0.0, "separation_weight": 0.0}
    config = AnchoredMultimodalConfig.model_validate(
        {"objective": {**weights, "groups": groups, "legacy": legacy or {}}}
    )
    x, y, g = (torch.from_numpy(a) for a in points)
    rows = torch.cat([x, torch.zeros(len(x), 1), g[:, None] / SCALE], dim=1).float()
    batch = Batch(rows[:, None, None, :], y)
    hyper = {name: torch.tensor(value) for name, value in per_trial_values(config).items()}
    model = Linear(config)
    state = {"group_weights": torch.full((2,), 0.5), "group_counts": torch.zeros(2)}
    noise = {"training": torch.zeros(1)}
    optimiser = torch.optim.SGD(model.parameters(), rate)
    for step in range(400):
        clock = Clock(torch.tensor(float(step)), torch.tensor(float(step)), torch.tensor(1.0))
        total, terms, state = METHOD.loss(model, batch, hyper, noise, state, clock)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    each = [float(terms[f"cross_entropy_{name}"].detach()) for name in ("visual", "text")]
    return each, state["group_weights"].double().numpy()


@pytest.mark.parametrize("update", [{"update": "exp"}, {"update": "exp_smooth", "gamma": 0.9}])
def test_group_dro_reaches_the_minimax_loss(points, minimax, update):
    losses, q = trained(points, objective="weighted", warmup_epochs=2, eta=0.1, **update)
    assert minimax * 0.9999 < max(losses) < minimax * 1.001
    # Both groups are as badly off, and the last q proves that no weights do better: the dual.
    assert losses[0] == pytest.approx(losses[1], rel=0.001)
    both = convex(points)
    dual = minimize(lambda w: q @ both(w)[0], np.zeros(3), jac=lambda w: q @ both(w)[1])
    assert minimax * 0.999 < dual.fun < minimax * 1.0001


def test_plain_training_does_not(points, minimax):
    """Its worse group's loss is 2.17 times the least possible: 1.23 against .566 nats."""
    losses, _ = trained(points, objective="plain")
    assert losses[0] < 0.6 * minimax
    assert losses[1] / minimax == pytest.approx(2.17, abs=0.02)


def test_the_other_objectives_come_as_near_as_they_can(points, minimax):
    losses, _ = trained(points, objective="max", rate=0.1)
    assert max(losses) < 1.02 * minimax
    eta = 10.0
    losses, _ = trained(points, objective="logsumexp", eta=eta)
    # The soft maximum is below the largest loss, by log(2) / eta at most.
    assert max(losses) < minimax + np.log(2) / eta
    assert max(losses) < 1.1 * minimax


def test_the_reported_maximum_learns_nothing(points):
    losses, _ = trained(points, objective="max", legacy={"detached_max": True})
    assert losses == pytest.approx([np.log(2)] * 2)
