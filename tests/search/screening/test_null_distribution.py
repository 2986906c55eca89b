"""Null replicates: permutations, the sampler run again, and how they are kept."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.refinement import PARAMETERS, random_table, refined_table, settings, table_of
from latentlab.search.matrix import sweep_matrix
from latentlab.search.screening import NullDistribution, screen
from latentlab.search.screening.null_replicates import NullReplicates, Schedule, simulate
from latentlab.search.simulated_sweep import no_effect, simulated_sweep
from latentlab.search.space import Space

SPACE = Space(parameters=PARAMETERS)
SHORT = Schedule(8, (4, 4, 4), tuple(range(1, 13)))


@pytest.fixture(scope="module")
def replicates():
    return simulate(SPACE, SHORT, 5, seed=0)


def test_a_null_replicate_has_the_sweeps_scores_in_random_order(replicates):
    assert (np.sort(replicates.scores, axis=1) == np.arange(1, 13)).all()
    assert len({tuple(row) for row in replicates.scores}) == 5


def test_conditions_hold_in_null_replicates(replicates):
    encoder, depth = replicates.positions["encoder"], replicates.positions["depth"]
    assert (np.isnan(depth) == (encoder == 1)).all()
    for positions in replicates.positions.values():
        assert np.nanmin(positions) >= 0
        assert np.nanmax(positions) <= 1


def test_the_same_seed_gives_the_same_studies(replicates):
    again = simulate(SPACE, SHORT, 5, seed=0)
    other = simulate(SPACE, SHORT, 5, seed=1)
    assert (again.positions["width"] == replicates.positions["width"]).all()
    assert (other.positions["width"] != replicates.positions["width"]).all()


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
    found = refined_table(
        table_of(kind, rows, scores), "aggressive", NullDistribution(permutations=4_999)
    )
    normal = scipy.stats.norm.ppf((np.arange(1, 9) - 0.375) / 8.25)
    sums = np.array([sum(c) for c in itertools.combinations(normal, 4)])
    observed = abs(sum(normal[int(s) - 1] for s in scores[:4]))
    exact = (np.abs(sums) >= observed - 1e-9).mean()
    assert found.of("kind").p == pytest.approx(exact, abs=0.02)


def test_the_kind_of_null_follows_the_sampler():
    fixed = random_table(PARAMETERS, lambda row: 0.0, n=12)
    assert Schedule.of(sweep_matrix(fixed)) is None
    adaptive = simulated_sweep(settings("tpe", 12, startup=5, cohort=4), no_effect, 0)
    schedule = Schedule.of(sweep_matrix(adaptive))
    assert (schedule.startup, schedule.cohorts) == (5, (4, 4, 4))
    # A TPE sweep that never left its startup is a fixed design.
    early = simulated_sweep(settings("tpe", 12, startup=16), no_effect, 0)
    assert Schedule.of(sweep_matrix(early)) is None


def test_ties_are_kept_in_the_null():
    table = table_of(
        {"width": PARAMETERS["width"]},
        [{"width": 1.0 + k / 10} for k in range(6)],
        [0.3, 0.1, 0.3, 0.3, 0.5, 0.2],
        sampler="tpe",
        adaptive=[False, False, True, True, True, True],
        cohort=[0, 0, 1, 1, 2, 2],
    )
    schedule = Schedule.of(sweep_matrix(table))
    assert schedule.scores == (1, 2, 4, 4, 4, 6)
    untied = Schedule(2, (2, 2, 2), tuple(range(1, 7)))
    assert schedule.digest(table.space) != untied.digest(table.space)


def test_what_does_not_count_is_said():
    table = table_of(
        {"width": PARAMETERS["width"]},
        [{"width": 1.0 + k / 10} for k in (0, 1, 2, 3, 4, 5, 6, 0)],
        [1 / 3, 2**0.5, 9.0, 8.0, np.nan, np.nan, np.pi, 1 / 3],
        state=["complete"] * 2 + ["pruned"] * 2 + ["diverged", "failed"] + ["complete"] * 2,
        epochs=[8, 8, 2, 4, 1, 0, 8, 8],
    )
    told = " ".join(screen(sweep_matrix(table), NullDistribution(permutations=19)).notes)
    for part in ("1 failed", "1 diverged", "2 configurations stopped early", "value: 1 config"):
        assert part in told


def long_sweep(n):
    rng = np.random.default_rng(0)
    rows = [{"width": float(w)} for w in rng.uniform(0.5, 3, n)]
    return table_of(
        {"width": PARAMETERS["width"]}, rows, rng.random(n), sampler="tpe", adaptive=[True] * n
    )


def test_a_long_adaptive_sweep_is_cut():
    found = screen(sweep_matrix(long_sweep(320)), NullDistribution(runs=1))
    assert len(found.rows) == 300
    assert found.tests["width"].rows == 300
    assert "Only the first 300 of 320" in found.notes[0]


@pytest.mark.parametrize(
    ("minutes", "runs", "rows"), [(None, 149, 300), (3, 149, 300), (1.5, 99, 300), (0.2, 49, 87)]
)
def test_time_is_bounded_by_fewer_runs_and_then_by_fewer_configurations(
    monkeypatch, minutes, runs, rows
):
    asked = []

    def noise(space, schedule, count, seed):
        asked.append((count, schedule.configurations))
        scores = np.tile(schedule.scores, (count, 1))
        positions = np.random.default_rng(seed).random(scores.shape)
        return NullReplicates(dict.fromkeys(space.parameters, positions), scores)

    monkeypatch.setattr("latentlab.search.screening.null_distribution.simulate", noise)
    found = screen(sweep_matrix(long_sweep(320)), NullDistribution(minutes=minutes))
    assert asked == [(runs, rows)]
    assert found.replicates == runs


@pytest.fixture
def adaptive_table():
    return simulated_sweep(settings("tpe", 12, startup=5, cohort=4), no_effect, 0)


def test_null_replicates_are_kept_in_a_file(tmp_path, adaptive_table, monkeypatch):
    first = refined_table(adaptive_table, "aggressive", NullDistribution(tmp_path, runs=9))
    assert len(list(tmp_path.glob("noise_*.npz"))) == 1

    def never(*_):
        raise AssertionError("the sampler was run again")

    monkeypatch.setattr("latentlab.search.screening.null_distribution.simulate", never)
    again = refined_table(adaptive_table, "aggressive", NullDistribution(tmp_path, runs=9))
    assert again.frame().equals(first.frame())
    # Other scores, same order statistics: the same file serves.
    other = simulated_sweep(settings("tpe", 12, startup=5, cohort=4), no_effect, 1)
    assert refined_table(other, "conservative", NullDistribution(tmp_path, runs=9)).rows == 12
    with pytest.raises(AssertionError, match="run again"):
        refined_table(adaptive_table, "aggressive", NullDistribution(tmp_path, runs=19))


def test_a_broken_file_is_replaced(tmp_path, adaptive_table):
    first = refined_table(adaptive_table, "aggressive", NullDistribution(tmp_path, runs=9))
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    again = refined_table(adaptive_table, "aggressive", NullDistribution(tmp_path, runs=9))
    assert again.frame().equals(first.frame())
    assert list(tmp_path.iterdir()) == [file]
    pd.testing.assert_frame_equal(
        refined_table(adaptive_table, "aggressive", NullDistribution(tmp_path, runs=9)).frame(),
        first.frame(),
    )


def test_one_object_runs_the_sampler_once(adaptive_table, monkeypatch):
    null = NullDistribution(runs=9)
    refined_table(adaptive_table, "aggressive", null)
    monkeypatch.setattr("latentlab.search.screening.null_distribution.simulate", None)
    refined_table(adaptive_table, "conservative", null)


def test_few_rows_are_tested_in_all_orders():
    kind = {"kind": {"type": "categorical", "choices": ["a", "b"]}}
    rows = [{"kind": "a"}] * 3 + [{"kind": "b"}] * 3
    found = screen(sweep_matrix(table_of(kind, rows, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0])))
    # Two of the 20 ways to share the ranks out are as far apart.
    assert found.replicates == 719
    assert found.tests["kind"].p == pytest.approx(2 / 20)
