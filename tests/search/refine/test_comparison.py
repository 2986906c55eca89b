"""Did the refinement help: two sweeps, honest about luck and numbers."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.refinement import table_of
from latentlab.core.errors import UserError
from latentlab.search.refine import compare
from latentlab.search.refine.comparison import Comparison

X = {"x": {"type": "float", "low": 0.0, "high": 1.0}}


def sweep(true, seeds=3, noise=1.0, seed=0, direction="maximize"):
    """A sweep of configurations with known expected scores."""
    rng = np.random.default_rng(seed)
    true = np.asarray(true, dtype=float)
    runs = true[:, None] + noise * rng.standard_normal((len(true), max(seeds, 1)))
    rows = [{"x": float(x)} for x in rng.random(len(true))]
    table = table_of(X, rows, runs.mean(axis=1), direction=direction)
    if seeds:
        records = [
            {"configuration": c, "seed": s, "state": "complete", "score": runs[c, s]}
            for c, s in itertools.product(range(len(true)), range(seeds))
        ]
        object.__setattr__(table, "replicates", pd.DataFrame(records))
    return table


def row(found: Comparison, start: str) -> pd.Series:
    return found.table[found.table["measure"].str.startswith(start)].iloc[0]


def said(found: Comparison) -> tuple[str, ...]:
    """What the text calls a typical configuration of the second sweep, and its winner."""
    return tuple(text.partition(" is ")[2].partition(":")[0] for text in found.text)


def test_measures_against_their_definitions():
    first, second = sweep([0, 1, 2, 3, 4], noise=0.5), sweep([2, 3, 4, 5, 6, 7], noise=0.5, seed=1)
    found = compare(first, second)
    a, b = first.scores, second.scores
    mean = row(found, "mean of all")
    welch = scipy.stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    assert mean["difference"] == pytest.approx(b.mean() - a.mean())
    assert (mean["low"], mean["high"]) == pytest.approx((welch.low, welch.high))
    best = np.mean([max(five) for five in itertools.combinations(b, 5)])
    assert row(found, "expected best of 5")["second"] == pytest.approx(best)
    assert row(found, "expected best of 5")["first"] == pytest.approx(a.max())
    assert row(found, "best, of 5 and 6")["second"] == pytest.approx(b.max())
    share = np.mean([y > x for x in a for y in b])
    assert f"{100 * round(share, 2):.4g} %" in found.text[0]


def test_a_better_space_is_called_better():
    rng = np.random.default_rng(0)
    found = compare(sweep(rng.normal(size=40)), sweep(rng.normal(size=40) + 4, seed=1))
    assert said(found) == ("better", "better")


def test_exchanging_the_sweeps_mirrors_the_verdict():
    rng = np.random.default_rng(0)
    one, two = sweep(rng.normal(size=30)), sweep(rng.normal(size=30) + 4, seed=1)
    there, back = compare(one, two), compare(two, one)
    assert said(back) == ("worse", "worse")
    assert back.table["difference"].tolist() == pytest.approx((-there.table["difference"]).tolist())


def test_a_smaller_value_is_better_where_it_is_minimised():
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=30), rng.normal(size=30) + 4
    found = compare(sweep(high, direction="minimize"), sweep(low, seed=1, direction="minimize"))
    assert said(found) == ("better", "better")
    # Values keep their own sign, differences say how much better.
    assert row(found, "mean of all")["first"] == pytest.approx(4, abs=0.6)
    assert row(found, "mean of all")["difference"] > 0


def test_more_draws_alone_do_not_make_a_better_sweep():
    # The same configurations, six times as many: the raw best is higher almost always.
    higher, better = 0, 0
    for seed in range(25):
        found = compare(sweep(np.zeros(10), seed=seed), sweep(np.zeros(60), seed=1_000 + seed))
        raw = row(found, "best, of 10 and 60")
        higher += raw["second"] > raw["first"]
        better += said(found)[1] == "better"
    assert higher >= 18
    assert better <= 2


def test_the_winner_on_fresh_seeds_is_covered():
    # The difference of the winners' true values lies in its interval.
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng([7, seed])
        truths = rng.normal(size=25), rng.normal(size=25) + 0.5
        sweeps = [sweep(t, seed=10 * seed + k) for k, t in enumerate(truths)]
        true = [t[int(np.argmax(s.scores))] for s, t in zip(sweeps, truths, strict=True)]
        found = row(compare(*sweeps), "winner on fresh seeds")
        covered += found["low"] <= true[1] - true[0] <= found["high"]
    assert covered >= 52


def test_without_replicates_the_winner_is_not_judged():
    rng = np.random.default_rng(0)
    found = compare(sweep(rng.normal(size=20), 0), sweep(rng.normal(size=20) + 4, 0, seed=1))
    assert said(found) == ("better", "not clearly better or worse")
    assert "unknown without replicates" in found.text[1]


def test_sweeps_of_different_objectives_are_refused():
    other = sweep([1, 2, 3], direction="minimize")
    with pytest.raises(UserError, match="Compare sweeps of one study"):
        compare(sweep([1, 2, 3]), other)
