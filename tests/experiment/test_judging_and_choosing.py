"""Verdicts of hypotheses that do not apply, the chosen model, and the report's figures."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from labs.declarations import declared
from labs.registrations import registered
from latentlab.experiment.champion import choose_champion
from latentlab.experiment.hypothesis_testing import judge_study
from latentlab.experiment.registering import declared_now
from latentlab.experiment.replication_table import replication_section, replication_table
from latentlab.experiment.scoring import collect_scores
from latentlab.reporting.formatting import estimate_parts
from latentlab.studies.derp_vae import STUDY

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def score_table(means: dict[str, float], metric: str, split: str, seeds: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            (f"{arm}-{seed}", arm, seed, split, metric, mean + 0.01 * rng.normal())
            for arm, mean in means.items()
            for seed in range(seeds)
        ],
        columns=["trial_id", "arm", "seed", "split", "metric", "value"],
    )


def test_what_does_not_apply_is_not_run_and_says_why() -> None:
    declaration = declared(dataset="celeba")
    scores = score_table(dict.fromkeys(declaration.configs, 1.0), "kl_divergence", "test")
    trials = scores[["trial_id", "arm", "seed"]].drop_duplicates()
    trials = trials.assign(
        status="finished",
        data="prepared",
        precision="float32",
        started_at="2026-02-01T00:00:00+00:00",
        config=[declaration.configs[arm].model_dump(mode="json") for arm in trials["arm"]],
    )
    record = registered(declared_now(STUDY, declaration, "prepared", "float32"), NOW, trials)
    verdicts = judge_study(STUDY, declaration, scores, trials, record, {}).set_index("hypothesis")
    assert set(verdicts.index) == set(declaration.hypotheses.hypotheses)
    assert verdicts.loc["kl_falls_with_beta", "verdict"] == "not_run"
    assert "two values of beta" in verdicts.loc["kl_falls_with_beta", "cause"]
    assert verdicts.loc["H1_reported", "verdict"] == "refuted"


def test_the_champion_is_of_the_best_arm_on_validation_whatever_the_test_says() -> None:
    declaration = declared()
    validation = score_table(
        {"standard_vae": 25.0, "derp_vae_5": 26.0}, "negative_elbo", "validation"
    )
    test = score_table({"standard_vae": 99.0, "derp_vae_5": 1.0}, "negative_elbo", "test")
    # One lucky seed of the worse arm does not win.
    validation.loc[validation["trial_id"] == "derp_vae_5-3", "value"] = 24.9
    chosen = choose_champion(declaration, pd.concat([validation, test]))
    own = validation[validation["arm"] == "standard_vae"].set_index("trial_id")["value"]
    assert chosen["arm"] == "standard_vae"
    assert chosen["trial_id"] == own.idxmin()
    assert chosen["arm_mean"] == pytest.approx(own.mean())


def test_an_arm_that_lost_seeds_is_not_chosen_by_what_survived() -> None:
    scores = score_table({"standard_vae": 25.0, "derp_vae_5": 20.0}, "negative_elbo", "validation")
    lost = (scores["arm"] == "derp_vae_5") & (scores["seed"] > 0)
    for lacking in (scores[~lost], scores.assign(value=scores["value"].mask(lost))):
        assert choose_champion(declared(), lacking)["arm"] == "standard_vae"
    assert choose_champion(declared(), scores)["arm"] == "derp_vae_5"


def test_nothing_is_chosen_where_nothing_was_measured() -> None:
    empty = score_table({}, "negative_elbo", "validation")
    assert choose_champion(declared(), empty) == {}


def test_times_join_the_scores_of_their_trials() -> None:
    trials = pd.DataFrame({"trial_id": ["x", "y"], "arm": ["a", "b"], "seed": [0, 0]})
    measured = score_table({}, "accuracy", "test")
    timings = pd.DataFrame({"arm": ["b", "a"], "seed": [0, 0], "seconds": [2.0, 1.0]})
    scores = collect_scores(trials, measured, timings).set_index("trial_id")
    assert scores["value"].to_dict() == {"x": 1.0, "y": 2.0}
    assert set(scores["metric"]) == {"step_seconds_alone"}


def test_a_reported_run_agrees_when_it_lies_in_the_prediction_interval() -> None:
    values = np.array([1.0, 1.2, 0.9])
    mean, sd = values.mean(), values.std(ddof=1)
    t = stats.t.ppf(0.975, 2)
    comparison = pd.DataFrame(
        {
            "metric": ["kl_divergence"] * 2,
            "arm": ["inside", "outside"],
            "mean": mean,
            "mean_high": mean + t * sd / np.sqrt(3),
            "n": 3,
        }
    )
    reach = t * sd * np.sqrt(1 + 1 / 3)
    reported = {
        "inside": {"kl_divergence": mean + 0.99 * reach},
        "outside": {"kl_divergence": mean - 1.01 * reach},
        "absent": {"kl_divergence": 0.0},
    }
    compared = replication_table(comparison, reported)
    shown = replication_section(compared).table
    assert shown is not None
    assert shown["reported within"].tolist() == [True, False]
    assert set(shown["measured, mean"]) == {estimate_parts(mean, mean - reach, mean + reach)[0]}
    table = compared.set_index("arm")
    assert table["agrees"].to_dict() == {"inside": True, "outside": False}
    assert table.loc["inside", "high"] == pytest.approx(mean + reach)
