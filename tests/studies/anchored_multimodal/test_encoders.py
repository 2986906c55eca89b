"""The encoders: what they compute, what changes them, and what must not."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from labs.multimodal import LENGTH, config, texts
from latentlab.core.errors import UserError
from latentlab.nn.normalisation import initial_statistics
from latentlab.studies.anchored_multimodal.text import (
    TEXT_ENCODERS,
    ConvolutionalEncoder,
    Embedding,
    TextConvolution,
    halved,
)
from latentlab.studies.anchored_multimodal.visual import ConvolutionalBackbone, VisualEncoder

RATE = torch.tensor(0.5)
each_text = pytest.mark.parametrize("kind", list(TEXT_ENCODERS))


def numbers(module):
    return sum(parameter.numel() for parameter in module.parameters())


def images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def text_encoder(kind, length=LENGTH, seed=0, **model):
    settings = config(text_encoder=kind, **model).model
    return TEXT_ENCODERS[kind](settings, length, np.random.default_rng(seed))


def visual_encoder(kind, shape, **model):
    settings = config(visual_encoder=kind, **model).model
    encoder = VisualEncoder(settings, shape, np.random.default_rng(0))
    return encoder, initial_statistics(encoder.backbone)


# At the report's sizes: 128 characters, pictures of 224 rows, 64 latent dimensions.
REPORTED = {"width_multiplier": 1.0, "latent_dim": 64}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mlp_text", 44 * 64 + 65 * 256 + 257 * 256 + 257 * 64),
        (
            "char_cnn_text",
            44 * 32 + (96 + 1) * 64 + (192 + 1) * 128 + (384 + 1) * 256 + 2049 * 256 + 257 * 64,
        ),
        (
            "transformer_text",
            # Of each layer attention (keys without a bias), the dense net and two norms.
            44 * 64 + 128 * 64 + 2 * (4 * 64**2 + 3 * 64 + 65 * 256 + 257 * 64 + 256) + 65 * 64,
        ),
    ],
)
def test_text_encoders_have_the_reported_sizes(kind, expected):
    encoder = text_encoder(kind, 128, **REPORTED)
    assert numbers(encoder) == expected
    rounded = {"mlp_text": 0.1e6, "char_cnn_text": 0.67e6, "transformer_text": 0.115e6}
    assert numbers(encoder) == pytest.approx(rounded[kind], rel=0.02)


def test_visual_encoders_have_the_reported_sizes():
    resnet, _ = visual_encoder("resnet_visual", (3, 224, 224), **REPORTED)
    assert numbers(resnet) == 11_689_512 - 513_000 + 513 * 256 + 257 * 64
    cnn, _ = visual_encoder("simple_cnn_visual", (3, 224, 224), **REPORTED)
    widths = [3, 32, 64, 128, 256, 256]
    blocks = sum(9 * a * b + 2 * b for a, b in itertools.pairwise(widths))
    assert numbers(cnn) == blocks + (49 * 256 + 1) * 512 + 513 * 64
    given, _ = visual_encoder("feature_visual", (512, 1, 1), **REPORTED)
    assert numbers(given) == 513 * 256 + 257 * 64


def test_blocks_are_those_of_torch():
    ours = ConvolutionalBackbone((2, 16, 16), 0.125, np.random.default_rng(0))
    state = initial_statistics(ours)
    layers = []
    for block in ours.blocks:
        outputs, inputs = block.conv.weight.shape[:2]
        conv, norm = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
        conv.weight, norm.weight, norm.bias = block.conv.weight, block.norm.weight, block.norm.bias
        layers += [conv, norm, nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if len(layers) < 12 and len(layers) // 4 < 3 else []
    reference = nn.Sequential(*layers)
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in layers) == 3
    for seed in range(2):
        x = images(5, 2, 16, 16, seed=seed)
        y, changes = ours(x, state, True)
        torch.testing.assert_close(y, reference(x).flatten(1), rtol=1e-4, atol=1e-5)
        state |= changes
    reference.eval()
    y, _ = ours(x, state, False)
    torch.testing.assert_close(y, reference(x).flatten(1), rtol=1e-4, atol=1e-5)
    assert y.shape == (5, ours.features)


@pytest.mark.parametrize(
    ("size", "last"),
    [
        ((8, 8), (2, 2)),
        ((1, 1), (1, 1)),
        ((3, 50), (3, 7)),
        ((28, 28), (3, 3)),
        ((33, 65), (2, 4)),
        ((224, 224), (7, 7)),
        ((300, 260), (7, 7)),
    ],
)
def test_pictures_of_any_size(size, last):
    encoder, state = visual_encoder("simple_cnn_visual", (1, *size), width_multiplier=0.03)
    assert encoder.backbone.features == 8 * last[0] * last[1]
    x = images(3, 1, *size)
    for training in (True, False):
        z, changes = encoder(x, torch.ones(3), state, None, RATE, training)
        assert z.shape == (3, 5)
        assert torch.isfinite(z).all()
        assert bool(changes) == training


@pytest.mark.parametrize("side", [8, 40])
def test_a_resnet_takes_small_pictures(side):
    encoder, state = visual_encoder("resnet_visual", (1, side, side))
    z, _ = encoder(images(3, 1, side, side), torch.ones(3), state, None, RATE, True)
    assert torch.isfinite(z).all()


def test_a_resnet_refuses_features():
    with pytest.raises(UserError, match=r"1 or 3 channels, these have 512\. Use simple_cnn"):
        visual_encoder("resnet_visual", (512, 1, 1))


def test_features_are_taken_as_they_are():
    encoder, state = visual_encoder("feature_visual", (20, 1, 1))
    x = images(4, 20, 1, 1)
    z, changes = encoder(x, torch.ones(4), state, None, RATE, True)
    hidden = (x.flatten(1) @ encoder.hidden.weight + encoder.hidden.bias).relu()
    torch.testing.assert_close(z, hidden @ encoder.out.weight + encoder.out.bias)
    assert (state, changes, list(encoder.backbone.parameters())) == ({}, {}, [])


@pytest.mark.parametrize("kind", ["resnet_visual", "simple_cnn_visual"])
def test_a_frozen_backbone_stays_as_it_is(kind):
    encoder, state = visual_encoder(kind, (1, 16, 16), backbone_rate=0)
    state = {name: value + 0.1 for name, value in state.items()}
    x, counted = images(4, 1, 16, 16), torch.ones(4)
    z, changes = encoder(x, counted, state, None, RATE, True)
    assert changes == {}
    assert torch.equal(z, encoder(x, counted, state, None, RATE, False)[0])
    names = [name for name, _ in encoder.named_parameters()]
    found = torch.autograd.grad(z.sum(), list(encoder.parameters()), allow_unused=True)
    for name, gradient in zip(names, found, strict=True):
        assert (gradient is None) == name.startswith("backbone."), name
    learning, _ = visual_encoder(kind, (1, 16, 16), backbone_rate=0.1)
    z, changes = learning(x, counted, state, None, RATE, True)
    assert changes.keys() == state.keys()
    assert all(
        g.abs().max() > 0 for g in torch.autograd.grad(z.square().sum(), learning.parameters())
    )


def test_dropout_in_pictures():
    encoder, state = visual_encoder("feature_visual", (20, 1, 1))
    x, counted = images(4, 20, 1, 1), torch.ones(4)
    none, _ = encoder(x, counted, state, torch.full((4, 32), 0.9), RATE, True)
    hidden = (x.flatten(1) @ encoder.hidden.weight + encoder.hidden.bias).relu()
    torch.testing.assert_close(none, 2 * hidden @ encoder.out.weight + encoder.out.bias)
    every, _ = encoder(x, counted, state, torch.full((4, 32), 0.1), RATE, True)
    torch.testing.assert_close(every, encoder.out.bias.expand(4, -1))


def test_characters_are_looked_up():
    embedding = Embedding(6, np.random.default_rng(0))
    tokens = texts(4)
    table = torch.cat([torch.zeros(1, 6), embedding.weight])
    torch.testing.assert_close(embedding(tokens), table[tokens])
    means = [row[row > 0] for row in tokens]
    expected = torch.stack([table[known].mean(0) for known in means])
    torch.testing.assert_close(embedding.mean(tokens), expected)
    assert torch.equal(embedding.mean(torch.zeros(1, 5, dtype=torch.long)), torch.zeros(1, 6))


def test_the_convolution_is_that_of_torch():
    ours = TextConvolution(3, 4, np.random.default_rng(0))
    x = images(2, 7, 3)
    kernel = ours.dense.weight.unflatten(0, (3, 3)).permute(2, 1, 0)
    expected = functional.conv1d(x.mT, kernel, ours.dense.bias, padding=1).mT
    torch.testing.assert_close(ours(x), expected)
    assert torch.equal(halved(x), functional.max_pool1d(x.mT, 2).mT)
    assert torch.equal(halved(x[:, :1]), x[:, :1])


@pytest.mark.parametrize("length", [1, 3, LENGTH, 60])
def test_convolutions_along_texts_of_any_length(length):
    encoder = text_encoder("char_cnn_text", length)
    assert isinstance(encoder, ConvolutionalEncoder)
    tokens = texts(4, length)
    x = encoder.embedding(tokens).mT
    for place, convolution in enumerate(encoder.convolutions):
        if place and x.shape[2] > 1:
            x = functional.max_pool1d(x, 2)
        x = convolution(x.mT).mT.relu()
    x = functional.adaptive_avg_pool1d(x, min(8, x.shape[2])).mT.flatten(1)
    expected = encoder.out(encoder.hidden(x).relu())
    torch.testing.assert_close(encoder(tokens, None, RATE), expected)


def longer(encoder, kind, length):
    """The same encoder for longer texts."""
    other = text_encoder(kind, length, seed=1)
    own = encoder.state_dict()
    if "positions" in own:
        own["positions"] = torch.cat([own["positions"], other.positions[len(own["positions"]) :]])
    other.load_state_dict(own)
    return other


@pytest.mark.parametrize("kind", ["mlp_text", "transformer_text"])
def test_padding_changes_nothing(kind):
    encoder, tokens = text_encoder(kind), texts(6)
    z = encoder(tokens, None, RATE)
    padded = functional.pad(tokens, (0, 9))
    torch.testing.assert_close(longer(encoder, kind, LENGTH + 9)(padded, None, RATE), z)
    if kind == "transformer_text":
        # Whatever stands where there is no character.
        places = (tokens[:1] == 0)[0]
        with torch.no_grad():
            encoder.positions[places] += 100
        torch.testing.assert_close(encoder(tokens[:1], None, RATE), z[:1])
        with torch.no_grad():
            encoder.positions[~places] += torch.arange(8.0)
        assert not torch.allclose(encoder(tokens[:1], None, RATE), z[:1], atol=1e-3)


@each_text
def test_the_order_matters_but_to_the_mean(kind):
    encoder = text_encoder(kind)
    tokens = texts(6, fewest=LENGTH)
    turned = encoder(tokens.flip(1), None, RATE)
    z = encoder(tokens, None, RATE)
    if kind == "mlp_text":
        torch.testing.assert_close(turned, z)
    else:
        assert (turned - z).abs().max(1).values.min() > 1e-3
    other = tokens.clone()
    other[:, 0] = tokens[:, 0] % 44 + 1
    assert (encoder(other, None, RATE) - z).abs().max(1).values.min() > 1e-4


@each_text
def test_a_text_of_padding_alone(kind):
    encoder = text_encoder(kind)
    z = encoder(torch.zeros(3, LENGTH, dtype=torch.long), None, RATE)
    assert torch.isfinite(z).all()
    found = torch.autograd.grad(z.square().sum(), list(encoder.parameters()))
    assert all(torch.isfinite(gradient).all() for gradient in found)


@each_text
def test_dropout_in_texts(kind):
    encoder, tokens = text_encoder(kind), texts(5)
    shape = encoder.dropout_shape(config(text_encoder=kind).model, 5)
    uniforms = images(*shape)
    dropped = encoder(tokens, uniforms, RATE)
    assert not torch.allclose(dropped, encoder(tokens, None, RATE), atol=1e-3)
    torch.testing.assert_close(
        encoder(tokens, uniforms, torch.tensor(0.0)), encoder(tokens, None, RATE)
    )
    if kind != "transformer_text":
        everything = encoder(tokens, torch.full(shape, 0.1), RATE)
        torch.testing.assert_close(everything, encoder.out.bias.expand(5, -1))
