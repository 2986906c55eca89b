"""Encoders and head: what changes them, and what must not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from labs.arc import PADDING, SPEC, built, config, draw_tokens, embeddings, step_inputs
from latentlab.nn.attention import (
    Attention,
    AttentionPooling,
    CrossAttentionLayer,
    TransformerLayer,
    positional_code,
)
from latentlab.studies.arc_classifier.convolution import layer_widths
from latentlab.studies.arc_classifier.method import METHOD
from latentlab.studies.arc_classifier.model import smoothed_cross_entropy, unit_rows

ENCODERS = {
    "cnn": {"encoder": "cnn"},
    "cnn mean": {"encoder": "cnn", "cnn": {"demo_aggregation": "mean", "depth": 5}},
    "cnn all": {"encoder": "cnn", "relations": True, "cnn": {"coordinates": True}},
    "context": {"encoder": "context"},
    "context all": {
        "encoder": "context",
        "relations": True,
        "embedding": 8,
        "context": {"pixel_layers": 2, "grid_layers": 2},
    },
}
each_encoder = pytest.mark.parametrize("model", ENCODERS.values(), ids=ENCODERS)


def tasks(count=4, seed=0):
    """Three pairs of each task, none of them missing."""
    return draw_tokens(count, pairs=3, seed=seed, fewest=3)


def padded(tokens, more=3):
    return functional.pad(tokens, (0, more, 0, more), value=PADDING)


def numbers(model):
    return sum(parameter.numel() for parameter in model.parameters())


@each_encoder
def test_shapes(model):
    classifier = built(config(model=model))
    found = embeddings(classifier, tasks())
    assert found.shape == (4, model.get("embedding", 12))
    assert classifier.logits(found, torch.tensor(10.0)).shape == (4, SPEC.classes)
    assert torch.isfinite(found).all()


@each_encoder
def test_more_padding_changes_nothing(model):
    classifier = built(config(model=model))
    tokens = tasks()
    torch.testing.assert_close(
        embeddings(classifier, padded(tokens)), embeddings(classifier, tokens)
    )


@pytest.mark.parametrize("encoder", ["cnn", "context"])
def test_padding_counts_in_the_legacy_form(encoder):
    model = {"encoder": encoder, "legacy": {"unmasked_padding": True}}
    classifier = built(config(model=model))
    tokens = tasks()
    difference = embeddings(classifier, padded(tokens)) - embeddings(classifier, tokens)
    assert difference.abs().max() > 1e-3


def test_the_legacy_pool_is_a_mean_over_all_cells():
    model = {"cnn": {"depth": 2}, "legacy": {"unmasked_padding": True}}
    encoder = built(config(model=model)).encoder
    tokens = tasks()[:, 0]
    images = torch.cat([encoder.colours[tokens[:, role]].movedim(-1, 1) for role in (0, 1)], dim=1)
    for layer in encoder.convolutions:
        images = functional.conv2d(images, layer.weight, layer.bias, padding=1).relu()
    torch.testing.assert_close(encoder.pooled(tokens), images.mean((2, 3)))


def test_where_nothing_is_padded_both_forms_agree():
    tokens = torch.randint(0, 10, (2, 3, 2, 5, 5), generator=torch.Generator().manual_seed(0))
    for encoder in ("cnn", "context"):
        forms = [
            built(config(model={"encoder": encoder, "legacy": {"unmasked_padding": legacy}}))
            for legacy in (False, True)
        ]
        torch.testing.assert_close(*(embeddings(form, tokens) for form in forms))


def test_the_order_of_pairs_matters_where_it_should():
    tokens = tasks()
    turned = tokens[:, [2, 0, 1]]
    mean = built(config(model={"cnn": {"demo_aggregation": "mean"}}))
    torch.testing.assert_close(embeddings(mean, turned), embeddings(mean, tokens))
    flatten = built(config())
    assert (embeddings(flatten, turned) - embeddings(flatten, tokens)).abs().max() > 1e-4
    context = built(config(model={"encoder": "context"}))
    assert (embeddings(context, turned) - embeddings(context, tokens)).abs().max() > 1e-4
    # Without names for the places attention knows no order.
    context.encoder.places.data.zero_()
    torch.testing.assert_close(embeddings(context, turned), embeddings(context, tokens))


def test_outputs_are_no_inputs():
    tokens = tasks()
    for encoder in ("cnn", "context"):
        classifier = built(config(model={"encoder": encoder}))
        turned = embeddings(classifier, tokens.flip(2))
        assert (turned - embeddings(classifier, tokens)).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("block", "key", "values"),
    [
        ("cnn", "depth", (2, 3, 4, 5, 9)),
        ("cnn", "width_multiplier", (0.5, 1.0, 2.0)),
        ("cnn", "mlp_hidden", (4, 8)),
        ("context", "pixel_layers", (1, 2, 4)),
        ("context", "grid_layers", (1, 2, 3)),
        ("context", "width", (8, 16)),
        ("context", "feed_forward", (8, 16)),
    ],
)
def test_sizes_add_parameters_and_every_one_of_them_is_used(block, key, values):
    counts = []
    for value in values:
        settings = config(model={"encoder": block, block: {key: value, "dropout": 0.0}})
        model = built(settings)
        counts.append(numbers(model))
        total, _, _ = METHOD.loss(model, *step_inputs(settings))
        gradients = torch.autograd.grad(total, list(model.parameters()))
        for (name, _), gradient in zip(model.named_parameters(), gradients, strict=True):
            assert gradient.abs().max() > 0, name
    assert counts == sorted(set(counts))


def test_channels_double_twice():
    assert layer_widths(64, 1.0, 2) == [64, 128]
    assert layer_widths(64, 1.0, 4) == [64, 128, 256, 256]
    assert layer_widths(64, 1.13, 3) == [72, 144, 289]
    assert layer_widths(1, 0.1, 3) == [1, 1, 1]


def test_a_deep_stack_passes_the_signal_on():
    tokens = tasks(count=16)
    spreads = [
        embeddings(built(config(model={"cnn": {"depth": depth}})), tokens).std(0).mean()
        for depth in (3, 9)
    ]
    assert spreads[1] > 0.5 * spreads[0]


def test_arms_of_a_seed_share_prototypes_and_colours():
    one, two, context = (
        built(config(model=model))
        for model in ({}, {"cnn": {"depth": 6, "coordinates": True}}, {"encoder": "context"})
    )
    assert torch.equal(one.prototypes, two.prototypes)
    assert torch.equal(one.prototypes, context.prototypes)
    assert torch.equal(one.encoder.colours, two.encoder.colours)
    first, second = (model.encoder.convolutions[0].weight for model in (one, two))
    assert torch.equal(first, second[:, : first.shape[1]])


# The head.


def test_dot_products_and_cosines():
    rng = torch.Generator().manual_seed(0)
    given = torch.randn(5, 12, generator=rng)
    dot, cosine = (built(config(model={"cosine": cosine})) for cosine in (False, True))
    torch.testing.assert_close(dot.logits(given, torch.tensor(7.0)), given @ dot.prototypes.T)
    found = cosine.logits(given, torch.tensor(7.0))
    wanted = 7 * functional.cosine_similarity(given[:, None], cosine.prototypes[None], dim=-1)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(cosine.logits(100 * given, torch.tensor(7.0)), found)
    assert found.abs().max() <= 7


def test_a_row_of_zeros_has_no_direction_and_a_finite_gradient():
    x = torch.zeros(2, 3, requires_grad=True)
    rows = unit_rows(x)
    assert torch.equal(rows, torch.zeros(2, 3))
    (gradient,) = torch.autograd.grad(rows.sum(), x)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.2, 0.9])
def test_smoothing_equals_torch(smoothing):
    rng = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(20, 9, generator=rng)).requires_grad_()
    labels = torch.randint(0, 9, (20,), generator=rng)
    ours = smoothed_cross_entropy(logits, labels, torch.tensor(smoothing))
    theirs = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        *(torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)), atol=1e-7, rtol=1e-5
    )


# Attention, against torch's own modules.


def copied(ours, theirs):
    """Give torch's attention the weights of ours; it keeps them [outputs, inputs]."""
    with torch.no_grad():
        query, value = ours.query, ours.value
        theirs.in_proj_weight.copy_(torch.cat([query.weight.T, ours.key.T, value.weight.T]))
        # A bias of the keys changes nothing, whatever it is.
        theirs.in_proj_bias.copy_(torch.cat([query.bias, torch.ones(8), value.bias]))
        theirs.out_proj.weight.copy_(ours.out.weight.T)
        theirs.out_proj.bias.copy_(ours.out.bias)


