"""The best of 60 against the best of 12: selection bias, and what is left without it."""

import numpy as np
import pandas as pd
import pytest

from labs.sweep_tables import PRUNING, sweep_table
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.audit.results import branch_findings
from latentlab.search.effects.seed_noise import noise_of_seeds
from latentlab.search.effects.selection_bias import selection_bias_by_branch
from latentlab.search.grid import configurations
from latentlab.search.matrix import sweep_matrix
from latentlab.search.report.branch_sentences import branch_sentences
from latentlab.search.space import Space
from latentlab.statistics.selection_bias import expected_highest_normal

SETTINGS = AnalysisSettings()
CELLS = list(configurations(Space.model_validate(PRUNING)))
SMALL = np.array([cell["pruning"] == "plummet" for cell in CELLS])


def grid(runs, direction="maximize"):
    """A sweep over the grid of two strategies, from its single runs [configurations, seeds]."""
    count, seeds = runs.shape
    replicates = pd.DataFrame(
        {
            "configuration": np.repeat(np.arange(count), seeds),
            "seed": np.tile(np.arange(seeds), count),
            "state": "complete",
            "score": runs.ravel(),
        }
    )
    return sweep_table(
        PRUNING["parameters"],
        CELLS,
        np.nanmean(runs, axis=1),
        direction=direction,
        sampler="grid",
        fixed=PRUNING["fixed"],
        replicates=replicates,
    )


def by_branch(table):
    return selection_bias_by_branch(table, sweep_matrix(table).finished, SETTINGS)


@pytest.mark.parametrize(
    ("k", "expected"),
    # 1 / sqrt(pi) for two; then Harter's (1961) table.
    [(1, 0), (2, np.pi**-0.5), (3, 0.84628), (10, 1.53875), (12, 1.62923), (60, 2.31928)],
)
def test_the_highest_of_k_normals(k, expected):
    assert expected_highest_normal(k) == pytest.approx(expected, abs=1e-5)


def test_on_noise_the_corrected_lead_is_centred_on_nothing():
    assert (SMALL.sum(), (~SMALL).sum()) == (12, 60)
    rng = np.random.default_rng(0)
    raw, corrected = [], []
    for _ in range(80):
        # Good and bad seeds are shared by all: they bring no configuration to the front.
        runs = rng.normal(size=(72, 3)) + 5 * rng.normal(size=3)
        found = by_branch(grid(runs)).set_index("branch")
        for name, kept in (("best", raw), ("best_corrected", corrected)):
            kept.append(found.loc["lognorm", name] - found.loc["plummet", name])
    expected = (expected_highest_normal(60) - expected_highest_normal(12)) / np.sqrt(3)
    error = np.std(raw) / np.sqrt(len(raw))
    assert expected > 6 * error
    assert np.mean(raw) == pytest.approx(expected, abs=3 * error)
    assert np.mean(corrected) == pytest.approx(0, abs=3 * error)


def test_noise_is_what_neither_configuration_nor_seed_explains():
    rng = np.random.default_rng(1)
    runs = rng.normal(size=(72, 3)) + np.arange(72)[:, None]
    one = noise_of_seeds(runs)
    assert one == pytest.approx(noise_of_seeds(runs + np.array([0, 30, -7])))
    assert one == (pytest.approx(1, abs=0.15), 71 * 2)
    # Configurations on seeds of their own: the pooled deviation within them.
    holes = runs.copy()
    holes[::2, 0] = np.nan
    holes[1::2, 1] = np.nan
    pooled = np.sqrt(np.nanvar(holes, axis=1, ddof=1).mean())
    assert noise_of_seeds(holes) == (pytest.approx(pooled), 72)


