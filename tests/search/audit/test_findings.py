"""The warnings fire on what deserves them, and on nothing else."""

import numpy as np
import pandas as pd
import pytest

from labs.sweep_tables import (
    CONDITIONAL,
    MIXED,
    noise_table,
    published_facts,
    random_rows,
    sweep_table,
)
from latentlab.runs.audit.findings import Finding, findings_table
from latentlab.runs.audit.rules import RULES
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.screening import NullDistribution

SETTINGS = AnalysisSettings(bootstraps=20, null_draws=400, fanova_rows=10, resamples=999)
NULL = NullDistribution(runs=49, permutations=999)


@pytest.fixture(scope="module", autouse=True)
def _no_forest():
    """No warning is about fANOVA, which takes most of the time of a small analysis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentlab.search.effects.importances.fanova", lambda *_: {})
        yield


def findings(table, rule):
    return [one for one in analyse(table, SETTINGS, NULL).findings if one.rule == rule]


@pytest.fixture(scope="module")
def published():
    return analyse(published_facts(), SETTINGS, NULL)


def texts(analysis, rule):
    return {one.about: one.text for one in analysis.findings if one.rule == rule}


def test_eleven_of_twenty_at_the_constant_predictor(published):
    (text,) = texts(published, "D22").values()
    assert "11 of 20 rows are exactly at 0.2625" in text
    assert "4 are worse" in text


def test_conditional_parameters_have_their_own_n(published):
    told = texts(published, "D11")
    assert set(told) == {"depth", "dropout"}
    assert "15 of 20 rows" in told["depth"]
    assert "5 of 20 rows" in told["dropout"]


def test_adaptive_rows_unequal_budgets_and_unanimous_elites(published):
    assert "10 of 20 rows" in texts(published, "D16")[""]
    budget = texts(published, "D06")["encoder"]
    assert "cnn 15, context 5" in budget
    assert "best of 5 rows each" in budget
    unanimous = texts(published, "D13")["encoder"]
    assert "all 5 elites have cnn, and so have 15 of 20 rows" in unanimous
    assert "with chance .194" in unanimous


def test_importances_within_chance_and_a_lead_without_replicates(published):
    assert "lie within the band of elites picked at random" in texts(published, "D15")[""]
    assert "no configuration was trained on two seeds" in texts(published, "D05")[""]
    assert published.screening.named("high") == []


def test_ties_without_a_known_constant():
    rows = random_rows(MIXED, 20, 0)
    values = np.r_[np.full(7, 0.3), np.random.default_rng(0).normal(size=13)]
    (found,) = findings(sweep_table(MIXED, rows, values), "D22")
    assert "7 of 20 rows share the value 0.3" in found.text


def test_copies_are_left_out_and_said():
    rows = random_rows(MIXED, 20, 1)
    values = np.random.default_rng(1).normal(size=20)
    copied = sweep_table(MIXED, rows + rows[:5] + rows[:2], np.r_[values, values[:5], 7.0, 8.0])
    analysis = analyse(copied, SETTINGS)
    found = [one for one in analysis.findings if one.rule == "D18"]
    assert [one.severity for one in found] == ["error", "warning"]
    assert found[0].text.startswith("5 complete rows repeat a configuration and its value")
    assert found[1].text.startswith("2 complete rows repeat a configuration with another value")
    assert (analysis.screening.frame()["n"] == 22).all()


def test_doubling_every_row_gives_no_smaller_p():
    rows = random_rows(MIXED, 20, 2)
    values = np.random.default_rng(2).normal(size=20)
    once = analyse(sweep_table(MIXED, rows, values), SETTINGS)
    twice = analyse(sweep_table(MIXED, rows + rows, np.r_[values, values]), SETTINGS)
    assert once.screening.frame().equals(twice.screening.frame())
    assert once.rank_correlations.equals(twice.rank_correlations)


def test_seeds_repeated_within_a_configuration():
    runs = pd.DataFrame(
        {"configuration": [0, 0, 1, 1], "seed": [1, 1, 1, 2], "state": "complete", "score": 1.0}
    )
    table = sweep_table(MIXED, random_rows(MIXED, 2, 0), [1.0, 2.0], replicates=runs)
    assert "1 runs repeat the seed" in findings(table, "D18")[0].text


def test_a_seed_among_the_parameters():
    table = noise_table(12, 3)
    table.parameters["training.seed"] = np.arange(12)
    (found,) = findings(table, "D19")
    assert found.about == "training.seed"
    assert found.severity == "error"


def test_values_where_the_parameter_does_not_exist():
    rows = random_rows(CONDITIONAL, 24, 4)
    context = sum(row["encoder"] == "context" for row in rows)
    filled = [{**row, "depth": row.get("depth", 3)} for row in rows]
    values = np.random.default_rng(4).normal(size=24)
    clean, filled = (sweep_table(CONDITIONAL, r, values) for r in (rows, filled))
    (found,) = findings(filled, "D17")
    assert f"{context} of 24 rows" in found.text
    assert (
        analyse(clean, SETTINGS)
        .screening.frame()
        .equals(analyse(filled, SETTINGS).screening.frame())
    )


def test_losses_that_fall_on_a_choice():
    rows = random_rows(CONDITIONAL, 40, 5)
    context = [row["encoder"] == "context" for row in rows]
    state = np.where(context, "diverged", "complete")
    state[np.flatnonzero(context)[:3]] = "complete"
    values = np.where(state == "complete", np.arange(40.0), np.nan)
    found = findings(sweep_table(CONDITIONAL, rows, values, state=state), "D27")
    assert found[0].severity == "warning"
    assert f"{sum(context) - 3} diverged, of 40" in found[0].text
    assert {one.about for one in found if one.severity == "error"} == {"encoder"}


def test_rows_stopped_early_and_runs_lost_are_said():
    runs = pd.DataFrame(
        {
            "configuration": np.repeat(np.arange(12), 2),
            "seed": np.tile([1, 2], 12),
            "state": ["failed", *["complete"] * 23],
            "score": [np.nan, *np.arange(23.0)],
        }
    )
    state = np.array(["complete"] * 9 + ["pruned"] * 3)
    table = sweep_table(
        MIXED, random_rows(MIXED, 12, 6), np.arange(12.0), state=state, replicates=runs
    )
    told = [one.text for one in findings(table, "D27")]
    assert any("3 of 12 configurations were stopped early" in text for text in told)
    assert any("1 of 18 runs of complete configurations" in text for text in told)


def test_an_unknown_sampler_is_said_and_a_random_one_is_not():
    table = noise_table(12, 7)
    assert findings(table, "D16") == []
    unknown = sweep_table(
        MIXED,
        table.parameters.to_dict("records"),
        table.outcomes["score"],
        sampler="unknown",
    )
    assert "The sampler is unknown" in findings(unknown, "D16")[0].text


def test_a_clean_random_sweep_with_replicates_has_few_warnings():
    rng = np.random.default_rng(8)
    rows = random_rows(MIXED, 64, 8)
    true = np.array([3 * np.log(row["rate"]) for row in rows])
    runs = true[:, None] + 0.1 * rng.normal(size=(64, 3))
    frame = pd.DataFrame(
        {
            "configuration": np.repeat(np.arange(64), 3),
            "seed": np.tile([1, 2, 3], 64),
            "state": "complete",
            "score": runs.ravel(),
        }
    )
    analysis = analyse(sweep_table(MIXED, rows, runs.mean(axis=1), replicates=frame), SETTINGS)
    severe = {one.rule for one in analysis.findings if one.severity != "note"}
    assert severe <= {"D03", "D15", "D06"}
    assert analysis.screening.frame().iloc[0]["parameter"] == "rate"
    assert analysis.screening.tests["rate"].tier == "high"


def test_a_rule_is_never_printed_without_its_name(published):
    table = findings_table(published.findings)
    assert (table["name"] == table["rule"].map(lambda code: RULES[code].name)).all()
    assert (table["name"] != "").all()
    assert Finding("D13", "note", "").name == "base rate of elites"


def test_too_few_null_replicates_are_said():
    found = analyse(noise_table(20, 9), SETTINGS, NullDistribution(permutations=30)).findings
    (text,) = [one.text for one in found if one.rule == "D02"]
    assert "With 30 null replicates no p below .032 is possible" in text


def test_nothing_that_is_said_of_a_parameter_contradicts_its_tier():
    """Some of these sweeps have importances beyond the band, and moderate parameters."""
    seen = set()
    for seed in (0, 1, 2, 11, 28, 44):
        table = noise_table(24, 300 + seed)
        strength = 0.8 * (seed % 3)
        table.outcomes["score"] += strength * (table.parameters["pooling"] == "max")
        analysis = analyse(table, SETTINGS, NULL)
        tiers = {name: test.tier for name, test in analysis.screening.tests.items()}
        for one in analysis.findings:
            tier = tiers.get(one.about)
            seen.add((one.rule, tier))
            if one.rule in ("D13", "D14") and one.about:
                assert ("only an aggressive refinement" in one.text) == (tier == "moderate")
                assert tier != "high"
            if one.text.startswith("Beyond that band and yet open"):
                seen.add("beyond")
                named = one.text.partition(": ")[2].partition(". ")[0]
                assert all(tiers[name] == "open" for name in named.split(" and "))
    assert "beyond" in seen
    assert {tier for rule, tier in seen - {"beyond"} if rule in ("D13", "D14")} >= {"moderate"}
