"""Scores of several data sets: what is kept, what is pooled, and what is left out and why."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labs.declarations import block, declared
from labs.registrations import registered
from latentlab.core.errors import UserError
from latentlab.evidence.registration import Record
from latentlab.evidence.verdict_columns import POOLED_COLUMNS
from latentlab.experiment.hypothesis_testing import judge_study
from latentlab.experiment.pooling import judge_problems, problem_scores
from latentlab.experiment.registering import declared_now
from latentlab.experiment.study import Study
from latentlab.pipelines.datasets import ProblemScoresDataset
from latentlab.studies.derp_vae import STUDY
from latentlab.studies.mixture_harmonium import STUDY as WITH_BASELINES
from latentlab.training.trial import Trial

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SEEDS = {"first": 0, "count": 6}


def run(declaration: Any, study: Study = STUDY) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Scores, trials and card of a run that never was: every metric is noise."""
    name = declaration.dataset
    rng = np.random.default_rng(len(name))
    trials, scores = [], []
    for arm, config in declaration.configs.items():
        for seed in declaration.seeds.numbers():
            trial = Trial(study.name, arm, seed, config, name, "float32", study.method.version)
            trials.append(
                {
                    "trial_id": trial.id,
                    "arm": arm,
                    "seed": seed,
                    "status": "finished",
                    "started_at": "2026-02-01T00:00:00+00:00",
                    "config": json.dumps(config.model_dump(mode="json")),
                    "data": name,
                    "precision": "float32",
                }
            )
    ids = [(row["trial_id"], row["arm"], row["seed"]) for row in trials]
    ids += [(f"{a} s{s}", a, s) for a in study.baselines for s in declaration.seeds.numbers()]
    for key in ids:
        for metric in declaration.own_metrics:
            scores.append((*key, "test", metric.name, rng.uniform(1, 2)))
        scores.append((*key, "train", "step_seconds_alone", rng.uniform(1, 2)))
    columns = ["trial_id", "arm", "seed", "split", "metric", "value"]
    card = {"name": name, "fingerprint": name}
    return pd.DataFrame(scores, columns=columns), pd.DataFrame(trials), card


def kept(**over: Any) -> pd.DataFrame:
    declaration = declared(seeds=SEEDS, **over)
    return problem_scores(STUDY, declaration, *run(declaration))


def judged(problems: dict[str, pd.DataFrame], **over: Any) -> pd.DataFrame:
    return judge_problems(STUDY, declared(seeds=SEEDS, **over), problems, record_of(problems))


def record_of(problems: dict[str, pd.DataFrame]) -> Record:
    """A record in which every problem was registered, and its trials begun."""
    record = Record()
    for name, table in problems.items():
        if name not in declared().datasets:
            continue
        own = declared_now(STUDY, declared(seeds=SEEDS, dataset=name), name, "float32")
        record = registered(own, NOW, table, record)
    return record


def test_one_problem_is_not_pooled() -> None:
    found = judged({"digits": kept()})
    assert found.empty
    assert list(found.columns) == list(POOLED_COLUMNS)


def test_two_problems_are_whatever_the_present_one_is(caplog: pytest.LogCaptureFixture) -> None:
    problems = {name: kept(dataset=name) for name in ("digits", "mnist")}
    found = judged(problems)
    assert not caplog.records
    assert list(found["hypothesis"]) == list(declared().hypotheses.hypotheses)
    assert set(found["status"]) == {"confirmatory"}
    assert set(found["left_out"]) == {""}
    for name, own in problems.items():
        declaration = declared(seeds=SEEDS, dataset=name)
        scores, trials, _ = run(declaration)
        table = trials.assign(config=trials["config"].map(json.loads))
        alone = judge_study(STUDY, declaration, scores, table, record_of(problems), {})
        effects = [json.loads(cell)[name]["effect"] for cell in found["problems"]]
        assert effects == pytest.approx(alone["effect"].tolist())
        assert len(own) == len(scores)
    pd.testing.assert_frame_equal(found, judged(problems, dataset="mnist"))


