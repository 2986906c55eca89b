"""The method in training: its state step by step, and short trainings of tiny data."""

import numpy as np
import pytest
import torch

from labs.trainer import train_trials
from latentlab.compute import ComputeConfig
from latentlab.data import Prepared, Schema, Split, save_prepared
from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.method import METHOD
from latentlab.training.cohort import Cohort
from latentlab.training.contract import Batch, Clock, DataSpec
from latentlab.training.data import StudyData
from latentlab.training.per_trial import per_trial_values
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

CPU = torch.device("cpu")
LATENT = 6


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def scalar(value):
    return torch.tensor(float(value))


def of_rank(rank=2, examples=90, shape=(1, 3, 4), ratio=0.7, seed=0):
    """Designs in [0, 1] that vary in so many orthogonal directions, less and less."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(np.prod(shape), rank)))[0].T
    x = 0.5 + rng.uniform(-0.5, 0.5, (examples, rank)) * ratio ** np.arange(rank) @ directions
    return x.clip(0, 1).astype(np.float32).reshape(examples, *shape)


def prepared(features):
    schema = Schema(
        name="rank", shape=features.shape[1:], dtype="float32", scale=1.0, classes=("a",)
    )
    split = Split(features, np.zeros(len(features), dtype=np.int64))
    return Prepared(schema, {"train": split, "test": split}, "a test")


@pytest.fixture(scope="module")
def small():
    return StudyData.of(prepared(of_rank()), CPU)


def config(model=None, objective=None, pruning=None, **training):
    model = {"architecture": "linear", "latent_dim": LATENT, "hidden": 10} | (model or {})
    pruning = {"start_epoch": 2} | (pruning or {})
    objective = {"ramp_epochs": 1, "pruning": pruning} | (objective or {})
    training = {"epochs": 8, "batch_size": 16, "learning_rate": 0.01} | training
    return LeastVolumeConfig.model_validate(
        {"model": model, "objective": objective, "training": training}
    )


def trial(data, settings, seed=0):
    version = METHOD.version
    return Trial("least_volume", "a", seed, settings, data.fingerprint, "float32", version)


def trained(data, *settings, epochs=None):
    group = Cohort(METHOD, [trial(data, one) for one in settings], data, CPU)
    for _ in range((epochs or settings[0].training.epochs) * group.epoch_steps):
        group.advance()
    return group


def curve(group, name):
    """A score by epoch, [trials, epochs]."""
    return group.state.history[:, :, group.scores.index(name)]


def numbers(settings):
    return {name: scalar(value) for name, value in per_trial_values(settings).items()}


class Bench:
    """One trial's model and state, taken through single calls of the method."""

    def __init__(self, settings, shape=(1, 3, 4), seed=0):
        rng = np.random.default_rng(seed)
        spec = DataSpec(shape, 1)
        self.model = METHOD.build(settings, spec, rng)
        self.state = METHOD.init_state(settings, spec, rng)
        self.settings = settings
        self.hyper = numbers(settings)
        self.epochs = settings.training.epochs

    def clock(self, epoch):
        """The last step of an epoch of ten."""
        return Clock(scalar(10 * epoch + 9), scalar(epoch), scalar(10 * self.epochs))

    def loss(self, features, epoch=0, training=True):
        features = torch.as_tensor(features)
        batch = Batch(features, torch.zeros(len(features), dtype=torch.long))
        latent = self.settings.model.latent_dim
        noise = {"pruning": torch.full((latent,), 0.25)} if training else {}
        total, terms, state = METHOD.loss(
            self.model, batch, self.hyper, noise, self.state, self.clock(epoch)
        )
        if training:
            self.state = state
        return total, {name: float(value.detach()) for name, value in terms.items()}

    def end(self, epoch, error=1.0):
        """After an epoch; dimensions that were pruned at its end."""
        before = self.state["active"]
        self.state = METHOD.after_epoch(
            self.state, {"validation_reconstruction": scalar(error)}, self.hyper, self.clock(epoch)
        )
        return (before - self.state["active"]).nonzero().flatten().tolist()

    def run(self, epochs, errors=None):
        """Active dimensions after each epoch, with deviations as they are."""
        counts = []
        for epoch in range(epochs):
            self.end(epoch, errors[epoch] if errors else 1.0)
            counts.append(int(self.state["active"].sum()))
        return counts


