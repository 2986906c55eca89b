"""Sweeps over programs: W&B's files as they stand, and early stopping by a program's history."""

import json
import textwrap

import pytest

from labs.programs import ToyStudy
from labs.sweep_tables import sweep_table
from latentlab.compute import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.experiment.sweep.confirmation import confirmation_trials
from latentlab.experiment.sweep.file import load_sweep
from latentlab.experiment.sweep.plan import plan_of, planned_sweep
from latentlab.experiment.sweep.runner import confirm_sweep, search_sweep
from latentlab.experiment.sweep.settings import SweepsConfig

WANDB = """
program: train.py
command: ["${env}", "${interpreter}", "${program}", "${args}", "--out={folder}"]
method: grid
metric: {name: test_acc, goal: maximize}
early_terminate: {type: hyperband, min_iter: 1, eta: 2}
parameters:
  lr: {values: [0.1, 0.5]}
  how: {value: well}
  seed: {values: [1, 2]}
"""
OWN = """
method: grid
seeds: {count: 1}
confirmation: {seeds: {first: 2000, count: 2}}
halving: {first: 1, factor: 2}
fixed: {how: slow, epochs: 3}
parameters:
  training.lr: {type: categorical, choices: [0.1, 0.2, 0.5]}
"""


def written(root, text):
    path = root / "toy" / "sweeps" / "default.yml"
    path.parent.mkdir(parents=True)
    path.write_text(textwrap.dedent(text))


def sweep_of(root, text, toy):
    written(root, text)
    return load_sweep(toy.study, toy.declaration, ["."], root)


def calls(sweep, toy, **values):
    trial = sweep.trial("c", 3, sweep.config(values), toy.source, "float32")
    return list(trial.call.command)


def test_a_wandb_sweep_is_called_as_it_stands(tmp_path):
    toy = ToyStudy(tmp_path, {"default": {}}, settings={}, training={}, program=PLAIN)
    sweep = sweep_of(tmp_path, WANDB, toy)
    assert calls(sweep, toy, lr=0.5) == [
        "/usr/bin/env",
        "python",
        "train.py",
        "--seed=3",
        "--how=well",
        "--lr=0.5",
        "--out={folder}",
    ]
    # The default, with which the winner is compared, has what is fixed and the script's own rest.
    assert "--lr" not in " ".join(calls(sweep, toy))
    # A stage that runs alone calls it in the same way.
    plan = json.loads(json.dumps(plan_of(sweep)))
    again = planned_sweep(toy.study, toy.declaration, {"default": plan})
    assert calls(again, toy, lr=0.5) == calls(sweep, toy, lr=0.5)
    assert again.settings.halving is None
    told = "\n".join(sweep.warnings)
    assert "nothing is stopped early: no setting says how many epochs" in told
    assert "test_acc is by its name a score on test data" in told
    assert "not used here" not in told
    assert "bookkeeping" not in told


def test_nested_parameters_are_passed_on_as_wandb_does(tmp_path):
    toy = ToyStudy(tmp_path, {"default": {}}, settings={}, training={}, program=PLAIN)
    choice = "lr: {values: [0.1, 0.5]}"
    nested = f"optimizer: {{parameters: {{{choice}, nadam: {{parameters: {{b: {{value: 1}}}}}}}}}}"
    sweep = sweep_of(tmp_path, WANDB.replace(choice, nested), toy)
    expected = "--optimizer={{'nadam': {{'b': 1}}, 'lr': 0.5}}"
    assert expected in calls(sweep, toy, **{"optimizer.lr": 0.5})


def test_a_winner_may_have_none_of_what_is_chosen(tmp_path):
    """A choice of null is no missing value: the script's own setting is not taken in its place."""
    toy = ToyStudy(tmp_path, {"small": {}})
    choice = "how: {type: categorical, choices: [null, well]}"
    text = OWN.replace("fixed: {how: slow, epochs: 3}\n", "")
    text = text.replace("parameters:", f"parameters:\n  {choice}")
    sweep = sweep_of(tmp_path, text, toy)
    rows = [{"how": None, "training.lr": 0.2}, {"how": "well", "training.lr": 0.2}]
    parameters = sweep.settings.space.parameters
    table = sweep_table(parameters, rows, [0.9, 0.1])
    winner = confirmation_trials(sweep, table, toy.source, "float32")[0]
    assert winner.config == sweep.config(sweep.settings.space.configuration(rows[0]))
    assert winner.config != sweep.config(sweep.settings.space.configuration(rows[1]))


PLAIN = {"command": ["python", "train.py", "${args}", "{seed}"], "history": "history.jsonl"}


