"""Elites, their base rates, their spans, and bounds."""

import itertools

import numpy as np
import pytest
import scipy.stats

from labs.sweep_tables import MIXED, noise_table, published_facts, sweep_table
from latentlab.search.analysis.boundaries import boundaries, near_bound, uniform_chance
from latentlab.search.analysis.columns import columns_of
from latentlab.search.analysis.elites import (
    elite_choices,
    elite_rows,
    elite_spans,
    hypergeometric_p,
    span_p,
    top_counts,
)
from latentlab.search.analysis.observations import observe
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.search.refinement.ranks import elites as elites_of_refinement
from latentlab.search.sampling import value_at
from latentlab.search.space import Space

SETTINGS = AnalysisSettings()


@pytest.mark.parametrize("seed", range(30))
def test_refinement_has_the_same_elites(seed):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=int(rng.integers(3, 40))), int(rng.integers(0, 3)))
    share = float(rng.choice([0.1, 0.25, 0.5]))
    assert np.array_equal(elite_rows(scores, share), elites_of_refinement(scores[None], share)[0])


def test_ties_at_the_cut_stay_out_where_they_are_most_rows():
    scores = np.array([5.0, 4, 3, 3, 3, 3, 3, 3, 3, 1, 0, 0])
    assert elite_rows(scores, 0.25).sum() == 2
    assert elite_rows(np.zeros(8), 0.25).sum() == 0
    assert elite_rows(np.array([2.0, 1, 1, 0, 0, 0, 0, 0]), 0.25).sum() == 3


def test_rows_that_count_several_times_are_rows_written_several_times():
    rng = np.random.default_rng(0)
    scores = np.round(rng.normal(size=15), 1)
    counts = rng.multinomial(15, np.full(15, 1 / 15), size=40)
    found = top_counts(scores, counts, 0.25)
    for row, count in zip(found, counts, strict=True):
        written = np.repeat(np.arange(15), count)
        elite = elite_rows(scores[written], 0.25)
        assert np.array_equal(row, np.bincount(written[elite], minlength=15))


def test_the_reports_unanimity_is_what_chance_gives():
    table = published_facts()
    found = elite_choices(observe(table), SETTINGS).set_index("choice")
    cnn = found.loc["cnn"]
    assert (cnn["elites"], cnn["elite_rows"], cnn["n"], cnn["rows"]) == (5, 5, 15, 20)
    # 15 choose 5 of 20 choose 5: "100 % of the elites" happens by chance in one of five sweeps.
    assert cnn["p_more"] == pytest.approx(3003 / 15504)
    assert cnn["p"] == pytest.approx(2 * 3003 / 15504)
    assert cnn["adaptive_share"] == 0.5
    assert found.loc["context", "p_fewer"] == pytest.approx(3003 / 15504)


def test_hypergeometric_tails_are_scipys():
    for elites in range(6):
        more, fewer = hypergeometric_p(elites, 20, 8, 5)
        assert more == pytest.approx(scipy.stats.hypergeom.sf(elites - 1, 20, 8, 5))
        assert fewer == pytest.approx(scipy.stats.hypergeom.cdf(elites, 20, 8, 5))


def test_conditional_choices_have_the_base_rate_of_their_own_rows():
    found = elite_choices(observe(published_facts()), SETTINGS)
    coordinates = found[found["parameter"] == "coordinates"]
    assert (coordinates["rows"] == 15).all()
    assert coordinates["n"].sum() == 15


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("drawn", [2, 3, 5])
def test_span_p_by_brute_force(drawn, tied):
    positions = np.random.default_rng(drawn).normal(size=9)
    if tied:
        positions = np.round(positions)
    spans = [np.ptp(pick) for pick in itertools.combinations(positions, drawn)]
    for span in (0.0, 0.7, 1.0, max(spans)):
        assert span_p(positions, drawn, span) == pytest.approx(np.mean(np.array(spans) <= span))
    assert np.isnan(span_p(positions, 1, 0.0))


