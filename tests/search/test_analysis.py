"""The whole analysis: complete, reproducible, and the same for a mirrored objective."""

import numpy as np
import pandas as pd
import pytest

from labs.sweep_tables import CONDITIONAL, noise_table, published_facts, random_rows, sweep_table
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.screening import NullDistribution

SETTINGS = AnalysisSettings(
    bootstraps=20, null_draws=200, fanova_rows=10, resamples=999, contours=[("rate", "smoothing")]
)


NULL = NullDistribution(runs=49, permutations=999)


@pytest.fixture(scope="module")
def analysis():
    return analyse(published_facts(), SETTINGS, NULL)


def test_tables_of_the_report_are_there_and_can_be_written(analysis, tmp_path):
    tables = analysis.tables()
    assert {
        "directionality_continuous",
        "directionality_boolean",
        "directionality_categorical_detail",
        "directionality_categorical_summary",
        "empirical_ranges",
        "param_importances",
        "contour_data_rate_vs_smoothing",
        "findings",
    } <= set(tables)
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        read = pd.read_csv(tmp_path / f"{name}.csv")
        assert list(read.columns) == list(table.columns), name
    assert len(tables["rows"]) == 20
    assert tables["rows"]["elite"].sum() == 5


def test_every_parameter_is_in_one_description(analysis):
    numbers, truths, choices = (
        set(table["parameter"])
        for table in (analysis.rank_correlations, analysis.booleans, analysis.categorical_summary)
    )
    assert numbers == {"rate", "smoothing", "depth", "dropout"}
    assert (truths, choices) == ({"coordinates"}, {"encoder"})
    assert set(analysis.screening.tests) == numbers | truths | choices
    for table in (analysis.rank_correlations, analysis.booleans, analysis.categorical_summary):
        for row in table.itertuples():
            assert row.tier == analysis.screening.tests[row.parameter].tier


def test_the_same_again(analysis):
    again = analyse(published_facts(), SETTINGS, NULL)
    for name, table in analysis.tables().items():
        pd.testing.assert_frame_equal(table, again.tables()[name])


def test_another_seed_draws_anew():
    table = noise_table(30, 0, CONDITIONAL)
    one = analyse(table, SETTINGS)
    other = analyse(table, SETTINGS.model_copy(update={"seed": 1}))
    assert not one.screening.frame().equals(other.screening.frame())
    assert one.rank_correlations["rho"].equals(other.rank_correlations["rho"])


def test_minimising_the_negative_is_the_same_analysis():
    rows = random_rows(CONDITIONAL, 40, 3)
    values = np.random.default_rng(3).normal(size=40) + [row["rate"] * 200 for row in rows]
    up = analyse(sweep_table(CONDITIONAL, rows, values), SETTINGS)
    down = analyse(sweep_table(CONDITIONAL, rows, -values, direction="minimize"), SETTINGS)
    pd.testing.assert_frame_equal(up.screening.frame(), down.screening.frame())
    pd.testing.assert_frame_equal(up.importances, down.importances)
    pd.testing.assert_frame_equal(up.elite_choices, down.elite_choices)
    pd.testing.assert_frame_equal(up.bounds, down.bounds)
    assert list(up.rank_correlations["rho"]) == pytest.approx(list(-down.rank_correlations["rho"]))
    assert list(up.rank_correlations["trend"]) == list(down.rank_correlations["trend"])
    assert list(up.convergence["best_so_far"]) == list(-down.convergence["best_so_far"])


def test_order_of_the_rows_decides_nothing_but_the_course():
    rows = random_rows(CONDITIONAL, 7, 4)
    values = np.random.default_rng(4).normal(size=7)
    order = np.array([3, 1, 6, 0, 5, 2, 4])
    one = analyse(sweep_table(CONDITIONAL, rows, values), SETTINGS)
    other = analyse(sweep_table(CONDITIONAL, [rows[k] for k in order], values[order]), SETTINGS)
    pd.testing.assert_frame_equal(one.screening.frame(), other.screening.frame())


def test_one_complete_row_is_analysed_without_a_claim():
    rows = random_rows(CONDITIONAL, 3, 5)
    table = sweep_table(
        CONDITIONAL, rows, [1.0, np.nan, np.nan], state=["complete", "failed", "pruned"]
    )
    analysis = analyse(table, SETTINGS)
    assert set(analysis.screening.frame()["tier"]) == {"untestable"}
    assert analysis.winner.iloc[0]["gap"] == 0


def test_one_plateau_has_no_elites_and_no_claims():
    rows = random_rows(CONDITIONAL, 20, 6)
    analysis = analyse(sweep_table(CONDITIONAL, rows, np.full(20, 0.5), constant=0.5), SETTINGS)
    assert set(analysis.screening.frame()["tier"]) == {"untestable"}
    assert not analysis.rows["elite"].any()
    assert analysis.importances["importance"].isna().all()
    assert analysis.bounds["share"].isna().all()
    (plateau,) = [one for one in analysis.findings if one.rule == "D22"]
    assert "20 of 20 rows are exactly at 0.5" in plateau.text


def test_a_parameter_that_no_row_has_is_in_no_way():
    rows = [row for row in random_rows(CONDITIONAL, 40, 7) if row["encoder"] == "cnn"]
    analysis = analyse(sweep_table(CONDITIONAL, rows, range(len(rows))), SETTINGS)
    assert "dropout" in set(analysis.rank_correlations["parameter"])
    assert "dropout" not in set(analysis.bounds["parameter"])
    assert analysis.coverage.set_index("parameter").loc["dropout", "covered"] == 0


def test_ranges_of_a_billion_whole_numbers_are_no_burden():
    parameters = {
        "many": {"type": "int", "low": 0, "high": 10**9},
        "units": {"type": "int", "low": 1, "high": 10**9, "log": True},
    }
    rows = random_rows(parameters, 12, 8)
    settings = SETTINGS.model_copy(update={"contours": []})
    analysis = analyse(sweep_table(parameters, rows, range(12)), settings)
    chance = analysis.bounds["chance_uniform"].to_numpy()
    assert chance[:2] == pytest.approx(0.1)
    assert np.all((chance[2:] > 0.07) & (chance[2:] < 0.13))
