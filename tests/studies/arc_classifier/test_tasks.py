"""Tokens, the choice of pairs, permuted colours, and what no permutation changes."""

import collections

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.arc import PADDING, draw_tokens, features_of
from latentlab.studies.arc_classifier.tasks import (
    DEMONSTRATIONS,
    demonstrations,
    recoloured,
    relations,
    tokens_of,
)


def test_tokens_survive_the_trip_through_features():
    tokens = torch.arange(11).repeat(8)[:72].view(1, 1, 2, 6, 6)
    assert torch.equal(tokens_of(features_of(tokens)), tokens)
    raw = torch.arange(11, dtype=torch.uint8).repeat(8)[:72].view(1, 2, 6, 6)
    assert torch.equal(tokens_of(raw.float() / np.float32(10)), tokens)


def present(task):
    """Numbers of the pairs that a task [pairs, 2, h, w] has."""
    return [p for p in range(len(task)) if (task[p] != PADDING).any()]


def test_evaluation_takes_the_first_three_pairs_and_repeats_the_last():
    tokens = draw_tokens(60, pairs=5)
    counts = collections.Counter()
    for task, shown in zip(tokens, demonstrations(tokens, None), strict=True):
        there = present(task)
        counts[min(len(there), 3)] += 1
        wanted = [there[min(place, len(there) - 1)] for place in range(DEMONSTRATIONS)]
        assert torch.equal(shown, task[wanted])
    assert set(counts) == {1, 2, 3}


def test_training_takes_three_different_pairs_of_those_that_are_there():
    tokens = draw_tokens(60, pairs=5)
    uniforms = torch.rand(60, 5, generator=torch.Generator().manual_seed(1))
    for task, chances, shown in zip(
        tokens, uniforms, demonstrations(tokens, uniforms), strict=True
    ):
        there = sorted(present(task), key=lambda pair: chances[pair])
        wanted = [there[min(place, len(there) - 1)] for place in range(DEMONSTRATIONS)]
        assert torch.equal(shown, task[wanted])


def test_all_choices_of_pairs_are_equally_likely():
    draws = 24_000
    tokens = torch.arange(4)[None, :, None, None, None].expand(draws, -1, 2, 1, 1)
    uniforms = torch.rand(draws, 4, generator=torch.Generator().manual_seed(2))
    shown = demonstrations(tokens, uniforms)[:, :, 0, 0, 0]
    counts = np.array(list(collections.Counter(map(tuple, shown.tolist())).values()))
    assert len(counts) == 24
    # Chi-square with 23 degrees of freedom: above 50 once in a thousand.
    assert ((counts - 1000) ** 2 / 1000).sum() < 50


def test_a_task_without_any_pair_stays_padding():
    tokens = torch.full((2, 4, 2, 3, 3), PADDING)
    assert (demonstrations(tokens, None) == PADDING).all()
    assert (demonstrations(tokens, torch.rand(2, 4)) == PADDING).all()


def test_it_works_over_trials_at_once():
    tokens = torch.stack([draw_tokens(5, seed=seed) for seed in range(3)])
    uniforms = torch.rand(3, 5, 4)
    colours = torch.rand(3, 5, 10)
    together = torch.func.vmap(lambda t, u, c: recoloured(demonstrations(t, u), c))(
        tokens, uniforms, colours
    )
    for i in range(3):
        alone = recoloured(demonstrations(tokens[i], uniforms[i]), colours[i])
        assert torch.equal(together[i], alone)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_recolouring_is_a_permutation_and_leaves_padding(seed):
    tokens = draw_tokens(4, seed=seed)
    uniforms = torch.rand(4, 10, generator=torch.Generator().manual_seed(seed))
    new = recoloured(tokens, uniforms)
    assert torch.equal(new == PADDING, tokens == PADDING)
    for before, after, chances in zip(tokens, new, uniforms, strict=True):
        pairs = set(zip(before.flatten().tolist(), after.flatten().tolist(), strict=True))
        # One new colour for each old one, and no two the same.
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        assert all(b == chances.argsort()[a] for a, b in pairs if a != PADDING)


def test_every_permutation_of_colours_is_equally_likely():
    everything = torch.arange(10).view(1, 10).expand(20_000, -1)
    uniforms = torch.rand(20_000, 10, generator=torch.Generator().manual_seed(3))
    new = recoloured(everything, uniforms)
    counts = torch.stack([(new == colour).sum(0) for colour in range(10)])
    assert (counts - 2000).abs().max() < 5 * (20_000 * 0.1 * 0.9) ** 0.5


def test_relations_are_what_counting_finds():
    tokens = draw_tokens(6, pairs=3, fewest=2)
    found = relations(tokens)
    assert found.shape == (*tokens.shape, 2)
    for place in np.ndindex(*tokens.shape):
        task, pair, role, row, column = place
        grid, other = tokens[task, pair, role], tokens[task, pair, 1 - role]
        token = grid[row, column]
        share, differs = found[place].tolist()
        if token == PADDING:
            assert (share, differs) == (0, 0)
            continue
        assert share == pytest.approx(float((grid == token).sum() / (grid != PADDING).sum()))
        assert differs == float(token != other[row, column])


def test_relations_do_not_know_colours_by_name():
    tokens = draw_tokens(6, pairs=3)
    torch.testing.assert_close(relations(recoloured(tokens, torch.rand(6, 10))), relations(tokens))
