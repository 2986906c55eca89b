"""The report's table as a plan: what is declared, what is chosen, and what comes of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

import latentlab
from latentlab.studies.mixture_harmonium import MixtureHarmoniumDeclaration
from latentlab.studies.mixture_harmonium.plan import Plan, Scale, arm_name, plan_table
from latentlab.studies.mixture_harmonium.reported import ASSUMED_ENTROPIES, RUNS

CONF = Path(latentlab.__file__).parents[2] / "conf/base/mixture_harmonium"


def block(*names):
    merged = {}
    for name in names:
        merged |= yaml.safe_load((CONF / name).read_text())["mixture_harmonium"]
    return merged


@pytest.fixture(scope="module")
def table():
    return block("parameters_plan.yml")["plan"]


def declared(arms=None, **plan):
    whole = block("parameters.yml", "hypotheses.yml", "parameters_plan.yml")
    whole["plan"] |= plan
    whole["arms"] = arms or {}
    return MixtureHarmoniumDeclaration.model_validate(whole)


def test_the_plan_is_the_reports_table(table):
    """Each of the 37 rows, setting by setting."""
    plan = Plan.model_validate(table | {"rows": "all", "scales": {"as it is": Scale(epochs=6000)}})
    arms = plan.arms("as it is")
    assert list(arms) == [run.name for run in RUNS]
    for run in RUNS:
        found, expected = arms[run.name], run.settings
        assert plan.table[run.run].phase == run.phase
        assert plan.table[run.run].assumed == (run.run in ASSUMED_ENTROPIES)
        assert found["model"] == expected["model"]
        for name, value in expected["objective"].items():
            assert found["objective"][name] == pytest.approx(value, rel=1e-5), (run.run, name)
        training = found["training"]
        assert training["learning_rate"] == run.learning_rate
        assert training["epochs"] == round(6000 * run.steps / 300_000)
        assert training["warmup_fraction"] == pytest.approx(run.rate_warmup / run.steps, rel=1e-5)


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({}, []),
        ({"rows": "25-28"}, [25, 26, 27, 28]),
        ({"rows": "1, 23,37"}, [1, 23, 37]),
        ({"rows": "3-4,3"}, [3, 4]),
        ({"rows": "1+23+30-31"}, [1, 23, 30, 31]),
        ({"rows": 7}, [7]),
        ({"rows": "all"}, list(range(1, 38))),
        ({"phase": "3C"}, [32, 33, 34, 35]),
        ({"phase": "1-2"}, list(range(1, 25))),
    ],
)
def test_rows_are_chosen_by_number_and_by_phase(table, chosen, numbers):
    assert Plan.model_validate(table | chosen).chosen == numbers


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"rows": "38"}, "there is no row 38; there are 1 to 37"),
        ({"rows": "some"}, "'some' is no list such as 25-28"),
        ({"phase": "4"}, "there is no phase 4; there are 1-2, 3A, 3B, 3C, 3D"),
        ({"rows": "1", "phase": "3A"}, "both set"),
        ({"rows": "28-25"}, "'28-25' runs backwards"),
    ],
)
def test_a_wrong_choice_is_refused(table, chosen, words):
    with pytest.raises(ValidationError, match=words):
        Plan.model_validate(table | chosen)


def test_rows_replace_the_arms_and_scale_with_the_data():
    declaration = declared(phase="3C")
    assert list(declaration.configs) == ["run_32", "run_33", "run_34", "run_35"]
    assert [c.model.latent_dim for c in declaration.configs.values()] == [16, 64, 16, 64]
    assert declaration.configs["run_32"].training.learning_rate == pytest.approx(0.005, rel=1e-4)
    assert declaration.configs["run_32"].objective.prior_entropy_weight == pytest.approx(1)
    assert declaration.control("reference") == "run_32"
    # Every hypothesis says why it is not judged, none is dropped.
    assert set(declaration.not_applicable) == set(declaration.hypotheses.hypotheses)


def test_claims_about_arms_of_another_data_set_are_not_run():
    declaration = declared()
    assert declaration.not_applicable == {}
    other = MixtureHarmoniumDeclaration.model_validate(
        block("parameters.yml", "hypotheses.yml", "parameters_plan.yml")
        | {"dataset": "mnist", "arms": {"half_steps": {"training": {"epochs": 23}}}}
    )
    judged = set(other.applicable.hypotheses)
    assert {"more_than_10_clusters", "above_k_means", "more_steps_raise_r2"} <= judged
    assert "latents_16 is not among" in other.not_applicable["more_than_half_the_latents"]
    removed = declared(rows=None).model_copy(update={"arms": {"clusters_40": None}})
    assert set(removed.not_applicable) == {"fewer_than_40_clusters"}


def test_an_arm_cannot_take_a_baselines_name():
    whole = block("parameters.yml", "hypotheses.yml", "parameters_plan.yml")
    with pytest.raises(ValidationError, match=r"arms\.k_means_same\n +a baseline has this name"):
        MixtureHarmoniumDeclaration.model_validate(whole | {"arms": {"k_means_same": {}}})


def test_a_data_set_without_a_scale_is_refused():
    with pytest.raises(ValidationError, match=r"plan\.scales: there is none for digits"):
        declared(rows="1", scales={})


def test_without_rows_the_arms_are_the_studys_own():
    declaration = declared()
    assert {"reference", "no_penalty", "clusters_40"} <= set(declaration.configs)
    assert declaration.not_applicable == {}
    assert declaration.table(pd.DataFrame(), pd.DataFrame()) is None


def test_the_table_shows_means_with_intervals_beside_the_report(table):
    plan = Plan.model_validate(table | {"rows": "8,37"})
    comparison = pd.DataFrame(
        {
            "arm": [arm_name(8), arm_name(8), arm_name(37)],
            "metric": ["nmi", "r_squared", "nmi"],
            "mean": [0.5, np.nan, 0.8],
            "mean_low": [0.4, np.nan, np.nan],
            "mean_high": [0.6, np.nan, np.nan],
            "n": [3, 0, 1],
        }
    )
    configs = declared(rows="8,37", arms={"run_37": {"training": {"epochs": 5}}}).configs
    shown = plan_table(plan, configs, comparison).set_index("run")
    assert shown.loc[8, "nmi"] == "0.5 [0.4, 0.6]"
    assert shown.loc[8, "r_squared"] == "–"
    assert shown.loc[37, "nmi"] == "0.8"
    # Settings are those that were run: scaled to the digits, an override laid over its row.
    assert shown.loc[8, "entropies"] == "0/0 (assumed)"
    assert shown.loc[37, "entropies"] == "1/2"
    assert shown.loc[37, "latents"] == 32
    assert list(shown["epochs"]) == [50, 5]
    assert configs["run_37"].objective.posterior_entropy_weight == pytest.approx(2)
    assert list(shown["reported active"]) == [9, 14]
    assert list(shown["seeds"]) == [3, 1]
    assert list(shown["reported NMI"]) == [0.59, 0.71]
    assert list(shown["phase"]) == ["1-2", "3D"]
