"""The report of a sweep: six sections in one order, with one number for each parameter."""

import pandas as pd
import pytest

from labs.refinement import PARAMETERS, random_table, settings
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.refine import refine, sweep_file
from latentlab.search.report.composition import SweepReport
from latentlab.search.report.sections import NextSweep, effects_table
from latentlab.search.screening import NullDistribution

SETTINGS = AnalysisSettings(bootstraps=20, null_draws=200, fanova_rows=10)


@pytest.fixture(scope="module")
def report():
    table = random_table(PARAMETERS, lambda row: 4.0 * row["use_scheduler"])
    analysis = analyse(table, SETTINGS, NullDistribution(permutations=499))
    following = []
    for mode in ("conservative", "aggressive"):
        found = refine(analysis.screening, mode)
        text = sweep_file(found, settings())
        following.append(NextSweep(mode, mode, found.frame(), text, "this runs it"))
    return SweepReport("By hand", table, analysis, following)


def test_six_sections_in_the_order_in_which_one_asks(report):
    document = report.document()
    assert [one.title for one in document.sections] == [
        "What was asked and found",
        "Which parameters matter",
        "Effects",
        "The winner and selection bias",
        "What to beware of",
        "The next spaces",
    ]
    assert {"screening.csv", "param_importances.csv", "decisions_aggressive.csv"} <= set(
        document.tables
    )


def test_every_parameter_has_one_effect_and_one_number(report):
    effects = effects_table(report.analysis).set_index("parameter")
    assert sorted(effects.index) == sorted(PARAMETERS)
    assert effects.loc["use_scheduler", "better"] == "true is better"
    number = report.analysis.screening.frame().set_index("parameter")["p_corrected"]
    decided = report.document().sections[-1].table.set_index("parameter")["p_corrected"]
    pd.testing.assert_series_equal(decided.sort_index(), number.sort_index())


def test_the_summary_names_what_the_next_spaces_act_on(report):
    (matter,) = [line for line in report.lines() if line.startswith("These matter")]
    assert matter == "These matter (corrected p at most 0.02): use_scheduler."
    spaces = report.document().sections[-1].table.set_index("parameter")
    assert spaces.loc["use_scheduler", "aggressive"] == "fix"
    assert spaces.loc["use_scheduler", "conservative"] == "candidate"
    assert set(spaces.drop("use_scheduler")["aggressive"]) == {"keep"}