def test_leads_and_means_are_those_of_the_scores():
    rng = np.random.default_rng(2)
    runs = rng.normal(size=(72, 3)) - 3 * SMALL[:, None]
    up, down = by_branch(grid(runs)), by_branch(grid(-runs, "minimize"))
    means = runs.mean(axis=1)
    leader, other = up.iloc[0], up.iloc[1]
    assert (leader["branch"], other["branch"]) == ("lognorm", "plummet")
    assert (leader["configurations"], other["configurations"]) == (60, 12)
    assert leader["best"] == pytest.approx(means[~SMALL].max())
    assert other["lead"] == pytest.approx(means[~SMALL].max() - means[SMALL].max())
    assert other["mean_lead"] == pytest.approx(means[~SMALL].mean() - means[SMALL].mean())
    assert other["mean_lead_low"] < 3 < other["mean_lead_high"]
    assert other["bias_difference"] == pytest.approx(
        leader["selection_bias"] - other["selection_bias"]
    )
    assert other["lead_corrected"] == pytest.approx(other["lead"] - other["bias_difference"])
    assert list(down["best_corrected"]) == pytest.approx(list(-up["best_corrected"]))
    for name in ("branch", "selection_bias", "lead", "bias_difference", "mean_lead_high"):
        assert list(down[name].dropna()) == pytest.approx(list(up[name].dropna())), name


def test_a_lead_below_the_difference_of_biases_is_warned_of():
    # The same spread in both, so that the difference is that of 60 tries against 12.
    runs = np.tile([-1.0, 0.0, 1.0], (72, 1))
    runs[::2] *= -1
    runs[40] += 0.2
    (warned,) = branch_findings(by_branch(grid(runs)))
    assert (warned.rule, warned.severity, warned.about) == ("D05", "warning", "pruning")
    assert "leads the best with plummet by 0.2" in warned.text
    runs[40] += 2
    assert branch_findings(by_branch(grid(runs))) == []
    # The branch with fewer tries has the smaller bias.
    assert branch_findings(by_branch(grid(runs * 0 + [-1, 0, 1] + 0.1 * SMALL[:, None]))) == []


def test_sentences_name_both_budgets_and_what_is_left():
    runs = np.random.default_rng(3).normal(size=(72, 3)) + 9 * SMALL[:, None]
    found = by_branch(grid(runs))
    (text,) = branch_sentences(found)
    assert text.startswith("pruning: the best of 12 configurations with plummet (")
    assert "the best of 60 would lead the best of 12 by" in text
    assert "none of them chosen, plummet leads by" in text


def test_with_one_seed_bias_cannot_be_known():
    found = by_branch(grid(np.random.default_rng(4).normal(size=(72, 1))))
    assert found["selection_bias"].isna().all()
    assert branch_findings(found) == []
    (text,) = branch_sentences(found)
    assert "cannot be known: no configuration was trained on two seeds" in text


def test_a_single_configuration_was_not_chosen():
    table = grid(np.random.default_rng(5).normal(size=(72, 3)))
    table.outcomes.loc[1:11, "state"] = "diverged"
    found = by_branch(table).set_index("branch")
    assert found.loc["plummet", "selection_bias"] == 0
    assert found.loc["lognorm", "selection_bias"] > 0


def test_without_conditions_there_are_no_branches():
    parameters = {"pruning": PRUNING["parameters"]["pruning"]}
    table = sweep_table(parameters, [{"pruning": "plummet"}, {"pruning": "lognorm"}], [1.0, 2.0])
    assert by_branch(table).empty


def test_branches_of_which_every_row_failed_are_left_out():
    parameters = {
        "a": {"type": "categorical", "choices": ["u", "v"]},
        "b": {"type": "categorical", "choices": ["x", "y"], "when": {"a": "v"}},
        "c": {"type": "float", "low": 0.0, "high": 1.0, "when": {"b": "x"}},
    }
    rows = [{"a": "u"}] * 6 + [{"a": "v", "b": "y"}] * 3 + [{"a": "v", "b": "x", "c": 0.5}]
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6] + [np.nan] * 4)
    table = sweep_table(parameters, rows, values)
    found = by_branch(table)
    assert list(zip(found["parameter"], found["branch"], strict=True)) == [("a", "u")]
