"""Both encoders in one model: who sees what, and cohorts."""

import numpy as np
import pytest
import torch
from torch import nn

from labs.multimodal import TEXT, VISUAL, built, config, hyper_of, samples, spec_of
from latentlab.core.errors import UserError
from latentlab.studies.anchored_multimodal.model import (
    MultimodalModel,
    initial_state,
    model_noise,
)
from latentlab.training.contract import DataSpec

# As for users; pytest has its own list.
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")

MIXED = [0, 1, 1, 0, 0, 1, 0]
each_visual = pytest.mark.parametrize("visual", VISUAL)
each_text = pytest.mark.parametrize("text", TEXT)


def uniforms(settings, spec, batch, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(shape, generator=rng)
        for name, (shape, _) in model_noise(settings, spec, batch).items()
    }


def doubled(tensors):
    return {name: tensor.double() for name, tensor in tensors.items()}


def named(model, prefix=""):
    return {n: p for n, p in model.named_parameters() if n.startswith(prefix)}


def changed(given, group, field, value):
    """The samples with another image or text where this group is not theirs."""
    other = getattr(given, field).clone()
    other[given.group != group] = value
    return given._replace(**{field: other})


@each_visual
@each_text
@pytest.mark.parametrize("training", [True, False])
def test_each_sample_is_seen_by_its_own_encoder(visual, text, training):
    settings, spec = config(visual_encoder=visual, text_encoder=text), spec_of()
    model, state = built(settings, spec)
    given, hyper = samples(MIXED, spec), hyper_of(settings)
    noise = uniforms(settings, spec, len(MIXED)) if training else {}
    z, changes = model.encode(given, state, noise, hyper, training)
    is_picture = given.group == 0
    rate = hyper["model.dropout"]
    words = model.text(given.tokens, noise.get("text_dropout"), rate)
    assert torch.equal(z[~is_picture], words[~is_picture])
    # Pictures as if there were no others, batch normalisation included.
    drops = noise["visual_dropout"][is_picture] if training else None
    alone = torch.ones(int(is_picture.sum()))
    seen, expected = model.visual(given.image[is_picture], alone, state, drops, rate, training)
    torch.testing.assert_close(z[is_picture], seen, rtol=1e-3, atol=1e-4)
    assert changes.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(changes[name], value, rtol=1e-3, atol=1e-4)
    # What a sample has not, it may have as well: nothing changes.
    for group, field, value in ((0, "image", 0.7), (1, "tokens", 9)):
        again, _ = model.encode(changed(given, group, field, value), state, noise, hyper, training)
        torch.testing.assert_close(again, z, rtol=1e-3, atol=1e-4)


@each_visual
@each_text
@pytest.mark.parametrize("group", [0, 1])
def test_a_batch_of_one_group_trains_its_encoder_alone(visual, text, group):
    settings, spec = config(visual_encoder=visual, text_encoder=text), spec_of((1, 16, 16))
    model, state = built(settings, spec)
    given = samples([group] * 6, spec)
    noise, hyper = uniforms(settings, spec, 6), hyper_of(settings)
    z, changes = model.encode(given, state, noise, hyper, True)
    logits = model.head(z)
    own = ("visual.", "text.")[group]
    parameters = named(model)
    gradients = torch.autograd.grad(
        logits.square().sum(), list(parameters.values()), materialize_grads=True
    )
    for name, gradient in zip(parameters, gradients, strict=True):
        assert torch.isfinite(gradient).all(), name
        if not name.startswith("anchor_"):
            assert (gradient.abs().max() > 0) == name.startswith((own, "head.")), name
    # Without pictures the running statistics stay.
    moved = [name for name in state if not torch.equal(changes[name], state[name])]
    assert bool(moved) == (group == 0 and bool(state))


@each_visual
@each_text
def test_a_cohort_is_its_trials(visual, text):
    settings, spec = config(visual_encoder=visual, text_encoder=text), spec_of()
    trials = [built(settings, spec, seed=seed) for seed in range(3)]
    groups = [MIXED, [1] * 7, [0, 0, 1, 1, 1, 1, 1]]
    batches = [samples(group, spec, seed=k) for k, group in enumerate(groups)]
    noises = [uniforms(settings, spec, 7, seed=k) for k in range(3)]
    rates = torch.tensor([0.1, 0.5, 0.3])

    class Passes(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, given, state, noise, rate):
            z, changes = self.model.encode(given, state, noise, {"model.dropout": rate}, True)
            return self.model.head(z).square().mean(), {"z": z} | changes

    # In double precision: statistics of few pictures are sensitive to the last digits of single.
    trials = [(model.double(), doubled(state)) for model, state in trials]
    batches = [given._replace(image=given.image.double()) for given in batches]
    noises, rates = [doubled(noise) for noise in noises], rates.double()
    template = Passes(trials[0][0])
    own = [dict(Passes(model).named_parameters()) for model, _ in trials]
    stack = {n: torch.stack([o[n].detach() for o in own]).requires_grad_() for n in own[0]}

    def stacked(dicts):
        return {name: torch.stack([d[name] for d in dicts]) for name in dicts[0]}

    losses, found = torch.func.vmap(
        lambda parameters, *a: torch.func.functional_call(template, parameters, a),
        randomness="error",
    )(
        stack,
        type(batches[0])(*(torch.stack(field) for field in zip(*batches, strict=True))),
        stacked([state for _, state in trials]),
        stacked(noises),
        rates,
    )
    leaves = list(stack.values())
    gradients = torch.autograd.grad(losses.sum(), leaves, materialize_grads=True)
    for place, (model, state) in enumerate(trials):
        loss, expected = Passes(model)(batches[place], state, noises[place], rates[place])
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(found[name][place], tensor, rtol=1e-6, atol=1e-9)
        solo = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
        for name, together, alone in zip(stack, gradients, solo, strict=True):
            torch.testing.assert_close(together[place], alone, rtol=1e-5, atol=1e-8, msg=name)


