"""The auto-encoder: sizes, normalisation, its bound, and a cohort like its trials."""

import numpy as np
import pytest
import torch
from torch import nn

from latentlab.nn.normalisation import BatchNorm
from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.converged import converged
from latentlab.studies.least_volume.lipschitz import empirical_lipschitz
from latentlab.studies.least_volume.model import Autoencoder, initial_state, stages
from latentlab.training.contract import DataSpec

SMALL = {
    "convolutional": {"resolution": (32, 48), "width_multiplier": 0.0625, "latent_dim": 5},
    "dense": {"architecture": "dense", "hidden": 12, "latent_dim": 5},
    "linear": {"architecture": "linear", "latent_dim": 5},
}
SPEC = DataSpec((1, 11, 19), 0)
FORMS = ("none", "operator", "kernel")
each_architecture = pytest.mark.parametrize("architecture", SMALL)
each_form = pytest.mark.parametrize("form", FORMS)


def config(**model):
    return LeastVolumeConfig.model_validate(
        {"model": model, "objective": {"pruning": {"policy": "none"}}}
    )


def built(settings, spec=SPEC, seed=0):
    model = Autoencoder(settings, spec, np.random.default_rng(seed))
    return model, initial_state(settings, spec, np.random.default_rng(seed + 100))


def hyper_of(bound=1.0):
    return {"model.lipschitz_bound": torch.tensor(bound)}


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def images(count=6, spec=SPEC, seed=0):
    return torch.rand(count, *spec.shape, generator=torch.Generator().manual_seed(seed))


