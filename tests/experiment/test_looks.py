"""Training from look to look: what is trained, in which order, and what is measured on the way."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from labs.declarations import block, declared
from labs.trainer import CPU, INLINE
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.data.prepared import Prepared
from latentlab.experiment import looks
from latentlab.experiment.planning import trial_table
from latentlab.experiment.study_scores import measure_trials
from latentlab.studies.derp_vae import STUDY
from latentlab.training.store import TrialStore

KEPT = ("standard_vae", "derp_vae_5")
ASKED = "more_information"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("data") / "prepared"
    save_prepared(prepare("digits", {"subset": 160}, folder), folder)
    return load_prepared(folder)


def declaration(alpha: float, futility: Any = "none") -> Any:
    """Ask one claim, which at .05 is refuted at the first look, and at 1e-6 never is."""
    claims = block("derp_vae")["hypotheses"]["hypotheses"]
    stopping = {"design": "group_sequential", "looks": [2, 3, 5], "spending": "pocock"}
    return declared(
        seeds={"chosen": [9, 1, 7, 3, 5]},
        arms={name: None for name in declared().configs if name not in KEPT},
        datasets={"digits": {"not_applicable": {c: "later" for c in claims if c != ASKED}}},
        model={"hidden": 8},
        training={"epochs": 1, "batch_size": 32},
        hypotheses={
            "families": {"primary": {"alpha": alpha}},
            "defaults": {"min_seeds": 2},
            "stopping": stopping | {"futility": futility},
        },
    )


def train(own: Any, prepared: Prepared, store: TrialStore, retrain: bool = False):
    return looks.train_study(STUDY, own, INLINE, prepared, store, retrain)


def test_seeds_are_taken_in_rising_order_and_measured_once(
    prepared: Prepared,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    measured: list[int] = []
    real = STUDY.evaluation.evaluate

    def counted(model: Any, *given: Any) -> dict[str, float]:
        measured.append(model.stream)
        return real(model, *given)

    monkeypatch.setattr(STUDY.evaluation, "evaluate", counted)
    own, store = declaration(1e-6), TrialStore(tmp_path / "store")
    with caplog.at_level(logging.INFO):
        trials, trained = train(own, prepared, store)
    said = [record.getMessage() for record in caplog.records if "Look " in record.getMessage()]
    assert [text.split(":")[0] for text in said] == [
        "Look 1 of 3, at 2 seeds",
        "Look 2 of 3, at 3 seeds",
        "Look 3 of 3, at 5 seeds",
    ]
    seeds = [trial.seed for trial in trials]
    assert (set(seeds[:4]), set(seeds[4:6]), set(seeds[6:])) == ({1, 3}, {5}, {7, 9})
    assert trained == {trial.id for trial in trials}
    # Two arms, five seeds, two splits.
    assert len(measured) == 20
    measure_trials(STUDY, own, trial_table(trials, store, trained), prepared, store, CPU)
    assert len(measured) == 20


def test_it_stops_where_nothing_waits_and_trains_nothing_anew(
    prepared: Prepared, tmp_path: Any
) -> None:
    own, store = declaration(0.05), TrialStore(tmp_path / "store")
    trials, trained = train(own, prepared, store)
    assert {trial.seed for trial in trials} == {1, 3}
    assert {path.name for path in store.trials.iterdir()} == {trial.id for trial in trials}
    again, nothing = train(own, prepared, store)
    assert again == trials
    assert nothing == frozenset()
    assert train(own, prepared, store, retrain=True) == (trials, trained)


def test_with_futility_a_claim_without_prospects_is_not_waited_for(
    prepared: Prepared, tmp_path: Any
) -> None:
    own, store = declaration(1e-6, futility=0.99), TrialStore(tmp_path / "store")
    trials, _ = train(own, prepared, store)
    assert {trial.seed for trial in trials} == {1, 3}


def test_without_looks_all_seeds_are_trained_at_once(prepared: Prepared, tmp_path: Any) -> None:
    own = declaration(0.05)
    own = own.model_copy(
        update={"hypotheses": own.hypotheses.model_copy(update={"stopping": None})}
    )
    trials, trained = train(own, prepared, TrialStore(tmp_path / "store"))
    assert [trial.seed for trial in trials][::2] == [9, 1, 7, 3, 5]
    assert len(trained) == 10