# Step by step


def test_the_first_batch_has_volume_1_and_the_weight_of_it_is_0():
    bench = Bench(config())
    total, terms = bench.loss(of_rank())
    assert terms["volume"] == 1.0
    assert terms["active_dimensions"] == LATENT
    assert float(total.detach()) == terms["reconstruction"]


def test_the_volume_is_measured_against_the_reference_and_weighted_by_the_ramp():
    bench = Bench(config(objective={"ramp_epochs": 4, "reference_epochs": 2, "volume_weight": 3}))
    first, second = of_rank(seed=1), 0.5 + 0.3 * (of_rank(seed=2) - 0.5)
    bench.loss(first)

    def deviations(x):
        z = bench.model.encode(torch.as_tensor(x), bench.state, False)[0].detach().numpy()
        return z.std(axis=0, ddof=1)

    reference = deviations(first)
    for epoch in (1, 2):
        if epoch < 2:
            reference = 0.9 * reference + 0.1 * deviations(second)
        total, terms = bench.loss(second, epoch)
        logs = np.log(deviations(second) + 1e-4)
        assert terms["log_volume"] == pytest.approx(logs.mean(), abs=1e-4)
        volume = np.exp((logs - np.log(reference + 1e-4)).mean())
        assert terms["volume"] == pytest.approx(volume, rel=1e-4)
        weighted = 3 * (epoch / 4) ** 2 * volume
        assert float(total.detach()) == pytest.approx(terms["reconstruction"] + weighted, rel=1e-4)


def test_running_statistics_follow_training_batches_and_no_others():
    bench = Bench(config(pruning={"momentum": 0.8}))
    mean = sd = None
    for seed in range(3):
        x = of_rank(seed=seed)
        z = bench.model.encode(torch.as_tensor(x), bench.state, True)[0].detach().numpy()
        bench.loss(x)
        now = z.mean(axis=0), z.std(axis=0, ddof=1)
        mean, sd = now if mean is None else (0.8 * mean + 0.2 * now[0], 0.8 * sd + 0.2 * now[1])
        np.testing.assert_allclose(bench.state["running_mean"], mean, atol=1e-6)
        np.testing.assert_allclose(bench.state["running_sd"], sd, atol=1e-6)
    batch = Batch(torch.as_tensor(of_rank(seed=9)), torch.zeros(90, dtype=torch.long))
    _, _, after = METHOD.loss(bench.model, batch, bench.hyper, {}, bench.state, bench.clock(1))
    assert after.keys() == bench.state.keys()
    assert all(torch.equal(after[name], bench.state[name]) for name in after)


def test_a_prune_freezes_dimensions_at_their_mean_and_sets_the_reference_anew():
    bench = Bench(config())
    bench.loss(of_rank())
    bench.state["running_sd"] = torch.tensor([1.0, 0.9, 1e-5, 1.1, 1e-5, 0.8])
    assert bench.end(1) == []
    assert bench.end(2) == [2, 4]
    frozen = bench.state["frozen"]
    assert torch.equal(frozen[[2, 4]], bench.state["running_mean"][[2, 4]])
    assert (frozen[[0, 1, 3, 5]] == 0).all()
    assert bench.state["first_prune"] == 2
    # In evaluation the reference is still the old one; the next batch of training sets it.
    _, held = bench.loss(of_rank(seed=3), 3, training=False)
    assert held["volume"] != pytest.approx(4 / 6)
    _, terms = bench.loss(of_rank(seed=3), 3)
    assert terms["volume"] == pytest.approx(4 / 6)
    assert terms["active_dimensions"] == 4
    _, terms = bench.loss(of_rank(seed=4), 8)
    assert terms["volume"] != pytest.approx(4 / 6)
    # What is pruned no longer deviates, and keeps its mean.
    decayed = 1e-5 * 0.9**2
    np.testing.assert_allclose(bench.state["running_sd"][[2, 4]], [decayed] * 2, rtol=1e-4)
    np.testing.assert_allclose(bench.state["running_mean"][[2, 4]], frozen[[2, 4]], rtol=1e-4)


