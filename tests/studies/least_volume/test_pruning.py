"""Policies and safeguards: spectra whose answer is plain, brute force, scipy, and vmap."""

import numpy as np
import pytest
import torch
from scipy import stats

from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.pruning import (
    Spectrum,
    candidates,
    lognorm,
    pca_cdf,
    plummet,
    probabilistic,
    spectrum,
)
from latentlab.studies.least_volume.safeguards import counted, limited, permitted
from latentlab.training.per_trial import per_trial_values


def scalar(value):
    return torch.tensor(float(value))


def random(latent, seed=0):
    rng = np.random.default_rng(seed)
    sd = torch.from_numpy(np.exp(rng.normal(-1, 2, latent))).float()
    within = torch.from_numpy(rng.random(latent) < 0.7)
    within[0] = True
    return sd, within


def hyper(**pruning):
    config = LeastVolumeConfig.model_validate(
        {"objective": {"pruning": pruning | {"start_epoch": 0}}}
    )
    return {name: torch.tensor(value) for name, value in per_trial_values(config).items()}


# Plummet


def shuffled(*levels):
    """Deviations near these levels, in no order, and the level of each."""
    rng = np.random.default_rng(1)
    level = rng.permutation(np.repeat([v for v, _ in levels], [n for _, n in levels]))
    return torch.from_numpy(level * rng.uniform(0.9, 1.1, len(level))).float(), level


def drops(sd, active, after=False, threshold=0.02):
    return plummet(sd, active, scalar(threshold), torch.tensor(after))


def test_a_clean_cliff_is_found_from_above_and_not_from_below():
    sd, level = shuffled((1.0, 20), (1e-3, 12))
    everywhere = torch.ones(32, dtype=torch.bool)
    np.testing.assert_array_equal(drops(sd, everywhere), level == 1e-3)
    # The floor is flat: nothing on it is far below its own first dimension.
    for threshold in (0.005, 0.02, 0.2):
        assert not drops(sd, everywhere, after=True, threshold=threshold).any()


def test_seen_from_below_only_what_lies_far_under_the_floors_first_is_found():
    sd = torch.tensor([1.0, 1.1, 1e-3, 9e-4, 1e-6])
    everywhere = torch.ones(5, dtype=torch.bool)
    np.testing.assert_array_equal(drops(sd, everywhere, after=True), [False] * 4 + [True])


def test_a_gentle_spectrum_loses_nothing():
    assert not drops(torch.linspace(1, 0.03, 40), torch.ones(40, dtype=torch.bool)).any()


def test_two_cliffs_go_one_at_a_time_the_steepest_first():
    sd, level = shuffled((1.0, 8), (1e-2, 6), (1e-6, 4))
    active = torch.ones(18, dtype=torch.bool)
    first = drops(sd, active, threshold=0.05)
    np.testing.assert_array_equal(first, level == 1e-6)
    second = drops(sd, active & ~first, threshold=0.05)
    np.testing.assert_array_equal(second, level == 1e-2)
    assert not drops(sd, active & ~first & ~second, threshold=0.05).any()


@pytest.mark.parametrize("after", [False, True])
def test_pruned_dimensions_in_view_blind_it_to_all_later_ones(after):
    """Of the guide's code: those already pruned deviate by nothing, and make the steepest drop."""
    sd, level = shuffled((1.0, 8), (1e-3, 6), (1e-4, 6))
    sd[level == 1e-4] = 1e-9
    active = torch.from_numpy(level > 1e-4)
    np.testing.assert_array_equal(drops(sd, active), level == 1e-3)
    everything = torch.ones_like(active)
    assert not (drops(sd, everything, after) & active).any()


def test_one_active_dimension_or_none_has_no_drop():
    sd = torch.tensor([0.5, 1e-9, 2.0])
    assert not drops(sd, torch.tensor([True, False, False])).any()
    assert not drops(sd, torch.zeros(3, dtype=torch.bool)).any()
    assert not drops(torch.tensor([0.5]), torch.tensor([True])).any()


