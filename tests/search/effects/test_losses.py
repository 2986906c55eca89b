"""Failures by choice, replicates, and the winner's lead."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.sweep_tables import CONDITIONAL, MIXED, random_rows, sweep_table
from latentlab.core.errors import UserError
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.effects.failures import failure_tests, failures, imbalance_p
from latentlab.search.effects.selection_bias import winner
from latentlab.search.matrix import sweep_matrix
from latentlab.statistics.selection_bias import expected_highest_normal

SETTINGS = AnalysisSettings()


@pytest.fixture
def lossy():
    rows = random_rows(CONDITIONAL, 40, 1)
    state = np.full(40, "complete", dtype=object)
    context = [number for number, row in enumerate(rows) if row["encoder"] == "context"]
    state[context[:9]] = "diverged"
    state[context[9:12]] = "failed"
    state[next(n for n in range(40) if n not in context)] = "pruned"
    values = np.where(state == "complete", np.arange(40.0), np.nan)
    return sweep_table(CONDITIONAL, rows, values, state=state)


def test_every_configuration_is_counted(lossy):
    found = failures(lossy)
    total = found.iloc[0]
    assert (total["configurations"], total["diverged"], total["failed"]) == (40, 9, 3)
    assert (total["pruned"], total["complete"]) == (1, 27)
    encoders = found[found["parameter"] == "encoder"].set_index("choice")
    assert encoders.loc["cnn", "lost_share"] == 0
    assert encoders["configurations"].sum() == 40
    halves = found[found["parameter"] == "rate"]
    assert list(halves["choice"]) == ["lower half", "upper half"]
    assert halves["configurations"].sum() == 40
    assert (
        found["configurations"] == found[["complete", "pruned", "diverged", "failed"]].sum(axis=1)
    ).all()


def test_imbalance_is_fishers(lossy):
    tests = failure_tests(lossy, SETTINGS).set_index("parameter")
    counts = failures(lossy).set_index(["parameter", "choice"])
    lost = counts["diverged"] + counts["failed"]
    table = [
        [lost["encoder", c], counts.loc[("encoder", c), "configurations"] - lost["encoder", c]]
        for c in ("cnn", "context")
    ]
    assert tests.loc["encoder", "p"] == pytest.approx(scipy.stats.fisher_exact(table).pvalue)
    assert tests.loc["encoder", "holm"] < 0.05
    # Nothing was lost among the rows that have a depth.
    assert np.isnan(tests.loc["depth", "p"])


def test_imbalance_among_several_choices():
    counts = np.array([[6, 4], [1, 9], [0, 10], [0, 0]])
    p, method = imbalance_p(counts, SETTINGS)
    assert method == "fisher, drawn"
    # Freeman and Halton's p by visiting all tables with these margins.
    law = scipy.stats.multivariate_hypergeom
    tables = [(a, b, 7 - a - b) for a in range(8) for b in range(8 - a)]
    mass = np.array([law.pmf(t, [10, 10, 10], 7) for t in tables])
    exact = mass[mass <= law.pmf((6, 1, 0), [10, 10, 10], 7) * (1 + 1e-9)].sum()
    assert p == pytest.approx(exact, abs=0.004)
    # Where all tables are as likely scipy's p is an array.
    assert imbalance_p(np.array([[1, 0], [0, 1], [0, 1]]), SETTINGS)[0] == 1
    large, method = imbalance_p(counts * 30, SETTINGS)
    assert method == "chi-square"
    assert large < 1e-6


def test_nothing_lost_is_nothing_tested():
    table = sweep_table(MIXED, random_rows(MIXED, 5, 0), range(5))
    assert failure_tests(table, SETTINGS).empty


def test_all_lost_is_an_error_with_a_remedy():
    table = sweep_table(MIXED, random_rows(MIXED, 5, 0), [np.nan] * 5, state="failed")
    with pytest.raises(UserError, match="no configuration ran to its end"):
        _ = sweep_matrix(table).finished


def replicated(true, sd, seeds, seed):
    rng = np.random.default_rng(seed)
    runs = true[:, None] + sd * rng.normal(size=(len(true), seeds))
    frame = pd.DataFrame(
        {
            "configuration": np.repeat(np.arange(len(true)), seeds),
            "seed": np.tile(np.arange(seeds), len(true)),
            "state": "complete",
            "score": runs.ravel(),
        }
    )
    parameters = {"width": MIXED["width"]}
    rows = [{"width": value} for value in rng.uniform(0.5, 3.0, len(true))]
    return sweep_table(parameters, rows, runs.mean(axis=1), replicates=frame)


def test_what_a_seed_gives_to_all_is_no_lead_of_one():
    table = replicated(np.zeros(10), 0.5, 3, 0)
    kind = table.replicates.assign(score=lambda runs: runs["score"] + 7.0 * runs["seed"])
    shifted = replace(table, replicates=kind)
    (plain,), (other,) = (
        winner(one, sweep_matrix(one).finished).to_dict("records") for one in (table, shifted)
    )
    assert plain["replicate_freedom"] == 9 * 2
    assert other["replicate_sd"] == pytest.approx(plain["replicate_sd"])
    assert plain["replicate_sd"] == pytest.approx(0.5, rel=0.4)


def test_a_lead_that_seeds_alone_explain_shrinks_to_nothing():
    gaps, expected, shrunken = [], [], []
    for seed in range(40):
        table = replicated(np.zeros(20), 1.0, 3, seed)
        (row,) = winner(table, sweep_matrix(table).finished).to_dict("records")
        gaps.append(row["gap"])
        expected.append(row["expected_gap"])
        shrunken.append(row["shrunken_value"] - row["mean"])
    assert np.mean(gaps) == pytest.approx(expected_highest_normal(20) / np.sqrt(3), abs=0.1)
    assert np.mean(expected) == pytest.approx(np.mean(gaps), abs=0.1)
    assert np.mean(shrunken) < 0.3 * np.mean(gaps)


def test_the_shrunken_value_is_what_fresh_seeds_show():
    error, naive = [], []
    for seed in range(40):
        true = np.random.default_rng([9, seed]).normal(size=30)
        table = replicated(true, 1.5, 2, seed)
        (row,) = winner(table, sweep_matrix(table).finished).to_dict("records")
        error.append(row["shrunken_value"] - true[row["configuration"]])
        naive.append(row["value"] - true[row["configuration"]])
    assert abs(np.mean(error)) < 0.25
    assert np.mean(naive) > 0.8


def test_without_replicates_selection_bias_is_unknown():
    table = sweep_table(MIXED, random_rows(MIXED, 8, 0), range(8), direction="minimize")
    (row,) = winner(table, sweep_matrix(table).finished).to_dict("records")
    assert (row["configuration"], row["value"], row["gap"]) == (0, 0, 3.5)
    unknown = ("replicate_sd", "expected_gap", "noise_share", "shrunken_value")
    assert all(np.isnan(row[name]) for name in unknown)