def numbers(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_reports_model():
    settings = config(resolution=(100, 100), latent_dim=250)
    model = Autoencoder(settings, DataSpec((1, 50, 100), 0), np.random.default_rng(0))
    kernels = 16 * 64 + 16 * 64 * 128 + 9 * 128 * 256 + 9 * 256 * 512
    smallest = 512 * 7 * 7
    # Two numbers a channel of batch normalisation; no biases but those of the dense layers.
    encoder = kernels + 2 * (64 + 128 + 256 + 512) + (smallest + 1) * 250
    decoder = (250 + 1) * smallest + kernels + 2 * (256 + 128 + 64)
    assert (numbers(model.encoder), numbers(model.decoder)) == (encoder, decoder)
    assert (encoder, decoder) == (7_880_826, 7_904_640)


def test_maps_of_the_reports_model():
    sizes = [stage.narrow for stage in stages(1, (100, 100), 1.0)]
    assert sizes == [(50, 50), (25, 25), (13, 13), (7, 7)]
    assert [stage.narrow for stage in stages(1, (24, 48), 0.125)] == [
        (12, 24),
        (6, 12),
        (3, 6),
        (2, 3),
    ]
    assert [stage.inner for stage in stages(1, (24, 48), 0.125)] == [8, 16, 32, 64]
    assert [stage.inner for stage in stages(1, (24, 48), 0.001)] == [1, 1, 1, 1]


@pytest.mark.parametrize("resolution", [(16, 16), (17, 31), (24, 48), (33, 50), (25, 19)])
@pytest.mark.parametrize("shape", [(1, 11, 19), (2, 33, 50)])
def test_any_size_comes_back(resolution, shape):
    spec = DataSpec(shape, 0)
    settings = config(**SMALL["convolutional"] | {"resolution": resolution})
    model, state = built(settings, spec)
    x = images(3, spec)
    z, _ = model.encode(x, state, training=True)
    assert z.shape == (3, 5)
    drawn, _ = model.decode_unresized(z, state, hyper_of(), training=True)
    assert drawn.shape == (3, shape[0], *resolution)
    drawn = model.decode(z, state, hyper_of(), training=True)[0].detach()
    assert drawn.shape == x.shape
    assert 0 <= float(drawn.min()) < float(drawn.max()) <= 1


@each_architecture
def test_a_design_at_its_own_resolution_is_not_resized(architecture):
    model, state = built(config(**SMALL[architecture]), DataSpec((1, 32, 48), 0))
    z = normal(3, 5)
    drawn, _ = model.decode(z, state, hyper_of(), training=False)
    assert torch.equal(drawn, model.decode_unresized(z, state, hyper_of(), training=False)[0])


def test_only_the_linear_form_leaves_the_unit_interval():
    z = 100 * normal(20, 5)
    for architecture, bounded in (("convolutional", True), ("dense", True), ("linear", False)):
        model, state = built(config(**SMALL[architecture]))
        drawn = model.decode(z, state, hyper_of(), training=False)[0].detach()
        assert (float(drawn.min()) >= 0 and float(drawn.max()) <= 1) == bounded


def test_the_linear_form_is_two_matrices():
    model, state = built(config(**SMALL["linear"]))
    x = images(4)
    z, _ = model.encode(x, state, training=True)
    inward, outward = model.encoder.layers[0], model.decoder.layers[0]
    torch.testing.assert_close(z, x.flatten(1) @ inward.weight + inward.bias)
    drawn, _ = model.decode(z, state, hyper_of(), training=True)
    torch.testing.assert_close(drawn.flatten(1), z @ outward.weight + outward.bias)


@each_architecture
@each_form
def test_every_parameter_is_trained(architecture, form):
    model, state = built(config(**SMALL[architecture], spectral_norm=form))
    x = images()
    z, _ = model.encode(x, state, training=True)
    drawn, _ = model.decode(z, state, hyper_of(), training=True)
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad((drawn - x).square().mean(), list(parameters.values()))
    for name, gradient in zip(parameters, gradients, strict=True):
        assert torch.isfinite(gradient).all(), name
        assert gradient.abs().max() > 0, name


@each_form
def test_what_is_carried_changes_in_training_alone(form):
    model, state = built(config(**SMALL["convolutional"], spectral_norm=form))
    x, z = images(), normal(6, 5)
    assert model.encode(x, state, training=False)[1] == {}
    assert model.decode(z, state, hyper_of(), training=False)[1] == {}
    changes = model.encode(x, state, training=True)[1]
    changes |= model.decode(z, state, hyper_of(), training=True)[1]
    assert changes.keys() == state.keys()
    assert not any(change.requires_grad for change in changes.values())
    decoder_norms = [name for name in state if name.startswith("norm.decoder.")]
    assert len(decoder_norms) == (0 if form == "operator" else 6)
    vectors = [name for name in state if name.startswith("power.")]
    assert len(vectors) == (0 if form == "none" else 5)
    for name in vectors:
        assert float(changes[name].norm()) == pytest.approx(1, abs=1e-5)


def positive(decoder):
    """Large positive weights and no biases: with codes above 0, no ReLU cuts, no signs cancel.

    Such a decoder stretches nearly as much as the norms of its layers allow, but for the sigmoid.
    """
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            parameter.copy_(0 * parameter if name.endswith("bias") else 30 * parameter.abs())


@pytest.mark.parametrize("bound_of", ["decoder", "layer"])
@pytest.mark.parametrize("bound", [0.5, 1.0, 10.0])
@pytest.mark.parametrize("architecture", ["convolutional", "dense"])
@pytest.mark.parametrize("signs", ["mixed", "positive"])
def test_the_decoder_stretches_no_more_than_its_bound(architecture, bound, bound_of, signs):
    settings = config(**SMALL[architecture], spectral_norm="operator", bound_of=bound_of)
    model, state = built(settings)
    if signs == "positive":
        positive(model.decoder)
    state = converged(model, state)
    hyper = hyper_of(bound)
    layers = len(model.operators())
    promised = bound**layers if bound_of == "layer" else bound

    def drawn(z):
        return model.decode_unresized(z, state, hyper, training=False)[0]

    rng = np.random.default_rng(0)
    # The sigmoid is steepest, 1/4, where its input is small.
    for scale in (1e-3, 3.0):
        points = scale / promised * normal(16, 5, seed=1).abs()
        found = empirical_lipschitz(drawn, points, rng, iterations=10)
        assert 0 < found <= 1.01 * promised
        if signs == "positive" and scale < 1:
            assert found > 0.15 * promised


@pytest.mark.parametrize("bound_of", ["decoder", "layer"])
def test_each_layer_has_its_share_of_the_bound(bound_of):
    small = SMALL["convolutional"] | {"resolution": (16, 24)}
    model, state = built(config(**small, spectral_norm="operator", bound_of=bound_of))
    positive(model.decoder)
    state = converged(model, state)
    share = 32.0 if bound_of == "layer" else 2.0
    for norm in model.layer_norms(state, hyper_of(32.0)).values():
        assert float(norm) == pytest.approx(share, rel=1e-4)
    seen = []
    for layer in model.decoder.convolutions:
        layer.register_forward_hook(lambda _, arguments, __: seen.append(arguments))
    model.decode(normal(1, 5), state, hyper_of(32.0), training=False)
    used = list(zip(model.decoder.convolutions, seen, strict=True))
    for layer, (x, scale) in used:
        basis = torch.eye(x.numel()).view(-1, *x.shape[1:])
        layer_matrix = layer(basis, scale).flatten(1).detach()
        assert float(torch.linalg.matrix_norm(layer_matrix, 2)) == pytest.approx(share, rel=1e-4)


def test_without_the_norm_the_same_decoder_stretches_more():
    found = {}
    for form in ("none", "operator"):
        model, state = built(config(**SMALL["dense"], spectral_norm=form))
        positive(model.decoder)
        state = converged(model, state)

        def drawn(z, model=model, state=state):
            return model.decode_unresized(z, state, hyper_of(), training=False)[0]

        points = 1e-6 * normal(16, 5).abs()
        found[form] = empirical_lipschitz(drawn, points, np.random.default_rng(0))
    assert found["operator"] <= 1.01
    assert found["none"] > 10


@pytest.mark.parametrize("bound", [0.5, 10.0])
def test_a_linear_decoder_reaches_its_bound(bound):
    model, state = built(config(**SMALL["linear"], spectral_norm="operator"))
    with torch.no_grad():
        model.decoder.layers[0].weight.mul_(100)
    state = converged(model, state)

    def drawn(z):
        return model.decode_unresized(z, state, hyper_of(bound), training=False)[0]

    found = empirical_lipschitz(drawn, normal(8, 5), np.random.default_rng(0))
    assert found == pytest.approx(bound, rel=1e-4)


def test_a_layer_below_its_bound_is_left_alone():
    settings = config(**SMALL["linear"], spectral_norm="operator")
    model, state = built(settings)
    plain, _ = built(config(**SMALL["linear"]))
    z = normal(4, 5)
    bounded = model.decode(z, state, hyper_of(1e3), training=False)[0]
    assert torch.equal(bounded, plain.decode(z, {}, hyper_of(), training=False)[0])


def test_the_iteration_converges_while_it_trains():
    model, state = built(config(**SMALL["convolutional"], spectral_norm="operator"))
    z = normal(4, 5)
    for _ in range(150):
        state |= model.decode(z, state, hyper_of(), training=True)[1]
    reference = model.layer_norms(converged(model, state), hyper_of(1e6))
    for name, norm in model.layer_norms(state, hyper_of(1e6)).items():
        torch.testing.assert_close(norm, reference[name], rtol=1e-2, atol=0)


def test_the_kernel_form_sets_each_norm_to_its_bound():
    model, state = built(config(**SMALL["convolutional"], spectral_norm="kernel"))
    state = converged(model, state)
    for norm in model.layer_norms(state, hyper_of(32.0)).values():
        assert float(norm) == pytest.approx(2, rel=1e-4)


def test_batch_normalisation_is_that_of_torch():
    ours, reference = BatchNorm("x", 3), nn.BatchNorm2d(3)
    with torch.no_grad():
        for mine, theirs in zip(ours.parameters(), reference.parameters(), strict=True):
            mine.copy_(normal(3, seed=9))
            theirs.copy_(mine)
    state = ours.initial_state()
    for step in range(4):
        x = (3 * normal(5, 3, 4, 2, seed=step) + 2).requires_grad_()
        y, changes = ours(x, state, training=True)
        expected = reference(x)
        torch.testing.assert_close(y, expected)
        weights = normal(*y.shape, seed=7)
        for found, right in zip(
            torch.autograd.grad((y * weights).sum(), [x, *ours.parameters()]),
            torch.autograd.grad((expected * weights).sum(), [x, *reference.parameters()]),
            strict=True,
        ):
            torch.testing.assert_close(found, right)
        state |= changes
    torch.testing.assert_close(state["norm.x.mean"], reference.running_mean)
    torch.testing.assert_close(state["norm.x.variance"], reference.running_var)
    reference.eval()
    x = normal(2, 3, 4, 2, seed=11)
    torch.testing.assert_close(ours(x, state, training=False)[0], reference(x))


@pytest.mark.parametrize("training", [True, False])
@each_architecture
@each_form
def test_a_cohort_is_its_trials(architecture, form, training):
    settings = config(**SMALL[architecture], spectral_norm=form)
    trials = [built(settings, seed=seed) for seed in range(3)]
    x = torch.stack([images(seed=seed) for seed in range(3)])
    bounds = torch.tensor([0.5, 1.0, 10.0])

    class Passes(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x, state, bound):
            z, changes = self.model.encode(x, state, training)
            hyper = {"model.lipschitz_bound": bound}
            drawn, more = self.model.decode(z, state, hyper, training)
            return (drawn - x).square().mean(), {"z": z, "drawn": drawn} | changes | more

    template = Passes(trials[0][0])
    parameters = {
        name: torch.stack([dict(Passes(m).named_parameters())[name].detach() for m, _ in trials])
        for name in dict(template.named_parameters())
    }
    parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
    states = {name: torch.stack([s[name] for _, s in trials]) for name in trials[0][1]}

    def one(parameters, *arguments):
        return torch.func.functional_call(template, parameters, arguments)

    losses, stacked = torch.func.vmap(one)(parameters, x, states, bounds)
    gradients = torch.autograd.grad(losses.sum(), list(parameters.values()))
    for place, (model, state) in enumerate(trials):
        loss, solo = Passes(model)(x[place], state, bounds[place])
        assert solo.keys() == stacked.keys()
        for name, tensor in solo.items():
            torch.testing.assert_close(stacked[name][place], tensor, rtol=1e-4, atol=1e-5)
        alone = torch.autograd.grad(loss, list(model.parameters()))
        for together, own in zip(gradients, alone, strict=True):
            torch.testing.assert_close(together[place], own, rtol=1e-3, atol=1e-5)


def test_states_are_drawn_apart_and_again():
    settings = config(**SMALL["convolutional"], spectral_norm="operator")
    first, again = (initial_state(settings, SPEC, np.random.default_rng(0)) for _ in range(2))
    other = initial_state(settings, SPEC, np.random.default_rng(1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["power.dense"], other["power.dense"])
