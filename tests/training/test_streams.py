"""The random streams: what they depend on, what they do not, and their pinned numbers."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from latentlab.training.noise import NoiseFeed
from latentlab.training.streams import (
    BLOCK_STEPS,
    Noise,
    evaluation_noise,
    generator,
    noise_block,
    permutation,
    stream_key,
)

KEY = stream_key("derp_vae", 0, "data")
SPEC = {"latent": Noise((3, 2), "normal"), "drop": Noise((5,), "uniform")}


def test_pinned_numbers():
    """Whoever changes these changes every trial: raise TRAINER_VERSION and say so."""
    assert BLOCK_STEPS == 16
    assert KEY == 0xBF1CE5C16B7A256262B8C74FE9B53F2A
    block, evaluation = noise_block(KEY, SPEC, 2), evaluation_noise(KEY, SPEC, "validation/0")
    found = {
        "normal": block["latent"][0, 0],
        "uniform": block["drop"][15, :2],
        "initialisation": generator(KEY, "initialisation").random(2),
        "evaluation": evaluation["drop"][:2],
    }
    assert {name: values.tolist() for name, values in found.items()} == {
        "normal": [-0.6645190715789795, 1.3067148923873901],
        "uniform": [0.28981339931488037, 0.016680002212524414],
        "initialisation": [0.041534914147726254, 0.00476756049620175],
        "evaluation": [0.5405426621437073, 0.37304145097732544],
    }
    assert permutation(KEY, 1, 8).tolist() == [3, 0, 5, 1, 4, 6, 7, 2]


def test_distinct_studies_seeds_and_data_have_distinct_keys():
    keys = {
        stream_key(study, seed, data)
        for study in ("a", "b", "derp_vae")
        for seed in (0, 1, 2**32, 2**32 + 1, 2**63)
        for data in ("", "x", "1e7b")
    }
    assert len(keys) == 45


def test_distinct_purposes_and_blocks_share_no_number():
    purposes = ["initialisation", "state", "permutation", "noise/latent", "noise/drop"]
    drawn = {
        (purpose, block, seed): generator(stream_key("s", seed, "d"), purpose, block).integers(
            0, 2**63, 64
        )
        for purpose, block, seed in itertools.product(purposes, (0, 1, 2, 1000), (0, 1))
    }
    numbers = np.concatenate(list(drawn.values()))
    assert len(np.unique(numbers)) == len(numbers)


def test_a_block_is_sixteen_steps_of_one_name():
    whole = noise_block(KEY, SPEC, 0)
    assert {name: block.shape for name, block in whole.items()} == {
        "latent": (16, 3, 2),
        "drop": (16, 5),
    }
    assert {block.dtype for block in whole.values()} == {np.dtype("float32")}
    alone = noise_block(KEY, {"drop": SPEC["drop"]}, 0)
    np.testing.assert_array_equal(alone["drop"], whole["drop"])


def test_evaluating_does_not_shift_training():
    assert not np.array_equal(
        evaluation_noise(KEY, SPEC, "validation/0")["latent"],
        noise_block(KEY, SPEC, 0)["latent"][0],
    )
    one, two = (evaluation_noise(KEY, SPEC, f"validation/{i}")["latent"] for i in (0, 1))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("examples", [1, 2, 1294])
def test_permutation(examples):
    orders = [permutation(KEY, epoch, examples) for epoch in range(5)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(examples))
    if examples > 100:
        assert len({order.tobytes() for order in orders}) == 5
    np.testing.assert_array_equal(orders[3], permutation(KEY, 3, examples))


def test_permutations_favour_no_place():
    first = [permutation(stream_key("s", seed, "d"), 0, 10)[0] for seed in range(2000)]
    assert stats.chisquare(np.bincount(first, minlength=10)).pvalue > 1e-3


@pytest.mark.parametrize(("name", "law"), [("latent", stats.norm), ("drop", stats.uniform)])
def test_distributions(name, law):
    spec = {"latent": Noise((64, 8), "normal"), "drop": Noise((64, 8), "uniform")}
    blocks = [noise_block(KEY, spec, b)[name] for b in range(4)]
    sample = np.concatenate(blocks).ravel()
    assert stats.kstest(sample, law.cdf).pvalue > 1e-3
    assert sample.dtype == np.float32
    if name == "drop":
        assert sample.min() >= 0
        assert sample.max() < 1
    # Steps, and neighbours within a step, are uncorrelated.
    steps = np.concatenate(blocks).reshape(64, -1)
    bound = 4 / np.sqrt(steps[1:].size)
    assert abs(np.corrcoef(steps[:-1].ravel(), steps[1:].ravel())[0, 1]) < bound
    assert abs(np.corrcoef(sample[:-1], sample[1:])[0, 1]) < bound


@pytest.mark.parametrize("shared", [False, True])
def test_the_feed_gives_each_trial_its_own_numbers(shared):
    seeds = [3, 1, 3, 2] if shared else [3, 1, 0, 2]
    keys = [stream_key("s", seed, "d") for seed in seeds]
    feed = NoiseFeed(keys, SPEC, torch.device("cpu"))
    # Out of order too: a resume begins anywhere.
    for step in (0, 1, 15, 16, 40, 17, 0):
        noise = feed.at(step)
        for i, key in enumerate(keys):
            block = noise_block(key, SPEC, step // 16)
            for name, tensor in noise.items():
                np.testing.assert_array_equal(tensor[i].numpy(), block[name][step % 16])