def test_a_reconstruction_does_not_depend_on_pruned_dimensions():
    bench = Bench(config())
    bench.state["active"] = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    total, _ = bench.loss(of_rank())
    total.backward()
    gradient = bench.model.encoder.layers[0].weight.grad
    assert (gradient[:, [2, 4]] == 0).all()
    assert (gradient[:, [0, 1, 3, 5]] != 0).any(0).all()


@pytest.mark.parametrize("architecture", ["convolutional", "dense", "linear"])
def test_one_example_is_evaluated_by_the_running_deviations(architecture):
    small_one = {"resolution": (16, 16), "width_multiplier": 1 / 32}
    bench = Bench(config({"architecture": architecture, **small_one}))
    bench.loss(of_rank())
    total, terms = bench.loss(of_rank(examples=1), 3, training=False)
    assert torch.isfinite(total)
    expected = np.log(bench.state["running_sd"].numpy() + 1e-4).mean()
    assert terms["log_volume"] == pytest.approx(expected, rel=1e-5)


# Pruning by epoch


CLIFFS = torch.tensor([1.0, 0.9, 1e-2, 1.1e-2, 1e-6, 1.1e-6])


def spectrum_bench(sd=CLIFFS, epochs=12, safeguards=None, **pruning):
    pruning = {"start_epoch": 1, "threshold": 0.05} | pruning
    bench = Bench(config(pruning=pruning | {"safeguards": safeguards or {}}, epochs=epochs))
    bench.state["running_sd"] = sd.clone()
    return bench


def test_two_cliffs_are_pruned_in_two_epochs():
    assert spectrum_bench().run(5) == [6, 4, 2, 2, 2]


def test_the_guides_plummet_prunes_once():
    """Pruned dimensions stay in its view, and their running deviations decay."""
    bench = spectrum_bench(legacy={"all_dimensions": True})
    counts = []
    for epoch in range(12):
        pruned = bench.state["active"] == 0
        bench.state["running_sd"] = torch.where(pruned, 0.9**8, 1.0) * bench.state["running_sd"]
        bench.end(epoch)
        counts.append(int(bench.state["active"].sum()))
    assert counts == [6] + [4] * 11


def test_the_anchor_is_that_of_the_first_epoch_that_may_prune():
    bench = spectrum_bench(policy="lognorm", alpha=0.0, percentile=0.3, start_epoch=2)
    assert bench.run(2) == [6, 6]
    assert bench.state["anchored"] == 0
    bench.state["running_sd"] = torch.tensor([1.0, 0.9, 0.8, 0.7, 0.6, 0.01])
    logs = bench.state["running_sd"].log()
    assert bench.end(2) == [5]
    assert bench.state["anchored"] == 1
    expected = [logs.mean(), logs.std(), bench.state["running_sd"].square().sum()]
    names = ["anchor_log_mean", "anchor_log_sd", "anchor_variance"]
    found = [bench.state[name] for name in names]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    bench.state["running_sd"] = bench.state["running_sd"] * 0.5
    bench.end(3)
    assert [bench.state[name] for name in names] == found
    # With alpha 0 the cut stands still, and all that shrinks falls under it in the end.
    bench.state["running_sd"] = bench.state["running_sd"] * 0.01
    bench.end(4)
    assert bench.state["active"].sum() == 0


def test_the_minimum_keeps_the_largest():
    bench = spectrum_bench(safeguards={"min_active": 3})
    assert bench.run(5) == [6, 4, 3, 3, 3]
    assert bench.state["active"].tolist() == [1, 1, 0, 1, 0, 0]


def test_the_cap_spreads_a_prune_over_epochs():
    assert spectrum_bench(safeguards={"max_per_epoch": 1}).run(6) == [6, 5, 4, 3, 2, 2]


def test_what_is_pruned_is_not_pruned_again():
    """Where the policy still sees it, as the smallest of all; it would take the place of others."""
    bench = spectrum_bench(
        torch.tensor([1.0, 0.3, 0.2, 0.1, 0.05, 0.01]),
        policy="pca_cdf",
        variance_share=0.97,
        legacy={"all_dimensions": True},
        safeguards={"max_per_epoch": 1},
    )
    assert bench.run(7) == [6, 5, 4, 3, 2, 2, 2]
    assert bench.state["since_prune"] == 2


