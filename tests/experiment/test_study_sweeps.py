"""Sweeps of a study: the file is checked, cohorts are trained on all seeds, rungs stop early."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from labs.declarations import block
from latentlab.compute import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.experiment.planning import prepare_data
from latentlab.experiment.registering import read_record
from latentlab.experiment.sweep.confirmation import confirmation_table, outcomes_by_seed, winner_of
from latentlab.experiment.sweep.file import load_sweep, sweep_path
from latentlab.experiment.sweep.plan import plan_of, planned_sweep
from latentlab.experiment.sweep.report import compared_table
from latentlab.experiment.sweep.runner import confirm_sweep, open_storage, search_sweep
from latentlab.experiment.sweep.settings import SweepsConfig
from latentlab.experiment.sweep.verification import verify_confirmation
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.archive import SweepArchive, load_table, save_table
from latentlab.search.audit.confirmation import confirmation_findings
from latentlab.search.proposals import propose
from latentlab.search.report.composition import SweepReport
from latentlab.search.report.confirmation_sentence import confirmation_sentence
from latentlab.studies.registry import STUDIES
from latentlab.training import runner
from latentlab.training.store import TrialStore

STUDY = STUDIES["derp_vae"]
CPU = torch.device("cpu")
COMPUTE = ComputeConfig(engine="inline", cohort=8, threads=1, compile=False)
SWEEP = {
    "method": "random",
    "configurations": 6,
    "cohort": 3,
    "seeds": {"first": 50, "count": 2},
    "confirmation": {"seeds": {"first": 90, "count": 3}},
    "fixed": {"objective.probes": 3},
    "parameters": {
        "objective.beta": {"type": "float", "low": 0.1, "high": 4.0, "log": True},
        "objective.distributional_weight": {"type": "float", "low": 0.1, "high": 1.0},
        "model.latent_dim": {"type": "categorical", "choices": [2, 3], "ordered": True},
    },
}
CONFIG = SweepsConfig(folders=("conf",))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "prepared"
    save_prepared(prepare("digits", {"subset": 120}, folder), folder)
    return load_prepared(folder)


def declared(**training):
    own = block("derp_vae", model={"hidden": 8})
    own["training"] = {"epochs": 4, "batch_size": 32, "validate_every": 1, **training}
    return STUDY.declaration.model_validate(own)


def loaded(root, content=SWEEP, declaration=None):
    folder = root / "conf/derp_vae/sweeps"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "default.yml").write_text(yaml.safe_dump(content))
    return load_sweep(STUDY, declaration or declared(), CONFIG.folders, root)


@pytest.fixture
def store(tmp_path):
    return TrialStore(tmp_path / "models" / "derp_vae")


def test_every_configuration_is_trained_on_every_seed_and_scored_on_validation(
    tmp_path, prepared, store
):
    sweep = loaded(tmp_path)
    table, trained = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    assert len(table.outcomes) == 6
    assert set(table.outcomes["state"]) == {"complete"}
    assert list(table.outcomes["cohort"]) == [0, 0, 0, 1, 1, 1]
    name = sweep.objectives[0].name
    for number, rows in table.replicates.groupby("configuration"):
        assert sorted(rows["seed"]) == [50, 51]
        assert table.outcomes.loc[number, name] == pytest.approx(rows[name].mean())
        assert table.outcomes.loc[number, "epochs"] == 8
    assert set(trained.scores["split"]) == {"validation"}
    assert len(trained.trials) == 12
    assert not trained.trials["reused"].any()
    # The configuration that was trained is the one that was asked for.
    row = trained.trials[trained.trials["arm"] == "c002"].iloc[0]
    assert f'"beta": {table.parameters.loc[2, "objective.beta"]}' in row["config"]

    again, retrained = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    pd.testing.assert_frame_equal(again.outcomes, table.outcomes)
    assert retrained.trials["reused"].all()

    save_table(table, tmp_path / "saved")
    back = load_table(tmp_path / "saved")
    pd.testing.assert_frame_equal(back.parameters, table.parameters)
    pd.testing.assert_frame_equal(back.outcomes, table.outcomes)
    assert (back.space, back.objectives, back.sampler) == (
        table.space,
        table.objectives,
        table.sampler,
    )

    gain, confirmed = confirm_sweep(sweep, table, COMPUTE, prepared, store)
    assert set(confirmed.trials["seed"]) == {90, 91, 92}
    assert set(confirmed.trials["arm"]) == {"winner", "default"}
    assert set(gain["split"]) == {"validation", "test"}
    shown = gain[gain["split"] == "test"].iloc[0]
    assert shown["search_score"] == pytest.approx(table.outcomes[name].min())
    by_hand = confirmed.scores[
        (confirmed.scores["metric"] == name) & (confirmed.scores["split"] == "test")
    ].pivot_table(index="seed", columns="arm", values="value")
    # The objective is an error: less is better, and a gain is positive.
    assert table.objective.direction == "minimize"
    assert shown["gain"] == pytest.approx((by_hand["default"] - by_hand["winner"]).mean())
    assert shown["low"] < shown["gain"] < shown["high"]


@pytest.mark.slow
def test_a_winner_is_confirmatory_until_its_declaration_is_bent(tmp_path, prepared, store):
    def confirmed(declaration=None, **changes):
        sweep = loaded(tmp_path, SWEEP | {"configurations": 3} | changes, declaration)
        table, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
        gain, _ = confirm_sweep(sweep, table, COMPUTE, prepared, store)
        (row,) = gain[gain["split"] == "test"].to_dict("records")
        assert gain.loc[gain["split"] == "validation", "status"].isna().all()
        return row

    def fresh(**seeds):
        return {"confirmation": {"seeds": seeds}}

    # Nothing was seen yet, so that other seeds may still be declared.
    search_sweep(
        loaded(tmp_path, SWEEP | {"configurations": 3} | fresh(first=80, count=3)),
        *(CONFIG, COMPUTE, prepared, store),
    )
    for row in (confirmed(), confirmed()):
        assert (row["status"], row["status_reason"], row["attempt"]) == ("confirmatory", "", 1)
    assert len([e for e in read_record(store.root).entries if e.kind == "look"]) == 1
    assert "; confirmatory." in confirmation_sentence(row)
    for changes, why in (
        (fresh(first=90, count=4), "seeds 93 were added"),
        (fresh(first=190, count=3), "seeds are 190-192, registered 90-92"),
        ({"configurations": 6}, "its search.configurations is 6, registered 3"),
    ):
        bent = confirmed(**changes)
        assert bent["status"] == "deviated"
        assert why in bent["status_reason"]
        assert f"deviated: {bent['status_reason']}" in confirmation_sentence(bent)
    again = confirmed(
        declared().model_copy(update={"amendment": "a new try"}), **fresh(first=290, count=3)
    )
    assert (again["status"], again["attempt"]) == ("confirmatory", 2)
    assert "at attempt 2, whose p pays for those before" in confirmation_sentence(again)


def test_a_confirmation_is_derived_anew_and_what_was_bent_is_named(tmp_path, prepared, store):
    sweep = loaded(tmp_path, SWEEP | {"configurations": 3})
    table, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    gain, trained = confirm_sweep(sweep, table, COMPUTE, prepared, store)
    path, metric = tmp_path / "confirmation.csv", table.objective.name

    def found(stored=gain, scores=trained.scores, chosen=table, trials=trained.trials):
        stored.to_csv(path, index=False)
        tables = (chosen, pd.read_csv(path), trials, scores)
        checks = verify_confirmation(sweep, *tables, "float32", prepared, store, CPU)
        return dict(checks[checks["found"] != ""].itertuples(index=False))

    assert found() == {}
    row = gain.index[gain["split"] == "test"][0]
    for column, value in (("gain", 9.0), ("p", 1e-9), ("verdict", "bent"), ("winner_lost", 1)):
        bent = gain.astype({column: object})
        bent.loc[row, column] = value
        told = f"{column} of {metric} (test) is stored as {value}, found {gain.loc[row, column]}"
        assert found(bent) == {"confirmation derived anew": told}
    assert "is stored as nan" in found(gain.drop(index=row))["confirmation derived anew"]
    raised = trained.scores.copy()
    raised.loc[(raised["metric"] == metric) & (raised["arm"] == "default"), "value"] += 0.1
    bent = found(scores=raised)
    assert f"its {metric} is not the one that was measured" in bent["weights and scores"]
    assert f"{metric} is confirmatory" in bent
    # Another configuration in the winner's place, and trials that nobody registered.
    outcomes = table.outcomes.assign(**{metric: -table.outcomes[metric]})
    turned = found(chosen=replace(table, outcomes=outcomes))
    assert turned["winner and default"] == "others were trained than the search chose"
    (store.root / "registration.yml").unlink()
    assert found()["the sweep default is registered"] == "it never was"


@pytest.mark.slow
def test_another_winner_on_seeds_that_were_seen_is_named(tmp_path, prepared, store):
    sweep = loaded(tmp_path, SWEEP | {"configurations": 3})
    table, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    confirm_sweep(sweep, table, COMPUTE, prepared, store)
    scores = table.outcomes[table.objective.name]
    table.outcomes[table.objective.name] = scores.max() + scores.min() - scores
    gain, _ = confirm_sweep(sweep, replace(table), COMPUTE, prepared, store)
    assert "another winner was confirmed" in gain["status_reason"].dropna().iloc[0]


@pytest.mark.slow
@pytest.mark.parametrize("lost", [6, 10])
def test_losses_on_fresh_seeds_are_counted_and_confirm_nothing(tmp_path, prepared, store, lost):
    fresh = {"confirmation": {"seeds": {"first": 90, "count": 10}}}
    sweep = loaded(tmp_path, SWEEP | fresh)
    table, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    metric = table.objective.name
    # Every winner that is left is better by about .05; the others diverged, or are infinite.
    rows = [
        (arm, seed, split, metric, value)
        for split in ("validation", "test")
        for seed in range(90, 100)
        for arm, value in (("winner", 0.4 + seed / 1e4), ("default", 0.45))
        if not (arm == "winner" and seed < 90 + lost - 1)
    ]
    scores = pd.DataFrame(rows, columns=["arm", "seed", "split", "metric", "value"])
    scores.loc[(scores["arm"] == "winner") & (scores["seed"] == 89 + lost), "value"] = math.inf
    gain = confirmation_table(sweep, table, scores)
    (row,) = gain[gain["split"] == "test"].to_dict("records")
    assert (row["seeds"], row["winner_lost"], row["default_lost"]) == (10, lost, 0)
    assert row["pairs"] == 10 - lost
    assert math.isnan(row["p"])
    said = confirmation_sentence(row)
    assert said.startswith(f"Of 10 fresh seeds the winner was lost on {lost} and the default on 0")
    assert "the gain is not confirmed" in said
    assert ("On the 4 seeds that both finished" in said) == (lost == 6)
    assert "nan" not in said
    by_seed = outcomes_by_seed(sweep, scores)
    assert by_seed["seed"].tolist() == list(range(90, 100))
    assert by_seed["winner"].isna().tolist() == [True] * lost + [False] * (10 - lost)
    (found,) = confirmation_findings(table, by_seed)
    assert (found.rule, found.severity) == ("D27", "error")
    assert f"the winner was lost {lost} of 10 times" in found.text
    assert found.rows == "seed " + ", ".join(map(str, range(90, 90 + lost)))
    quick = AnalysisSettings(bootstraps=20, null_draws=200, fanova_rows=10)
    report = SweepReport("t", table, analyse(table, quick), confirmation=gain, by_seed=by_seed)
    assert "D27" in report.findings["rule"].tolist()
    (winner,) = [one for one in report.document().sections if one.title.startswith("The winner")]
    assert winner.sections[0].table["winner"].tolist()[:lost] == ["lost"] * lost


@pytest.mark.slow
def test_a_larger_budget_goes_on_and_other_changes_begin_again(tmp_path, prepared, store):
    search_sweep(loaded(tmp_path), CONFIG, COMPUTE, prepared, store)
    more = loaded(tmp_path, SWEEP | {"configurations": 8})
    table, _ = search_sweep(more, CONFIG, COMPUTE, prepared, store)
    assert len(table.outcomes) == 8
    other = loaded(tmp_path, SWEEP | {"seeds": {"first": 50, "count": 3}})
    with pytest.raises(UserError, match=r"begun with other settings \(`seeds` differs\)"):
        search_sweep(other, CONFIG, COMPUTE, prepared, store)
    fresh = CONFIG.model_copy(update={"restart": True})
    table, trained = search_sweep(other, fresh, COMPUTE, prepared, store)
    assert len(table.outcomes) == 6
    # What was trained stays known: only the new seed is trained.
    assert set(trained.trials.loc[~trained.trials["reused"], "seed"]) == {52}


def test_a_record_that_does_not_fit_its_trials_is_no_number(tmp_path, prepared, store):
    """A flipped digit, and a line that is lost so that results move to other configurations."""
    sweep = loaded(tmp_path)
    search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    journal = store.root / "sweeps" / "default.journal"
    lines = journal.read_text().splitlines(keepends=True)
    asked = [k for k, line in enumerate(lines) if '"distributions"' in line]
    beta = json.loads(lines[asked[1]])["params"]["objective.beta"]
    told = next(k for k, line in enumerate(lines) if '"values":[' in line and k not in asked)
    value = json.loads(lines[told])["values"][0]
    damages = (
        [
            *lines[: asked[1]],
            lines[asked[1]].replace(str(beta), str(beta + 0.1)),
            *lines[asked[1] + 1 :],
        ],
        [*lines[: asked[0]], *lines[asked[0] + 1 :]],
        [*lines[:told], lines[told].replace(str(value), str(value + 1)), *lines[told + 1 :]],
    )
    for damage in damages:
        assert damage != lines
        journal.write_text("".join(damage))
        with pytest.raises(UserError, match=r"(does not fit its configuration|is damaged)"):
            search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    again = CONFIG.model_copy(update={"restart": True})
    _, trained = search_sweep(sweep, again, COMPUTE, prepared, store)
    assert trained.trials["reused"].all()


def test_what_a_killed_run_had_in_work_is_taken_up_on_any_machine(tmp_path, prepared, store):
    sweep = loaded(tmp_path)
    # Asked, and killed before anything was trained: on another machine, a moment ago.
    killed = open_storage(sweep, CONFIG, prepared, store)
    killed.add(propose(sweep.settings, ["minimize"], [], 0, 0, 3))
    moved = TrialStore(shutil.copytree(store.root, tmp_path / "mounted" / "elsewhere"))
    table, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, moved)
    assert list(table.outcomes["state"]) == ["complete"] * 6
    assert not table.notes


@pytest.mark.slow
def test_what_another_driver_trained_is_told_and_not_trained_again(tmp_path, prepared, store):
    shared = CONFIG.model_copy(update={"storage": f"sqlite:///{tmp_path}/shared.db"})
    sweep = loaded(tmp_path)
    half = sweep.settings.model_copy(update={"configurations": 3})
    other = TrialStore(tmp_path / "other" / "derp_vae")
    search_sweep(replace(sweep, settings=half), shared, COMPUTE, prepared, other)
    table, trained = search_sweep(sweep, shared, COMPUTE, prepared, store)
    assert list(table.outcomes["state"]) == ["complete"] * 6
    assert set(trained.trials["arm"]) == {"c003", "c004", "c005"}
    assert len(table.replicates) == 12
    # A driver that comes when all is told trains nothing, and knows the same.
    late, nothing = search_sweep(
        sweep, shared, COMPUTE, prepared, TrialStore(tmp_path / "late" / "derp_vae")
    )
    pd.testing.assert_frame_equal(late.outcomes, table.outcomes)
    assert len(nothing.trials) == len(nothing.history) == 0
    assert list(nothing.trials.columns) == list(trained.trials.columns)
    assert list(nothing.history.columns) == list(trained.history.columns)


def test_a_path_is_no_storage():
    with pytest.raises(ValueError, match=r"'sweeps.db' is no database's URL; write one such as"):
        SweepsConfig(folders=("conf",), storage="sweeps.db")


def test_divergence_is_an_outcome(tmp_path, prepared, store):
    weights = {"type": "categorical", "choices": [1.0, 1.0e38], "ordered": True}
    content = SWEEP | {"method": "grid", "parameters": {"objective.beta": weights}, "fixed": {}}
    del content["configurations"]
    table, _ = search_sweep(loaded(tmp_path, content), CONFIG, COMPUTE, prepared, store)
    assert dict(table.outcomes["state"]) == {0: "complete", 1: "diverged"}
    assert math.isnan(table.outcomes[table.objective.name].loc[1])
    assert winner_of(table) == 0
    lost = table.replicates[table.replicates["configuration"] == 1]
    assert "diverged" in set(lost["state"])


def test_successive_halving_stops_the_worse_and_costs_fewer_epochs(tmp_path, prepared, store):
    content = SWEEP | {
        "configurations": 6,
        "cohort": 6,
        "halving": {"first": 1, "factor": 2, "score": "validation_reconstruction"},
    }
    sweep = loaded(tmp_path, content)
    table, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    # 6 configurations: after epoch 1 three go on, after epoch 2 one.
    assert sorted(table.outcomes["epochs"]) == [2, 2, 2, 4, 4, 8]
    assert list(table.outcomes["state"]).count("complete") == 1
    storage = open_storage(sweep, CONFIG, prepared, store)
    rungs = {suggestion.number: suggestion.rungs for suggestion in storage.suggestions()}
    first = {number: scores[1] for number, scores in rungs.items()}
    kept = sorted(first, key=first.get)[:3]
    assert set(kept) == {number for number, scores in rungs.items() if 2 in scores}
    # The one that was left is trained as it would have been without rungs.
    (best,) = table.outcomes.index[table.outcomes["state"] == "complete"]
    whole = TrialStore(tmp_path / "whole" / "derp_vae")
    alone, _ = search_sweep(
        loaded(tmp_path, SWEEP | {"cohort": 6}), CONFIG, COMPUTE, prepared, whole
    )
    name = table.objective.name
    assert table.outcomes[name].loc[best] == pytest.approx(alone.outcomes[name].loc[best], abs=1e-5)
    assert not list(store.checkpoints.glob("*.checkpoint"))
    assert np.isnan(table.outcomes[name]).sum() == 5


def test_a_killed_halving_decides_again_without_training_again(
    tmp_path, prepared, store, monkeypatch
):
    content = SWEEP | {
        "cohort": 6,
        "halving": {"first": 1, "factor": 2, "score": "validation_reconstruction"},
    }
    sweep = loaded(tmp_path, content)
    calm = TrialStore(tmp_path / "calm" / "derp_vae")
    wanted, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, calm)

    class Killed(Exception):
        """Stands for `kill -9` after the first rung has taken its configurations out."""

    real = runner.Trainer.train
    paused = []

    def dying(self, trials, retrain=False, pause=None):
        paused.append((pause, len(trials)))
        if pause == 2:
            raise Killed
        return real(self, trials, retrain, pause)

    monkeypatch.setattr(runner.Trainer, "train", dying)
    with pytest.raises(Killed):
        search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    monkeypatch.setattr(runner.Trainer, "train", real)
    noted = []
    monkeypatch.setattr(
        runner.Trainer,
        "train",
        lambda self, trials, retrain=False, pause=None: (
            noted.append((pause, len(trials))),
            real(self, trials, retrain, pause),
        )[1],
    )
    table, _ = search_sweep(sweep, CONFIG, COMPUTE, prepared, store)
    assert paused == [(1, 12), (2, 6)]
    # The first rung is not trained again, nor what it took out.
    assert noted == [(2, 6), (None, 2)]
    pd.testing.assert_frame_equal(
        table.outcomes.drop(columns="seconds"), wanted.outcomes.drop(columns="seconds")
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": {"objective.betta": {"type": "float", "low": 0, "high": 1}}}, "betta"),
        ({"fixed": {"model.depth": 3}}, "the study has no model.depth. Did you mean"),
        (
            {
                "fixed": {},
                "parameters": {"objective.beta": {"type": "float", "low": -1, "high": 1}},
            },
            "objective.beta",
        ),
        (
            {"objectives": [{"metric": "beauty"}]},
            "has no metric with a better direction called beauty",
        ),
        (
            {"objectives": [{"metric": "accuracy"}, {"metric": "kl"}]},
            "no metric with a better direction called kl",
        ),
        ({"parameters": {"seed": {"type": "int", "low": 0, "high": 9}}}, "seed"),
        ({"methode": "grid"}, "methode"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path, change, words):
    with pytest.raises(UserError, match=words) as error:
        loaded(tmp_path, SWEEP | change)
    assert "default.yml" in str(error.value)


def test_rungs_before_a_mechanism_starts_have_to_be_forced(tmp_path):
    warm = declared()
    own = block("derp_vae", objective={"beta_warmup_epochs": 3})
    own["training"] = {"epochs": 6}
    warm = STUDY.declaration.model_validate(own)
    early = SWEEP | {"halving": {"first": 1}}
    with pytest.raises(UserError, match=r"halving\.first: 1 epochs are fewer than the 3"):
        loaded(tmp_path, early, warm)
    with pytest.raises(UserError, match=r"halving\.rungs: 2 epochs are fewer than the 3"):
        loaded(tmp_path, SWEEP | {"halving": {"rungs": [2, 5]}}, warm)
    loaded(tmp_path, SWEEP | {"halving": {"rungs": [3, 5]}}, warm)
    loaded(tmp_path, SWEEP | {"halving": {"first": 3}}, warm)
    loaded(tmp_path, SWEEP | {"halving": {"first": 1, "force": True}}, warm)


def test_an_epoch_score_that_is_not_there_is_refused_before_training(tmp_path, prepared, store):
    content = SWEEP | {"halving": {"first": 1, "score": "validation_recon"}}
    words = "halving.score: there is no epoch score 'validation_recon'. Did you mean validation_rec"
    with pytest.raises(UserError, match=words):
        search_sweep(loaded(tmp_path, content), CONFIG, COMPUTE, prepared, store)
    assert not list(store.root.rglob("*.safetensors"))
    assert not list(store.root.rglob("*.checkpoint"))


def test_a_batch_that_is_larger_than_the_data_is_named_before_training(tmp_path, prepared, store):
    batches = {"type": "categorical", "choices": [16, 4096], "ordered": True}
    content = SWEEP | {"fixed": {}, "parameters": {"training.batch_size": batches}}
    with pytest.raises(UserError, match=r"sweep default: training\.batch_size is 4096, but only"):
        search_sweep(loaded(tmp_path, content), CONFIG, COMPUTE, prepared, store)
    assert not list(store.root.rglob("*.safetensors"))


def test_an_arm_whose_batch_is_larger_than_the_data_is_named(tmp_path):
    own = block("derp_vae", dataset="digits", datasets={"digits": {"source": {"subset": 60}}})
    own["arms"] = {name: {"training": {"batch_size": n}} for name, n in (("b4", 4), ("b99", 99))}
    own["training"] = {"batch_size": 8}
    declaration = STUDY.declaration.model_validate(own)
    with pytest.raises(UserError) as caught:
        prepare_data(STUDY, declaration, tmp_path)
    line = str(caught.value)
    assert line.startswith("derp_vae.arms.b99: training.batch_size is 99, but only")
    assert "b4:" not in line


def test_the_sweep_to_compare_with_is_looked_for_before_training(tmp_path):
    sweep, archive = loaded(tmp_path), SweepArchive(tmp_path / "sweeps")
    assert compared_table(sweep, None, archive) is None
    with pytest.raises(UserError, match=r"sweeps\.compare_with: There is no finished sweep wide"):
        compared_table(sweep, "wide", archive)


def test_a_sweep_that_is_not_there_is_named_with_those_that_are(tmp_path):
    loaded(tmp_path)
    own = block("derp_vae") | {"sweep": "wide"}
    folders = ("conf/local", *CONFIG.folders)
    with pytest.raises(UserError) as error:
        load_sweep(STUDY, STUDY.declaration.model_validate(own), folders, tmp_path)
    # A folder that does not exist is not named.
    assert error.value.what == "derp_vae.sweep: there is no wide.yml in derp_vae/sweeps of conf"
    assert error.value.remedy == "Those that are there: default."


def test_the_first_folder_that_has_the_file_wins(tmp_path):
    folders = ("conf/local", "conf/", "conf/local", "conf/base", "data")
    written = {}
    for folder, name in (("data", "a.yml"), ("conf/base", "a.yaml"), ("conf/base", "b.yml")):
        written[folder, name] = tmp_path / folder / "derp_vae/sweeps" / name
        written[folder, name].parent.mkdir(parents=True, exist_ok=True)
        written[folder, name].write_text("method: random")
    assert sweep_path("derp_vae", "a", folders, tmp_path) == written["conf/base", "a.yaml"]
    assert sweep_path("derp_vae", "b", folders, tmp_path) == written["conf/base", "b.yml"]
    nearest = tmp_path / "conf/local/derp_vae/sweeps/a.yml"
    nearest.parent.mkdir(parents=True)
    nearest.write_text("method: grid")
    assert sweep_path("derp_vae", "a", folders, tmp_path) == nearest
    nearest.with_suffix(".yaml").write_text("method: tpe")
    with pytest.raises(UserError, match=r"a\.yaml and a\.yml are the sweep a\. Keep one"):
        sweep_path("derp_vae", "a", folders, tmp_path)


SEVERAL = {
    "method": "tpe",
    "objectives": [{"metric": "negative_elbo"}, {"metric": "accuracy", "direction": "minimize"}],
    "seeds": {"chosen": [4, 9]},
    "parameters": {
        "objective.beta": {"type": "float", "low": 1.0, "high": 4.0, "hard": {"min": 0.5}},
        "objective.distributional_weight": {"type": "float", "low": 0.1, "high": 1.0},
        "model.latent_dim": {"type": "int", "low": 2, "high": 8, "log": True},
        "training.schedule": {"type": "categorical", "choices": ["constant", "cosine"]},
        "training.final_factor": {
            "type": "float",
            "low": 0.0,
            "high": 0.5,
            "when": {"training.schedule": ["cosine"]},
        },
    },
}


@pytest.mark.parametrize("changes", [{}, SEVERAL, {"halving": {"rungs": [3]}, "cohort": 2}])
def test_the_stored_plan_is_the_sweep_without_its_file(tmp_path, changes):
    sweep = loaded(tmp_path, SWEEP | changes)
    stored = json.loads(json.dumps({"other": {}, sweep.name: plan_of(sweep)}))
    assert planned_sweep(STUDY, sweep.declaration, stored) == sweep
    wide = STUDY.declaration.model_validate(block("derp_vae") | {"sweep": "wide"})
    with pytest.raises(UserError, match=r"wide of derp_vae has not been run.* run: default, other"):
        planned_sweep(STUDY, wide, stored)


def test_a_sweep_of_the_first_edition_goes_on(tmp_path, prepared, store):
    """What it stored as `halved` is `pruned` today, in tables and to the sampler."""
    content = SWEEP | {"cohort": 6, "halving": {"first": 1, "factor": 6}}
    wanted, _ = search_sweep(loaded(tmp_path, content), CONFIG, COMPUTE, prepared, store)
    assert list(wanted.outcomes["state"]).count("pruned") == 5
    journal = store.root / "sweeps" / "default.journal"
    lines = journal.read_text()
    assert '"pruned"' in lines
    journal.write_text(lines.replace('"pruned"', '"halved"'))
    table, _ = search_sweep(loaded(tmp_path, content), CONFIG, COMPUTE, prepared, store)
    pd.testing.assert_frame_equal(table.outcomes, wanted.outcomes)
    pd.testing.assert_frame_equal(table.replicates, wanted.replicates)
    old = [
        frame.assign(state=frame["state"].replace("pruned", "halved"))
        for frame in (table.outcomes, table.replicates)
    ]
    save_table(replace(table, outcomes=old[0], replicates=old[1]), tmp_path / "saved")
    back = load_table(tmp_path / "saved")
    pd.testing.assert_frame_equal(back.outcomes, wanted.outcomes)
    assert list(back.replicates["state"]) == list(wanted.replicates["state"])
