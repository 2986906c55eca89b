"""Rank correlations of numbers: n, sign, interval."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.sweep_tables import MIXED, noise_table, published_facts, random_rows, sweep_table
from latentlab.reporting.formatting import trend
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.audit.results import attainable_findings
from latentlab.search.effects.rank_correlations import rank_correlations
from latentlab.search.matrix import sweep_matrix
from latentlab.statistics.intervals import spearman_interval

SETTINGS = AnalysisSettings()


def test_rho_and_n_are_scipys_over_the_rows_that_have_the_parameter():
    table = published_facts()
    found = rank_correlations(sweep_matrix(table).finished, SETTINGS).set_index("parameter")
    assert dict(found["n"]) == {"rate": 20, "smoothing": 20, "depth": 15, "dropout": 5}
    assert list(found.index[found["conditional"]].sort_values()) == ["depth", "dropout"]
    for name in found.index:
        have = table.parameters[name].notna()
        x, y = table.parameters.loc[have, name], table.outcomes.loc[have, "score"]
        expected = scipy.stats.spearmanr(x, y)
        assert found.loc[name, "rho"] == pytest.approx(expected.statistic)
    # A description: whether a parameter matters is what the screening says.
    assert not [name for name in found.columns if name.startswith("p")]
    assert found["n_adaptive"]["rate"] == 10


def test_rows_that_were_not_adaptive_stand_beside():
    table = published_facts()
    found = rank_correlations(sweep_matrix(table).finished, SETTINGS).set_index("parameter")
    first = table.parameters["rate"][:10], table.outcomes["score"][:10]
    assert found["rho_not_adaptive"]["rate"] == pytest.approx(scipy.stats.spearmanr(*first)[0])
    unadaptive = rank_correlations(sweep_matrix(noise_table(20, 0)).finished, SETTINGS)
    assert unadaptive["rho_not_adaptive"].isna().all()


def test_a_minimised_objective_turns_the_words_not_rho():
    rows = random_rows(MIXED, 30, 1)
    losses = np.array([row["width"] for row in rows])
    found = rank_correlations(
        sweep_matrix(sweep_table(MIXED, rows, losses, direction="minimize")).finished, SETTINGS
    )
    width = found.set_index("parameter").loc["width"]
    assert width["rho"] == pytest.approx(1)
    assert width["trend"] == "decrease helps"
    assert np.isnan(width["low"])
    assert trend(0.0, 1.0) == "none"


def test_ordered_choices_are_numbers():
    rows = random_rows(MIXED, 40, 2)
    values = [-np.log(row["batch"]) for row in rows]
    found = rank_correlations(
        sweep_matrix(sweep_table(MIXED, rows, values)).finished, SETTINGS
    ).set_index("parameter")
    assert found.loc["batch", "rho"] == pytest.approx(-1)
    assert "pooling" not in found.index


def test_interval_of_rho_covers():
    # Bivariate normal with correlation r has rank correlation 6 / pi asin(r / 2).
    rng = np.random.default_rng(11)
    r, n, draws = 0.5, 20, 1_500
    x = rng.normal(size=(draws, n))
    y = r * x + np.sqrt(1 - r**2) * rng.normal(size=(draws, n))
    rho = 6 / np.pi * np.arcsin(r / 2)
    ranks_x, ranks_y = (scipy.stats.rankdata(v, axis=1) - (n + 1) / 2 for v in (x, y))
    found = (ranks_x * ranks_y).sum(axis=1) / (n * (n**2 - 1) / 12)
    ends = np.array([spearman_interval(float(one), n, 0.95) for one in found])
    covered = np.mean((ends[:, 0] <= rho) & (rho <= ends[:, 1]))
    assert 0.935 <= covered <= 0.975
    # The variance without Bonett and Wright's term covers less: the test can tell.
    half = 1.96 / np.sqrt(n - 3)
    naive = np.abs(np.arctanh(found) - np.arctanh(rho)) <= half
    assert naive.mean() < covered


def test_a_large_rho_over_few_rows_stands_below_a_smaller_one_over_many():
    rng = np.random.default_rng(0)
    kinds = {name: MIXED[name] for name in ("width", "depth")}
    kinds["width"] = kinds["width"] | {"when": {"pooling": "max"}}
    kinds["pooling"] = MIXED["pooling"]
    rows, values = [], []
    for number in range(40):
        row = {"depth": 2 + number % 5, "pooling": "max" if number < 5 else "mean"}
        values.append(row["depth"] + 1.5 * rng.normal())
        rows.append(row)
    for row, place in zip(rows[:5], np.argsort(np.argsort(values[:5])), strict=True):
        row["width"] = 1.0 + place / 10
    rows[0]["width"], rows[1]["width"] = rows[1]["width"], rows[0]["width"]
    found = rank_correlations(sweep_matrix(sweep_table(kinds, rows, values)).finished, SETTINGS)
    assert found["parameter"].tolist() == ["depth", "width"]
    depth, width = found.to_dict("records")
    assert abs(width["rho"]) > abs(depth["rho"])
    # Two of the 120 orders of five values are the extremes.
    assert width["least_p"] == pytest.approx(2 / 120)
    assert np.isnan(depth["least_p"])
    # Two correlations at .05 need .025 each, four .0125.
    assert attainable_findings(found) == []
    four = pd.concat([found, found.assign(parameter="other")])
    assert [one.about for one in attainable_findings(four)][:1] == ["width"]
