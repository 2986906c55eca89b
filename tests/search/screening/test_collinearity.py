"""Parameters that vary together are named as a pair, and nothing is done about one of them."""

import numpy as np
import pytest

from labs.sweep_tables import CONDITIONAL, MIXED, noise_table, sweep_table
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.matrix import sweep_matrix
from latentlab.search.refine import refine
from latentlab.search.report.composition import SweepReport
from latentlab.search.screening import NullDistribution, screen
from latentlab.search.screening.collinearity import collinear_pairs

FLOATS = {name: {"type": "float", "low": 0, "high": 1} for name in ("x", "y", "z")}
SETTINGS = AnalysisSettings(bootstraps=20, null_draws=400, fanova_rows=10, resamples=999)


def table(apart, seed=3, n=60):
    """A sweep in which x matters and y follows it up to some noise."""
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(size=(2, n))
    y = np.clip(x + apart * rng.normal(size=n), 0, 1)
    rows = [dict(zip("xyz", row, strict=True)) for row in np.stack([x, y, z], axis=1).tolist()]
    return sweep_table(FLOATS, rows, 3 * x + 0.5 * rng.normal(size=n))


@pytest.mark.parametrize("apart", [0, 0.02])
def test_two_that_cannot_be_told_apart_are_a_pair_and_stay(apart):
    sweep = table(apart)
    analysis = analyse(sweep, SETTINGS, NullDistribution(permutations=999))
    lines = SweepReport("t", sweep, analysis).document().summary
    (told,) = [line for line in lines if "cannot be told apart" in line]
    assert told.startswith(f"x and y varied together (rho {1 if apart == 0 else 0.996}")
    assert not any("These matter" in line for line in lines)
    (finding,) = [one for one in analysis.findings if one.rule == "D09"]
    assert finding.about == "x, y"
    for mode in ("conservative", "aggressive"):
        refined = refine(analysis.screening, mode)
        assert not refined.changed
        (kept,) = [one for one in refined.decisions if one.rule == "collinear parameters"]
        assert kept.parameter in "xy"
        assert f"varied together with {'yx'['xy'.index(kept.parameter)]} (rho" in kept.reason


def test_one_that_shows_given_the_other_is_told_apart_and_acted_on():
    screening = screen(sweep_matrix(table(0.1, n=120)), NullDistribution(permutations=999))
    (pair,) = screening.collinear
    assert (pair.first, pair.second, pair.inseparable) == ("x", "y", ())
    assert refine(screening, "conservative").of("x").changes_something


def test_choices_and_numbers_that_go_together():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(40):
        place = int(rng.integers(3))
        rows.append(
            {
                "pooling": ["mean", "max", "last"][place],
                "width": 0.6 + 0.8 * place + 0.1 * float(rng.uniform()),
                "scheduler": bool(rng.integers(2)),
            }
        )
    kinds = {name: MIXED[name] for name in ("pooling", "width", "scheduler")}
    kinds["copy"] = {"type": "categorical", "choices": ["a", "b", "c"]}
    for row in rows:
        row["copy"] = {"mean": "a", "max": "b", "last": "c"}[row["pooling"]]
    pairs = collinear_pairs(sweep_matrix(sweep_table(kinds, rows, rng.normal(size=40))))
    found = {(one.first, one.second): one.measure for one in pairs}
    assert found == {
        ("pooling", "width"): "eta",
        ("pooling", "copy"): "V",
        ("width", "copy"): "eta",
    }
    assert all(one.value > 0.9 for one in pairs)


@pytest.mark.parametrize("parameters", [MIXED, CONDITIONAL])
def test_independent_parameters_are_seldom_a_pair(parameters):
    tables = (noise_table(9 + seed % 12, seed, parameters) for seed in range(50))
    assert sum(bool(collinear_pairs(sweep_matrix(one))) for one in tables) <= 1
