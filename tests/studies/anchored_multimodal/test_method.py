"""The method in the trainer: terms, state, choices side by side, and trials that fail alone."""

import numpy as np
import pytest
import torch

from latentlab.data import ImageTextLayout
from latentlab.data.image_text.records import Record, prepared_samples
from latentlab.data.image_text_layout import ALPHABET
from latentlab.studies.anchored_multimodal.anchors import anchors, fit, separation_by_margin
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.method import METHOD
from latentlab.studies.anchored_multimodal.samples import unpack
from latentlab.training.cohort import Cohort
from latentlab.training.contract import Batch, Clock
from latentlab.training.data import StudyData
from latentlab.training.per_trial import per_trial_values
from latentlab.training.trial import Trial

# As for users; pytest has its own list.
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")

CPU = torch.device("cpu")
PARTS = ImageTextLayout(image=(12, 1, 1), text=10)
CLASSES = ("a", "b", "c")
SMALL = {
    "model": {
        "visual_encoder": "feature_visual",
        "text_encoder": "mlp_text",
        "latent_dim": 4,
        "head_hidden": 8,
        "width_multiplier": 0.05,
    },
    "objective": {"separation_samples": 3},
    "training": {"batch_size": 16, "epochs": 3, "validation_fraction": 0.2},
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def merged(base, changes):
    out = dict(base)
    for name, value in changes.items():
        out[name] = merged(out.get(name, {}), value) if isinstance(value, dict) else value
    return out


def config(**changes):
    return AnchoredMultimodalConfig.model_validate(merged(SMALL, changes))


def grouped(name="weighted", legacy=False, training=None, **groups):
    """A config of a group objective."""
    block = {"groups": {"objective": name, **groups}, "legacy": {"detached_max": legacy}}
    return config(objective=block, training=training or {})


@pytest.fixture(scope="module")
def data():
    """120 objects of three classes; every fourth has no text, so that the groups are unequal."""
    rng = np.random.default_rng(0)
    centres, letters = rng.integers(40, 215, (3, 12)), rng.integers(0, 26, (3, 3))

    def record(number):
        c = number % 3
        image = centres[c] + 30 * rng.standard_normal(12)
        text = "".join(ALPHABET[k] for k in rng.choice(letters[c], 10))
        shown = np.clip(image, 0, 255).astype(np.uint8).reshape(PARTS.image)
        return Record(str(number), CLASSES[c], shown, text if number % 4 else None)

    records = {"train": [record(i) for i in range(120)], "test": [record(i) for i in range(20)]}
    return StudyData.of(prepared_samples("made", records, CLASSES, PARTS, "made"), CPU)


def trial(settings, data, seed=0):
    return Trial(METHOD.name, "a", seed, settings, data.fingerprint, "float32", METHOD.version)


def cohort(data, *settings):
    return Cohort(METHOD, [trial(one, data) for one in settings], data, CPU)


def advance(group, steps):
    for _ in range(steps):
        group.advance()
    return group


def step_inputs(settings, data, examples=16, epoch=0.0, training=True):
    """Batch, hyper, noise, state and clock of one step."""
    rng = torch.Generator().manual_seed(0)
    order = torch.randperm(len(data.train), generator=rng)[:examples]
    batch = Batch(*data.train.batch(order))
    hyper = {name: torch.tensor(value) for name, value in per_trial_values(settings).items()}
    wanted = METHOD.noise_spec if training else METHOD.evaluation_noise_spec
    noise = {
        name: torch.rand(shape, generator=rng)
        if kind == "uniform"
        else torch.randn(shape, generator=rng)
        for name, (shape, kind) in wanted(settings, data.spec, examples).items()
    }
    state = METHOD.init_state(settings, data.spec, np.random.default_rng(0))
    clock = Clock(torch.tensor(0.0), torch.tensor(epoch), torch.tensor(30.0))
    return batch, hyper, noise, state, clock


def built(settings, data):
    return METHOD.build(settings, data.spec, np.random.default_rng(0))


def groups_of(batch):
    return (batch.features[:, 0, 0, -1] * 255).round().long()


# One step.


def test_the_total_is_the_weighted_sum_of_the_terms(data):
    settings = grouped("weighted", warmup_epochs=0)
    settings = config(
        objective={
            **settings.objective.model_dump(),
            "fit_weight": 0.3,
            "separation_weight": 0.7,
        }
    )
    batch, hyper, noise, state, clock = step_inputs(settings, data)
    state["group_weights"] = torch.tensor([0.2, 0.8])
    total, terms, new = METHOD.loss(built(settings, data), batch, hyper, noise, state, clock)
    assert list(terms) == [
        "cross_entropy",
        "cross_entropy_visual",
        "cross_entropy_text",
        "worst_group_cross_entropy",
        "group_weight_visual",
        "fit",
        "separation",
    ]
    visual, text = terms["cross_entropy_visual"], terms["cross_entropy_text"]
    expected = 0.2 * visual + 0.8 * text + 0.3 * terms["fit"] + 0.7 * terms["separation"]
    torch.testing.assert_close(total, expected)
    shares = torch.bincount(groups_of(batch)) / len(batch.labels)
    torch.testing.assert_close(terms["cross_entropy"], shares @ torch.stack([visual, text]))
    assert terms["worst_group_cross_entropy"] == torch.maximum(visual, text)
    assert terms["group_weight_visual"] == torch.tensor(0.2)
    assert (new["group_weights"][0] > 0.2) == (visual > text)
    assert new["group_counts"].tolist() == torch.bincount(groups_of(batch)).tolist()


@pytest.mark.parametrize(
    ("covariance", "cholesky"), [("full", False), ("diagonal", False), ("full", True)]
)
def test_anchors_are_the_model_s(data, covariance, cholesky):
    settings = config(
        objective={
            "covariance": covariance,
            "legacy": {"cholesky_fit": cholesky},
            "separation": "w2_margin",
            "separation_margin": 40.0,
            "anchor_floor": 1e-3,
        },
        model={"dropout": 0.0},
    )
    batch, hyper, noise, state, clock = step_inputs(settings, data)
    assert "separation" not in noise
    model = built(settings, data)
    with torch.no_grad():
        rng = torch.Generator().manual_seed(2)
        model.anchor_means.copy_(torch.randn(3, 4, generator=rng))
        model.anchor_factors.copy_(torch.randn(3, 4, 4, generator=rng))
        samples = unpack(batch.features, PARTS)
        z, _ = model.encode(samples, state, noise, hyper, training=True)
        _, terms, _ = METHOD.loss(model, batch, hyper, noise, state, clock)
        own = anchors(model.anchor_means, model.anchor_factors, torch.tensor(1e-3))
    form = "cholesky" if cholesky else covariance
    floor = torch.tensor(1e-3)
    torch.testing.assert_close(terms["fit"], fit(z, batch.labels, own, floor, form))
    expected = separation_by_margin(own, floor, torch.tensor(40.0))
    torch.testing.assert_close(terms["separation"], expected)


def test_terms_without_a_weight_are_left_out(data):
    settings = config(objective={"fit_weight": 0.0, "separation_weight": 0.0})
    batch, hyper, noise, state, clock = step_inputs(settings, data)
    assert "separation" not in noise
    total, terms, _ = METHOD.loss(built(settings, data), batch, hyper, noise, state, clock)
    assert total == terms["cross_entropy"]
    assert not {"fit", "separation"} & set(terms)


def test_evaluation_leaves_the_state_alone(data):
    settings = grouped(warmup_epochs=0, eta=1.0)
    batch, hyper, noise, state, clock = step_inputs(settings, data, training=False)
    assert set(noise) == {"separation"}
    state["group_weights"] = torch.tensor([0.1, 0.9])
    model = built(settings, data)
    total, terms, new = METHOD.loss(model, batch, hyper, noise, state, clock)
    assert all(new[name] is state[name] for name in state)
    assert terms["group_weight_visual"] == torch.tensor(0.1)
    again, _, _ = METHOD.loss(model, batch, hyper, noise, state, clock)
    assert again == total


@pytest.mark.parametrize("objective", ["plain", "weighted", "max", "logsumexp"])
@pytest.mark.parametrize("group", [0, 1])
def test_a_batch_of_one_group_is_finite(data, objective, group):
    settings = grouped(objective, warmup_epochs=0, eta=0.5)
    batch, hyper, noise, state, clock = step_inputs(settings, data, examples=40)
    rows = groups_of(batch) == group
    batch = Batch(batch.features[rows][:12], batch.labels[rows][:12])
    noise = {
        name: torch.zeros(shape)
        for name, (shape, _) in METHOD.noise_spec(settings, data.spec, 12).items()
    }
    model = built(settings, data)
    total, terms, new = METHOD.loss(model, batch, hyper, noise, state, clock)
    gradients = torch.autograd.grad(total, list(model.parameters()), allow_unused=True)
    assert all(g.isfinite().all() for g in gradients if g is not None)
    assert all(term.isfinite() for term in terms.values())
    for name in ("cross_entropy_visual", "cross_entropy_text", "worst_group_cross_entropy"):
        torch.testing.assert_close(terms[name], terms["cross_entropy"])
    q, eta = new["group_weights"], settings.objective.groups.eta
    if objective == "weighted":
        grown = (eta * terms["cross_entropy"]).exp().detach()
        target = torch.tensor([grown, 1.0] if group == 0 else [1.0, grown]) / (1 + grown)
        torch.testing.assert_close(q, torch.lerp(state["group_weights"], target, 0.9))
    else:
        assert q.tolist() == [0.5, 0.5]


# Training.


def weights_over(group, steps):
    """q after each step, [steps, trials, groups]."""
    return torch.stack(
        [advance(group, 1).state.method_state["group_weights"] for _ in range(steps)]
    )


def test_q_waits_for_the_warm_up(data):
    group = cohort(data, grouped(warmup_epochs=1, eta=0.5))
    steps = group.epoch_steps
    q = weights_over(group, 2 * steps)[:, 0]
    assert (q[:steps] == 0.5).all()
    assert (q[steps:] != 0.5).any(1).all()
    shown = group.state.history[0, :, group.scores.index("train_group_weight_visual")]
    assert shown[0] == 0.5
    torch.testing.assert_close(shown[1], q[steps - 1 : -1, 0].mean())


def test_without_eta_q_stays_at_its_start_bit_for_bit(data):
    still = {"eta": 0.0, "warmup_epochs": 0}
    group = cohort(data, grouped(**still), grouped(**still, start="proportions", pull=0.3))
    steps = group.epoch_steps
    q = weights_over(group, 3 * steps)
    assert (q[:, 0] == 0.5).all()
    counts = torch.bincount(torch.cat([groups_of(data.train.batch(o)) for o in first_epoch(group)]))
    assert torch.equal(q[steps - 1, 1], counts / counts.sum())
    assert (q[steps - 1 :, 1] == q[steps - 1, 1]).all()
    # Four pictures to three texts.
    assert q[-1, 1, 0] == pytest.approx(4 / 7, abs=0.03)


def first_epoch(group):
    """The examples of each batch of a cohort's first epoch, as its first trial saw them."""
    from latentlab.training.streams import permutation

    index = group._train_index[0]
    order = torch.from_numpy(index[permutation(group.trials[0].stream, 0, len(index))])
    return order[: group.epoch_steps * 16].view(-1, 16)


EVERY = [
    grouped("plain"),
    grouped("plain", training={"learning_rate": 0.01}),
    grouped("weighted", update="exp", eta=0.3, warmup_epochs=0),
    grouped("weighted", update="softmax", eta=0.8, warmup_epochs=1),
    grouped("weighted", update="exp_smooth", eta=0.3, gamma=0.5, start="proportions", pull=0.1),
    grouped("max"),
    grouped("max", legacy=True),
    grouped("logsumexp", eta=2.0),
]


def test_all_choices_train_in_one_cohort_as_they_do_alone(data):
    together = advance(cohort(data, *EVERY), 20)
    for place, settings in enumerate(EVERY):
        assert trial(settings, data).signature == together.trials[0].signature
        alone = advance(cohort(data, settings), 20)
        difference = together.state.weights[place] - alone.state.weights[0]
        assert difference.abs().max() < 1e-5
        for name, tensor in together.state.method_state.items():
            torch.testing.assert_close(
                tensor[place], alone.state.method_state[name][0], rtol=1e-5, atol=1e-6
            )
    ends = together.state.weights
    apart = (ends[:, None] - ends[None]).abs().amax(-1) + torch.eye(len(EVERY))
    assert (apart > 1e-4).all()


@pytest.mark.parametrize("separation", ["classifier", "w2_margin"])
def test_a_trial_that_diverges_leaves_the_others_alone(data, separation):
    """Decompositions raise for matrices that are not finite; here they do not."""
    settings = config(objective={"separation": separation})
    group, clean = (cohort(data, *[settings] * 3) for _ in range(2))
    group.state.weights[1] = torch.inf
    advance(group, 12)
    advance(clean, 12)
    assert group.state.alive.tolist() == [True, False, True]
    assert group.state.diverged_at.tolist() == [-1, 0, -1]
    torch.testing.assert_close(group.state.weights[0], clean.state.weights[0])


def test_it_learns_both_groups_and_where_they_are(data):
    """And a stronger fit holds latents and anchors nearer together."""
    groups = {"objective": "weighted", "eta": 0.05}
    training = {"learning_rate": 0.03, "epochs": 10}
    settings = [
        config(objective={"fit_weight": fit_weight, "groups": groups}, training=training)
        for fit_weight in (1e-3, 0.1)
    ]
    group = cohort(data, *settings)
    while not group.finished:
        group.advance()
    last = dict(zip(group.scores, group.state.history[:, -1].T, strict=True))
    # Of three classes, chance is 1.10 nats.
    assert (last["validation_worst_group_cross_entropy"] < 0.5).all()
    assert last["validation_separation"][1] < 0.5
    loose, tight = last["validation_fit"]
    assert tight < loose / 2


def test_the_backbone_has_its_own_rate():
    assert METHOD.parameter_multipliers(config(model={"backbone_rate": 0.1})) == {
        "visual.backbone.": (0.1, 1.0)
    }
