"""Copies of examples: together in every split that is made here, counted in every data set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.core.errors import UserError
from latentlab.data import Split, registry
from latentlab.data.copies import (
    across,
    contents,
    hold_out,
    leaders_of,
    linked_leaders,
    within,
)
from latentlab.data.source import Source, SourceConfig
from latentlab.data.splitting import stratified_split


@given(st.lists(st.sampled_from("abcd"), max_size=12))
def test_a_leader_is_the_first_of_its_content(letters):
    assert leaders_of(letters).tolist() == [letters.index(letter) for letter in letters]


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 8), max_size=3), max_size=12))
def test_linked_objects_are_the_connected_ones(keys):
    """Against the reachability matrix, squared until it holds all paths."""
    shared = [[bool(a & b) for b in keys] for a in keys]
    direct = np.array(shared, dtype=bool).reshape(len(keys), len(keys))
    reach = direct | np.eye(len(keys), dtype=bool)
    for _ in range(4):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    assert linked_leaders(keys).tolist() == [int(np.flatnonzero(row)[0]) for row in reach]


@pytest.mark.parametrize("seed", range(4))
def test_copies_are_held_out_together(seed):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 256, (60, 1, 3, 3), dtype=np.uint8)
    features[40:] = features[rng.integers(0, 40, 20)]
    labels = np.arange(60) % 3
    splits = hold_out(features, labels, 0.3, seed)
    found = contents(splits)
    assert across(found) == []
    assert sum(len(split) for split in splits.values()) == 60
    assert len(set(found["test"])) == 12  # .3 of the 40 that differ
    assert within(found)


def test_without_copies_the_split_is_the_stratified_one():
    features, labels = np.arange(50, dtype=np.uint8).reshape(50, 1, 1, 1), np.arange(50) % 4
    rng = np.random.Generator(np.random.PCG64(3))
    for split, places in zip(
        hold_out(features, labels, 0.3, 3).values(), stratified_split(labels, 0.3, rng), strict=True
    ):
        np.testing.assert_array_equal(split.features.ravel(), places)
        np.testing.assert_array_equal(split.labels, labels[places])


def test_a_class_with_one_example_and_its_copies_cannot_be_split():
    features = np.zeros((10, 1, 2, 2), dtype=np.uint8)
    features[:5] = np.arange(5)[:, None, None, None]
    features[5:] = 9
    with pytest.raises(UserError, match="one example of class"):
        hold_out(features, np.repeat([0, 1], 5), 0.3, 0)


def test_every_source_is_looked_at(make_prepared, monkeypatch, tmp_path):
    features = np.random.default_rng(0).integers(0, 256, (12, 3, 5, 4), dtype=np.uint8)
    features[3] = features[2]
    labels = np.arange(12) % 3
    split = Split(features, labels)
    prepared = make_prepared(
        splits={
            "test": split.take(np.array([2, 3, 9, 10, 11])),
            "train": split.take(np.arange(9)),
            "validation": split.take(np.array([0, 10, 11, 4])),
        }
    )
    source = Source("small", SourceConfig, lambda config, folder: prepared)
    monkeypatch.setitem(registry.SOURCES, "small", source)
    found = registry.prepare("small", None, tmp_path)
    assert found.fingerprint == prepared.fingerprint
    assert found.origin == (
        "made by a test; 2 of 4 validation examples are in train, 2 of 5 test examples are in "
        "train, 2 of 5 test examples are in validation, 1 train examples repeat others of train, "
        "1 test examples repeat others of test"
    )
