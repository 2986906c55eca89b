"""What is said of a run beforehand, of programs and of declared looks; nothing is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labs.declarations import block, declared
from labs.programs import CLAIM, ToyStudy
from labs.trainer import INLINE
from latentlab.data import prepare
from latentlab.experiment.forecast import Forecast, forecast
from latentlab.studies.derp_vae import STUDY
from latentlab.training.estimate import Estimate
from latentlab.training.runner import Trainer
from latentlab.training.store import TrialStore

ARMS = {"small": {}, "large": {"training": {"lr": 0.5}}, "crashes": {"how": "crashes"}}


def of(toy: ToyStudy) -> Forecast:
    return forecast(toy.study, toy.declaration, INLINE, toy.source, toy.store, None, None, 0.5)


def test_nobody_knows_how_long_a_program_takes_that_never_ran(tmp_path: Path) -> None:
    found = of(ToyStudy(tmp_path, ARMS))
    assert (found.planned, found.known, found.to_train) == (6, 0, 6)
    assert "training" not in found.stages
    assert found.seconds is None
    trials, took = found.lines()[:2]
    assert trials == "6 trials, 0 known, 6 to train"
    assert took.startswith("nobody knows how long training takes; beside it: start 7 s, ")
    assert found.content()["seconds"] is None


def test_programs_take_what_they_took_and_failures_are_tried_again(tmp_path: Path) -> None:
    toy = ToyStudy(tmp_path, ARMS)
    toy.run()
    more = of(ToyStudy(tmp_path, ARMS, seeds={"first": 0, "count": 5}))
    assert (more.planned, more.known) == (15, 6)
    took = [toy.store.record(trial.id).seconds for trial in toy.trials]
    assert more.stages["training"] == pytest.approx(9 * sum(took) / 6 + 15 * 0.06)
    again = of(ToyStudy(tmp_path, ARMS, program={"retries": 1}))
    assert (again.planned, again.known, again.to_train) == (6, 4, 2)


LOOKS = {"design": "group_sequential", "looks": [2, 3, 5], "spending": "pocock"}


def test_looks_of_a_study_of_programs(tmp_path: Path) -> None:
    arms = {"small": {}, "large": {"training": {"lr": 0.5}}}
    seeds, looks = {"chosen": [9, 1, 7]}, LOOKS | {"looks": [2, 3]}
    early = ToyStudy(tmp_path, arms, seeds={"chosen": [1]})
    early.run()
    toy = ToyStudy(tmp_path, arms, seeds=seeds, hypotheses=CLAIM | {"stopping": looks})
    first, took = of(toy).lines()[:2]
    assert first == "6 trials, 2 known, 4 to train at most, 2 until the first look"
    assert " at most (a look may be the last): start 7 s, " in took
    toy.run()
    whole = of(toy)
    assert whole.to_train == 0
    assert "at most (" not in whole.lines()[1]


def test_with_looks_plans_are_measured_for_what_is_trained_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two, then one, then two seeds of two arms; the time is that of all of them."""
    asked: list[list[int]] = []

    def estimate(trainer: Trainer, trials: Any) -> Estimate:
        asked.append([trial.seed for trial in trials])
        return Estimate(len(trials), 10.0, 8 * len(trials))

    monkeypatch.setattr(Trainer, "estimate", estimate)
    claims = block("derp_vae")["hypotheses"]["hypotheses"]
    left_out = {name: "later" for name in claims if name != "more_information"}
    own = declared(
        seeds={"chosen": [9, 1, 7, 3, 5]},
        arms={n: None for n in declared().configs if n not in ("standard_vae", "derp_vae_5")},
        datasets={"digits": {"not_applicable": left_out}},
        model={"hidden": 8},
        training={"epochs": 1, "batch_size": 32},
        hypotheses={"defaults": {"min_seeds": 2}, "stopping": LOOKS},
    )
    store = TrialStore(tmp_path / "models" / "derp_vae")
    made_from = prepare("digits", {"subset": 160}, tmp_path)
    found = forecast(STUDY, own, INLINE, made_from, store, None, None, 0.5)
    assert asked == [[1, 1, 3, 3], [5, 5], [9, 9, 7, 7]]
    assert (found.first_look, found.to_train, found.bytes) == (4, 10, 32)
    assert found.stages["training"] == pytest.approx(30 + 10 * 0.06)
    assert not store.root.exists()
