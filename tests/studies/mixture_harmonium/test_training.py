"""Mixture harmoniums in the trainer: they learn, alone and in a cohort, by every option."""

import math

import pytest
import torch

from labs.harmonium import CPU, config, digits
from latentlab.experiment.trained_model import TrainedModel
from latentlab.studies.mixture_harmonium.evaluation import evaluate
from latentlab.studies.mixture_harmonium.method import METHOD
from latentlab.training.cohort import Cohort
from latentlab.training.trial import Trial


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return digits(tmp_path_factory.mktemp("digits"))


def cohort(data, seeds=2, epochs=4, **blocks):
    settings_ = config(
        model={"latent_dim": 8, "clusters": 6} | blocks.get("model", {}),
        objective={"prior_samples": 64} | blocks.get("objective", {}),
        training={"epochs": epochs, "batch_size": 64, "learning_rate": 0.01}
        | blocks.get("training", {}),
    )
    trials = [
        Trial(METHOD.name, "a", seed, settings_, data.fingerprint, "float32", METHOD.version)
        for seed in range(seeds)
    ]
    return Cohort(METHOD, trials, data, CPU)


def trained(data, **kwargs):
    group = cohort(data, **kwargs)
    while not group.finished:
        group.advance()
    return group


def curve(group, name):
    """A score by epoch, [trials, epochs]."""
    return group.state.history[:, :, group.scores.index(name)]


def stored(group, place):
    """A trial's tensors as the trainer stores them."""
    state = {f"state.{n}": t[place] for n, t in group.state.method_state.items()}
    return group.layout.single(group.state.weights[place]) | state


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize(
    "blocks",
    [
        {},
        {"model": {"interaction": "hierarchical"}},
        {"model": {"mode": "analytical"}},
        {"model": {"clusters": 1}},
        {"objective": {"conjugation_penalty": "r2", "beta_warmup_fraction": 0.0}},
    ],
    ids=["full", "hierarchical", "analytical", "one cluster", "r2"],
)
def test_training_lowers_the_loss(prepared, seeds, blocks):
    _, data = prepared
    group = trained(data, seeds=seeds, **blocks)
    assert group.state.alive.all()
    falls = curve(group, "validation_reconstruction")
    assert (falls[:, -1] < falls[:, 0] - 1).all()
    start = cohort(data, seeds, **blocks)
    assert not torch.equal(group.state.weights, start.state.weights)
    assert (group.state.method_state["clusters_by_labels"].sum((1, 2)) > 0.9).all()


def test_a_trial_is_the_same_alone_and_in_company(prepared):
    _, data = prepared
    sizes = {"model": {"latent_dim": 16, "clusters": 8}, "training": {"batch_size": 128}}
    together, alone = cohort(data, 3, **sizes), cohort(data, 1, **sizes)
    for _ in range(40):
        together.advance()
        alone.advance()
    difference = (together.state.weights[0] - alone.state.weights[0]).abs().max()
    assert difference < 1e-5


def test_rho_has_a_learning_rate_of_its_own(prepared):
    _, data = prepared
    moved = []
    for factor in (1.0, 10.0):
        group = cohort(data, 1, objective={"rho_lr_multiplier": factor, "beta_warmup_fraction": 0})
        for _ in range(3):
            group.advance()
        moved.append(float(group.layout.single(group.state.weights[0])["rho"].abs().mean()))
    assert moved[1] == pytest.approx(10 * moved[0], rel=0.3)


def test_the_penalty_makes_a_model_more_conjugate(prepared):
    whole, data = prepared
    test = whole.splits["test"]
    features = torch.from_numpy(test.features).float() / 16
    labels = torch.from_numpy(test.labels)
    scores = []
    for weight in (0.0, 0.1):
        fast = {"rho_lr_multiplier": 30.0, "conjugation_weight": weight}
        group = trained(data, seeds=1, epochs=25, objective=fast)
        trial = group.trials[0]
        scores.append(
            evaluate(
                TrainedModel.of(METHOD, trial.config, data.spec, stored(group, 0), trial.stream),
                features,
                labels,
            )
        )
        history = curve(group, "train_r_squared")[0]
        assert math.isfinite(history[-1])
    free, held = scores
    assert held["r_squared"] > free["r_squared"] + 0.3
    assert held["residual_variance"] < free["residual_variance"]
    # Far from trained out, but well above what chance gives.
    assert held["ami"] > 0.3


def test_the_running_score_is_near_that_of_the_trained_model(prepared):
    _, data = prepared
    group = trained(data, seeds=1, epochs=12)
    running = float(curve(group, "train_running_nmi")[0, -1])
    everything = torch.arange(len(data.train))
    batch = data.train.batch(everything)
    trial = group.trials[0]
    scores = evaluate(
        TrainedModel.of(METHOD, trial.config, data.spec, stored(group, 0), trial.stream),
        batch.features,
        batch.labels,
    )
    assert running == pytest.approx(scores["nmi"], abs=0.06)


def test_analytical_slopes_survive_into_what_is_stored(prepared):
    _, data = prepared
    group = trained(data, seeds=2, model={"mode": "analytical"})
    rho = group.state.method_state["rho"]
    assert rho.shape == (2, 8)
    assert (rho.norm(dim=1) > 0.1).all()
    reported = curve(group, "validation_rho_norm")[:, -1]
    torch.testing.assert_close(reported, rho.norm(dim=1))
    assert curve(group, "validation_r_squared")[:, -1].min() > 0.5
