"""What was measured is kept with the trial, and measured again only where something changed."""

import json
import logging
import math

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from threadpoolctl import threadpool_info

from labs.declarations import declared
from labs.stored_trials import write_trial
from labs.trainer import CPU, INLINE, train_trials
from latentlab.compute.device import process_settings_kept, set_threads
from latentlab.core.errors import UserError
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.experiment import scoring_jobs, timing
from latentlab.experiment.measurements import load_arrays, load_values, save_arrays, save_values
from latentlab.experiment.pictures import PICTURES, draw_pictures
from latentlab.experiment.planning import plan_trials, trial_table
from latentlab.experiment.scoring import (
    EXAMPLES,
    SCORES,
    altered_examples,
    kept_examples,
    score_trials,
)
from latentlab.experiment.scoring_jobs import ScoringJob, score_in_worker
from latentlab.experiment.study_scores import measure_trials
from latentlab.experiment.timing import time_arms
from latentlab.experiment.trained_model import TrainedModel
from latentlab.studies.derp_vae.metrics import METRICS
from latentlab.studies.registry import STUDIES
from latentlab.training.data import data_spec
from latentlab.training.per_trial import per_trial_values
from latentlab.training.store import TrialStore

STUDY = STUDIES["derp_vae"]
EVALUATION = STUDY.evaluation


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "prepared"
    save_prepared(prepare("digits", {"subset": 160}, folder), folder)
    return load_prepared(folder)


@pytest.fixture(scope="module")
def declaration():
    arms = {name: None for name in declared().configs if name not in ("standard_vae", "derp_vae_3")}
    return declared(
        seeds={"count": 2},
        arms=arms,
        hypotheses={"hypotheses": {}},
        model={"hidden": 8},
        training={"epochs": 1, "batch_size": 32},
    )


@pytest.fixture
def study(declaration, prepared, tmp_path):
    """The table of two arms by two seeds, and their store."""
    store = TrialStore(tmp_path / "store")
    planned = plan_trials(STUDY, declaration, prepared, "float32")
    trained = train_trials(STUDY.method, planned, prepared.folder, store, INLINE)
    return trial_table(planned, store, trained), store


@pytest.fixture
def calls(monkeypatch):
    """Names of what was evaluated, one by one."""
    made = []
    for name in ("evaluate", "pictures"):
        real = getattr(EVALUATION, name)

        def counted(*given, name=name, real=real):
            made.append(name)
            return real(*given)

        monkeypatch.setattr(EVALUATION, name, counted)
    return made


def scored(study, prepared, wanted=("validation", "test")):
    trials, store = study
    return score_trials(STUDY, trials, prepared, store, CPU, wanted)


