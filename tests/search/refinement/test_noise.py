"""Studies of noise: permutations, the sampler run again, and how they are kept."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.refinement import PARAMETERS, random_table, settings, table_of
from latentlab.search.refinement import Nulls, refine
from latentlab.search.refinement.null_model import Schedule, simulate
from latentlab.search.refinement.observed import MOST_RERUN, observe
from latentlab.search.refinement.simulated import no_effect, simulated_sweep
from latentlab.search.space import Space

SPACE = Space(parameters=PARAMETERS)
SHORT = Schedule(8, (4, 4, 4), tuple(range(1, 13)))


@pytest.fixture(scope="module")
def studies():
    return simulate(SPACE, SHORT, 5, seed=0)


def test_a_study_of_noise_has_the_sweeps_scores_in_random_order(studies):
    assert (np.sort(studies.scores, axis=1) == np.arange(1, 13)).all()
    assert len({tuple(row) for row in studies.scores}) == 5


def test_conditions_hold_in_studies_of_noise(studies):
    encoder, depth = studies.positions["encoder"], studies.positions["depth"]
    assert (np.isnan(depth) == (encoder == 1)).all()
    for positions in studies.positions.values():
        assert np.nanmin(positions) >= 0
        assert np.nanmax(positions) <= 1


def test_the_same_seed_gives_the_same_studies(studies):
    again = simulate(SPACE, SHORT, 5, seed=0)
    other = simulate(SPACE, SHORT, 5, seed=1)
    assert (again.positions["width"] == studies.positions["width"]).all()
    assert (other.positions["width"] != studies.positions["width"]).all()


def test_the_sampler_learns_from_noise():
    # After the startup it comes back to where it was lucky: its values are closer together.
    schedule = Schedule(8, (4,) * 8, tuple(range(1, 33)))
    found = simulate(Space(parameters={"width": PARAMETERS["width"]}), schedule, 12, seed=2)
    width = found.positions["width"]
    early, late = width[:, :8].std(axis=1), width[:, -8:].std(axis=1)
    assert (late < early).mean() > 0.8


def test_a_cohort_does_not_know_its_own_scores():
    # Exchanging scores within a cohort can change later configurations only.
    space = Space(parameters={"width": PARAMETERS["width"]})
    together = simulate(space, Schedule(0, (6,), tuple(range(1, 7))), 1, seed=3)
    other = simulate(space, Schedule(0, (6,), (1, 1, 1, 1, 1, 7)), 1, seed=3)
    assert (together.positions["width"] == other.positions["width"]).all()


def test_failed_configurations_are_asked_for_and_left_out():
    schedule = Schedule(4, (4, 4), tuple(range(1, 7)), failed=(2, 5))
    found = simulate(SPACE, schedule, 2, seed=0)
    assert found.scores.shape == (2, 6)
    assert found.positions["width"].shape == (2, 6)


def test_permutations_agree_with_the_exact_distribution():
    # Two choices of four rows each: all 70 ways to share the ranks out.
    kind = {"kind": {"type": "categorical", "choices": ["a", "b"]}}
    rows = [{"kind": "a"}] * 4 + [{"kind": "b"}] * 4
    scores = [8.0, 7.0, 6.0, 3.0, 5.0, 4.0, 2.0, 1.0]
    found = refine(table_of(kind, rows, scores), "aggressive", Nulls(permutations=4_999))
    normal = scipy.stats.norm.ppf((np.arange(1, 9) - 0.375) / 8.25)
    sums = np.array([sum(c) for c in itertools.combinations(normal, 4)])
    observed = abs(sum(normal[int(s) - 1] for s in scores[:4]))
    exact = (np.abs(sums) >= observed - 1e-9).mean()
    assert found.of("kind").p == pytest.approx(exact, abs=0.02)


def test_the_kind_of_null_follows_the_sampler():
    fixed = random_table(PARAMETERS, lambda row: 0.0, n=12)
    assert observe(fixed).schedule is None
    adaptive = simulated_sweep(settings("tpe", 12, startup=5, cohort=4), no_effect, 0)
    schedule = observe(adaptive).schedule
    assert (schedule.startup, schedule.cohorts) == (5, (4, 4, 4))
    # A TPE sweep that never left its startup is a fixed design.
    early = simulated_sweep(settings("tpe", 12, startup=16), no_effect, 0)
    assert observe(early).schedule is None


def test_ties_are_kept_in_the_null():
    table = table_of(
        {"width": PARAMETERS["width"]},
        [{"width": 1.0 + k / 10} for k in range(6)],
        [0.3, 0.1, 0.3, 0.3, 0.5, 0.2],
        sampler="tpe",
        adaptive=[False, False, True, True, True, True],
        cohort=[0, 0, 1, 1, 2, 2],
    )
    schedule = observe(table).schedule
    assert schedule.scores == (1, 2, 4, 4, 4, 6)
    untied = Schedule(2, (2, 2, 2), tuple(range(1, 7)))
    assert schedule.digest(table.space) != untied.digest(table.space)


def test_states_are_ordered_and_failures_counted():
    table = table_of(
        {"width": PARAMETERS["width"]},
        [{"width": 1.0 + k / 10} for k in range(7)],
        [5.0, 1.0, 9.0, 8.0, np.nan, np.nan, np.nan],
        state=["complete", "complete", "pruned", "pruned", "diverged", "failed", "complete"],
        epochs=[8, 8, 2, 4, 1, 0, 8],
    )
    seen = observe(table)
    # Worst first: diverged (a complete run without a number is one), pruned by epochs, complete.
    assert seen.study.scores[0].tolist() == [6, 5, 3, 4, 1.5, 1.5]
    assert any("1 failed" in note for note in seen.notes)
    assert any("1 diverged" in note for note in seen.notes)


def test_smaller_is_better_where_the_objective_says_so():
    rows = [{"width": 1.0 + k / 10} for k in range(3)]
    table = table_of({"width": PARAMETERS["width"]}, rows, [3.0, 1.0, 2.0], direction="minimize")
    assert observe(table).study.scores[0].tolist() == [1, 3, 2]


def test_a_repeated_configuration_is_no_second_observation():
    kind = {"kind": {"type": "categorical", "choices": ["a", "b"]}}
    rows = [{"kind": "a"}, {"kind": "b"}, {"kind": "a"}, {"kind": "a"}]
    seen = observe(table_of(kind, rows, [1.0, 2.0, 1.0, 3.0]))
    assert seen.rows == 3
    assert any("copies" in note for note in seen.notes)


def test_a_long_adaptive_sweep_is_cut():
    n = MOST_RERUN + 20
    rng = np.random.default_rng(0)
    rows = [{"width": float(w)} for w in rng.uniform(0.5, 3, n)]
    table = table_of(
        {"width": PARAMETERS["width"]}, rows, rng.random(n), sampler="tpe", adaptive=[True] * n
    )
    seen = observe(table)
    assert seen.rows == MOST_RERUN
    assert seen.schedule.configurations == MOST_RERUN


@pytest.fixture
def adaptive_table():
    return simulated_sweep(settings("tpe", 12, startup=5, cohort=4), no_effect, 0)


def test_studies_of_noise_are_kept_in_a_file(tmp_path, adaptive_table, monkeypatch):
    first = refine(adaptive_table, "aggressive", Nulls(tmp_path, studies=9))
    assert len(list(tmp_path.glob("noise_*.npz"))) == 1

    def never(*_):
        raise AssertionError("the sampler was run again")

    monkeypatch.setattr("latentlab.search.refinement.nulls.simulate", never)
    again = refine(adaptive_table, "aggressive", Nulls(tmp_path, studies=9))
    assert again.frame().equals(first.frame())
    # Other scores, same order statistics: the same file serves.
    other = simulated_sweep(settings("tpe", 12, startup=5, cohort=4), no_effect, 1)
    assert refine(other, "conservative", Nulls(tmp_path, studies=9)).rows == 12
    with pytest.raises(AssertionError, match="run again"):
        refine(adaptive_table, "aggressive", Nulls(tmp_path, studies=19))


def test_a_broken_file_is_replaced(tmp_path, adaptive_table):
    first = refine(adaptive_table, "aggressive", Nulls(tmp_path, studies=9))
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    again = refine(adaptive_table, "aggressive", Nulls(tmp_path, studies=9))
    assert again.frame().equals(first.frame())
    assert list(tmp_path.iterdir()) == [file]
    pd.testing.assert_frame_equal(
        refine(adaptive_table, "aggressive", Nulls(tmp_path, studies=9)).frame(), first.frame()
    )


def test_one_object_runs_the_sampler_once(adaptive_table, monkeypatch):
    nulls = Nulls(studies=9)
    refine(adaptive_table, "aggressive", nulls)
    monkeypatch.setattr("latentlab.search.refinement.nulls.simulate", None)
    refine(adaptive_table, "conservative", nulls)
