"""How a declaration resolves, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from labs.declarations import declared
from latentlab.experiment.blocks import differences, merged

leaves = st.integers() | st.text(max_size=3)
blocks = st.recursive(
    st.dictionaries(st.text(min_size=1, max_size=2), leaves, max_size=4),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=2), leaves | inner, max_size=4),
    max_leaves=8,
)


def test_precedence_is_class_data_set_study_arm() -> None:
    plain = declared().configs["standard_vae"]
    assert plain.training.optimiser == "adam"  # the class
    assert plain.training.epochs == 60  # the data set
    assert declared(training={"epochs": 7}).configs["standard_vae"].training.epochs == 7
    own = declared(objective={"beta": 3.0})
    assert own.configs["standard_vae"].objective.beta == 3.0  # the study
    assert own.configs["beta_vae_0.5"].objective.beta == 0.5  # the arm


def test_a_data_set_brings_its_defaults_and_arms() -> None:
    celeba = declared(dataset="celeba")
    assert list(celeba.configs) == ["standard_vae", "beta_vae_0.1", "derp_vae_5"]
    assert celeba.configs["derp_vae_5"].model.latent_dim == 64
    assert celeba.configs["derp_vae_5"].objective.distributional_weight == 0.5
    assert "kl_falls_with_beta" not in celeba.applicable.hypotheses
    assert "kl_falls_with_beta" in celeba.hypotheses.hypotheses


@pytest.mark.parametrize("dataset", ["digits", "mnist", "fashion_mnist", "cifar10", "celeba"])
def test_every_data_set_resolves(dataset: str) -> None:
    assert declared(dataset=dataset).configs


def test_an_arm_can_be_added_and_removed() -> None:
    arms = {"beta_vae_4": {"objective": {"beta": 4.0}}, "derp_vae_3": None}
    names = list(declared(arms=arms).configs)
    assert "beta_vae_4" in names
    assert "derp_vae_3" not in names


def test_claims_about_a_removed_arm_are_not_run_and_say_why() -> None:
    declaration = declared(arms={"beta_vae_2.0": None})
    assert set(declaration.not_applicable) == {"kl_falls_with_beta"}
    assert "beta_vae_2.0 is not among" in declaration.not_applicable["kl_falls_with_beta"]
    assert "kl_falls_with_beta" not in declaration.applicable.hypotheses


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"training": {"epoch": 3}}, "training.epoch"),
        ({"model": {"latent_dim": 0}}, "latent_dim"),
        ({"champion": {"metric": "posterior_variance_share"}}, "champion.metric"),
        ({"datasets": {"digits": {"source": {"subst": 10}}}}, "subst"),
        (
            {"arms": dict.fromkeys(declared().configs)},
            "there are none",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_name(over: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        declared(**over)


def test_the_record_holds_what_will_run_and_only_that() -> None:
    record = declared().resolved()
    assert record["model"]["latent_dim"] == 8
    assert record["arms"]["standard_vae"] == "as above"
    assert record["arms"]["derp_vae_5"] == {
        "objective": {"distributional_weight": 1.0, "probes": 5}
    }
    assert "datasets" not in record


@given(blocks, blocks)
def test_merging_puts_every_leaf_of_the_second_in(base: dict, over: dict) -> None:
    result = merged(base, over)
    assert differences(over, result) == {}
    assert merged(result, over) == result


@given(blocks, blocks)
def test_a_block_is_its_base_and_its_differences(base: dict, block: dict) -> None:
    # What the base has and the block lacks stays; everything of the block is restored.
    restored = merged(base, differences(block, base))
    assert differences(block, restored) == {}
