"""Programs that end well, crash, hang, are killed or say nothing; and what a second run does."""

import json
import textwrap

import pandas as pd
import pytest

from labs.programs import ToyStudy
from latentlab.compute import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.experiment.planning import history_table, trial_table
from latentlab.experiment.scoring import altered_trials, score_trials
from latentlab.experiment.study_scores import measure_trials
from latentlab.training.trial_files import PROGRAM

INLINE = ComputeConfig(engine="inline")
ALL = {
    "small": {},
    "large": {"training": {"lr": 0.5}},
    "crashes": {"how": "crashes"},
    "silent": {"how": "silent"},
    "killed": {"how": "killed"},
    "tidy": {"how": "tidy"},
    "hangs": {"how": "hangs"},
}


def test_every_end_is_an_outcome_and_the_others_do_not_notice(tmp_path):
    toy = ToyStudy(tmp_path, ALL, program={"timeout": 0.7})
    trained = toy.run()
    assert trained == {trial.id for trial in toy.trials}
    outcomes = toy.outcomes()
    assert [arm for arm, (status, _) in outcomes.items() if status == "finished"] == [
        "large",
        "small",
    ]
    said = {arm: outcome for arm, (status, outcome) in outcomes.items() if status == "failed"}
    assert said["crashes"].startswith("exit status 1: ")
    assert "ZeroDivisionError: by design" in said["crashes"]
    assert said["hangs"] == "killed after 0.7 s: begin hangs"
    assert said["killed"] == "killed by SIGKILL: begin killed"
    assert said["tidy"] == "exit status 5"
    assert said["silent"] == "it wrote no scores.json"
    assert not list((toy.store.root / "running").iterdir())

    # What failed is known too, and what ended well least of all runs again.
    assert not toy.run()
    table = trial_table(toy.trials, toy.store, trained)
    scores = measure_trials(toy.study, toy.declaration, table, toy.source, toy.store, None)
    assert set(scores.loc[scores["metric"] == "test_acc", "arm"]) == {"small", "large"}
    assert set(history_table(toy.trials, toy.store)["metric"]) == {"test_acc"}

    # Verification reads what the programs wrote.
    assert altered_trials(scores, toy.store) == {}
    changed = scores.assign(value=scores["value"] + 0.1)
    assert set(altered_trials(changed[changed["metric"] == "test_acc"], toy.store)) == set(
        table.loc[table["status"] == "finished", "trial_id"]
    )


def test_python_is_the_one_of_the_lab_in_an_environment_that_is_not_activated(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    save = "pandas.Series({{'test_acc': {training.lr}}}).to_json('{folder}/scores.json')"
    command = ["python", "-c", f"import pandas; {save}"]
    program = {"command": command, "timeout": "2 min"}
    settings = {"seeds": {"count": 1}, "settings": {}, "program": program}
    toy = ToyStudy(tmp_path, {"small": {}}, **settings)
    toy.run()
    assert toy.outcomes() == {"small": ("finished", "ok")}


def test_a_damaged_trial_is_run_again_alone(tmp_path):
    toy = ToyStudy(tmp_path, {"small": {}})
    first, _ = toy.trials
    toy.run()
    (toy.store.folder(first.id) / PROGRAM).write_text("{}")
    assert toy.run() == {first.id}


def test_retries(tmp_path):
    toy = ToyStudy(
        tmp_path, {"flaky": {"how": "flaky"}}, seeds={"count": 1}, program={"retries": 1}
    )
    toy.run()
    assert toy.outcomes() == {"flaky": ("finished", "ok")}


def test_what_failed_runs_again_once_more_retries_are_allowed(tmp_path):
    arms = {"flaky": {"how": "flaky"}}
    toy = ToyStudy(tmp_path, arms, seeds={"count": 1})
    toy.run()
    assert toy.outcomes() == {"flaky": ("failed", "exit status 7: begin flaky")}
    assert not toy.run()
    more = ToyStudy(tmp_path, arms, seeds={"count": 1}, program={"retries": 1})
    # Neither timeout nor retries are a part of its name.
    assert [t.id for t in more.trials] == [t.id for t in toy.trials]
    more.run()
    assert more.outcomes() == {"flaky": ("finished", "ok")}


def test_retrain(tmp_path):
    toy = ToyStudy(tmp_path, {"small": {}}, seeds={"count": 1})
    assert toy.run() == toy.run(retrain=True)


def test_a_score_of_an_undeclared_metric_is_told_and_what_has_run_is_kept(tmp_path):
    toy = ToyStudy(tmp_path, {"a": {"how": "undeclared"}}, seeds={"count": 1})
    for _ in range(2):
        with pytest.raises(UserError, match=r"accuracy, which toy\.metrics does not declare"):
            toy.run()
    metrics = {name: {"better": "higher"} for name in ("test_acc", "accuracy")}
    assert not ToyStudy(
        tmp_path, {"a": {"how": "undeclared"}}, seeds={"count": 1}, metrics=metrics
    ).run()


def test_event_files_may_hold_more_than_what_is_declared(tmp_path, monkeypatch):
    """As a script that exists writes its losses there too."""
    points = {"test_acc": [(0, 0.5)], "Loss/train": [(0, 2.0)]}
    monkeypatch.setattr("latentlab.experiment.programs.scores._of_tensorboard", lambda _: points)
    toy = ToyStudy(tmp_path, {"small": {}}, seeds={"count": 1}, program={"scores": "tensorboard"})
    toy.run()
    assert toy.outcomes() == {"small": ("finished", "ok")}


def test_what_wandb_config_holds(tmp_path):
    script = """
        import json, os, sys
        config = json.load(open(os.environ["WANDB_SWEEP_PARAM_PATH"]))
        assert config.pop("wandb_version") == 1
        scores = {"test_acc": config["training"]["value"]["lr"]}
        json.dump(scores, open(f"{sys.argv[1]}/scores.json", "w"))
    """
    command = ["python", "config.py", "{folder}", "${args}", "{seed}"]
    program = {"command": command, "history": "wandb", "nested": ["training"]}
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "config.py").write_text(textwrap.dedent(script))
    toy = ToyStudy(tmp_path, {"small": {}}, seeds={"count": 1}, program=program)
    toy.run()
    (trial,) = toy.trials
    kept = json.loads((toy.store.folder(trial.id) / PROGRAM).read_text())
    assert kept["scores"]["test"] == {"test_acc": 0.1}