# Log-normal


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("percentile", [0.01, 0.05, 0.4])
def test_the_cut_is_scipys_quantile(alpha, percentile):
    start, within = random(60)
    anchor = spectrum(start, within)
    sd = start * 0.3
    sd[::2] *= 0.5
    now, then = (np.log(s.numpy()[within]) for s in (sd, start))
    mean = (1 - alpha) * then.mean() + alpha * now.mean()
    spread = (1 - alpha) * then.std(ddof=1) + alpha * now.std(ddof=1)
    cut = stats.lognorm.ppf(percentile, spread, scale=np.exp(mean))
    found = lognorm(sd, within, anchor, scalar(alpha), scalar(percentile))
    np.testing.assert_array_equal(found, within.numpy() & (sd.numpy() < cut))
    # And at the cut itself.
    beside = torch.tensor([cut * 0.999, cut * 1.001]).float()
    both = torch.ones(2, dtype=torch.bool)
    stored = Spectrum(scalar(mean), scalar(spread), scalar(1))
    assert lognorm(beside, both, stored, scalar(0), scalar(percentile)).tolist() == [True, False]


def test_pruned_dimensions_in_view_drag_the_cut_down():
    sd, level = shuffled((1.0, 30), (0.2, 3), (1e-14, 10))
    active = torch.from_numpy(level > 1e-14)
    everything = torch.ones_like(active)
    anchor = spectrum(torch.where(active, sd, 0.2), active)
    right, legacy = (
        lognorm(sd, view, anchor, scalar(0.2), scalar(0.15)) & active
        for view in (active, everything)
    )
    np.testing.assert_array_equal(right, level == 0.2)
    assert not legacy.any()
    logs = spectrum(sd, everything).log_mean
    expected = np.log(np.maximum(sd.numpy(), 1e-12)).mean()
    assert float(logs) == pytest.approx(expected, rel=1e-5)


# Share of the variance


def kept_by_hand(sd, within, total_then, share):
    present = sorted(np.flatnonzero(within), key=lambda i: -sd[i])
    total = sum(float(sd[i]) ** 2 for i in present)
    bar = min(share * total / total_then, 0.999)
    kept, sum_so_far = set(present[:1]), 0.0
    for i in present:
        sum_so_far += float(sd[i]) ** 2
        if sum_so_far <= bar * total:
            kept.add(i)
    return kept