def same(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_a_second_run_evaluates_nothing(study, prepared, calls):
    first, drawn = scored(study, prepared), draw_pictures(STUDY, study[0], prepared, study[1])
    assert (calls.count("evaluate"), calls.count("pictures")) == (8, 2)
    calls.clear()
    same(scored(study, prepared), first)
    again = draw_pictures(STUDY, study[0], prepared, study[1])
    assert calls == []
    assert again.keys() == drawn.keys()
    for name, array in drawn.items():
        assert array.dtype == again[name].dtype
        np.testing.assert_array_equal(array, again[name])


def test_scores_are_those_of_the_stored_weights(study, prepared):
    trials, store = study
    scores = scored(study, prepared)
    test = prepared.splits["test"]
    features = torch.from_numpy(np.array(test.features)).float() / prepared.schema.scale
    model = STUDY.restore(store.folder(trials["trial_id"][1]), data_spec(prepared), CPU)
    expected = EVALUATION.evaluate(model, features, torch.from_numpy(np.array(test.labels)))
    of_trial = scores[(scores["trial_id"] == trials["trial_id"][1]) & (scores["split"] == "test")]
    assert dict(zip(of_trial["metric"], of_trial["value"], strict=True)) == expected


def test_arms_that_hold_out_other_shares_are_scored_on_their_own(prepared, tmp_path):
    arms = {name: None for name in declared().configs if name != "standard_vae"}
    arms["half"] = {"training": {"validation_fraction": 0.5}}
    declaration = declared(
        seeds={"count": 1},
        arms=arms,
        hypotheses={"hypotheses": {}},
        model={"hidden": 8},
        training={"epochs": 1, "batch_size": 32},
    )
    store = TrialStore(tmp_path / "store")
    planned = plan_trials(STUDY, declaration, prepared, "float32")
    trained = train_trials(STUDY.method, planned, prepared.folder, store, INLINE)
    trials = trial_table(planned, store, trained)
    assert len(trials) == 2
    together = scored((trials, store), prepared, ("validation",))
    for name in trials["trial_id"]:
        (store.folder(name) / SCORES).unlink()
    alone = [scored((trials.iloc[[row]], store), prepared, ("validation",)) for row in (0, 1)]
    same(together, pd.concat(alone, ignore_index=True))


def test_a_search_leaves_the_test_split_closed_until_it_is_asked_for(study, prepared, calls):
    found = scored(study, prepared, ("validation",))
    assert set(found["split"]) == {"train", "validation"}
    assert len(calls) == 4
    whole = scored(study, prepared)
    assert len(calls) == 8
    same(whole[whole["split"] != "test"].reset_index(drop=True), found)


def test_values_of_single_examples_are_kept_and_scores_are_their_means(study, prepared):
    trials, store = study
    scores = scored(study, prepared)
    examples = kept_examples(STUDY, trials, store, prepared).of_trial
    kept = {metric.name for metric in METRICS if metric.per_example}
    test = scores[scores["split"] == "test"].set_index(["trial_id", "metric"])["value"]
    for trial_id in trials["trial_id"]:
        values = examples(trial_id)
        # The validation split is drawn by each seed for itself.
        assert set(values) == {f"test/{name}" for name in kept}
        for name in kept:
            own = values[f"test/{name}"]
            assert (own.dtype, len(own)) == (np.float32, len(prepared.splits["test"]))
            assert own.mean(dtype=float) == pytest.approx(test[trial_id, name], rel=1e-5)
    assert examples("of a baseline") is None


def test_scores_of_before_stay_and_get_their_values_when_these_are_asked_for(
    study, prepared, calls, caplog
):
    trials, store = study
    first = scored(study, prepared)
    paths = [store.folder(name) / EXAMPLES for name in trials["trial_id"]]
    paths[0].unlink()
    # Edited as a whole: the file is sound, and its digest is not of these values.
    content = dict(np.load(paths[1]))
    content["test/accuracy"] = np.ones_like(content["test/accuracy"])
    np.savez(paths[1], **content)
    calls.clear()
    same(scored(study, prepared), first)
    assert calls == []
    known = kept_examples(STUDY, trials, store, prepared)
    assert known.of_trial(trials["trial_id"][0]) is None
    again = score_trials(STUDY, trials, prepared, store, CPU, with_examples=True)
    same(again, first)
    assert len(calls) == 4
    assert "examples.npz is damaged (its digest does not fit)" in caplog.text
    assert all(path.exists() for path in paths)


def test_values_that_the_weights_do_not_give_are_named(study, prepared):
    trials, store = study
    scored(study, prepared)
    path = store.folder(trials["trial_id"][2]) / EXAMPLES
    identity = {"evaluation": EVALUATION.VERSION, "weights": trials["weights_digest"][2], "form": 2}
    values = load_arrays(path, identity)
    # The mean is as it was, and the file is whole.
    values["test/kl_divergence"] = values["test/kl_divergence"][::-1]
    save_arrays(path, identity, values)
    altered = altered_examples(STUDY, trials, prepared, store, CPU, 1e-5)
    assert altered == {
        trials["trial_id"][2]: "its weights give other values of single examples than are kept"
    }


def test_another_version_is_measured_again(study, prepared, calls, monkeypatch):
    scored(study, prepared)
    draw_pictures(STUDY, *study[:1], prepared, study[1])
    calls.clear()
    monkeypatch.setattr(EVALUATION, "VERSION", EVALUATION.VERSION + 1)
    scored(study, prepared)
    draw_pictures(STUDY, study[0], prepared, study[1])
    assert (calls.count("evaluate"), calls.count("pictures")) == (8, 2)
    # The files are of the new version now.
    calls.clear()
    scored(study, prepared)
    assert calls == []


def test_other_weights_are_measured_again(study, prepared, calls):
    scored(study, prepared)
    calls.clear()
    trials, store = study
    digests = trials["weights_digest"].where(trials.index != 2, "another")
    score_trials(STUDY, trials.assign(weights_digest=digests), prepared, store, CPU)
    assert len(calls) == 2


def value_changed(path):
    content = json.loads(path.read_text())
    content["values"]["test"]["accuracy"] = 1.0
    path.write_text(json.dumps(content))


DAMAGE = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "not JSON": lambda path: path.write_text("scores"),
    "another form": lambda path: path.write_text("[1]"),
    "a value changed": value_changed,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_scores_are_set_aside_and_measured_again(study, prepared, calls, damage, caplog):
    first = scored(study, prepared)
    calls.clear()
    folder = study[1].folder(study[0]["trial_id"][0])
    DAMAGE[damage](folder / SCORES)
    with caplog.at_level(logging.WARNING):
        same(scored(study, prepared), first)
    assert len(calls) == 2
    assert "scores.json is damaged" in caplog.text
    assert len(list(folder.glob(f"{SCORES}.damaged-*"))) == 1


def test_damaged_pictures_are_set_aside_and_drawn_again(study, prepared, calls, caplog):
    trials, store = study
    draw_pictures(STUDY, trials, prepared, store)
    path = store.folder(trials["trial_id"][0]) / PICTURES
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    calls.clear()
    draw_pictures(STUDY, trials, prepared, store)
    assert calls == ["pictures"]
    assert "pictures.npz is damaged" in caplog.text


def test_values_keep_every_digit_and_what_is_no_number(tmp_path):
    values = {"a": 0.1 + 0.2, "b": math.inf, "c": math.nan, "d": -0.0, "e": 5e-324}
    save_values(tmp_path / "file", {"version": 1}, values)
    read = load_values(tmp_path / "file", {"version": 1})
    assert [np.float64(v).tobytes() for v in read.values()] == [
        np.float64(v).tobytes() for v in values.values()
    ]
    assert list(read) == list(values)
    assert load_values(tmp_path / "file", {"version": 2}) is None
    assert load_values(tmp_path / "none", {"version": 1}) is None


def test_arrays_are_of_one_identity(tmp_path):
    save_arrays(tmp_path / "a.npz", {"n": [1, 2]}, {"x": np.arange(3)})
    assert load_arrays(tmp_path / "a.npz", {"n": [1, 2]})["x"].tolist() == [0, 1, 2]
    assert load_arrays(tmp_path / "a.npz", {"n": [1, 3]}) is None
    assert load_arrays(tmp_path / "b.npz", {"n": [1, 2]}) is None


# Timings: what was measured stays, and what is new is told in its terms.


def test_timings_stay_whatever_is_added(declaration, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "TIMED_SECONDS", 0.001)
    store = TrialStore(tmp_path)

    def timed(declared):
        table = time_arms(STUDY, declared, prepared, store, CPU, "float32")
        return table.set_index(["arm", "seed"])["seconds"]

    first = timed(declaration)
    assert len(first) == 4
    assert (first > 0).all()
    assert timed(declaration).equals(first)
    arm = next(iter(declaration.configs))
    more = declaration.model_copy(
        update={
            "seeds": declaration.seeds.model_copy(update={"count": 3}),
            "arms": {**declaration.arms, "slow": {"model": {"hidden": 333}}},
        }
    )
    # As if the machine were half as fast now: the new arm is told as it would have been before.
    real = timing._measure_arms
    monkeypatch.setattr(
        timing,
        "_measure_arms",
        lambda *given: [
            (of, seed, 2 * first[arm, seed] if seed < 2 else seconds)
            for of, seed, seconds in real(*given)
        ],
    )
    again = timed(type(declaration).model_validate(more.model_dump()))
    assert len(again) == 9
    assert again[first.index].equals(first)
    others = first.xs(0, level="seed")
    expected = first[arm, 0] * np.exp(np.log(others / first[arm, 0]).mean())
    assert again["slow", 0] == pytest.approx(expected)
    monkeypatch.setattr(timing, "_measure_arms", real)
    monkeypatch.setattr(timing, "machine_name", lambda device: "another machine")
    assert not set(timed(declaration)) & set(again)


# A trained model.


def test_a_restored_model_is_what_was_stored(study, prepared):
    trials, store = study
    row = trials[trials["arm"] == "derp_vae_3"].iloc[0]
    folder = store.folder(row["trial_id"])
    model = STUDY.restore(folder, data_spec(prepared), CPU)
    stored = load_file(folder / "weights.safetensors")
    assert {f"state.{name}" for name in model.state} == {n for n in stored if n[:6] == "state."}
    assert torch.equal(model.state["probes"], stored["state.probes"])
    for name, parameter in model.module.named_parameters():
        assert torch.equal(parameter, stored[name])
    assert not model.module.training
    assert model.config.model_dump(mode="json") == json.loads(row["config"])
    assert model.device == CPU
    numbers = {name: float(value) for name, value in model.hyper.items()}
    assert numbers == pytest.approx(per_trial_values(model.config))


def test_a_model_needs_all_of_its_parameters(prepared, tmp_path):
    config = declared().configs["standard_vae"]
    folder = write_trial(tmp_path, {"x": torch.zeros(1)}, config.model_dump(mode="json"))
    with pytest.raises(RuntimeError, match="Missing key"):
        STUDY.restore(folder, data_spec(prepared), CPU)
    with pytest.raises(RuntimeError, match="Missing key"):
        TrainedModel.of(STUDY.method, config, data_spec(prepared), {"x": torch.zeros(1)})


def test_a_score_outside_its_metrics_range_is_an_error(study, prepared, declaration, monkeypatch):
    trials, store = study
    real = EVALUATION.evaluate

    def wrong(model, *given):
        return real(model, *given) | {"accuracy": 1.5, "kl_divergence": -1e-7}

    monkeypatch.setattr(EVALUATION, "evaluate", wrong)
    with pytest.raises(UserError) as caught:
        measure_trials(STUDY, declaration, trials, prepared, store, CPU)
    arm = trials["arm"].iloc[0]
    assert f"accuracy of arm {arm}, seed 0 is 1.5 on validation, outside its range 0 to 1" in str(
        caught.value
    )
    assert "VERSION" in caught.value.remedy
    assert "kl_divergence" not in str(caught.value)


def test_workers_leave_each_other_the_cores(study, prepared, monkeypatch):
    """Pools of threads that libraries bring are as large as the machine: two workers fight."""
    trials, store = study
    folders = [store.folder(trial_id) for trial_id in trials["trial_id"]]

    def threads():
        return {pool["num_threads"] for pool in threadpool_info()}

    found = [threads()]

    monkeypatch.setattr(scoring_jobs, "known_or_computed", lambda *_: found.append(threads()))
    job = ScoringJob(
        STUDY, [(folder, {}) for folder in folders], (prepared.folder, "cpu", "float32"), (), False
    )
    with process_settings_kept():
        set_threads(2)
        found.append(threads())
        score_in_worker(job, lambda news: None)
    assert found == [found[0], {2}, *[{1}] * len(folders)]
    assert threads() == found[0]