def test_pauses_at_a_rung_and_goes_on_from_the_start(tmp_path):
    toy = ToyStudy(tmp_path, {"slow": {"how": "slow"}, "small": {}}, seeds={"count": 1})
    slow, small = toy.trials
    compute_ids = toy.run(pause=1)
    assert compute_ids == {slow.id, small.id}
    assert not toy.store.knows(slow.id)
    with toy.study.trainer(toy.declaration, toy.source, toy.store, INLINE) as trainer:
        assert trainer.histories([slow])[slow.id]["test_acc"] == [pytest.approx(0.1 / 3)]
        # Once more to the same rung: nothing runs.
        begun: list[frozenset[str]] = []
        trainer.train([slow], pause=1, begin=begun.append)
        assert not toy.store.knows(slow.id)
        trainer.train([slow])
    assert len(toy.store.history(slow.id)["test_acc"]) == 3


def test_the_name_depends_on_what_decides(tmp_path):
    toy = ToyStudy(tmp_path, {"small": {}}, seeds={"count": 1})
    (tmp_path / "repo" / "data.txt").write_text("1")

    def name(arm="small", seed=0, **changes):
        (trial,) = ToyStudy(
            tmp_path, {arm: {}}, seeds={"first": seed, "count": 1}, **changes
        ).trials
        return trial.id

    assert name("another_label") == toy.trials[0].id
    others = [
        name(training={"lr": 0.2}),
        name(program={"environment": {"A": "1"}}),
        name(program={"inputs": ["data.txt"]}),
        name(seed=1),
    ]
    (tmp_path / "repo" / "data.txt").write_text("2")
    others.append(name(program={"inputs": ["data.txt"]}))
    assert len({toy.trials[0].id, *others}) == 6


def test_the_fingerprint_depends_on_the_command_that_is_registered(tmp_path):
    toy = ToyStudy(tmp_path, {"small": {}})
    command = [*toy.declaration.program.command, "--more"]
    assert ToyStudy(tmp_path, {"small": {}}, program={"command": command}).source.fingerprint != (
        toy.source.fingerprint
    )


def test_scores_come_in_both_splits(tmp_path):
    toy = ToyStudy(tmp_path, {"small": {}}, seeds={"count": 1})
    table = trial_table(toy.trials, toy.store, toy.run())
    scores = score_trials(toy.study, table, toy.source, toy.store, None)
    found = scores[scores["metric"] == "test_acc"].set_index("split")["value"]
    assert set(found.index) == {"validation", "test"}
    assert isinstance(scores, pd.DataFrame)