@each_visual
@each_text
def test_parts_are_drawn_apart_and_again(visual, text):
    settings, spec = config(visual_encoder=visual, text_encoder=text), spec_of()
    model, again = (MultimodalModel(settings, spec, np.random.default_rng(3)) for _ in range(2))
    assert all(torch.equal(named(again)[name], p) for name, p in named(model).items())
    other = config(
        visual_encoder=VISUAL[VISUAL.index(visual) - 1], text_encoder=TEXT[TEXT.index(text) - 1]
    )
    mixed = other.model.model_copy(update={"visual_encoder": visual})
    swapped = MultimodalModel(
        other.model_copy(update={"model": mixed}), spec, np.random.default_rng(3)
    )
    for prefix in ("visual.", "head."):
        assert all(torch.equal(named(swapped)[n], p) for n, p in named(model, prefix).items())
    assert not torch.equal(
        named(MultimodalModel(settings, spec, np.random.default_rng(4)), "head.")["head.out.bias"],
        model.head.out.bias,
    )


@each_visual
def test_the_backbone_has_a_prefix_of_its_own(visual):
    model, _ = built(config(visual_encoder=visual), spec_of())
    backbone = {id(parameter) for parameter in model.visual.backbone.parameters()}
    prefixed = {id(parameter) for parameter in named(model, "visual.backbone.").values()}
    assert prefixed == backbone
    assert bool(backbone) == (visual != "feature_visual")
    rest = set(named(model, "visual.")) - set(named(model, "visual.backbone."))
    assert rest == {
        f"visual.{layer}.{part}" for layer in ("hidden", "out") for part in ("weight", "bias")
    }
    assert not list(model.buffers())


def test_anchors_begin_alike():
    model, _ = built(config(), spec_of(classes=4))
    assert model.anchor_means.shape == (4, 5)
    assert not model.anchor_means.any()
    assert torch.equal(model.anchor_factors, 0.05 * torch.eye(5).expand(4, 5, 5))


def test_the_head_is_linear_or_not():
    z = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    linear, _ = built(config(latent_dim=64, head_hidden=0), spec_of())
    torch.testing.assert_close(linear.head(z), z @ linear.head.out.weight + linear.head.out.bias)
    assert set(named(linear, "head.")) == {"head.out.weight", "head.out.bias"}
    scaled, _ = built(config(latent_dim=64, head_hidden=6, head_scales=True), spec_of())
    assert scaled.head.hidden.weight.shape == (64, 6)
    hidden = (z @ scaled.head.hidden.weight + scaled.head.hidden.bias).relu()
    torch.testing.assert_close(
        scaled.head(z), hidden @ scaled.head.out.weight + scaled.head.out.bias
    )
    wide, _ = built(config(latent_dim=128, head_hidden=6, head_scales=True), spec_of())
    assert wide.head.hidden.weight.shape == (128, 12)
    assert wide.head(torch.zeros(3, 2, 128)).shape == (3, 2, 3)


@each_visual
@each_text
def test_noise_is_dropouts_alone(visual, text):
    settings, spec = config(visual_encoder=visual, text_encoder=text), spec_of()
    noise = model_noise(settings, spec, 7)
    assert set(noise) == {"visual_dropout", "text_dropout"}
    assert all(kind == "uniform" for _, kind in noise.values())
    without = config(visual_encoder=visual, text_encoder=text, dropout=0.0)
    assert model_noise(without, spec, 7) == {}
    model, state = built(settings, spec)
    given, hyper = samples(MIXED, spec), hyper_of(settings)
    z, _ = model.encode(given, state, {}, hyper, False)
    assert torch.equal(z, model.encode(given, state, {}, hyper_of(without), False)[0])


@each_visual
@each_text
def test_latents_have_the_precision_of_the_data(visual, text):
    """And so have the running statistics, where products are computed in half precision."""
    settings, spec = config(visual_encoder=visual, text_encoder=text), spec_of()
    model, state = built(settings, spec)
    given, hyper = samples(MIXED, spec), hyper_of(settings)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        trained, changes = model.encode(given, state, {}, hyper, True)
        z, _ = model.encode(given, state, {}, hyper, False)
    for tensor in (z, trained, *changes.values()):
        assert tensor.dtype == torch.float32
        assert torch.isfinite(tensor).all()
    with torch.no_grad():
        exact, _ = model.encode(given, state, {}, hyper, False)
    assert 0 < float((z - exact).norm()) < 0.05 * float(exact.norm())


def test_other_data_are_refused():
    with pytest.raises(UserError, match="needs pictures and texts"):
        MultimodalModel(config(), DataSpec((1, 8, 8), 10), np.random.default_rng(0))
    with pytest.raises(UserError, match="needs pictures and texts"):
        initial_state(config(), DataSpec((1, 8, 8), 10))