@pytest.mark.parametrize("share", [0.5, 0.95, 1.0])
@pytest.mark.parametrize("grown", [0.6, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_share_of_the_variance_by_hand(share, grown, seed):
    sd, within = random(30, seed)
    then = float((sd[within] ** 2).sum() / grown)
    anchor = Spectrum(scalar(0), scalar(0), scalar(then))
    found = pca_cdf(sd, within, anchor, scalar(share)).numpy()
    kept = kept_by_hand(sd.double().numpy(), within.numpy(), then, share)
    assert set(np.flatnonzero(found)) == set(np.flatnonzero(within)) - kept


def test_the_largest_is_kept_even_alone_above_the_bar():
    sd = torch.tensor([1e-3, 5.0, 1e-3])
    found = pca_cdf(sd, torch.ones(3, dtype=torch.bool), spectrum(sd, sd > 0), scalar(0.95))
    assert found.tolist() == [True, False, True]


# Probability


def test_frequencies_are_the_sigmoids():
    sd = torch.tensor([2.0, 1.0, 0.1, 5.0])
    within = torch.tensor([True, True, True, False])
    uniforms = torch.rand(40_000, 4, generator=torch.Generator().manual_seed(0))
    for temperature in (0.3, 1.0, 4.0):
        drawn = torch.func.vmap(lambda u, t=temperature: probabilistic(sd, within, scalar(t), u))(
            uniforms
        )
        expected = 1 / (1 + np.exp(-(1 - sd.numpy() / 2) / temperature)) * within.numpy()
        np.testing.assert_allclose(drawn.float().mean(0), expected, atol=0.01)


# The choice between them


def test_each_trial_of_a_cohort_gets_its_own_policy():
    # A cliff with a slope below it, so that no two policies agree.
    sd = torch.cat([torch.linspace(1, 0.2, 30), torch.logspace(-4, -8, 10)])
    within = torch.arange(40) % 7 > 0
    uniforms = torch.rand(40, generator=torch.Generator().manual_seed(1))
    anchor = spectrum(sd * 1.2, within)
    block = {"threshold": 0.1, "percentile": 0.1}
    cases = [
        hyper(policy=policy, legacy={"reference_after_drop": after}, **block)
        for policy in ("none", "plummet", "lognorm", "pca_cdf", "probabilistic")
        for after in (False, True)
    ]
    stacked = {name: torch.stack([case[name] for case in cases]) for name in cases[0]}
    together = torch.func.vmap(lambda h: candidates(sd, within, anchor, uniforms, h))(stacked)
    for case, found in zip(cases, together, strict=True):
        assert torch.equal(candidates(sd, within, anchor, uniforms, case), found)
    right, legacy = together[::2], together[1::2]
    expected = [
        torch.zeros_like(within),
        plummet(sd, within, scalar(0.1), torch.tensor(False)),
        lognorm(sd, within, anchor, scalar(0.2), scalar(0.1)),
        pca_cdf(sd, within, anchor, scalar(0.95)),
        probabilistic(sd, within, scalar(1.0), uniforms),
    ]
    assert torch.equal(right, torch.stack(expected))
    assert len({tuple(found.tolist()) for found in right}) == 5
    expected[1] = plummet(sd, within, scalar(0.1), torch.tensor(True))
    assert not torch.equal(right[1], expected[1])
    assert torch.equal(legacy, torch.stack(expected))


# Safeguards


def allowed(active=10, since=torch.inf, error=1.0, lowest=1.0, **safeguards):
    mask = torch.arange(12) < active
    limits = hyper(safeguards=safeguards)
    return bool(permitted(mask, scalar(since), scalar(error), scalar(lowest), limits))


def test_without_safeguards_anything_goes():
    assert allowed(active=1, since=0.0, error=1e9)
    mask = torch.ones(6, dtype=torch.bool)
    assert limited(mask, torch.rand(6), mask, hyper()).all()


def test_the_minimum_ends_pruning():
    assert allowed(active=6, min_active=5)
    assert not allowed(active=5, min_active=5)
    assert not allowed(active=0)


def test_the_cooldown_rests_so_many_epochs():
    assert [allowed(since=epochs, cooldown_epochs=2) for epochs in (0.0, 1.0, 2.0)] == [
        False,
        False,
        True,
    ]


def test_the_tolerance_is_relative_to_the_lowest_error():
    assert allowed(error=1.09, reconstruction_tolerance=0.1)
    assert not allowed(error=1.11, reconstruction_tolerance=0.1)
    assert allowed(error=1.11)
    assert allowed(error=torch.nan, reconstruction_tolerance=0.1)


def test_candidates_are_counted_in_a_row():
    yes, no = torch.tensor([True, True]), torch.tensor([True, False])
    looked = torch.tensor(True)
    waiting = torch.zeros(2)
    for found, expected in ((yes, [1, 1]), (no, [2, 0]), (yes, [3, 1])):
        waiting = counted(waiting, found, looked)
        assert waiting.tolist() == expected
    assert counted(waiting, no, ~looked).tolist() == [3, 1]


def test_the_cap_takes_the_smallest():
    sd = torch.tensor([0.5, 0.1, 0.01, 0.2, 0.3, 0.001])
    chosen = torch.tensor([True, True, True, True, False, False])
    active = torch.tensor([True] * 5 + [False])
    found = limited(chosen, sd, active, hyper(safeguards={"max_per_epoch": 2}))
    assert found.nonzero().flatten().tolist() == [1, 2]


@pytest.mark.parametrize("most", [0, 1, 100])
def test_the_minimum_holds_after_pruning_too(most):
    sd, _ = random(10)
    everything = torch.ones(10, dtype=torch.bool)
    limits = hyper(safeguards={"min_active": 4, "max_per_epoch": most})
    found = limited(everything, sd, everything, limits)
    assert int(found.sum()) == (most if most == 1 else 6)
    assert sd[found].max() < sd[~found].min()