def test_the_cooldown_parts_two_prunes():
    assert spectrum_bench(safeguards={"cooldown_epochs": 2}).run(6) == [6, 4, 4, 4, 2, 2]


def test_candidates_wait_so_many_epochs():
    """Both levels are candidates only once the lowest is gone."""
    assert spectrum_bench(safeguards={"consecutive": 2}).run(6) == [6, 6, 4, 4, 2, 2]


def test_a_bad_epoch_does_not_prune():
    errors = [1.0, 1.3, 1.2, 0.9, 1.04, 0.98]
    bench = spectrum_bench(safeguards={"reconstruction_tolerance": 0.1})
    assert bench.run(6, errors) == [6, 6, 6, 4, 4, 2]
    assert bench.state["best_reconstruction"] == pytest.approx(0.9)


def test_epochs_without_validation_prune_and_do_not_count_as_unstable():
    bench = spectrum_bench(epochs=6, safeguards={"reconstruction_tolerance": 0.1})
    assert bench.run(5, [torch.nan, torch.nan, 1.0, torch.nan, torch.nan]) == [6, 4, 2, 2, 2]
    bench.end(5, 1.1)
    assert METHOD.outcome(bench.state, {}) == "ok"
    assert bench.state["best_reconstruction"] == 1


# Outcomes


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([1.0] * 20, "no_pruning"),
        ([1.0] * 10 + [9.0] + [1.0] * 9, "no_pruning"),
        ([1.0] * 19 + [1.9], "no_pruning"),
        ([1.0] * 19 + [2.1], "instability"),
        ([1.0] * 18 + [2.1, 1.0], "instability"),
        ([1.0] * 17 + [2.1, 1.0, 1.0], "no_pruning"),
        ([1.0] * 18 + [torch.nan, 1.0], "no_pruning"),
        ([1.0] * 19 + [torch.inf], "instability"),
        ([1.0] * 19 + [torch.nan], "instability"),
    ],
)
def test_instability_is_an_error_far_above_the_lowest_at_the_end(errors, expected):
    bench = spectrum_bench(sd=torch.ones(6), epochs=20)
    bench.run(20, errors)
    assert METHOD.outcome(bench.state, {}) == expected


def test_without_a_policy_nothing_is_pruned_and_that_is_well():
    bench = spectrum_bench(policy="none")
    assert bench.run(12) == [6] * 12
    assert METHOD.outcome(bench.state, {}) == "ok"


def test_the_error_of_complete_pruning_is_no_instability():
    bench = spectrum_bench(policy="probabilistic", temperature=1e-3, epochs=10)
    bench.state["uniforms"] = torch.full((6,), 0.25)
    assert bench.run(10, [1.0] * 5 + [9.0] * 5) == [6] + [0] * 9
    assert METHOD.outcome(bench.state, {}) == "complete_pruning"


# Trainings


@pytest.mark.parametrize("architecture", ["convolutional", "dense", "linear"])
@pytest.mark.parametrize("norm", ["none", "operator"])
def test_complete_pruning_leaves_all_numbers_finite(small, architecture, norm):
    model = {
        "architecture": architecture,
        "spectral_norm": norm,
        "resolution": (16, 16),
        "width_multiplier": 1 / 32,
    }
    chance = {"policy": "probabilistic", "temperature": 1e-3, "start_epoch": 0}
    group = trained(small, config(model, pruning=chance, epochs=12))
    active = curve(group, "train_active_dimensions")[0]
    assert active[0] == LATENT
    assert active[-3:].sum() == 0
    assert group.state.alive.all()
    for name, tensor in group.state.tensors().items():
        allowed = torch.isfinite(tensor) | (torch.isinf(tensor) & (tensor > 0))
        assert allowed.all() if name.startswith("watch") else torch.isfinite(tensor).all(), name
    assert (curve(group, "train_volume")[0][-3:] == 0).all()
    before = group.state.weights.clone()
    group.restart()
    for _ in range(5):
        group.advance()
    assert not torch.equal(group.state.weights, before)
    assert torch.isfinite(group.state.weights).all()
    state = {name: tensor[0] for name, tensor in group.state.method_state.items()}
    assert METHOD.outcome(state, {}) == "complete_pruning"


