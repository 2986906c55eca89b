"""How often an analysis of pure noise calls anything significant."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.sweep_tables import noise_table
from latentlab.core.arrays import Array
from latentlab.search.analysis.boundaries import boundaries
from latentlab.search.analysis.choices import categorical_summary
from latentlab.search.analysis.directions import directions
from latentlab.search.analysis.elites import elite_rows
from latentlab.search.analysis.noise import (
    evidence_on_noise,
    familywise,
    null_shares,
    on_noise,
)
from latentlab.search.analysis.observations import observe
from latentlab.search.analysis.settings import AnalysisSettings
from latentlab.search.analysis.sweep_analysis import main_tests

# Many times what short tests run once: a tracer would only make it longer.
pytestmark = pytest.mark.no_cover

SWEEPS = 300
SETTINGS = AnalysisSettings(resamples=1_999)


@pytest.fixture(scope="module")
def families():
    return [main_tests(observe(noise_table(20, seed)), SETTINGS) for seed in range(SWEEPS)]


def more_often_than(share, called):
    """P-value of so many sweeps or more, where the share is the true one."""
    return scipy.stats.binomtest(int(called), SWEEPS, share, alternative="greater").pvalue


def test_at_most_one_in_twenty_has_a_high_tier(families):
    called = sum((one["tier"] == "high").any() for one in families)
    assert called > 0
    assert more_often_than(0.05, called) > 0.01


def test_at_most_one_in_ten_has_any_tier(families):
    called = sum(one["tier"].isin(["high", "moderate"]).any() for one in families)
    assert more_often_than(0.10, called) > 0.01


def test_uncorrected_one_in_four_would(families):
    # What the correction is for, and proof that the two tests above can fail.
    called = sum((one["p"] < 0.05).any() for one in families)
    assert called / SWEEPS > 0.2
    assert more_often_than(0.10, called) < 1e-6


def test_single_tests_keep_their_level(families):
    p = np.concatenate([one["p"].to_numpy() for one in families])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.011)
    assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.03)


@dataclass
class Simulated:
    positions: dict[str, Array]
    scores: Array


@pytest.fixture(scope="module")
def simulated():
    """Random search on noise, as if it were an adaptive sampler's."""
    tables = [observe(noise_table(20, 10_000 + seed)) for seed in range(99)]
    positions = {}
    for name, column in tables[0].columns.items():
        places = np.stack([one.columns[name].positions for one in tables])
        low, high = column.ends
        positions[name] = places if column.choices else (places - low) / (high - low)
    return Simulated(positions, np.stack([one.scores for one in tables]))


def test_p_values_on_noise_agree_with_permutation_where_both_hold(simulated):
    rows = observe(noise_table(20, 1))
    for table in (directions(rows, SETTINGS), categorical_summary(rows, SETTINGS)):
        other = on_noise(table, evidence_on_noise(rows, simulated))
        assert other["p"].to_numpy() == pytest.approx(table["p"].to_numpy(), abs=0.15)
        assert set(other["method"]) == {"sampler on noise"}
        assert other["attainable_p"].to_numpy() == pytest.approx(1 / 100)


def test_a_real_effect_is_rarer_than_all_noise(simulated):
    table = noise_table(20, 2)
    table.outcomes["score"] += 20 * table.parameters["width"]
    rows = observe(table)
    evidence = evidence_on_noise(rows, simulated)
    found = on_noise(directions(rows, SETTINGS), evidence).set_index("parameter")
    assert found.loc["width", "p"] == pytest.approx(1 / 100)
    # Corrected with all others it is as rare: no p is lost to the number of tests.
    assert familywise(evidence)["width"] == pytest.approx(1 / 100)


def test_the_familywise_p_holds_on_noise_and_is_the_step_down_minimum(simulated):
    """Each sweep on noise against the others: any p of the family below .05 in 5 % of them."""
    rows = observe(noise_table(20, 3))
    evidence = evidence_on_noise(rows, simulated)
    smallest = []
    for place in range(len(evidence)):
        turned = pd.concat([evidence.iloc[[place]], evidence.drop(index=place)])
        smallest.append(min(p for p in familywise(turned).values() if np.isfinite(p)))
    # Exchangeable rows: the ranks are uniform, but for ties.
    assert np.mean(np.array(smallest) <= 0.05) == pytest.approx(0.05, abs=0.011)
    found = familywise(evidence)
    own = evidence.iloc[0].sort_values()
    second = own.index[1]
    left = evidence.drop(columns=own.index[0]).fillna(1.0)
    brute = np.mean(left.min(axis=1) <= own.iloc[1] * (1 + 1e-9))
    assert found[second] == pytest.approx(max(brute, found[own.index[0]]))


def test_shares_at_bounds_on_noise_are_the_uniform_chance(simulated):
    rows = observe(noise_table(20, 3))
    shares = null_shares(rows.columns, simulated, SETTINGS)
    found = boundaries(rows, SETTINGS, shares)
    assert found["chance"].to_numpy() == pytest.approx(found["chance_uniform"].to_numpy(), abs=0.04)
    elite = elite_rows(simulated.scores[0], 0.25)
    brute = np.mean(simulated.positions["depth"][0][elite] >= 0.9)
    assert shares["depth", "high"][0] == pytest.approx(brute)
