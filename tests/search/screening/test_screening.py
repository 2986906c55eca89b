"""The screening's one number: main effects, what is left given stronger ones, tiers."""

import math

import numpy as np
import pytest
import statsmodels.formula.api
from statsmodels.stats.anova import anova_lm

from labs.refinement import PARAMETERS, random_table, table_of
from labs.sweep_tables import published_facts
from latentlab.search.matrix import sweep_matrix
from latentlab.search.screening import HIGH, MODERATE, NullDistribution, screen, tier
from latentlab.statistics.ranks import normal_scores

NULL = NullDistribution(permutations=499)


def test_tiers():
    assert [tier(p) for p in (HIGH, 0.05, MODERATE, 0.061, math.nan)] == [
        "high",
        "moderate",
        "moderate",
        "open",
        "untestable",
    ]


@pytest.fixture(scope="module")
def going_along():
    """Two switches: b copies a in most rows, and does nothing itself."""
    rng = np.random.default_rng(0)
    a = rng.random(60) < 0.5
    b = np.where(rng.random(60) < 0.15, ~a, a)
    switches = {name: {"type": "categorical", "choices": [False, True]} for name in "ab"}
    rows = [{"a": bool(x), "b": bool(y)} for x, y in zip(a, b, strict=True)]
    return table_of(switches, rows, 3.0 * a + rng.normal(size=60))


def test_what_is_left_given_a_stronger_one_is_the_partial_f_test(going_along):
    found = screen(sweep_matrix(going_along), NULL).tests
    assert found["a"].tier == "high"
    assert found["a"].p_corrected == found["a"].p_main
    assert found["b"].conditional_on == ("a",)
    frame = going_along.parameters.astype(int).assign(
        y=normal_scores(going_along.outcomes["score"].to_numpy()[None])[0]
    )
    small = statsmodels.formula.api.ols("y ~ a", frame).fit()
    large = statsmodels.formula.api.ols("y ~ a + b", frame).fit()
    expected = anova_lm(small, large)["Pr(>F)"].iloc[1]
    assert found["b"].p_partial == pytest.approx(expected)
    # Its main effect alone would be significant, and is not evidence.
    assert found["b"].p_main <= HIGH < found["b"].p_corrected
    assert found["b"].tier == "open"


@pytest.mark.parametrize("seed", range(5))
def test_the_corrected_p_is_never_smaller_than_its_parts(seed):
    def truth(row):
        return 4 * row["use_scheduler"] + 3 * row["width"] + 2 * (row["encoder"] == "cnn")

    found = screen(sweep_matrix(random_table(PARAMETERS, truth, seed=seed)), NULL)
    significant = [one for one in found.tests.values() if one.tier in {"high", "moderate"}]
    assert len(significant) >= 2
    for one in found.tests.values():
        assert one.p_corrected >= one.p_main >= one.p
        assert not one.p_partial > one.p_corrected
        for other in one.conditional_on:
            assert found.tests[other].p_corrected <= one.p_corrected
    by_number = sorted(significant, key=lambda one: len(one.conditional_on))
    assert [len(one.conditional_on) for one in by_number] == list(range(len(significant)))


def test_the_frame_is_sorted_by_the_number_that_is_acted_on():
    frame = screen(sweep_matrix(published_facts()), NullDistribution(runs=49)).frame()
    known = frame["p_corrected"].dropna()
    assert list(known) == sorted(known)
    assert set(frame["parameter"]) == set(published_facts().space.parameters)
    assert (frame["tier"] == [tier(p) for p in frame["p_corrected"]]).all()
