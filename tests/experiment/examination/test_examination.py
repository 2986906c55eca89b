"""A collapse that was planted is found, from its trials to its report."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from experiment.examination.conftest import SMALL
from labs.plain_methods import PlainVae, plain_trial
from labs.planted_vae import declaration, examination
from latentlab.core.errors import UserError
from latentlab.experiment.blocks import merged
from latentlab.experiment.examination.cohort import Setting, scores_of
from latentlab.experiment.examination.examined import (
    arm_of,
    examine_whole,
    kept_sections,
    trial_of,
)
from latentlab.experiment.examination.recording import off_since, record_units
from latentlab.experiment.examination.report import facts, sentences
from latentlab.reporting import write_document


@pytest.fixture
def three_levers(monkeypatch: pytest.MonkeyPatch) -> None:
    few = ("encoder_shift", "kl_weight", "kl_warmup")
    monkeypatch.setattr(examination, "LEVERS", {n: examination.LEVERS[n] for n in few})


@pytest.mark.usefixtures("three_levers")
def test_a_planted_collapse_is_found(setting: Setting, tmp_path) -> None:
    dead = declaration(merged(SMALL, {"model": {"encoder_shift": -30.0}}))
    there = replace(setting, declaration=dead)
    examined = arm_of(there.study, dead, None, 3)
    found, off, document = examine_whole(there, examined)
    assert found.answer == "collapsed"
    assert found.causes == ["encoder_shift"]
    assert found.seeds["on"].tolist() == [0, 0, 0]
    assert len(off) == 3 * 4
    assert set(off["epoch"]) == {1}
    said = sentences(found, off)
    assert said[0].startswith("Collapsed in 3 of 3 seeds, because of encoder_shift: 0, 0, 0 of 4")
    assert "model.encoder_shift -30 -> 0 wakes" in said[2]

    page = write_document(tmp_path / "report", document).read_text()
    assert "Traversals" in page
    assert "unit 0 (off)" in page
    machine = json.loads(json.dumps(facts(found, off), allow_nan=False))
    assert machine["seeds"][0]["off_since"] == {str(unit): 1 for unit in range(4)}

    data = there.prepared.fingerprint
    (section,) = kept_sections(there.study, dead, data, there.store)
    assert list(section.sentences) == said
    assert kept_sections(there.study, dead, "other data", there.store) == []

    first = str(found.seeds["trial_id"].iloc[1])
    assert trial_of(there, first, 3) == ("planted", examined.config, (1, 0, 2))
    with pytest.raises(UserError, match="The trial 0123 is not in"):
        trial_of(there, "0123", 3)


def test_a_healthy_model_is_left_alone(setting: Setting) -> None:
    examined = arm_of(setting.study, setting.declaration, "planted", 3)
    found, off, _ = examine_whole(setting, examined)
    assert found.answer == "not collapsed"
    assert found.verdicts.empty
    assert off.empty
    trained = {path.name for path in setting.store.trials.iterdir()}
    assert set(found.seeds["trial_id"]) <= trained


def test_too_few_seeds_and_no_such_arm(setting: Setting) -> None:
    with pytest.raises(UserError, match="2 seeds: too few to examine"):
        examine_whole(setting, arm_of(setting.study, setting.declaration, None, 2))
    with pytest.raises(UserError, match=r"no arm planned\. Did you mean planted"):
        arm_of(setting.study, setting.declaration, "planned", 3)


def test_what_is_recorded_ends_as_the_stored_trials_do(setting: Setting) -> None:
    trials = setting.trials(setting.declaration.configs, (0, 1, 2))
    units = setting.units(setting.trained(trials))
    record = record_units(setting, trials, setting.features("test"))
    assert sorted(record["epoch"].unique()) == list(range(1, 9))
    last = record[record["epoch"] == 8].set_index(["seed", "unit"])["kl"].unstack()
    for trial in trials:
        np.testing.assert_allclose(last.loc[trial.seed], units[trial.id].kl, rtol=1e-3)


def test_a_unit_is_off_since_it_was_last_on() -> None:
    on = {0: [True, False, True, False, False], 1: [False] * 5, 2: [False, True, True, True, True]}
    record = pd.DataFrame(
        [(7, e, unit, s) for unit, states in on.items() for e, s in enumerate(states, start=1)],
        columns=["seed", "epoch", "unit", "on"],
    )
    assert off_since(record).to_numpy().tolist() == [[7, 0, 4], [7, 1, 1]]


def test_a_diverged_trial_has_no_unit_on() -> None:
    assert scores_of(pd.DataFrame({"trial_id": ["a"]}), {})["value"].tolist() == [0.0]


class PlainEvaluation:
    """Says how a plain VAE is a latent-variable model."""

    class Latent:
        def __init__(self, module) -> None:
            self.module = module

        def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.module(x)[1:]

    def latent_model(self, model) -> Latent:
        return self.Latent(model.module)


class PlainStudy:
    """As much of a study as recording asks for."""

    name, runs_programs = "plain", False
    method, evaluation = PlainVae(), PlainEvaluation()


def test_plain_methods_are_recorded_one_by_one(setting: Setting) -> None:
    there = replace(setting, study=PlainStudy())
    trials = [plain_trial(setting.prepared, PlainVae(), seed, epochs=2) for seed in (0, 1)]
    record = record_units(there, trials, setting.features("test"))
    assert record.groupby(["seed", "epoch"])["unit"].count().tolist() == [3] * 4
