"""Data of known dimension: its rank, its spectrum and its distances are those of the points."""

import numpy as np
import pytest
import torch

from latentlab.core.errors import UserError
from latentlab.data import prepare
from latentlab.data.card import data_card
from latentlab.data.preview import draw_preview
from latentlab.data.synthetic.manifolds import MANIFOLDS, TUBE
from latentlab.training.data import Examples

LEVEL = 1 / 65535


def pictures(name, folder, **config):
    data = prepare(name, {"examples": 600} | config, folder)
    splits = data.splits["train"], data.splits["test"]
    flat = np.concatenate([split.features.reshape(len(split), -1) for split in splits])
    return data, flat / data.schema.scale


def singular_values(flat):
    return np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)


@pytest.mark.parametrize(("rank", "spectrum"), [(1, 1.0), (5, 0.8), (12, 1.0)])
def test_rank_and_spectrum(tmp_path, rank, spectrum):
    data, flat = pictures("low_rank", tmp_path, rank=rank, spectrum=spectrum, examples=4000)
    assert data.schema.shape == (1, 8, 8)
    assert flat.min() >= 0
    assert np.abs(flat - 0.5).max() == pytest.approx(0.5, abs=LEVEL)
    values = singular_values(flat)
    # Rounding is uniform within a level: its singular values stay below those of that noise.
    noise = LEVEL / np.sqrt(12) * (np.sqrt(4000) + 8)
    assert (values[rank:] < 1.2 * noise).all()
    assert values[rank - 1] > 50 * noise
    expected = spectrum ** np.arange(rank)
    np.testing.assert_allclose(values[:rank] / values[0], expected, rtol=0.12)


def test_low_rank_labels_are_quarters_of_the_first_latent(tmp_path):
    data, flat = pictures("low_rank", tmp_path, rank=4, spectrum=0.3)
    labels = np.concatenate([data.splits["train"].labels, data.splits["test"].labels])
    np.testing.assert_array_equal(np.bincount(labels), 150)
    _, _, directions = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    first = flat @ directions[0]
    means = np.array([first[labels == band].mean() for band in range(4)])
    assert (np.diff(means) > 0).all() or (np.diff(means) < 0).all()


@pytest.mark.parametrize("kind", MANIFOLDS)
def test_pictures_are_a_similar_copy_of_the_points(tmp_path, kind):
    data, flat = pictures("manifolds", tmp_path, kind=kind)
    rng = np.random.Generator(np.random.PCG64(0))
    u, v = rng.random((2, 600))
    points = MANIFOLDS[kind].place(u, v)
    values = singular_values(flat)
    assert np.sum(values > 1e-3 * values[0]) == points.shape[1]
    # The splits are sorted positions of a stratified draw: match pictures by distance to the mean.
    spread = np.sort(np.linalg.norm(flat - 0.5, axis=1))
    expected = np.sort(np.linalg.norm(points, axis=1))
    scale = spread.max() / expected.max()
    np.testing.assert_allclose(spread, scale * expected, atol=1e-4)
    assert data.schema.classes[0].startswith("u 0.00-0.2")
    assert MANIFOLDS[kind].embedding <= points.shape[1]


def grid(n=24):
    u, v = np.meshgrid(np.arange(n) / n, np.arange(n) / n)
    return u.ravel(), v.ravel()


def test_places_fulfil_their_equations():
    u, v = grid()
    on = {kind: manifold.place(u, v) for kind, manifold in MANIFOLDS.items()}
    np.testing.assert_allclose(np.linalg.norm(on["circle"], axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(on["sphere"], axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(on["flat_torus"].reshape(-1, 2, 2), axis=2), 1)
    around = np.linalg.norm(on["torus"][:, :2], axis=1)
    np.testing.assert_allclose(np.hypot(around - 1, on["torus"][:, 2]), TUBE)
    around = np.linalg.norm(on["klein_bottle"][:, :2], axis=1)
    height = np.linalg.norm(on["klein_bottle"][:, 2:], axis=1)
    np.testing.assert_allclose(np.hypot(around - 1, height), TUBE)


def test_gluing_turns_the_second_coordinate_over():
    """After a turn in u: the band and the bottle come back with v reversed, a torus as it was."""
    v = np.linspace(0.05, 0.95, 7)
    start, end = np.zeros(7), np.ones(7)
    for kind, partner in (
        ("torus", v),
        ("flat_torus", v),
        ("moebius_band", 1 - v),
        ("klein_bottle", 1 - v),
    ):
        place = MANIFOLDS[kind].place
        np.testing.assert_allclose(place(end, v), place(start, partner), atol=1e-14)


@pytest.mark.parametrize("kind", ["torus", "flat_torus", "klein_bottle", "sphere", "swiss_roll"])
def test_places_do_not_cross_themselves(kind):
    """Points far apart in u and v, as glued, are apart in space."""
    u, v = np.random.default_rng(0).random((2, 900))
    points = MANIFOLDS[kind].place(u, v)
    near = np.linalg.norm(points[:, None] - points[None], axis=2) < 0.1
    gap_u = np.abs(u[:, None] - u[None])
    gap_v = np.abs(v[:, None] - v[None])
    if kind == "swiss_roll":
        assert gap_u[near].max() < 0.1
        return
    gap_v = np.minimum(gap_v, 1 - gap_v)
    if kind == "sphere":
        assert gap_u[near].max() < 0.1
        return
    if kind == "klein_bottle":
        over = np.abs(1 - v[:, None] - v[None])
        over = np.minimum(over, 1 - over)
        gap_v = np.where(gap_u > 0.5, over, gap_v)
    assert np.minimum(gap_u, 1 - gap_u)[near].max() < 0.1
    assert gap_v[near].max() < 0.1


def test_known_dimensions():
    expected = {"circle": (1, 2), "sphere": (2, 3), "torus": (2, 3), "flat_torus": (2, 3)}
    expected |= {"moebius_band": (2, 3), "klein_bottle": (2, 4), "swiss_roll": (2, 2)}
    assert {k: (m.dimension, m.embedding) for k, m in MANIFOLDS.items()} == expected


def test_trainer_holds_fine_levels(tmp_path):
    """Sixteen bits pass through torch, whose support of them is thin."""
    data, _ = pictures("manifolds", tmp_path)
    train = data.splits["train"]
    batch = Examples(train, data.schema.scale, torch.device("cpu")).batch(torch.tensor([[3, 5]]))
    expected = train.features[[3, 5]] / data.schema.scale
    np.testing.assert_allclose(batch.features[0].numpy(), expected, atol=1e-7)
    assert data_card(data)["pixels"]["mean"] == pytest.approx(train.features.mean() / 65535)
    assert draw_preview(data).width > 100


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("low_rank", {"rank": 5, "side": 2}, "rank 5 is more than the 4 pixels"),
        ("low_rank", {"spectrum": 0}, "spectrum"),
        ("manifolds", {"kind": "cube"}, "kind"),
        ("manifolds", {"examples": 5}, "examples"),
    ],
)
def test_mistakes(tmp_path, name, config, message):
    with pytest.raises(UserError, match=message):
        prepare(name, config, tmp_path)
