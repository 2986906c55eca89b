"""Baselines: arms that are not trained, fitted once per seed and judged like the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from labs.declarations import block
from labs.registrations import NOW, registered
from latentlab.data import Prepared, prepare
from latentlab.experiment.baselines import score_baselines
from latentlab.experiment.champion import choose_champion
from latentlab.experiment.hypothesis_testing import judge_study
from latentlab.experiment.planning import plan_trials
from latentlab.experiment.registering import declared_now
from latentlab.experiment.scoring import SCORE_COLUMNS
from latentlab.studies.registry import STUDIES
from latentlab.training.data import split_validation
from latentlab.training.store import TrialStore
from latentlab.training.streams import generator

STUDY = STUDIES["mixture_harmonium"]
SEEDS = 6


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare("digits", {"subset": 400}, tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def declaration():
    return STUDY.declaration.model_validate(block("mixture_harmonium", seeds={"count": SEEDS}))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TrialStore:
    return TrialStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def trials(declaration, prepared: Prepared) -> pd.DataFrame:
    planned = plan_trials(STUDY, declaration, prepared, "float32")
    return pd.DataFrame(
        {
            "trial_id": [trial.id for trial in planned],
            "arm": [trial.arm for trial in planned],
            "seed": [trial.seed for trial in planned],
            "data": [trial.data for trial in planned],
            "stream": [trial.stream for trial in planned],
            "status": "finished",
            "started_at": "2026-02-01T00:00:00+00:00",
            "config": [trial.config.model_dump(mode="json") for trial in planned],
        }
    )


def test_they_are_fitted_on_what_the_seeds_trials_train_on(
    declaration, prepared, trials, store
) -> None:
    scores = score_baselines(STUDY, declaration, trials, prepared, store)
    assert list(scores.columns) == SCORE_COLUMNS
    assert set(scores["arm"]) == {"k_means_classes", "k_means_same"}
    assert set(scores["split"]) == {"validation", "test"}
    assert len(scores) == 2 * 2 * 3 * SEEDS
    stream = int(trials.loc[trials["seed"] == 0, "stream"].iloc[0])
    labels = np.asarray(prepared.splits["train"].labels)
    kept, held = split_validation(labels, stream, 0.1)
    images = np.asarray(prepared.splits["train"].features, dtype=np.float32).reshape(
        len(labels), -1
    )
    seed = int(generator(stream, "scores/k-means").integers(1 << 31))
    fitted = KMeans(10, n_init=10, random_state=seed).fit(images[kept] / 16)
    expected = normalized_mutual_info_score(labels[held], fitted.predict(images[held] / 16))
    chosen = scores.query(
        "arm == 'k_means_classes' and seed == 0 and split == 'validation' and metric == 'nmi'"
    )
    assert chosen["value"].item() == pytest.approx(expected, abs=1e-6)


def test_a_claim_against_one_is_judged(declaration, prepared, trials, store) -> None:
    own = score_baselines(STUDY, declaration, trials, prepared, store)
    made = trials.assign(split="test", metric="nmi", value=0.99)[SCORE_COLUMNS]
    others = [made.assign(metric=metric) for metric in ("ami", "r_squared", "active_clusters")]
    scores = pd.concat([own, made, *others], ignore_index=True)
    now = declared_now(STUDY, declaration, "prepared", "float32")
    table = trials.assign(data="prepared", precision="float32")
    record = registered(now, NOW, table)
    verdicts = judge_study(STUDY, declaration, scores, table, record, {}).set_index("hypothesis")
    assert verdicts.loc["above_k_means", "verdict"] == "supported"
    assert verdicts.loc["above_k_means", "status"] == "confirmatory"
    assert verdicts.loc["above_k_means", "n"] == SEEDS


def test_none_of_them_is_registered(declaration, prepared, trials, store) -> None:
    own = score_baselines(STUDY, declaration, trials, prepared, store)
    made = trials.assign(split="validation", metric="nmi", value=0.001)[SCORE_COLUMNS]
    chosen = choose_champion(declaration, pd.concat([own, made], ignore_index=True))
    assert chosen["arm"] in declaration.configs


def test_a_study_without_any_has_an_empty_table(prepared, trials, tmp_path) -> None:
    study = STUDIES["derp_vae"]
    declared = study.declaration.model_validate(block("derp_vae"))
    assert score_baselines(study, declared, trials, prepared, TrialStore(tmp_path)).empty


def test_they_are_fitted_once_and_again_for_another_control(
    declaration, prepared, trials, tmp_path, monkeypatch
) -> None:
    calls = []
    real = STUDY.baseline.baselines
    monkeypatch.setattr(
        STUDY.baseline, "baselines", lambda *given: calls.append(given) or real(*given)
    )
    store = TrialStore(tmp_path)
    few = trials[trials["seed"] < 2]
    first = score_baselines(STUDY, declaration, few, prepared, store)
    assert len(calls) == 2
    pd.testing.assert_frame_equal(
        score_baselines(STUDY, declaration, few, prepared, store), first, check_exact=True
    )
    assert len(calls) == 2
    other = STUDY.declaration.model_validate(
        block("mixture_harmonium", seeds={"count": SEEDS}, model={"clusters": 7})
    )
    again = score_baselines(STUDY, other, few, prepared, store)
    assert len(calls) == 4
    assert not again["value"].equals(first["value"])
    monkeypatch.setattr(STUDY.baseline, "VERSION", STUDY.baseline.VERSION + 1)
    score_baselines(STUDY, other, few, prepared, store)
    assert len(calls) == 6
