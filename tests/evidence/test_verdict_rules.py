"""The rules that turn tables into verdicts, one by one."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from latentlab.core.errors import UserError
from latentlab.evidence.hypotheses import read_hypotheses
from latentlab.evidence.verdict_columns import VERDICT_COLUMNS
from latentlab.evidence.verdicts import judge
from latentlab.metrics.metric import Metric
from latentlab.reporting.verdict_cells import boundary_text, deciding_p
from latentlab.reporting.verdict_prose import verdict_sentence

OLD = np.array([0.50, 0.52, 0.47, 0.55, 0.49, 0.51])
SMALL_NOISE = np.array([0.010, -0.012, 0.004, 0.008, -0.006, -0.002])


def only(table):
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize(
    ("claim", "gain", "verdict"),
    [
        ({"min_effect": 0.1}, 0.2, "supported"),
        ({"min_effect": 0.1}, 0.05, "refuted"),
        ({"min_effect": 0.1}, 0.1, "inconclusive"),
        ({"kind": "non_inferiority", "margin": 0.1}, -0.05, "supported"),
        ({"kind": "non_inferiority", "margin": 0.1}, -0.2, "refuted"),
        ({"kind": "non_inferiority", "margin": 0.1}, -0.1, "inconclusive"),
        ({"kind": "equivalence", "margin": 0.1}, 0.0, "supported"),
        ({"kind": "equivalence", "margin": 0.1}, 0.2, "refuted"),
        ({"kind": "equivalence", "margin": 0.1}, -0.2, "refuted"),
        ({"kind": "equivalence", "margin": 0.1}, 0.1, "inconclusive"),
    ],
)
@pytest.mark.parametrize("test", ["paired_t", "sign_flip", "wilcoxon"])
def test_table_of_verdicts(*, declare, metrics, tables, claim, gain, verdict, test):
    scores, trials = tables({"new": OLD + gain + SMALL_NOISE, "old": OLD})
    row = only(judge(scores, declare(H1=claim | {"test": {"primary": test}}), metrics, trials))
    assert row["verdict"] == verdict
    # Of a rank test the effect is Hodges and Lehmann's, not the mean.
    walsh = np.add.outer(SMALL_NOISE, SMALL_NOISE)[np.triu_indices(len(SMALL_NOISE))] / 2
    noise = np.median(walsh) if test == "wilcoxon" else SMALL_NOISE.mean()
    assert row["estimate"] == pytest.approx(gain + noise)


def test_an_effect_without_a_spread_has_no_standardised_size(declare, metrics, tables):
    scores, trials = tables({"new": np.ones(6), "old": np.zeros(6)})
    row = only(judge(scores, declare(H1={"test": {"primary": "sign_flip"}}), metrics, trials))
    assert (row["verdict"], row["effect"], row["effect_size"]) == ("supported", 1.0, "")


def test_arms_of_one_configuration_share_their_trials(declare, metrics, tables):
    scores, trials = tables({"new": OLD + 0.2 + SMALL_NOISE, "old": OLD})
    again = trials[trials["arm"] == "old"].assign(arm="as_old")
    claim = {"min_effect": 0.1, "arms": {"treatment": "new", "control": "as_old"}}
    judged = judge(scores, declare(H1=claim), metrics, pd.concat([trials, again]))
    assert only(judged)["verdict"] == "supported"


def test_the_p_values_are_scipys(declare, metrics, tables):
    new = OLD + 0.03 + SMALL_NOISE
    scores, trials = tables({"new": new, "old": OLD})
    plan = declare(H1={"min_effect": 0.02, "test": {"sensitivity": ["wilcoxon", "welch_t"]}})
    row = only(judge(scores, plan, metrics, trials))
    expected = scipy.stats.ttest_rel(new - 0.02, OLD, alternative="greater")
    assert row["p_supported"] == pytest.approx(expected.pvalue)
    assert row["p_refuted"] == pytest.approx(1 - expected.pvalue)
    interval = scipy.stats.ttest_rel(new, OLD).confidence_interval(0.9)
    assert (row["interval_low"], row["interval_high"]) == pytest.approx(tuple(interval))
    assert row["interval_level"] == pytest.approx(0.9)
    welch = scipy.stats.ttest_ind(new - 0.02, OLD, equal_var=False, alternative="greater")
    assert json.loads(row["sensitivity"])["welch_t"] == pytest.approx(welch.pvalue)
    assert row["pairing_correlation"] == pytest.approx(np.corrcoef(new, OLD)[0, 1])


def test_equivalence_is_the_two_one_sided_tests_of_statsmodels(declare, metrics, tables):
    from statsmodels.stats.weightstats import ttost_ind, ttost_paired

    new = OLD + 0.01 + SMALL_NOISE
    scores, trials = tables({"new": new, "old": OLD})
    claim = {"kind": "equivalence", "margin": 0.03}
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    assert row["p_supported"] == pytest.approx(ttost_paired(new, OLD, -0.03, 0.03)[0])
    unpaired = claim | {"pairing": "none", "test": {"primary": "welch_t"}}
    row = only(judge(scores, declare(H1=unpaired), metrics, trials))
    expected = ttost_ind(new, OLD, -0.03, 0.03, usevar="unequal")[0]
    assert row["p_supported"] == pytest.approx(expected)
    assert "Hedges g" in row["effect_size"]


def test_two_sides_spend_half_of_alpha_on_each(declare, metrics, tables):
    scores, trials = tables({"new": OLD + 0.01 + SMALL_NOISE, "old": OLD})
    one = only(judge(scores, declare(H1={}), metrics, trials))
    two = only(judge(scores, declare(H1={"test": {"sides": "two"}}), metrics, trials))
    assert two["p_supported"] == pytest.approx(2 * one["p_supported"])
    assert two["interval_level"] == pytest.approx(0.95)
    assert two["p_refuted"] == 1


def test_lower_is_better_turns_the_effect(declare, metrics, tables):
    scores, trials = tables({"new": OLD - 0.1 + SMALL_NOISE, "old": OLD}, metric="loss")
    row = only(
        judge(scores, declare(H1={"metric": {"name": "loss", "split": "test"}}), metrics, trials)
    )
    assert row["estimate"] < 0 < row["effect"]
    assert row["verdict"] == "supported"


@pytest.mark.parametrize(("sign", "better"), [(1, "higher"), (-1, "higher"), (1, "lower")])
def test_a_relative_amount_is_a_ratio_test(declare, metrics, tables, sign, better):
    # Treatment 8 % better in every seed, on a control that varies a lot: the difference is noisy
    # in raw units but the ratio is not.
    control = sign * np.array([1.0, 2.0, 4.0, 8.0, 3.0, 5.0])
    gain = 0.08 * np.abs(control) * (1 if better == "higher" else -1)
    new = control + gain + 0.001 * SMALL_NOISE
    scores, trials = tables({"new": new, "old": control}, metric="kl")
    metric = {"name": "kl", "split": "test", "better": better}
    wide = {"metric": metric, "min_effect": "5% of control mean"}
    narrow = {"metric": metric, "min_effect": "10% of control mean"}
    assert only(judge(scores, declare(H1=wide), metrics, trials))["verdict"] == "supported"
    row = only(judge(scores, declare(H1=narrow), metrics, trials))
    assert row["verdict"] == "refuted"
    assert (row["boundary"], row["unit"]) == (10.0, "% of control mean")
    assert row["finding"].endswith("is not better by 10 % of control mean in kl")
    assert row["effect"] == pytest.approx(8, abs=0.1)
    assert 7.9 < row["interval_low"] < row["effect"] < row["interval_high"] < 8.1


@pytest.mark.parametrize("pairing", ["seed", "none"])
@pytest.mark.parametrize("kind", ["superiority", "non_inferiority", "equivalence"])
def test_the_interval_of_a_relative_claim_agrees_with_its_test(
    declare, metrics, tables, kind, pairing
):
    rng = np.random.default_rng(3)
    amount = {"min_effect" if kind == "superiority" else "margin": "10% of control mean"}
    test = {"primary": "paired_t" if pairing == "seed" else "welch_t"}
    arms = {"treatment": "new", "control": "old"}
    metric = {"name": "loss", "split": "test"}
    claim = {"kind": kind, "pairing": pairing, "metric": metric, "test": test, "arms": arms}
    seen = set()
    for _ in range(20):
        control = rng.gamma(6, 1, 8)
        new = control * rng.uniform(0.8, 1.15) + rng.normal(0, 0.4, 8)
        scores, trials = tables({"new": new, "old": control}, metric="loss")
        row = only(judge(scores, declare(H1=claim | amount), metrics, trials))
        low, high = row["interval_low"], row["interval_high"]
        assert low <= row["effect"] <= high
        assert row["effect"] == pytest.approx(100 * (1 - new.mean() / control.mean()))
        inside = low > -10 and high < 10
        shown = {
            "superiority": low > 10,
            "non_inferiority": low > -10,
            "equivalence": inside,
        }[kind]
        assert (row["p_supported"] <= 0.05) == shown
        seen.add(shown)
    if pairing == "seed":
        assert seen == {True, False}


def test_the_interval_of_a_margin_in_per_cent_is_that_of_the_ratio(declare, metrics, tables):
    """The raw difference is known well, and the control's mean is not."""
    control = np.array([1.0, 2.0, 4.0, 8.0, 3.0, 5.0])
    new = np.array([1.65, 2.55, 4.63, 8.57, 3.65, 5.55])
    claim = {"kind": "non_inferiority", "margin": "20% of control mean"}
    claim["metric"] = {"name": "loss", "split": "test"}
    scores, trials = tables({"new": new, "old": control}, metric="loss")
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    assert row["p_supported"] == pytest.approx(0.234, abs=5e-4)
    assert row["verdict"] == "inconclusive"
    assert row["interval_low"] < -20 < row["effect"] < row["interval_high"]