def test_span_of_the_elites_is_in_the_units_of_the_search():
    rows = [{"rate": 10.0**-k} for k in (5, 4.5, 4, 3.5, 3, 2.5, 2, 2)]
    parameters = {"rate": MIXED["rate"]}
    table = sweep_table(parameters, rows, [0, 0, 5, 4, 0.5, 0.2, 0.1, 0.3])
    (row,) = elite_spans(observe(table), SETTINGS).to_dict("records")
    assert (row["elite_low"], row["elite_high"]) == pytest.approx((1e-4, 10**-3.5))
    assert row["span_share"] == pytest.approx(0.5 / 3)
    assert (row["low"], row["high"]) == pytest.approx((1e-5, 1e-2))


BOUNDED = {
    "real": {"type": "float", "low": 0.5, "high": 3.0},
    "rate": MIXED["rate"],
    "stepped": {"type": "float", "low": 0.0, "high": 1.05, "step": 0.1},
    "depth": MIXED["depth"],
    "even": {"type": "int", "low": 2, "high": 33, "step": 2},
    "units": {"type": "int", "low": 1, "high": 300, "log": True},
    "layers": {"type": "int", "low": 1, "high": 8, "log": True},
    "batch": MIXED["batch"],
}


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("side", ["low", "high"])
def test_uniform_chance_is_how_often_random_search_comes_near(name, side):
    space = Space(parameters={name: BOUNDED[name]})
    shares = (np.arange(20_000) + 0.5) / 20_000
    rows = [{name: value_at(space.parameters[name], share)} for share in shares]
    column = columns_of(sweep_table({name: BOUNDED[name]}, rows, shares))[name]
    near = near_bound(column, side, 0.1).mean()
    assert uniform_chance(column, side, 0.1) == pytest.approx(near, abs=2e-4)


def test_whole_numbers_are_at_a_bound_more_often_than_a_tenth_of_the_time():
    column = columns_of(noise_table(5, 0))["depth"]
    assert uniform_chance(column, "high", 0.1) == pytest.approx(0.2)


def test_boundary_p_is_that_of_the_rows_that_were_tried():
    table = noise_table(60, 3)
    rows = observe(table)
    found = boundaries(rows, SETTINGS)
    elite = elite_rows(rows.scores, 0.25)
    for row in found.itertuples():
        values = table.parameters[row.parameter].astype(float).to_numpy()
        near = (values >= row.zone_low * (1 - 1e-9)) & (values <= row.zone_high * (1 + 1e-9))
        assert (row.rows_near, row.elites_near) == (near.sum(), (near & elite).sum())
        expected = scipy.stats.hypergeom.sf(row.elites_near - 1, 60, near.sum(), 15)
        assert row.p == pytest.approx(expected)
        assert row.chance_from == "rows"
        assert row.bound in (row.zone_low, row.zone_high)


def test_an_adaptive_sampler_needs_its_own_chance():
    rows = observe(published_facts())
    unknown = boundaries(rows, SETTINGS)
    assert (unknown["chance_from"] == "unknown").all()
    assert unknown["p"].isna().all()
    simulated = {
        (row.parameter, row.side): np.array([row.share, row.share - 0.1, np.nan, -1.0])
        for row in unknown.itertuples()
    }
    known = boundaries(rows, SETTINGS, simulated)
    assert (known["chance_from"] == "sampler on noise").all()
    # One of the three sweeps that have a share reaches it, and so does this one.
    assert known["p"].dropna().to_numpy() == pytest.approx(2 / 4)


def test_an_optimum_at_a_bound_is_found():
    table = noise_table(80, 4)
    width = table.parameters["width"].to_numpy()
    table.outcomes["score"] += 5 * width
    found = boundaries(observe(table), SETTINGS).set_index(["parameter", "side"])
    assert found.loc[("width", "high"), "holm"] < 0.05
    assert found.drop(("width", "high"))["holm"].min() > 0.05
