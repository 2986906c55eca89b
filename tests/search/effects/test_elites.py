"""Elites, their base rates, their spans, and bounds."""

import numpy as np
import pytest

from labs.sweep_tables import MIXED, noise_table, published_facts, sweep_table
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.columns import columns_of
from latentlab.search.effects.bounds import bounds, near_bound, uniform_chance
from latentlab.search.effects.elites import elite_choices, elite_counts, elite_spans
from latentlab.search.matrix import sweep_matrix
from latentlab.search.sampling import value_at
from latentlab.search.screening import NullDistribution, screen
from latentlab.search.space import Space
from latentlab.statistics.ranks import best_rows

SETTINGS = AnalysisSettings()


def best(scores, share):
    return best_rows(np.asarray(scores, dtype=float)[None], share)[0]


def test_ties_at_the_cut_stay_out_where_they_are_most_rows():
    assert best([5, 4, 3, 3, 3, 3, 3, 3, 3, 1, 0, 0], 0.25).sum() == 2
    assert best(np.zeros(8), 0.25).sum() == 0
    assert best([2, 1, 1, 0, 0, 0, 0, 0], 0.25).sum() == 3


def test_rows_that_count_several_times_are_rows_written_several_times():
    rng = np.random.default_rng(0)
    scores = np.round(rng.normal(size=15), 1)
    counts = rng.multinomial(15, np.full(15, 1 / 15), size=40)
    found = elite_counts(scores, counts, 0.25)
    for row, count in zip(found, counts, strict=True):
        written = np.repeat(np.arange(15), count)
        elite = best(scores[written], 0.25)
        assert np.array_equal(row, np.bincount(written[elite], minlength=15))


def test_the_reports_unanimity_stands_beside_its_base_rate():
    table = published_facts()
    found = elite_choices(sweep_matrix(table).finished, SETTINGS).set_index("choice")
    cnn = found.loc["cnn"]
    assert (cnn["elites"], cnn["elite_rows"], cnn["n"], cnn["rows"]) == (5, 5, 15, 20)
    assert (cnn["elite_share"], cnn["base_share"], cnn["expected"]) == (1, 0.75, 3.75)
    assert cnn["adaptive_share"] == 0.5
    assert found.loc["context", "elite_share"] == 0


def test_conditional_choices_have_the_base_rate_of_their_own_rows():
    found = elite_choices(sweep_matrix(published_facts()).finished, SETTINGS)
    coordinates = found[found["parameter"] == "coordinates"]
    assert (coordinates["rows"] == 15).all()
    assert coordinates["n"].sum() == 15


def test_span_of_the_elites_is_in_the_units_of_the_search():
    rows = [{"rate": 10.0**-k} for k in (5, 4.5, 4, 3.5, 3, 2.5, 2, 2)]
    parameters = {"rate": MIXED["rate"]}
    table = sweep_table(parameters, rows, [0, 0, 5, 4, 0.5, 0.2, 0.1, 0.3])
    (row,) = elite_spans(sweep_matrix(table).finished, SETTINGS).to_dict("records")
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


def bounds_of(table, null=None):
    matrix = sweep_matrix(table)
    screening = screen(matrix, null or NullDistribution(permutations=99))
    return bounds(matrix.finished, SETTINGS, screening)


def test_shares_at_bounds_are_those_of_the_rows():
    table = noise_table(60, 3)
    elite = sweep_matrix(table).elites(0.25)
    for row in bounds_of(table).itertuples():
        values = table.parameters[row.parameter].astype(float).to_numpy()
        near = (values >= row.zone_low * (1 - 1e-9)) & (values <= row.zone_high * (1 + 1e-9))
        assert (row.rows_near, row.elites_near) == (near.sum(), (near & elite).sum())
        assert row.share == pytest.approx((near & elite).sum() / elite.sum())
        assert (row.chance, row.chance_from) == (near.sum() / 60, "rows")
        assert row.bound in (row.zone_low, row.zone_high)


def test_an_adaptive_sampler_needs_its_own_chance():
    found = bounds_of(published_facts(), NullDistribution(runs=49))
    assert (found["chance_from"] == "sampler on noise").all()
    assert found["chance"].between(0, 1).all()


def test_the_chance_on_noise_counts_ordered_choices_by_their_place():
    # Rows that the sampler took from a quasi-random start: on noise a quarter lie at each end.
    rng = np.random.default_rng(7)
    rows = [{"batch": int(rng.choice([8, 16, 32, 64]))} for _ in range(40)]
    table = sweep_table(
        {"batch": MIXED["batch"]},
        rows,
        rng.normal(size=40),
        sampler="tpe",
        adaptive=np.arange(40) >= 38,
    )
    found = bounds_of(table, NullDistribution(runs=99))
    assert found["chance"].to_numpy() == pytest.approx([0.25, 0.25], abs=0.06)


def test_an_optimum_at_a_bound_stands_out():
    table = noise_table(80, 4)
    table.outcomes["score"] += 5 * table.parameters["width"].to_numpy()
    found = bounds_of(table).set_index(["parameter", "side"])
    high = found.loc[("width", "high")]
    assert high["share"] > 3 * high["chance"]