def test_trials_alone_are_trained_as_in_a_cohort_of_all_policies(small):
    settings = [
        config(pruning={"policy": policy} | more, learning_rate=0.003)
        for policy, more in {
            "none": {},
            "plummet": {"threshold": 0.95},
            "lognorm": {"percentile": 0.2},
            "pca_cdf": {"safeguards": {"max_per_epoch": 1}},
            "probabilistic": {"safeguards": {"min_active": 2}},
        }.items()
    ]
    together = trained(small, *settings)
    counts = curve(together, "train_active_dimensions")[:, -1]
    assert counts[0] == LATENT
    assert (counts[1:] < LATENT).all()
    assert counts[4] == 2
    for place, one in enumerate(settings):
        alone = trained(small, one)
        torch.testing.assert_close(
            alone.state.weights[0], together.state.weights[place], rtol=0, atol=1e-5
        )
        for name, tensor in alone.state.method_state.items():
            torch.testing.assert_close(
                tensor[0], together.state.method_state[name][place], rtol=1e-4, atol=1e-5
            )


def test_trained_and_stored_with_an_outcome(tmp_path):
    data = prepared(of_rank(examples=80))
    save_prepared(data, tmp_path / "prepared")
    plummet = {"start_epoch": 20, "threshold": 0.1}
    common = {"epochs": 40, "learning_rate": 0.06}
    model = {"spectral_norm": "operator"}
    volume = {"volume_weight": 0.003, "eta": 0.01, "ramp_epochs": 20}
    settings = {
        "plummet": config(model, volume, plummet, **common),
        "timid": config(model, volume, plummet | {"threshold": 1e-9}, **common),
    }
    trials = {
        name: Trial("least_volume", name, 0, one, data.fingerprint, "float32", METHOD.version)
        for name, one in settings.items()
    }
    store = TrialStore(tmp_path / "store")
    compute = ComputeConfig(engine="inline", threads=1, compile=False)
    train_trials(METHOD, list(trials.values()), tmp_path / "prepared", store, compute)
    outcomes = {name: store.record(one.id).outcome for name, one in trials.items()}
    assert outcomes == {"plummet": "ok", "timid": "no_pruning"}
    state = store.weights(trials["plummet"].id)
    history = store.history(trials["plummet"].id)["train_active_dimensions"]
    first = int(state["state.first_prune"])
    assert first >= 20
    assert history[first] == LATENT > history[first + 1]
    # As many as the data have directions.
    assert state["state.active"].sum() == history[-1] == 2


@pytest.mark.parametrize("seed", [0, 3])
def test_a_linear_auto_encoder_finds_the_principal_components_in_their_order(seed):
    """With an isometric decoder the volume is least where latents are uncorrelated.

    That is the rotation to principal components, the largest first. Without the volume any
    rotation reconstructs as well, and no dimension is left over.
    """
    steps = 1000
    x = of_rank(rank=2, examples=200, shape=(1, 2, 3), ratio=0.6, seed=seed)
    objective = {
        "volume_weight": 0.01,
        "eta": 0.1,
        "ramp_epochs": 0.3 * steps,
        "reference_epochs": 0,
        "pruning": {"policy": "none"},
    }
    model = {"latent_dim": 3, "spectral_norm": "operator"}
    bench = Bench(config(model, objective), x.shape[1:], seed)
    optimiser = torch.optim.Adam(bench.model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        optimiser.zero_grad()
        bench.loss(x, step)[0].backward()
        optimiser.step()
        schedule.step()
    flat = x.reshape(len(x), -1)
    components = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2]
    with torch.no_grad():
        z = bench.model.encode(torch.as_tensor(x), bench.state, False)[0].numpy()
    order = np.argsort(-z.std(axis=0))
    assert z.std(axis=0)[order[2]] < 0.01 * z.std(axis=0)[order[1]]
    directions = bench.model.decoder.layers[0].weight.detach().numpy()[order]
    for k in (1, 2):
        subspace = np.linalg.qr(directions[:k].T)[0]
        assert np.linalg.svd(components[:k] @ subspace)[1].min() > 0.99