def test_verdicts_at_looks_are_not_pooled(caplog: pytest.LogCaptureFixture) -> None:
    looks = {"design": "group_sequential", "looks": [5, 6], "spending": "pocock"}
    problems = {name: kept(dataset=name) for name in ("digits", "mnist")}
    with caplog.at_level("INFO"):
        assert judged(problems, hypotheses={"stopping": looks}).empty
    assert "Verdicts are not pooled: with stopping" in caplog.text


def test_what_one_problem_alone_was_asked_is_not_pooled() -> None:
    found = judged({name: kept(dataset=name) for name in ("digits", "cifar10")})
    rows = found.set_index("hypothesis")
    assert rows.loc["kl_falls_with_beta", "verdict"] == "not_run"
    assert rows.loc["kl_falls_with_beta", "cause"].endswith("asked of digits alone")
    assert rows["verdict"].ne("not_run").sum() == len(rows) - 1


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"training": {"epochs": 3}}, "has other settings or formulas now"),
        ({"arms": {"beta_vae_2.0": None}}, "other arms or seeds"),
        ({"seeds": {"first": 1, "count": 6}}, "other arms or seeds"),
        ({"arms": {"fresh": {"objective": {"beta": 9.0}}}}, "other arms or seeds"),
    ],
)
def test_scores_of_another_declaration_are_left_out_with_a_line(
    over: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    old = kept(dataset="cifar10")
    block_of = {"seeds": SEEDS} | over
    now = {name: declared(dataset=name, **block_of) for name in ("digits", "mnist")}
    problems = {n: problem_scores(STUDY, own, *run(own)) for n, own in now.items()}
    declaration = now["digits"]
    found = judge_problems(STUDY, declaration, problems | {"cifar10": old}, Record())
    (record,) = caplog.records
    assert record.getMessage().startswith("cifar10 is left out of pooling: ")
    assert why in record.getMessage()
    assert "--params derp_vae.dataset=cifar10" in record.getMessage()
    assert all(why in text for text in found["left_out"])
    pooled = found["problems"].dropna().map(json.loads)
    assert all(list(one) == ["digits", "mnist"] for one in pooled)


def test_other_formulas_data_settings_and_data_sets_are_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    problems = {name: kept(dataset=name) for name in ("digits", "mnist", "cifar10")}
    problems["digits"] = problems["digits"].assign(source='{"subset":100}')
    problems["gone"] = problems["mnist"]
    assert list(judged(problems)["left_out"].unique()) == [
        "digits: its data were read with other settings; gone: its declaration does not resolve"
    ]
    monkeypatch.setattr(STUDY.method, "version", STUDY.method.version + 1)
    assert judged(problems).empty
    assert "has other settings or formulas now" in caplog.text


def test_trials_of_other_data_are_not_kept_under_this_name() -> None:
    scores, trials, card = run(declared(seeds=SEEDS))
    for wrong, why in (
        ({"name": "mnist"}, "prepared data is mnist, but derp_vae.dataset is digits"),
        ({"fingerprint": "other"}, "trained on other data"),
    ):
        with pytest.raises(UserError, match=why):
            problem_scores(STUDY, declared(seeds=SEEDS), scores, trials, card | wrong)


def test_baselines_and_trials_without_scores_are_kept(tmp_path) -> None:
    declaration = WITH_BASELINES.declaration.model_validate(
        block("mixture_harmonium", seeds={"count": 5})
    )
    scores, trials, card = run(declaration, WITH_BASELINES)
    lost = trials["trial_id"].iloc[0]
    scores = scores[scores["trial_id"] != lost]
    table = problem_scores(WITH_BASELINES, declaration, scores, trials, card)
    assert set(WITH_BASELINES.baselines) < set(table["arm"])
    assert table.loc[table["trial_id"] == lost, "value"].isna().tolist() == [True]
    dataset = ProblemScoresDataset(str(tmp_path / "problems"))
    assert dataset.load() == {}
    dataset.save(table)
    dataset.save(table.assign(dataset="other"))
    dataset.save(table)
    stored = dataset.load()
    assert list(stored) == ["digits", "other"]
    pd.testing.assert_frame_equal(stored["digits"], table)
    found = judge_problems(WITH_BASELINES, declaration, stored, Record())
    assert found.empty
