"""Finished studies of Optuna as tables."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from latentlab.core.errors import UserError
from latentlab.runs.importers.optuna import import_optuna
from latentlab.runs.trial_attributes import ADAPTIVE, COHORT, STATE
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.parameters import CategoricalParameter, FloatParameter, IntParameter
from latentlab.search.table import SweepTable

optuna.logging.set_verbosity(optuna.logging.WARNING)


def read_optuna(
    address: str | Path, study: str | None = None, sampler: str | None = None, **options: Any
) -> SweepTable:
    return sweep_of_runs(import_optuna(address, study, **options), sampler=sampler)


def storage_at(path: Path) -> BaseStorage:
    return JournalStorage(JournalFileBackend(str(path)))


def ask(trial: optuna.Trial) -> float:
    """Two encoders with parameters of their own."""
    lr = trial.suggest_float("lr", 5e-5, 1e-2, log=True)
    batch = trial.suggest_categorical("batch", [16, 8, 32])
    if trial.suggest_categorical("encoder", ["cnn", "context"]) == "cnn":
        return float(trial.suggest_int("depth", 2, 6) + batch * lr)
    return float(trial.suggest_float("dropout", 0.0, 0.3, step=0.1))


def study_at(path: Path, trials: int, sampler: Any = None, name: str = "v2") -> optuna.Study:
    sampler = sampler or optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(ask, n_trials=trials)
    stored = optuna.create_study(study_name=name, storage=storage_at(path), direction="maximize")
    # One line of the journal for each, where running them would write many.
    stored.add_trials(study.trials)
    return stored


def test_distributions_give_the_space_and_absence_the_conditions(tmp_path: Path) -> None:
    study = study_at(tmp_path / "journal.log", 20)
    table = read_optuna(tmp_path / "journal.log")
    assert table.name == "v2"
    assert table.objective.direction == "maximize"
    assert table.objective.name == "value"
    parameters = table.space.parameters
    assert parameters["lr"] == FloatParameter(type="float", low=5e-5, high=1e-2, log=True)
    assert parameters["batch"] == CategoricalParameter(
        type="categorical", choices=(8, 16, 32), ordered=True
    )
    assert parameters["depth"] == IntParameter(type="int", low=2, high=6, when={"encoder": ["cnn"]})
    dropout = parameters["dropout"]
    assert (dropout.step, dropout.when) == (0.1, {"encoder": ["context"]})
    for row, trial in zip(table.parameters.to_dict("records"), study.trials, strict=True):
        assert {name: v for name, v in row.items() if not pd.isna(v)} == trial.params
    np.testing.assert_array_equal(table.scores, [trial.value for trial in study.trials])
    assert (table.outcomes["seconds"] >= 0).all()
    # Random search leaves no trace; what is not known is taken for exchangeable, and it is said.
    assert table.sampler == "unknown"
    assert not table.outcomes["adaptive"].any()
    assert "analysis.sampler=tpe" in table.notes[-1]
    assert not read_optuna(tmp_path / "journal.log", sampler="random").outcomes["adaptive"].any()


def test_states_are_kept_and_unfinished_trials_counted(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="s", storage=storage_at(tmp_path / "j.log"))
    lr = {"lr": FloatDistribution(0.1, 1.0)}
    for k, (state, value, reported) in enumerate(
        [
            (TrialState.COMPLETE, 1.0, {}),
            (TrialState.PRUNED, None, {3: 0.7, 9: 0.6}),
            (TrialState.FAIL, None, {3: 0.5}),
            (TrialState.COMPLETE, float("inf"), {}),
            (TrialState.RUNNING, None, {}),
            (TrialState.WAITING, None, {}),
            (TrialState.PRUNED, None, {}),
        ]
    ):
        study.add_trial(
            create_trial(
                state=state,
                value=value,
                params={"lr": 0.1 * (k + 1)},
                distributions=lr,
                intermediate_values=reported,
            )
        )
    table = read_optuna(tmp_path / "j.log")
    assert table.outcomes["state"].tolist() == [
        "complete", "pruned", "failed", "diverged", "pruned",
    ]  # fmt: skip
    values = table.outcomes["value"].tolist()
    assert values[:2] == [1.0, 0.6]
    assert np.isnan(values[2:]).all()
    assert table.notes[0] == "2 trials left out that had not ended"
    assert table.objective.direction == "minimize"


def test_tpe_is_recognised_with_its_start(tmp_path: Path) -> None:
    study_at(tmp_path / "j.log", 16, optuna.samplers.TPESampler(seed=0, n_startup_trials=6))
    table = read_optuna(tmp_path / "j.log")
    assert table.sampler == "tpe"
    assert table.outcomes["adaptive"].tolist() == [False] * 6 + [True] * 10


def test_a_grid_and_a_sobol_sequence_are_recognised(tmp_path: Path) -> None:
    study = optuna.create_study(
        study_name="grid",
        storage=storage_at(tmp_path / "j.log"),
        sampler=optuna.samplers.GridSampler({"a": [1, 2], "b": [0.5, 1.0]}),
    )
    study.optimize(lambda t: t.suggest_int("a", 1, 2) * t.suggest_float("b", 0.5, 1.0), n_trials=4)
    table = read_optuna(tmp_path / "j.log")
    assert table.sampler == "grid"
    assert not table.outcomes["adaptive"].any()
    assert sorted(table.scores.tolist()) == [-2.0, -1.0, -1.0, -0.5]
    study = optuna.create_study(
        study_name="sobol",
        storage=storage_at(tmp_path / "j.log"),
        sampler=optuna.samplers.QMCSampler(seed=0, warn_independent_sampling=False),
    )
    study.optimize(lambda t: t.suggest_float("a", 0, 1), n_trials=4)
    assert read_optuna(tmp_path / "j.log", "sobol").sampler == "quasi_random"


def test_a_seed_in_the_space_makes_replicates(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="s", storage=storage_at(tmp_path / "j.log"))
    kinds = {"lr": FloatDistribution(0.0, 1.0), "seed": IntDistribution(0, 9)}
    for lr, seed, value in [(0.1, 1, 1.0), (0.2, 1, 2.0), (0.1, 2, 3.0), (0.2, 2, 5.0)]:
        study.add_trial(
            create_trial(value=value, params={"lr": lr, "seed": seed}, distributions=kinds)
        )
    table = read_optuna(tmp_path / "j.log")
    assert list(table.space.parameters) == ["lr"]
    assert table.outcomes["value"].tolist() == [2.0, 3.5]
    assert table.replicates["seed"].tolist() == [1, 1, 2, 2]
    assert any(note.startswith("seed is a seed") for note in table.notes)


def test_several_objectives_and_their_names(tmp_path: Path) -> None:
    study = optuna.create_study(
        study_name="s",
        storage=storage_at(tmp_path / "j.log"),
        directions=["maximize", "minimize"],
        sampler=optuna.samplers.RandomSampler(seed=0),
    )
    study.optimize(lambda t: (t.suggest_float("a", 0, 1), 1.0), n_trials=3)
    table = read_optuna(tmp_path / "j.log")
    assert [(o.name, o.direction) for o in table.objectives] == [
        ("value_0", "maximize"),
        ("value_1", "minimize"),
    ]
    study.set_metric_names(["accuracy", "seconds"])
    assert [o.name for o in read_optuna(tmp_path / "j.log").objectives] == ["accuracy", "seconds"]
    named = read_optuna(tmp_path / "j.log", metrics=["a", "b"])
    assert named.outcomes["b"].tolist() == [1.0] * 3
    with pytest.raises(UserError, match="1 names for its 2 objectives"):
        read_optuna(tmp_path / "j.log", metrics=["a"])


def test_odd_distributions(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="s", storage=storage_at(tmp_path / "j.log"))
    choices = CategoricalDistribution([None, "2", "x", True])
    for k in range(12):
        # The bound is widened, one value is fixed, one is sometimes there.
        params: dict[str, Any] = {"a": float(k), "fixed": 3, "null": [None, "2", "x", True][k % 4]}
        kinds: dict[str, Any] = {
            "a": FloatDistribution(0.0, 11.0 + k),
            "fixed": IntDistribution(3, 3),
            "null": choices,
        }
        if k in {2, 3, 7}:
            params["rare"], kinds["rare"] = k, IntDistribution(1, 100, log=True)
        study.add_trial(create_trial(value=float(k), params=params, distributions=kinds))
    table = read_optuna(tmp_path / "j.log")
    assert table.space.fixed == {"fixed": 3}
    assert table.space.parameters["a"].high == 22.0
    assert table.space.parameters["rare"].log
    assert table.space.parameters["null"].choices == ("null", 2, "x", True)
    assert table.parameters["null"].tolist() == ["null", 2, "x", True] * 3
    told = "\n".join(table.notes)
    assert "a: its bounds changed between trials; the widest are taken" in told
    assert "rare: missing in 9 rows, which no single parameter explains" in told


def test_a_database_and_one_of_several_studies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    storage = RDBStorage(url)
    for name in ("one", "two"):
        optuna.create_study(study_name=name, storage=storage).add_trial(
            create_trial(
                value=1.0, params={"a": 0.5}, distributions={"a": FloatDistribution(0.0, 1.0)}
            )
        )
    table = read_optuna(url, "two")
    assert table.name == "two"
    assert table.parameters["a"].tolist() == [0.5]
    with pytest.raises(UserError, match=r"which study is not said\. Name one of one, two"):
        read_optuna(url)
    with pytest.raises(UserError, match=r"there is no study three\. Name one of one, two"):
        read_optuna(url, "three")


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


@pytest.mark.parametrize("spoil", [None, "log", "older"])
def test_reading_a_database_does_not_change_it(tmp_path: Path, spoil: str | None) -> None:
    path = tmp_path / "study.db"
    study = optuna.create_study(study_name="one", storage=f"sqlite:///{path}")
    study.optimize(lambda trial: trial.suggest_float("a", 0.0, 1.0), n_trials=3)
    study._storage.remove_session()
    writer = sqlite3.connect(path)
    if spoil == "log":
        # A write-ahead log that holds what is not in the file yet.
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE trial_values SET value = 7.0")
    elif spoil == "older":
        writer.execute("UPDATE alembic_version SET version_num = 'v3.0.0.d'")
    writer.commit()
    before = digests(tmp_path)
    for address in (f"sqlite:///{path}", str(path)):
        table = read_optuna(address)
        assert len(table.outcomes) == 3
        if spoil == "log":
            assert table.outcomes["value"].tolist() == [7.0] * 3
        assert digests(tmp_path) == before
    writer.close()


def test_another_programs_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (name)")
    before = digests(tmp_path)
    for address in (f"sqlite:///{path}", str(path)):
        with pytest.raises(UserError, match="no Optuna storage: it holds customers"):
            read_optuna(address)
    assert digests(tmp_path) == before


def test_a_database_of_a_later_optuna_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    optuna.create_study(study_name="one", storage=f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99.0.0.a'")
    with pytest.raises(UserError, match="a later version of Optuna"):
        read_optuna(path)


@pytest.mark.filterwarnings("ignore:`constraints_func`:FutureWarning")
def test_an_infeasible_trial_does_not_win(tmp_path: Path) -> None:
    sampler = optuna.samplers.TPESampler(
        seed=1, constraints_func=lambda trial: (trial.params["a"] - 0.5,)
    )
    study = optuna.create_study(
        direction="maximize", sampler=sampler, storage=storage_at(tmp_path / "j")
    )
    study.optimize(lambda trial: trial.suggest_float("a", 0.0, 1.0), n_trials=12)
    table = read_optuna(tmp_path / "j")
    broken = table.parameters["a"] > 0.5
    assert 0 < broken.sum() < 12
    assert (table.outcomes.loc[broken, "state"] == "failed").all()
    assert table.outcomes["value"].max() == pytest.approx(study.best_value)
    assert f"{broken.sum()} trials break the study's constraints and count as failed" in table.notes


def test_storages_that_are_not_there_are_not_made(tmp_path: Path) -> None:
    for address in (str(tmp_path / "none.log"), f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(UserError, match="There is no Optuna storage at"):
            read_optuna(address)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="cannot be opened"):
        read_optuna("nodatabase://somewhere/x")
    (tmp_path / "notes.txt").write_text("no journal\n")
    with pytest.raises(UserError, match="It holds no study"):
        read_optuna(tmp_path / "notes.txt")


def test_what_our_own_search_records_is_taken(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="s", storage=storage_at(tmp_path / "j.log"))
    states = {
        "complete": TrialState.COMPLETE,
        "diverged": TrialState.FAIL,
        "failed": TrialState.FAIL,
        # The first edition's word.
        "pruned": TrialState.PRUNED,
    }
    for k, (state, ended) in enumerate(states.items()):
        study.add_trial(
            create_trial(
                state=ended,
                value=None if k else 1.0,
                params={"a": 0.1 * k},
                distributions={"a": FloatDistribution(0.0, 1.0)},
                user_attrs={
                    STATE: state,
                    ADAPTIVE: k == 2,
                    COHORT: k // 2,
                },
            )
        )
    outcomes = read_optuna(tmp_path / "j.log").outcomes
    assert outcomes["state"].tolist() == ["complete", "diverged", "failed", "pruned"]
    assert outcomes["adaptive"].tolist() == [False, False, True, False]
    assert outcomes["cohort"].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        (
            [{"a": (1.0, FloatDistribution(0, 2))}, {"a": (1, IntDistribution(0, 2))}],
            "study s: a changed its kind between trials. Give the trials as CSV",
        ),
        (
            [{"seed": (1, IntDistribution(0, 2)), "a_seed": (1, IntDistribution(0, 2))}],
            "study s: parameters seed and a_seed are both seeds.",
        ),
        (
            [{"seed": (1, IntDistribution(0, 2))}, {"a": (1, IntDistribution(0, 2))}],
            "study s: some trials have no seed.",
        ),
    ],
)
def test_studies_that_do_not_fit(tmp_path: Path, trials: list[dict[str, Any]], words: str) -> None:
    study = optuna.create_study(study_name="s", storage=storage_at(tmp_path / "j.log"))
    for entries in trials:
        study.add_trial(
            create_trial(
                state=TrialState.FAIL,
                params={name: value for name, (value, _) in entries.items()},
                distributions={name: kind for name, (_, kind) in entries.items()},
            )
        )
    with pytest.raises(UserError) as caught:
        read_optuna(tmp_path / "j.log")
    assert words in str(caught.value)


def test_studies_without_anything_to_analyse(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="s", storage=storage_at(tmp_path / "j.log"))
    with pytest.raises(UserError, match="study s: no trial has ended"):
        read_optuna(tmp_path / "j.log")
    study.optimize(lambda _: 1.0, n_trials=1)
    with pytest.raises(UserError, match="study s: no parameter varies"):
        read_optuna(tmp_path / "j.log")