def test_a_share_of_nothing_is_invalid(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": 0 * OLD})
    row = only(judge(scores, declare(H1={"min_effect": "5% of control mean"}), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "are all 0" in row["cause"]


def test_a_share_of_scores_of_both_signs_is_invalid(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": [-1, 1, 2, 3, 4, 5]})
    plan = declare(H1={"min_effect": "5% of control mean"})
    row = only(judge(scores, plan, metrics, trials))
    assert row["verdict"] == "invalid"
    assert "change sign" in row["cause"]


def test_interaction_is_the_contrast_of_contrasts(declare, metrics, tables):
    rng = np.random.default_rng(0)
    arms = {name: rng.normal(0.5, 0.02, 8) for name in "abcd"}
    arms["a"] = arms["a"] + 0.3
    roles = {"both": "a", "first_only": "b", "second_only": "c", "neither": "d"}
    claim = {"kind": "interaction", "arms": roles}
    scores, trials = tables(arms)
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    contrast = arms["a"] - arms["b"] - arms["c"] + arms["d"]
    assert row["estimate"] == pytest.approx(contrast.mean())
    assert row["p_supported"] == pytest.approx(
        scipy.stats.ttest_1samp(contrast, 0, alternative="greater").pvalue
    )
    assert row["verdict"] == "supported"
    assert row["finding"] == "(a - b) against (c - d) is better in accuracy"
    assert (row["comparison"], row["treatment"]) == ("superiority", "a - b")
    none = claim | {"judged_as": "equivalence", "margin": 0.1}
    row = only(judge(scores, declare(H1=none), metrics, trials))
    assert (row["verdict"], row["comparison"]) == ("refuted", "equivalence")
    assert row["finding"].endswith("differs by more than 0.1 share in accuracy")
    assert boundary_text(row.to_dict()) == "between -0.1 and 0.1"


RISING = {
    "kind": "monotone",
    "factor": "objective.arm",
    "levels": {f"b{k}": k for k in range(4)},
    "direction": "increasing",
}


def _levels(tables, slope, noise=0.05, seeds=6):
    rng = np.random.default_rng(1)
    base = rng.normal(0, 1, seeds)
    arms = {f"b{k}": base + slope * k + noise * rng.normal(size=seeds) for k in range(4)}
    return tables(arms)


@pytest.mark.parametrize(
    ("direction", "verdict"), [("increasing", "supported"), ("decreasing", "refuted")]
)
def test_monotone(declare, metrics, tables, direction, verdict):
    scores, trials = _levels(tables, slope=0.2)
    claim = RISING | {"direction": direction, "varies": []}
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    assert row["verdict"] == verdict
    assert row["estimate"] > 0.9
    assert (row["treatment"], row["control"]) == ("b3", "b0")
    assert (row["comparison"], row["n_unit"]) == ("trend", "seed")
    verb = {"increasing": "rises", "decreasing": "does not fall"}[direction]
    assert row["finding"] == f"accuracy {verb} with objective.arm"


def test_seeds_that_agree_on_an_order_that_hardly_rises_are_planned_by_pages_test(
    declare, metrics, tables
):
    """Their correlations do not vary: a t test of them would need no further seed."""
    ties = 0.01 * np.arange(10)
    scores, trials = tables({f"b{k}": mean + ties for k, mean in enumerate((0, 3, 2, 1))})
    row = only(judge(scores, declare(H1=RISING), metrics, trials))
    assert row["verdict"] == "inconclusive"
    assert row["effect"] == pytest.approx(0.2)
    # (1.645 / .2)^2 / 3, by the normal approximation of Page's test.
    assert row["seeds_needed"] == row["seeds_likely"] == 23
    assert row["detectable_effect"] == pytest.approx(1.645 / math.sqrt(30), abs=0.001)


def test_monotone_within_its_rope_is_refuted(declare, metrics, tables):
    rng = np.random.default_rng(3)
    scores, trials = tables({f"b{k}": rng.normal(size=80) for k in range(4)})
    without = only(judge(scores, declare(H1=RISING), metrics, trials))
    assert without["verdict"] == "inconclusive"
    within = only(judge(scores, declare(H1=RISING | {"rope": 0.3}), metrics, trials))
    assert within["verdict"] == "refuted"


def test_a_level_that_was_not_trained_is_invalid(declare, metrics, tables):
    scores, trials = _levels(tables, slope=0.2)
    claim = RISING | {"levels": {"b0": 0, "b1": 1, "b2": 2, "b3": 30}}
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "objective.arm = 3, not 30" in row["cause"]


@pytest.mark.parametrize(
    ("direction", "verdict"), [("positive", "supported"), ("negative", "refuted")]
)
def test_association_with_a_factor(declare, metrics, tables, direction, verdict):
    scores, trials = _levels(tables, slope=1.0)
    claim = {
        "kind": "association",
        "direction": direction,
        "against": {"factor": "objective.arm"},
    }
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    assert row["verdict"] == verdict
    assert (row["n"], row["n_unit"], row["unit"]) == (24, "trial", "rank correlation")
    has = {"positive": "have a positive", "negative": "do not have a negative"}[direction]
    assert row["finding"] == f"accuracy and objective.arm {has} association"
    expected = scipy.stats.spearmanr(scores["value"], scores["arm"].str[1:].astype(int)).statistic
    assert row["estimate"] == pytest.approx(expected)


def test_association_of_two_metrics_and_of_a_key_without_numbers(declare, metrics, tables):
    scores, trials = _levels(tables, slope=1.0)
    other = scores.assign(metric="loss", value=-scores["value"])
    both = pd.concat([scores, other])
    claim = {
        "kind": "association",
        "direction": "negative",
        "against": {"metric": {"name": "loss", "split": "test"}},
    }
    row = only(judge(both, declare(H1=claim), metrics, trials))
    assert row["estimate"] == pytest.approx(-1)
    assert row["verdict"] == "supported"
    text = claim | {"against": {"factor": "objective.name"}}
    row = only(judge(both, declare(H1=text), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "objective.name" in row["cause"]


# Gates.


def test_two_sided_exact_with_five_seeds_is_unattainable_whatever_the_data(
    declare, metrics, tables
):
    scores, trials = tables({"new": OLD[:5] + 100, "old": OLD[:5]})
    plan = declare(defaults={"min_seeds": 5}, H1={"test": {"primary": "sign_flip", "sides": "two"}})
    row = only(judge(scores, plan, metrics, trials))
    assert row["verdict"] == "inconclusive"
    assert row["attainable_p"] == row["p_supported"] == 0.0625
    assert row["cause"].startswith("unattainable")
    assert row["seeds_needed"] >= 6


@pytest.mark.parametrize(("family_size", "verdict"), [(1, "supported"), (2, "inconclusive")])
def test_one_sided_exact_with_five_seeds_is_attainable_alone(
    declare, metrics, tables, family_size, verdict
):
    scores, trials = tables({"new": OLD[:5] + 0.2 + SMALL_NOISE[:5], "old": OLD[:5]})
    claims = {f"H{k}": {"test": {"primary": "sign_flip"}} for k in range(family_size)}
    table = judge(scores, declare(defaults={"min_seeds": 5}, **claims), metrics, trials)
    assert set(table["verdict"]) == {verdict}
    assert table["attainable_p"].iloc[0] == 1 / 32
    unattainable = table["cause"].str.startswith("unattainable")
    assert unattainable.all() == (verdict == "inconclusive")


def test_an_exact_test_beside_a_certain_t_test_is_still_out_of_reach(declare, metrics, tables):
    scores, trials = tables({"new": OLD[:5] + 0.2 + SMALL_NOISE[:5], "old": OLD[:5]})
    plan = declare(H1={}, H2={"test": {"primary": "sign_flip"}})
    assert list(judge(scores, plan, metrics, trials)["verdict"]) == ["supported", "inconclusive"]


def test_below_min_seeds_nothing_is_decided(declare, metrics, tables):
    scores, trials = tables({"new": OLD[:4] + 5 + SMALL_NOISE[:4], "old": OLD[:4]})
    plan = declare(defaults={"min_seeds": 5}, H1={})
    row = only(judge(scores, plan, metrics, trials))
    assert row["verdict"] == "inconclusive"
    assert "n = 4 is below the minimum of 5" in row["cause"]


def test_one_seed_has_an_estimate_and_nothing_more(declare, metrics, tables):
    scores, trials = tables({"new": [0.7], "old": [0.5]})
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert (row["verdict"], row["n"]) == ("inconclusive", 1)
    assert row["estimate"] == pytest.approx(0.2)
    assert np.isnan(row["interval_low"])


def test_scores_that_do_not_vary_decide_nothing_by_t(declare, metrics, tables):
    scores, trials = tables({"new": np.full(6, 2.0), "old": np.ones(6)})
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert row["verdict"] == "inconclusive"
    assert row["cause"] == (
        "paired_t is undefined on differences that do not vary; it is not with test.primary: "
        "sign_flip"
    )
    assert np.isnan([row["p_supported_adjusted"], row["p_refuted_adjusted"]]).all()
    assert deciding_p(row) == ("undefined", "")
    assert "Its p-value is undefined. Reason: paired_t is" in verdict_sentence(row)
    flip = declare(H1={"test": {"primary": "sign_flip"}})
    assert only(judge(scores, flip, metrics, trials))["verdict"] == "supported"


def test_differences_that_are_all_zero_decide_nothing(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": OLD + 0.0})
    table = judge(scores, declare(H1={}, H2={}), metrics, trials)
    assert set(table["verdict"]) == {"inconclusive"}
    assert table["p_supported_adjusted"].isna().all()


def test_scores_of_independent_arms_that_do_not_vary_name_their_exact_test(
    declare, metrics, tables
):
    scores, trials = tables({"new": np.full(6, 2.0), "old": np.ones(6)})
    welch = {"pairing": "none", "test": {"primary": "welch_t"}}
    row = only(judge(scores, declare(H1=welch), metrics, trials))
    assert row["cause"].endswith(
        "scores that do not vary; it is not with test.primary: permutation"
    )
    there = {"pairing": "none", "test": {"primary": "permutation"}}
    assert only(judge(scores, declare(H1=there), metrics, trials))["verdict"] == "supported"


def test_what_the_data_alone_leave_open_has_no_other_cause(declare, metrics, tables):
    scores, trials = tables({"new": OLD + 0.002 + SMALL_NOISE, "old": OLD})
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert row["verdict"] == "inconclusive"
    assert (row["cause"], row["finding"]) == ("", "")
    assert row["interval_low"] < 0 < row["interval_high"]
    assert row["detectable_effect"] > 0
    assert row["seeds_needed"] > 6


def test_not_run(declare, metrics, tables):
    scores, trials = tables({"old": OLD})
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert row["verdict"] == "not_run"
    assert "new" in row["cause"]


def test_an_empty_study_is_not_run(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": OLD})
    table = judge(scores.iloc[:0], declare(H1={}, H2={}), metrics, trials.iloc[:0])
    assert list(table["verdict"]) == ["not_run", "not_run"]


def test_what_was_not_run_still_counts_in_its_family(declare, metrics, tables):
    scores, trials = tables({"new": OLD + 0.02 + SMALL_NOISE, "old": OLD})
    absent = {"arms": {"treatment": "newer", "control": "old"}}
    alone = only(judge(scores, declare(H1={}), metrics, trials))
    together = judge(scores, declare(H1={}, H2=absent), metrics, trials)
    assert list(together["verdict"])[1] == "not_run"
    assert together["p_supported_adjusted"][0] == pytest.approx(2 * alone["p_supported"])


def test_different_trials_of_one_arm_and_seed_are_invalid(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": OLD})
    again = trials[trials["trial_id"] == "new-2"].assign(trial_id="new-2-again")
    row = only(judge(scores, declare(H1={}), metrics, pd.concat([trials, again])))
    assert row["verdict"] == "invalid"
    assert "duplicate seeds" in row["cause"]


def test_one_trial_with_two_values_is_invalid(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": OLD})
    other = scores[scores["trial_id"] == "new-2"].assign(value=9.0)
    row = only(judge(pd.concat([scores, other]), declare(H1={}), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "new-2" in row["cause"]


@pytest.mark.parametrize("as_text", [False, True])
def test_an_undeclared_difference_is_invalid_and_named(declare, metrics, tables, as_text):
    scores, trials = tables({"new": OLD + 1, "old": OLD})
    for config, arm in zip(trials["config"], trials["arm"], strict=True):
        config["optimiser"] = {
            "lr": 0.1 if arm == "new" else 0.2,
            "decay": 1 if arm == "new" else 1.0,
        }
    if as_text:
        trials["config"] = trials["config"].map(json.dumps)
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "optimiser.lr" in row["cause"]
    assert "decay" not in row["cause"]
    allowed = declare(H1={"varies": ["objective", "optimiser.lr"]})
    assert only(judge(scores, allowed, metrics, trials))["verdict"] != "invalid"


def test_an_arm_that_changes_between_seeds_is_invalid(declare, metrics, tables):
    scores, trials = tables({"new": OLD + 1, "old": OLD})
    trials["config"].iloc[3]["objective"]["arm"] = 7
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "objective.arm" in row["cause"]


def test_no_direction_is_invalid(declare, metrics, tables):
    scores, trials = tables({"new": OLD + 1, "old": OLD}, metric="kl")
    row = only(
        judge(scores, declare(H1={"metric": {"name": "kl", "split": "test"}}), metrics, trials)
    )
    assert row["verdict"] == "invalid"
    assert "direction" in row["cause"]


# Missing scores: seed 2 of the treatment diverged.


def _diverged(tables):
    scores, trials = tables({"new": OLD + 0.2 + SMALL_NOISE, "old": OLD})
    trials.loc[trials["trial_id"] == "new-2", "status"] = "diverged"
    return scores[scores["trial_id"] != "new-2"], trials


def test_missing_fails(declare, metrics, tables):
    scores, trials = _diverged(tables)
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "new seed 2" in row["cause"]


def test_missing_pair_is_excluded(declare, metrics, tables):
    scores, trials = _diverged(tables)
    row = only(judge(scores, declare(H1={"missing": "exclude_pair"}), metrics, trials))
    assert (row["verdict"], row["n"]) == ("supported", 5)


def test_missing_counts_as_the_worst_value(declare, metrics, tables):
    scores, trials = _diverged(tables)
    row = only(judge(scores, declare(H1={"missing": "worst_value"}), metrics, trials))
    expected = OLD + 0.2 + SMALL_NOISE
    expected[2] = 0.0  # accuracy is a share
    assert (row["verdict"], row["n"]) == ("inconclusive", 6)
    assert row["treatment_mean"] == pytest.approx(expected.mean())


def test_the_worst_value_of_an_unbounded_metric_is_the_worst_seen(declare, tables):
    scores, trials = tables({"new": OLD, "old": OLD + 0.3}, metric="loss")
    scores.loc[scores["trial_id"] == "new-2", "value"] = np.nan
    metric = Metric("loss", "lower", "nats", "loss")
    claim = {"missing": "worst_value", "metric": {"name": "loss", "split": "test"}}
    row = only(judge(scores, declare(H1=claim), {"loss": metric}, trials))
    expected = OLD.copy()
    expected[2] = OLD.max() + 0.3
    assert row["treatment_mean"] == pytest.approx(expected.mean())


def test_a_seed_that_was_never_run_is_no_outcome(declare, metrics, tables):
    scores, trials = _diverged(tables)
    trials = trials[trials["trial_id"] != "new-2"]
    row = only(judge(scores, declare(H1={"missing": "worst_value"}), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "not run: new seed 2" in row["cause"]


def test_independent_arms_may_have_seeds_of_their_own(declare, metrics, tables):
    scores, trials = tables({"new": OLD + 0.2 + SMALL_NOISE})
    more = tables({"new": [], "old": np.append(OLD, 0.5)}, first_seed=100)
    both = pd.concat([scores, more[0]]), pd.concat([trials, more[1]])
    claim = {"pairing": "none", "test": {"primary": "welch_t"}}
    row = only(judge(both[0], declare(H1=claim), metrics, both[1]))
    assert (row["verdict"], row["n"]) == ("supported", 6)
    assert np.isnan(row["pairing_correlation"])


def test_a_metric_that_was_never_scored_is_invalid(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": OLD})
    scores["split"] = "val"
    row = only(judge(scores, declare(H1={}), metrics, trials))
    assert row["verdict"] == "invalid"
    assert "no trial has a score of accuracy on test" in row["cause"]


# The table.


def test_columns(declare, metrics, tables):
    scores, trials = tables({"new": OLD, "old": OLD})
    table = judge(scores, declare(H1={}, H2={}), metrics, trials)
    assert list(table.columns) == list(VERDICT_COLUMNS)
    assert list(table["hypothesis"]) == ["H1", "H2"]


def test_no_hypotheses_no_rows(declare, metrics, tables):
    scores, trials = tables({"new": OLD})
    assert judge(scores, declare(), metrics, trials).empty


def test_a_missing_column_is_named(declare, metrics, tables):
    scores, trials = tables({"new": OLD})
    with pytest.raises(UserError, match="trials has no column config"):
        judge(scores, declare(H1={}), metrics, trials.drop(columns="config"))


def test_an_undeclared_family_is_named(declare, metrics, tables):
    scores, trials = tables({"new": OLD})
    with pytest.raises(UserError, match="H1: family: 'other'"):
        judge(scores, declare(H1={"family": "other"}), metrics, trials)


def test_a_file_without_a_study_is_refused():
    with pytest.raises(UserError, match=r"h.yml: study"):
        read_hypotheses({"families": {}, "hypotheses": {}}, "h.yml")


@pytest.mark.parametrize(
    ("claim", "gain", "words"),
    [
        ({"min_effect": 0.1}, 0.2, "new against old is better by more than 0.1 share in accuracy"),
        ({"min_effect": 0.1}, 0.0, "new against old is not better by 0.1 share in accuracy"),
        ({}, -0.2, "new against old is worse in accuracy"),
        ({"kind": "non_inferiority", "margin": 0.1}, 0.0, "is not worse by 0.1 share"),
        ({"kind": "non_inferiority", "margin": 0.1}, -0.2, "is worse by more than 0.1 share"),
        ({"kind": "equivalence", "margin": 0.1}, 0.0, "differs by less than 0.1 share"),
        ({"kind": "equivalence", "margin": 0.1}, 0.2, "differs by more than 0.1 share"),
    ],
)
def test_a_decided_hypothesis_says_what_was_found(*, declare, metrics, tables, claim, gain, words):
    scores, trials = tables({"new": OLD + gain + SMALL_NOISE, "old": OLD})
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    assert words in row["finding"]
    assert (row["cause"], row["unit"], row["n_unit"]) == ("", "share", "seed")


def test_seeds_needed_are_planned_with_the_pilots_standard_deviation_and_its_upper_limit(
    declare, metrics, tables
):
    from latentlab.statistics.power import detectable_effect, sd_upper_factor, seeds_for_effect

    differences = 0.005 + SMALL_NOISE
    scores, trials = tables({"new": OLD + differences, "old": OLD})
    absent = {"arms": {"treatment": "newer", "control": "old"}}
    row = judge(scores, declare(H1={}, H2=absent), metrics, trials).iloc[0]
    spread = differences.std(ddof=1)
    size = differences.mean() / spread
    # A Holm family of two leaves .025.
    upper = seeds_for_effect(size / sd_upper_factor(6), 0.025, paired=True)
    assert row["seeds_likely"] == seeds_for_effect(size, 0.025, paired=True) < upper
    assert row["seeds_needed"] == upper
    assert row["detectable_effect"] == pytest.approx(
        spread * detectable_effect(6, 0.025, paired=True)
    )


def test_two_ways_to_refute_a_trend_share_the_level(declare, metrics, tables):
    scores, trials = _levels(tables, slope=-0.02)
    claim = {
        "kind": "association",
        "direction": "positive",
        "against": {"factor": "objective.arm"},
    }
    alone = only(judge(scores, declare(H1=claim), metrics, trials))
    shared = only(judge(scores, declare(H1=claim | {"rope": 0.01}), metrics, trials))
    assert alone["p_refuted"] < 0.2
    assert shared["p_refuted"] == pytest.approx(2 * alone["p_refuted"])


def test_a_certain_trend_within_its_rope_is_left_open(declare, metrics, tables):
    scores, trials = _levels(tables, slope=0.03, noise=0.001, seeds=40)
    claim = {
        "kind": "association",
        "direction": "positive",
        "against": {"factor": "objective.arm"},
        "rope": 0.5,
    }
    row = only(judge(scores, declare(H1=claim), metrics, trials))
    assert max(row["p_supported_adjusted"], row["p_refuted_adjusted"]) <= 0.05
    assert row["verdict"] == "inconclusive"
    assert "within the range declared to be no trend" in row["cause"]