def sets(n=3, a=5, width=8, seed=0):
    return torch.randn(n, a, width, generator=torch.Generator().manual_seed(seed))


def rng():
    import numpy as np

    return np.random.default_rng(0)


def test_attention_equals_torch():
    ours, theirs = Attention(8, 2, rng()), nn.MultiheadAttention(8, 2, batch_first=True)
    copied(ours, theirs)
    queries, keys = sets(a=4), sets(a=5, seed=1)
    visible = torch.tensor([[True] * 5, [True, False, True, False, False], [True] * 4 + [False]])
    wanted, _ = theirs(queries, keys, keys, key_padding_mask=~visible)
    torch.testing.assert_close(ours(queries, keys, visible), wanted)
    wanted, _ = theirs(queries, keys, keys)
    torch.testing.assert_close(ours(queries, keys), wanted)
    assert torch.isfinite(ours(queries, keys, torch.zeros(3, 5, dtype=torch.bool))).all()


def test_a_transformer_layer_equals_torch():
    ours = TransformerLayer(8, 2, 12, rng())
    theirs = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, dropout=0.0)
    copied(ours.attention, theirs.self_attn)
    with torch.no_grad():
        theirs.linear1.weight.copy_(ours.first.weight.T)
        theirs.linear1.bias.copy_(ours.first.bias)
        theirs.linear2.weight.copy_(ours.second.weight.T)
        theirs.linear2.bias.copy_(ours.second.bias)
    x = sets()
    visible = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] * 5])
    wanted = theirs(x, src_key_padding_mask=~visible)
    found = ours(x, visible, None, torch.zeros(()))
    torch.testing.assert_close(found[visible], wanted[visible])
    # With a rate of 0 nothing is dropped, and what is dropped leaves the input.
    torch.testing.assert_close(ours(x, visible, torch.rand(3, 2, 8), torch.zeros(())), found)
    nothing = ours(x, visible, torch.zeros(3, 2, 8), torch.tensor(0.5))
    norms = ours.dense_norm(ours.attention_norm(x))
    torch.testing.assert_close(nothing, norms)


