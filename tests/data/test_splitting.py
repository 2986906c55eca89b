import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.core.errors import UserError
from latentlab.data import Split, stratified_split, stratified_subset
from latentlab.data.splitting import subset, subset_positions

class_counts = st.lists(st.integers(2, 60), min_size=1, max_size=8)
fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**32 - 1)


def _labels(counts, seed=0):
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))


@settings(deadline=None, max_examples=100)
@given(class_counts, fractions, seeds)
def test_carving_is_a_stratified_partition(counts, fraction, seed):
    labels = _labels(counts)
    train, validation = stratified_split(labels, fraction, np.random.default_rng(seed))
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    n, k = len(labels), len(counts)
    assert len(validation) == min(max(round(fraction * n), k), n - k)
    found = np.bincount(labels[validation], minlength=k)
    assert (found >= 1).all()
    assert (np.array(counts) - found >= 1).all()
    # Off the exact quota by less than one example per class, plus what the bounds push around.
    assert (np.abs(found - np.array(counts) * len(validation) / n) < k + 1).all()


@settings(deadline=None, max_examples=50)
@given(class_counts, fractions, seeds, seeds)
def test_sizes_are_equal_for_every_seed_and_order(counts, fraction, first, second):
    sizes = [
        np.bincount(labels[stratified_split(labels, fraction, np.random.default_rng(seed))[1]])
        for seed in (first, second)
        for labels in [_labels(counts, seed)]
    ]
    np.testing.assert_array_equal(*sizes)


def test_carving_depends_on_the_generator_alone():
    labels = _labels([50, 50])
    runs = [stratified_split(labels, 0.2, np.random.default_rng(s))[1] for s in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_largest_remainders():
    # Quotas 1.5, 1.5, 2.0 of five: the tie goes to the lower class.
    _, validation = stratified_split(_labels([15, 15, 20]), 0.1, np.random.default_rng(0))
    assert np.bincount(_labels([15, 15, 20])[validation]).tolist() == [2, 1, 2]
    # Remainders 0.8 and 0.2: exact proportions would need 1.8 and 3.2.
    _, validation = stratified_split(_labels([18, 32]), 0.1, np.random.default_rng(0))
    assert np.bincount(_labels([18, 32])[validation]).tolist() == [2, 3]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_fraction_outside(fraction):
    with pytest.raises(UserError, match="fraction"):
        stratified_split(_labels([5, 5]), fraction, np.random.default_rng(0))


@pytest.mark.parametrize("counts", [[1, 5], []])
def test_classes_too_small_to_split(counts):
    with pytest.raises(UserError, match="two parts"):
        stratified_split(_labels(counts).astype(int), 0.5, np.random.default_rng(0))


@settings(deadline=None, max_examples=50)
@given(class_counts, st.integers(1, 500))
def test_subset_is_stratified_and_spread(counts, examples):
    labels, k = _labels(counts), len(counts)
    if examples < min(k, len(labels)):
        with pytest.raises(UserError, match=f"all {k} classes"):
            stratified_subset(labels, examples)
        return
    chosen = stratified_subset(labels, examples)
    assert len(chosen) == min(examples, len(labels))
    assert (np.diff(chosen) > 0).all()
    assert len(np.unique(labels[chosen])) == k
    np.testing.assert_array_equal(chosen, stratified_subset(labels, examples))


def test_subset_is_evenly_spaced():
    assert stratified_subset(np.zeros(10, dtype=np.int64), 2).tolist() == [2, 7]


def test_other_splits_shrink_in_proportion():
    labels = {
        "train": _labels([300, 300]),
        "test": _labels([60, 60]),
        "validation": _labels([1, 1]),
    }
    positions = subset_positions(labels, 60)
    assert {name: len(index) for name, index in positions.items()} == {
        "train": 60,
        "test": 12,
        "validation": 2,
    }
    assert {n: len(i) for n, i in subset_positions(labels, None).items()}["train"] == 600
    assert {n: len(i) for n, i in subset_positions(labels, 9999).items()}["test"] == 120
    with pytest.raises(UserError, match="subset"):
        subset_positions(labels, 1)


def test_thin_keeps_features_with_their_labels():
    labels = _labels([30, 30])
    split = Split(labels.astype(np.uint8)[:, None, None, None], labels)
    assert subset({"train": split}, None)["train"] is split
    small = subset({"train": split}, 10)["train"]
    assert len(small) == 10
    np.testing.assert_array_equal(small.features[:, 0, 0, 0], small.labels)
