"""Finished sweeps from CSV files: types, replicates, conditions, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.table_imports import import_csv
from latentlab.core.errors import UserError
from latentlab.search.imported_sweeps.assembly import sweep_of_runs
from latentlab.search.imported_sweeps.inferred_conditions import conditions_of
from latentlab.search.imported_sweeps.inferred_space import parameter_of
from latentlab.search.imported_sweeps.searched_columns import searched_only
from latentlab.search.matrix import sweep_matrix
from latentlab.search.parameters import CategoricalParameter, FloatParameter, IntParameter
from latentlab.search.refine import refine, sweep_file
from latentlab.search.screening import NullDistribution, screen
from latentlab.search.settings import SweepSettings
from latentlab.search.table import Objective, SweepTable

ACCURACY = Objective("accuracy", "maximize")


def read(tmp_path: Path, content: str | pd.DataFrame, **options: Any) -> SweepTable:
    path = tmp_path / "sweep.csv"
    if isinstance(content, str):
        path.write_text(content)
    else:
        content.to_csv(path, index=False)
    return read_csv(path, **options)


def read_csv(
    path: Path,
    objectives: Sequence[Objective] = (ACCURACY,),
    sampler: str | None = None,
    **options: Any,
) -> SweepTable:
    imported = import_csv(path, [objective.name for objective in objectives], **options)
    return sweep_of_runs(searched_only(imported), objectives, sampler)


def refused(tmp_path: Path, content: str, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(tmp_path, content, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert "sweep" in line
    return line


def conditional(rows: int, seed: int = 0) -> pd.DataFrame:
    """Two encoders with parameters of their own, and one under a switch of one of them."""
    rng = np.random.default_rng(seed)
    encoder = rng.choice(["cnn", "context"], rows)
    coords = rng.choice([True, False], rows)
    cnn = encoder == "cnn"
    return pd.DataFrame(
        {
            "encoder": encoder,
            "lr": 10 ** rng.uniform(-5, -2, rows),
            "batch": rng.choice([8, 16, 32, 64], rows),
            "depth": np.where(cnn, rng.integers(2, 7, rows).astype(float), np.nan),
            "coords": np.where(cnn, coords.astype(object), None),
            "scale": np.where(cnn & coords, rng.uniform(0, 1, rows), np.nan),
            "dropout": np.where(cnn, np.nan, rng.uniform(0, 0.3, rows)),
            "accuracy": rng.uniform(0, 1, rows),
        }
    )


# What is read


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    frame = conditional(60)
    table = read(tmp_path, frame)
    assert table.name == "sweep"
    assert table.sampler == "unknown"
    assert table.objectives == (ACCURACY,)
    assert table.replicates.empty
    assert list(table.parameters.columns) == list(frame.columns[:-1])
    for name in ("lr", "depth", "scale", "dropout"):
        np.testing.assert_array_equal(table.parameters[name], frame[name].astype(float))
        assert table.parameters[name].dtype == np.float64
    for name in ("encoder", "batch", "coords"):
        assert table.parameters[name].dtype == object
        there = frame[name].notna()
        assert table.parameters[name][there.to_numpy()].tolist() == frame[name][there].tolist()
    np.testing.assert_array_equal(table.outcomes["accuracy"], frame["accuracy"])
    assert table.complete.all()
    np.testing.assert_array_equal(table.scores, frame["accuracy"])
    assert not table.outcomes["adaptive"].any()
    assert table.outcomes["epochs"].isna().all()
    assert table.parameters.index.equals(table.outcomes.index)


def test_the_space_is_inferred_and_it_is_said(tmp_path: Path) -> None:
    frame = conditional(200)
    table = read(tmp_path, frame)
    parameters = table.space.parameters
    assert parameters["encoder"].when == {}
    assert parameters["depth"] == IntParameter(type="int", low=2, high=6, when={"encoder": ["cnn"]})
    assert parameters["coords"].when == {"encoder": ["cnn"]}
    assert parameters["scale"].when == {"coords": [True]}
    assert parameters["dropout"].when == {"encoder": ["context"]}
    assert parameters["batch"] == CategoricalParameter(
        type="categorical", choices=(8, 16, 32, 64), ordered=True
    )
    lr = parameters["lr"]
    assert isinstance(lr, FloatParameter)
    assert lr.log
    assert (lr.low, lr.high) == (frame["lr"].min(), frame["lr"].max())
    assert not parameters["dropout"].log
    assert table.notes[0] == "the space is inferred from the values: ranges are as observed"
    assert "scale: exists only where coords is True, by where it is missing" in table.notes


def test_every_configuration_is_one_of_its_inferred_space(tmp_path: Path) -> None:
    table = read(tmp_path, conditional(120))
    for row in table.parameters.to_dict("records"):
        there = {name for name, value in row.items() if not pd.isna(value)}
        assert set(table.space.active(row)) == there


def test_rows_that_differ_in_their_seed_are_one_configuration(tmp_path: Path) -> None:
    frame = conditional(20)
    seeds = np.tile([4, 5, 6], 20)
    rows = frame.loc[np.repeat(np.arange(20), 3)].assign(seed=seeds)
    rows["accuracy"] = np.random.default_rng(1).uniform(size=60)
    shuffled = rows.sample(frac=1, random_state=2)
    for options in ({"seed": "seed"}, {}):
        table = read(tmp_path, shuffled, **options)
        assert len(table.outcomes) == 20
        assert len(table.replicates) == 60
        assert "seed" not in table.parameters
        means = rows.groupby("lr")["accuracy"].mean()
        found = pd.Series(table.outcomes["accuracy"].to_numpy(), table.parameters["lr"].to_numpy())
        np.testing.assert_allclose(found.sort_index(), means.sort_index())
        again = table.replicates.groupby("configuration")["accuracy"].mean()
        np.testing.assert_allclose(again, table.outcomes["accuracy"])
        assert set(table.replicates["seed"]) == {4, 5, 6}


def test_a_configuration_has_the_worst_state_of_its_seeds(tmp_path: Path) -> None:
    text = (
        "lr,seed,accuracy,state,epochs,seconds\n"
        "0.1,1,0.5,COMPLETE,8,10\n0.1,2,0.7,COMPLETE,8,12\n"
        "0.2,1,0.9,COMPLETE,8,9\n0.2,2,,FAIL,2,1\n"
        "0.3,1,0.4,PRUNED,3,3\n0.3,2,0.6,COMPLETE,8,9\n"
        "0.4,1,inf,COMPLETE,8,9\n0.4,2,0.5,TrialState.COMPLETE,8,\n"
        "0.5,1,,RUNNING,,\n"
    )
    table = read(tmp_path, text, state="state", epochs="epochs", seconds="seconds")
    assert table.outcomes["state"].tolist() == ["complete", "failed", "pruned", "diverged"]
    np.testing.assert_allclose(table.outcomes["accuracy"], [0.6, 0.9, 0.5, 0.5])
    assert table.complete.tolist() == [True, False, False, False]
    assert table.outcomes["epochs"].tolist() == [16, 10, 11, 16]
    assert table.outcomes["seconds"].tolist() == [22, 10, 12, 9]
    assert "1 run left out that had not ended" in table.notes


def test_a_repeated_seed_counts_once(tmp_path: Path) -> None:
    table = read(tmp_path, "lr,seed,accuracy\n1,1,0.2\n1,1,0.9\n2,1,0.3\n1,2,0.4\n")
    assert table.outcomes["accuracy"].tolist() == pytest.approx([0.3, 0.3])
    assert "1 runs repeat a configuration and seed; the first of each counts" in table.notes
    assert "configurations have between 1 and 2 seeds" in table.notes


def test_a_row_without_a_value_failed_and_is_kept(tmp_path: Path) -> None:
    table = read(tmp_path, "lr,accuracy\n0.1,0.2\n0.2,\n0.3,nan\n0.4,-inf\n")
    assert table.outcomes["state"].tolist() == ["complete", "failed", "failed", "diverged"]
    assert len(table.scores) == 1


def test_a_value_of_a_failed_row_is_no_value(tmp_path: Path) -> None:
    table = read(tmp_path, "lr,accuracy,s\n0.1,0.2,ok\n0.2,0.9,crashed\n0.3,0.1,ok\n", state="s")
    assert table.outcomes["accuracy"].isna().tolist() == [False, True, False]


def test_words_and_numbers_in_one_column_are_choices(tmp_path: Path) -> None:
    cells = ["auto", "2", "0.5", "inf", "auto", "2"]
    text = "".join(f"{cell},0.{k}\n" for k, cell in enumerate(cells))
    table = read(tmp_path, f"k,accuracy\n{text}")
    assert table.space.parameters["k"].choices == (0.5, 2, "'inf'", "auto")
    assert table.parameters["k"].tolist() == ["auto", 2, 0.5, "'inf'"]


def test_several_objectives(tmp_path: Path) -> None:
    both = [ACCURACY, Objective("loss", "minimize")]
    table = read(tmp_path, "lr,accuracy,loss\n0.1,0.2,3\n0.2,0.3,\n0.3,0.4,1\n", objectives=both)
    assert table.outcomes["state"].tolist() == ["complete", "failed", "complete"]
    assert table.outcomes["loss"].tolist()[::2] == [3, 1]
    assert list(table.parameters) == ["lr"]


@pytest.mark.parametrize("sampler", ["random", "grid", "quasi_random"])
def test_a_sampler_that_is_known_not_to_adapt(tmp_path: Path, sampler: str) -> None:
    table = read(tmp_path, "lr,accuracy\n0.1,0.2\n0.2,0.3\n", sampler=sampler)
    assert not table.outcomes["adaptive"].any()
    assert table.sampler == sampler


def test_what_optuna_wrote(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: Any) -> float:
        if trial.suggest_categorical("encoder", ["cnn", "context"]) == "cnn":
            return float(trial.suggest_int("depth", 2, 6))
        return float(trial.suggest_float("dropout", 0.0, 0.3))

    study.optimize(objective, n_trials=40)
    frame = study.trials_dataframe()
    frame.loc[3, "state"] = "PRUNED"
    table = read(tmp_path, frame, objectives=[Objective("value", "maximize")])
    assert sorted(table.parameters) == ["depth", "dropout", "encoder"]
    assert table.space.parameters["depth"].when == {"encoder": ["cnn"]}
    # The pruned trial stands alone; of complete ones those of equal parameters are replicates.
    assert table.outcomes["state"].value_counts()["pruned"] == 1
    trials = [trial for trial in study.trials if trial.number != 3]
    assert len(table.scores) == len({tuple(trial.params.items()) for trial in trials})
    assert set(table.scores) == {trial.value for trial in trials}
    # Equal to the last digit, they tell nothing of the noise of seeds.
    assert table.replicates.empty
    assert any(
        note.startswith("columns beside params_* are left out: number") for note in table.notes
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_quotes_and_a_byte_order_mark(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "sweep.csv"
    rows = [["lr", '"a b"', "accuracy"], ["0.1", '"x, y; z"', "0.2"], ["0.2", "q", "0.3"]]
    text = "".join(separator.join(row) + "\n" for row in rows).replace("x, y; z", "x y")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    table = read_csv(path, [ACCURACY])
    assert list(table.parameters) == ["lr", "a b"]
    assert table.parameters["a b"].tolist() == ["x y", "q"]


def test_constants_labels_and_empty_columns_are_no_parameters(tmp_path: Path) -> None:
    frame = conditional(100).assign(
        constant=3, run=[f"run-{k}" for k in range(100)], empty="", sometimes=np.nan
    )
    frame.loc[:9, "sometimes"] = 5.0
    frame.to_csv(tmp_path / "indexed.csv")
    table = read_csv(tmp_path / "indexed.csv", [ACCURACY])
    assert table.space.fixed == {"constant": 3}
    assert list(table.parameters) == list(conditional(1).columns[:-1])
    told = "\n".join(table.notes)
    assert "1 column without a name left out" in told
    assert "taken for names of runs, not for parameters: run" in told
    assert "empty: there is no value in any row; it is left out" in told
    assert "sometimes: one value wherever it exists; it is left out" in told


def test_ten_thousand_rows_take_seconds(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frame = conditional(10_000)
    frame = frame.assign(**{f"p{k}": rng.normal(size=10_000) for k in range(13)})
    assert frame.shape == (10_000, 21)
    path = tmp_path / "big.csv"
    frame.to_csv(path, index=False)
    begun = time.process_time()
    table = read_csv(path, [ACCURACY])
    assert time.process_time() - begun < 10
    assert table.parameters.shape == (10_000, 20)


def test_none_is_a_choice_and_the_next_space_writes_it_as_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "max_depth": np.resize(["None", "2", "4", "8"], 32),
            "clip": np.where(rng.random(32) < 0.3, "None", rng.uniform(0, 1, 32).astype(str)),
            "weights": np.resize(["None", "balanced", "None"], 32),
            "rate": rng.uniform(size=32),
            "accuracy": rng.uniform(size=32),
        }
    )
    table = read(tmp_path, frame, sampler="random")
    parameters = table.space.parameters
    assert parameters["max_depth"].choices == (2, 4, 8, "null")
    assert parameters["weights"].choices == ("balanced", "null")
    matrix = sweep_matrix(table)
    assert matrix.columns["max_depth"].exists.all()
    # Beside a range None is no number, so that the parameter is not there, which is said.
    assert isinstance(parameters["clip"], FloatParameter)
    none = (frame["clip"] == "None").to_numpy()
    np.testing.assert_array_equal(matrix.columns["clip"].exists, ~none)
    assert f"clip: None in {none.sum()} rows is taken for absent, beside a range" in table.notes
    refined = refine(screen(matrix, NullDistribution(permutations=99)), "conservative")
    settings = SweepSettings(method="random", configurations=9, parameters=parameters)
    written = yaml.safe_load(sweep_file(refined, settings))["parameters"]
    assert written["max_depth"]["choices"] == [2, 4, 8, None]
    assert written["weights"]["choices"] == ["balanced", None]


def test_replicates_whose_rounded_values_agree_are_no_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"lr": np.resize([0.1, 0.01, 0.001, 0.0001], 37)})
    frame["accuracy"] = np.round(0.9 + rng.normal(0, 0.02, 37), 2)
    assert frame.duplicated().sum() > 3
    table = read(tmp_path, frame)
    matrix = sweep_matrix(table)
    assert not matrix.copies.any()
    assert len(table.replicates) == 37
    means = frame.groupby("lr")["accuracy"].mean()
    found = pd.Series(table.outcomes["accuracy"].to_numpy(), table.parameters["lr"].astype(float))
    pd.testing.assert_series_equal(found.sort_index(), means, check_names=False)
    told = "33 runs repeat the parameters of others: replicates of unknown seeds"
    assert any(note.startswith(told) for note in table.notes)


def test_a_table_that_is_there_twice_is_no_more_evidence(tmp_path: Path) -> None:
    frame = conditional(30)
    once, twice = read(tmp_path, frame), read(tmp_path, pd.concat([frame, frame]))
    pd.testing.assert_frame_equal(once.parameters, twice.parameters)
    pd.testing.assert_series_equal(once.outcomes["accuracy"], twice.outcomes["accuracy"])
    # Nor does it say that seeds make no noise.
    assert twice.replicates.empty


def test_a_run_that_failed_and_was_run_again_is_complete(tmp_path: Path) -> None:
    text = "lr,accuracy,state\n1,,crashed\n1,0.5,finished\n2,0.7,finished\n1,0.7,finished\n"
    table = read(tmp_path, text)
    assert table.outcomes["state"].tolist() == ["failed", "complete", "complete"]
    assert table.outcomes["accuracy"].tolist()[1:] == [0.6, 0.7]


@pytest.mark.parametrize("first", ["sep=;\r\n", ""])
def test_a_spreadsheet_with_decimal_commas(tmp_path: Path, first: str) -> None:
    rows = "0,1;8,16;0,5;2,1\r\n1e-3;16;0,75;\r\n,5;8,16;1;2,0\r\n;;;\r\n"
    path = tmp_path / "sweep.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{first}lr;hidden;accuracy; v \r\n{rows}".encode())
    table = read_csv(path)
    assert table.parameters["lr"].tolist() == [0.1, 0.001, 0.5]
    assert table.outcomes["accuracy"].tolist() == [0.5, 0.75, 1.0]
    assert "v" in table.parameters or "v" in " ".join(table.notes)


def test_decimal_points_between_semicolons_and_lists_with_commas(tmp_path: Path) -> None:
    text = "lr;hidden;accuracy\n0.1;8,16;0.5\n0.2;8,16;0.6\n0.3;32,64;0.7\n0.4;32,64;0.8\n"
    table = read(tmp_path, text)
    assert table.space.parameters["hidden"].choices == ("32,64", "8,16")


def test_of_a_million_columns_those_that_are_named_are_read(tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    header = ",".join(f"c{k}" for k in range(1_000_000))
    cells = ["1," * 999_999 + "1", "2," * 999_999 + "2"]
    path.write_text(f"{header},accuracy\n{cells[0]},0.5\n{cells[1]},0.6\n")
    with pytest.raises(UserError, match=r"has 1,000,001 columns.*analysis.parameters=a\+b"):
        read_csv(path)
    with pytest.raises(UserError, match=r"no column c1000001\. Did you mean"):
        read_csv(path, parameters=["c1000001"])
    assert list(read_csv(path, parameters=["c7", "c99"]).parameters) == ["c7", "c99"]


def test_hundreds_of_parameters_are_not_begun_with(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(size=(12, 301))
    frame = pd.DataFrame(values, columns=[*(f"p{k}" for k in range(300)), "accuracy"])
    with pytest.raises(UserError, match=r"300 parameters vary.*analysis.parameters=a\+b"):
        read(tmp_path, frame)
    assert list(read(tmp_path, frame, parameters=["p7", "p9"]).parameters) == ["p7", "p9"]


# What is refused


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("lr,acc\n1,2\n", {}, "there is no column accuracy. Use one of lr, acc"),
        ("lr,accuracy\n1,2\n", {"seed": "s"}, "there is no column s."),
        ("lr,accuracy\n1,high\n", {}, "column accuracy: 'high' in row 1 is no number."),
        ("lr,accuracy\n1,1\n,\n2,0.5x\n", {}, "column accuracy: '0.5x' in row 3 is no number."),
        (
            "lr,accuracy,s\n1,1,ok\n2,2,odd\n",
            {"state": "s"},
            "column s: 'odd' in row 2 is no state",
        ),
        (
            "lr,accuracy,k\n1,1,1\n2,2,\n",
            {"seed": "k"},
            "column k: there is no whole number in row 2",
        ),
        ("lr,accuracy,k\n1,1,1.5\n", {"seed": "k"}, "there is no whole number in row 1"),
        ("lr,accuracy,seed,a_seed\n1,1,1,2\n", {}, "columns seed and a_seed are both seeds."),
        ("lr,lr,accuracy\n1,2,3\n", {}, "two columns are called 'lr'. Rename one"),
        ("lr,accuracy\n1,2,3\n", {}, "Give each row as many cells as the header"),
        ("lr,accuracy\n1,2\n1,2,3\n", {}, "Give each row as many cells as the header"),
        ("lr,accuracy\n", {}, "there are no rows below the header"),
        ("", {}, "its first line is empty. Give a CSV file whose first line names"),
        ("lr,accuracy\n1,0.1\n1,0.2\n", {}, "no parameter varies"),
        ("lr,accuracy,s\n1,,running\n", {"state": "s"}, "there are no finished runs"),
    ],
)
def test_a_file_that_does_not_fit(
    tmp_path: Path, content: str, options: dict[str, Any], words: str
) -> None:
    assert words in refused(tmp_path, content, **options)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv cannot be read"):
        read_csv(tmp_path / "none.csv", [ACCURACY])
    path = tmp_path / "latin.csv"
    path.write_bytes("lr,accuracy\n\xe9,1\n".encode("latin-1"))
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_csv(path, [ACCURACY])


# Types and inference


def test_a_log_scale_needs_decades_and_a_median_in_the_middle_of_them() -> None:
    rng = np.random.default_rng(0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        logs = pd.Series(10 ** rng.uniform(-5, -2, 30))
        uniform = pd.Series(rng.uniform(0, 1, 10_000))
        narrow = pd.Series(10 ** rng.uniform(-2, -1, 30))
        assert parameter_of(logs).log
        assert not parameter_of(uniform).log
        assert uniform.max() / uniform.min() > 100
        assert not parameter_of(narrow).log


@pytest.mark.parametrize(
    ("values", "kind", "directed"),
    [
        ([128, 256, 384, 512, 768] * 4, "categorical", True),
        ([128.0, 256.0], "float", None),
        ([2, 3, 4, 5, 6], "int", None),
        ([0.1, 0.5] * 5, "categorical", True),
        (list(np.linspace(0, 1, 30)), "float", None),
        ([1, 5, 9, 40, 77, 3], "int", None),
    ],
)
def test_few_numbers_are_ordered_choices(
    values: list[float], kind: str, directed: bool | None
) -> None:
    found = parameter_of(pd.Series(values, dtype=float))
    if kind == "float" and len(values) == 2:
        kind = "int"
    assert found.type == kind
    assert getattr(found, "ordered", None) == directed


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_condition_explains_every_missing_cell(data: st.DataObject) -> None:
    rows = data.draw(st.integers(2, 25))
    letters = st.lists(st.sampled_from("abc"), min_size=rows, max_size=rows)
    decider, other = data.draw(letters), data.draw(letters)
    present = data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    frame = pd.DataFrame(
        {
            "decider": pd.Series(decider, dtype=object),
            "other": pd.Series(other, dtype=object),
            "x": [1.0 if there else np.nan for there in present],
        }
    )
    conditions, unexplained = conditions_of(frame, ["decider", "other"])
    by_hand = {
        name: all(
            len({p for p, v in zip(present, column, strict=True) if v == w}) == 1 for w in column
        )
        for name, column in (("decider", decider), ("other", other))
    }
    if all(present):
        assert (conditions, unexplained) == ({}, {})
    elif "x" in conditions:
        ((name, wanted),) = conditions["x"].items()
        assert [value in wanted for value in frame[name]] == present
    else:
        assert unexplained == {"x": present.count(False)}
        assert not any(present) or not any(by_hand.values())