def test_the_search_and_its_confirmation(tmp_path):
    toy = ToyStudy(tmp_path, {"default": {}}, settings={}, training={}, program=PLAIN)
    sweep = sweep_of(tmp_path, WANDB, toy)
    sweep = planned_sweep(toy.study, toy.declaration, {"default": plan_of(sweep)})
    config, compute = SweepsConfig(folders=["."]), ComputeConfig(engine="inline")
    table, trained = search_sweep(sweep, config, compute, toy.source, toy.store)
    assert list(table.outcomes["state"]) == ["complete", "complete"]
    assert len(trained.trials) == 4
    best = table.outcomes["test_acc"].idxmax()
    assert table.parameters["lr"].loc[best] == 0.5


def test_a_configuration_that_fails_is_one_and_is_not_run_again(tmp_path):
    toy = ToyStudy(tmp_path, {"default": {}}, settings={}, training={}, program=PLAIN)
    text = WANDB.replace("values: [0.1, 0.5]", "value: 0.1").replace(
        "how: {value: well}", "how: {values: [well, crashes]}"
    )
    sweep = sweep_of(tmp_path, text, toy)
    config, compute = SweepsConfig(folders=["."]), ComputeConfig(engine="inline")
    for reused in (False, True):
        table, trained = search_sweep(sweep, config, compute, toy.source, toy.store)
        states = dict(zip(table.parameters["how"], table.outcomes["state"], strict=True))
        assert states == {"well": "complete", "crashes": "failed"}
        assert sorted(trained.trials["status"]) == ["failed", "failed", "finished", "finished"]
        assert (trained.trials["reused"] == reused).all()


def test_halving_stops_by_the_history(tmp_path):
    options = ["--lr={training.lr}", "--how={how}", "--seed={seed}", "--out={folder}"]
    command = ["python", "train.py", *options, "--epochs={epochs}"]
    toy = ToyStudy(
        tmp_path, {"only": {}}, settings={"how": "well", "epochs": 3}, program={"command": command}
    )
    script = tmp_path / "repo" / "train.py"
    script.write_text(script.read_text().replace('"out"', '"out", "epochs"'))
    sweep = sweep_of(tmp_path, OWN, toy)
    assert sweep.warnings == (
        "test_acc is by its name a score on test data, which the search then has seen",
    )
    config, compute = SweepsConfig(folders=["."]), ComputeConfig(engine="inline")
    table, trained = search_sweep(sweep, config, compute, toy.source, toy.store)
    assert list(table.outcomes["state"]) == ["pruned", "pruned", "complete"]
    assert list(trained.trials["epochs"]) == [3]
    gain, _ = confirm_sweep(sweep, table, compute, toy.source, toy.store)
    assert (gain["pairs"] == 2).all()


@pytest.mark.parametrize(("settings", "told"), [({}, True), ({"seed": "{seed}"}, False)])
def test_a_seed_that_nothing_takes_is_told(tmp_path, settings, told):
    program = PLAIN | {"command": ["python", "train.py", "${args}"]}
    counted = {"seeds": {"first": 0, "count": 1}}
    toy = ToyStudy(
        tmp_path, {"default": {}}, settings=settings, training={}, program=program, **counted
    )
    sweep = sweep_of(tmp_path, WANDB.replace("  seed: {values: [1, 2]}\n", ""), toy)
    assert ("takes no seed" in "\n".join(sweep.warnings)) == told


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"lr: {values": "rate: {values"}, "parameters: the study has no rate"),
        ({"name: test_acc": "name: accuracy"}, "called accuracy"),
    ],
)
def test_what_the_study_does_not_know(tmp_path, changes, what):
    toy = ToyStudy(tmp_path, {"default": {}})
    text = WANDB.replace('command: ["${env}", "${interpreter}", "${program}", "${args}", ', "")
    text = text.replace('"--out={folder}"]\n', "").replace("program: train.py\n", "")
    for old, new in changes.items():
        text = text.replace(old, new)
    with pytest.raises(UserError) as error:
        sweep_of(tmp_path, text, toy)
    assert what in str(error.value)


def test_a_name_that_is_a_value_and_a_block(tmp_path):
    toy = ToyStudy(tmp_path, {"default": {}}, settings={}, training={}, program=PLAIN)
    text = WANDB.replace("  how: {value: well}", "  how: {value: sgd}\n  how.fast: {value: 1}")
    found = calls(sweep_of(tmp_path, text, toy), toy, lr=0.5)
    assert {"--how=sgd", "--how.fast=1"} <= set(found)
