"""Which reader a source is given to, and what is said where there is none."""

import optuna
import pandas as pd
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from latentlab.core.errors import UserError
from latentlab.search.imported_sweeps.source import ImportedSweep, read_imported_sweep


def never(name):
    raise AssertionError(f"the tracking store was asked for {name}")


def test_no_source_is_a_mistake_with_an_example(tmp_path):
    with pytest.raises(UserError, match=r"analysis.source names no sweep.*--params"):
        read_imported_sweep(ImportedSweep(), tmp_path, never)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.csv"):
        read_imported_sweep(ImportedSweep(source="none.csv"), tmp_path, never)


def test_a_csv_is_read_relative_to_the_project(tmp_path):
    pd.DataFrame({"rate": [0.1, 0.2, 0.3], "value": [1.0, 2.0, 3.0]}).to_csv(
        tmp_path / "trials.csv", index=False
    )
    table = read_imported_sweep(ImportedSweep(source="trials.csv", constant=1.0), tmp_path, never)
    assert table.name == "trials"
    assert table.objective.constant == 1.0
    assert len(table.outcomes) == 3


def test_an_experiment_is_asked_for_by_its_name(tmp_path):
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b"],
            "status": ["FINISHED", "FINISHED"],
            "params.rate": ["0.1", "0.2"],
            "metrics.accuracy": [0.5, 0.6],
            "start_time": pd.to_datetime(["2026-01-01", "2026-01-01"]),
            "end_time": pd.to_datetime(["2026-01-02", "2026-01-02"]),
        }
    )
    asked = []

    def found(name):
        asked.append(name)
        return runs

    chosen = ImportedSweep(source="mlflow:mine", objective="accuracy")
    table = read_imported_sweep(chosen, tmp_path, found)
    assert asked == ["mine"]
    assert table.outcomes["accuracy"].tolist() == [0.5, 0.6]


def read(folder, **chosen):
    return read_imported_sweep(ImportedSweep(**chosen), folder, never)


def refused(folder, **chosen):
    with pytest.raises(UserError) as caught:
        read(folder, **chosen)
    return str(caught.value)


def test_a_further_seed_is_no_parameter_even_where_it_is_named_as_one(tmp_path):
    columns = {"rate": [0.1, 0.2], "data.seed": [1, 2], "seed": [0, 0], "value": [1.0, 2.0]}
    pd.DataFrame(columns).to_csv(tmp_path / "trials.csv", index=False)
    named = {"source": "trials.csv", "seed": "seed", "parameters": ["rate", "data.seed"]}
    assert "data.seed cannot be searched" in refused(tmp_path, **named)
    left_out = read(tmp_path, **named | {"parameters": ["rate"]})
    assert list(left_out.space.parameters) == ["rate"]


@pytest.fixture
def journal(tmp_path):
    """A study of one parameter in a journal file, to be minimised."""
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    return study_in(storage, tmp_path)


def study_in(storage, folder):
    study = optuna.create_study(study_name="mine", storage=storage, direction="minimize")
    study.optimize(lambda trial: trial.suggest_float("rate", 0, 1), n_trials=6)
    return folder


def test_names_can_be_given_on_the_command_line():
    assert ImportedSweep(parameters="lr+depth").parameters == ["lr", "depth"]
    assert ImportedSweep(parameters=["a+b"]).parameters == ["a+b"]
    numbers = ImportedSweep(parameters=1, objective=2)
    assert (numbers.parameters, numbers.objective) == (["1"], "2")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"seed": "s", "parameters": ["rate"], "state": "x"},
            "analysis.seed, analysis.state, analysis.parameters cannot be used of an Optuna study. "
            "Leave them out, or give study.trials_dataframe() as CSV",
        ),
        ({"objective": "valeu"}, "there is no objective valeu. Did you mean value?"),
        ({"direction": "maximize"}, "value is to minimize there. Leave analysis.direction out"),
        ({"study": "other"}, "there is no study other"),
    ],
)
def test_a_setting_that_cannot_be_used_of_a_study_is_an_error(journal, settings, words):
    assert words in refused(journal, source="study.log", **settings)


def test_settings_that_a_study_can_use_are_used(journal):
    table = read(journal, source="study.log", objective="value", direction="minimize", constant=0.5)
    assert (table.objective.name, table.objective.constant) == ("value", 0.5)


def test_the_chosen_objective_of_several_is_the_one_that_is_analysed(tmp_path):
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
    study.optimize(lambda trial: (trial.suggest_float("rate", 0, 1), 7.0), n_trials=3)
    table = read(tmp_path, source="study.log", objective="value_1")
    assert [one.name for one in table.objectives] == ["value_1", "value_0"]
    assert [one.direction for one in table.objectives] == ["minimize", "maximize"]
    assert table.outcomes["value_1"].tolist() == [7.0] * 3


def test_settings_of_other_sources_are_refused_too(tmp_path):
    (tmp_path / "runs.csv").write_text("rate,value\n1,2\n2,3\n")
    assert "analysis.study cannot be used of a CSV file" in refused(
        tmp_path, source="runs.csv", study="mine"
    )
    assert "analysis.epochs cannot be used of an MLflow experiment. Leave it out" in refused(
        tmp_path, source="mlflow:mine", epochs="e"
    )


def test_a_database_that_is_given_as_a_path_is_read_as_one(tmp_path):
    study_in(f"sqlite:///{tmp_path / 'study.db'}", tmp_path)
    assert read(tmp_path, source="study.db").name == "mine"
    (tmp_path / "study.db").rename(tmp_path / "study.csvdb")
    assert read(tmp_path, source="study.csvdb").name == "mine"


def test_a_table_is_one_whatever_it_is_called(tmp_path):
    for name in ("RUNS.CSV", "runs.txt", "runs"):
        (tmp_path / name).write_text("rate\tvalue\n1\t2\n2\t3\n")
        assert len(read(tmp_path, source=name).outcomes) == 2


def test_nothing_that_varies_is_left_and_the_remedy_works(tmp_path):
    (tmp_path / "runs.csv").write_text("trial,value\n" + "".join(f"{k},{k}\n" for k in range(9)))
    line = refused(tmp_path, source="runs.csv")
    assert line.endswith(
        "runs: nothing varies beside what is taken for names of runs, not for parameters: trial. "
        "Name the parameters: analysis.parameters=a+b"
    )
    table = read(tmp_path, source="runs.csv", parameters="trial")
    assert list(table.space.parameters) == ["trial"]