def test_cross_attention_reads_the_other_set():
    layer = CrossAttentionLayer(8, 2, rng())
    queries, keys = sets(a=3), sets(a=3, seed=1)
    found = layer(queries, keys, None, torch.zeros(()))
    wanted = layer.norm(queries + layer.attention(queries, keys))
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(layer(queries, keys.flip(1), None, torch.zeros(())), found)


def test_pooling_is_a_weighted_mean():
    pool = AttentionPooling(8, rng())
    same = sets(a=1).expand(-1, 5, -1)
    torch.testing.assert_close(pool(same), same[:, 0])
    x = sets()
    low, high = x.min(1).values, x.max(1).values
    found = pool(x)
    assert ((found >= low) & (found <= high)).all()
    torch.testing.assert_close(pool(x.flip(1)), found)
    assert (found - x.mean(1)).abs().max() > 1e-4


def test_positions_have_codes_of_their_own():
    code = positional_code(4, 5, 16, torch.zeros(1))
    assert code.shape == (20, 16)
    assert torch.cdist(code, code).fill_diagonal_(1.0).min() > 0.1
    # Rows in one half, columns in the other; the same whatever the size of the array.
    grid = code.view(4, 5, 16)
    assert torch.equal(grid[2, 0, :8], grid[2, 4, :8])
    assert torch.equal(grid[0, 3, 8:], grid[3, 3, 8:])
    torch.testing.assert_close(positional_code(9, 9, 16, code).view(9, 9, 16)[:4, :5], grid)


@each_encoder
def test_half_precision_is_for_products_alone(model):
    classifier = built(config(model=model))
    tokens = tasks()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = embeddings(classifier, tokens)
        logits = classifier.logits(half, torch.tensor(10.0))
    assert half.dtype == logits.dtype == torch.float32
    torch.testing.assert_close(half, embeddings(classifier, tokens), atol=0.05, rtol=0.05)
