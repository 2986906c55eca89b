from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from labs.reporting_study import ARMS, METRICS, make_scores, make_trials
from latentlab.core.errors import UserError
from latentlab.metrics.metric import Metric
from latentlab.reporting import comparison_table, differences_table, means_table
from latentlab.reporting.intervals import MeanInterval
from latentlab.reporting.tables import COMPARISON_COLUMNS, DIFFERS


def row(table: pd.DataFrame, metric: str, arm: str) -> pd.Series:
    return table[(table["metric"] == metric) & (table["arm"] == arm)].iloc[0]


def test_values_agree_with_scipy() -> None:
    scores = make_scores()
    table = comparison_table(scores, METRICS, ARMS[0])
    wide = scores[scores["metric"] == "kl"].pivot(index="seed", columns="arm", values="value")
    found = row(table, "kl", "derp_vae_5")
    paired = stats.ttest_rel(wide["derp_vae_5"], wide["standard_vae"])
    interval = paired.confidence_interval(0.95)
    mean = stats.ttest_1samp(wide["derp_vae_5"], 0).confidence_interval(0.95)
    assert found["mean"] == pytest.approx(wide["derp_vae_5"].mean())
    assert (found["mean_low"], found["mean_high"]) == pytest.approx((mean.low, mean.high))
    assert found["difference"] == pytest.approx((wide["derp_vae_5"] - wide["standard_vae"]).mean())
    assert (found["difference_low"], found["difference_high"]) == pytest.approx(
        (interval.low, interval.high)
    )
    assert tuple(table.columns) == COMPARISON_COLUMNS
    assert len(table) == len(METRICS) * len(ARMS)


def test_a_lost_seed_drops_its_pair_only() -> None:
    found = row(comparison_table(make_scores(), METRICS, ARMS[0]), "kl", "derp_vae_5_gap")
    assert (found["n"], found["pairs"]) == (9, 9)


def test_diverged_trials_are_counted_and_left_out() -> None:
    scores, trials = make_scores(), make_trials()
    table = comparison_table(scores, METRICS, ARMS[0], trials=trials)
    found = row(table, "kl", "beta_vae_2")
    kept = scores[(scores["metric"] == "kl") & (scores["arm"] == "beta_vae_2")]
    kept = kept[kept["seed"] != 104]["value"]
    assert (found["n"], found["pairs"], found["diverged"]) == (9, 9, 1)
    assert found["mean"] == pytest.approx(kept.mean())


def test_without_trials_scores_that_are_not_finite_count_as_diverged() -> None:
    scores = make_scores()
    scores.loc[scores["trial_id"] == "derp_vae_3-101", "value"] = [np.nan, np.inf, 1, 1, 1]
    table = comparison_table(scores, METRICS, ARMS[0])
    assert row(table, "kl", "derp_vae_3")["diverged"] == 1
    assert row(table, "ks_distance", "derp_vae_3")["diverged"] == 1
    assert row(table, "accuracy", "derp_vae_3")["diverged"] == 0
    assert row(table, "ks_distance", "derp_vae_3")["n"] == 9


def test_the_note_stands_exactly_where_the_interval_excludes_zero() -> None:
    table = comparison_table(make_scores(), METRICS, ARMS[0])
    excludes = (table["difference_low"] > 0) | (table["difference_high"] < 0)
    assert 0 < excludes.sum() < len(table)
    assert (table["note"] == np.where(excludes, DIFFERS, "")).all()
    assert not table[table["is_control"]]["note"].any()


def test_reused_trials_count_once_and_double_seeds_are_refused() -> None:
    scores = make_scores()
    again = pd.concat([scores, scores[scores["arm"] == "derp_vae_3"]])
    pd.testing.assert_frame_equal(
        comparison_table(again, METRICS, ARMS[0]), comparison_table(scores, METRICS, ARMS[0])
    )
    other = scores[scores["trial_id"] == "derp_vae_3-101"].assign(trial_id="another")
    with pytest.raises(UserError, match="more than one trial with seed 101"):
        comparison_table(pd.concat([scores, other]), METRICS, ARMS[0])


def test_an_unknown_control_is_named_with_its_alternatives() -> None:
    with pytest.raises(UserError, match=r"'vae' has no scores\. Name one of: standard_vae"):
        comparison_table(make_scores(), METRICS, "vae")


def test_one_seed_has_a_mean_and_no_interval() -> None:
    scores = make_scores()
    table = comparison_table(scores[scores["seed"] == 101], METRICS[:1], ARMS[0])
    assert table["n"].tolist() == [1] * 6
    assert table[["mean_low", "difference_low"]].isna().all().all()
    assert not table["note"].any()
    assert re.fullmatch(r"[\d.]+ \(n = 1\)", str(means_table(table).iloc[-1, 1]))


def test_a_metric_without_scores_says_so() -> None:
    table = comparison_table(make_scores(), [Metric("mig", "higher", "", "x")], ARMS[0])
    shown = means_table(table)
    assert str(shown.columns[1]) == "mig (higher is better)"
    assert shown.iloc[:, 1].map(str).tolist() == ["no values"] * 6
    assert differences_table(table)["difference"].tolist() == ["-"] * 5


def test_display_tables_show_signed_differences_per_metric() -> None:
    table = comparison_table(make_scores(), METRICS, ARMS[0], trials=make_trials())
    shown = differences_table(table)
    assert len(shown) == len(METRICS) * 5
    assert "unadjusted 95 % interval" in shown
    assert (shown["difference"].str[0].isin(["+", "-"])).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_the_interval_holds_its_mean(values: list[float]) -> None:
    found = MeanInterval.of([*values, math.nan])
    assert found.n == len(values)
    assert found.low <= found.mean <= found.high
