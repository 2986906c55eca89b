"""Runs that cannot be judged as they are: one line with what to do, or a note that counts them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from labs.table_imports import never
from labs.trackers import hydra, journal, long, table, wandb_folder
from latentlab.core.errors import UserError
from latentlab.reporting import write_document
from latentlab.runs.judging.judged import judge_runs
from latentlab.runs.judging.settings import EvidenceSettings

Make = Callable[[Path], str]
"""Writes into a folder, and returns the source."""

TEXT = table().to_csv(index=False)


def holding(name: str, content: str | bytes) -> Make:
    def make(folder: Path) -> str:
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
        return name

    return make


def changed(change: Callable[[pd.DataFrame], pd.DataFrame], **options: Any) -> Make:
    def make(folder: Path) -> str:
        change(table()).to_csv(folder / "runs.csv", index=False, **options)
        return "runs.csv"

    return make


def score(index: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda runs: runs.astype({"test_acc": object}).assign(
        test_acc=lambda r: r["test_acc"].where(r.index != index, value)
    )


def named(arm: str) -> Make:
    return changed(lambda runs: runs.replace("wide", arm))


def same(runs: pd.DataFrame) -> pd.DataFrame:
    return runs


def without_config(folder: Path) -> str:
    source = wandb_folder(table(), folder)
    for path in folder.rglob("config.yaml"):
        path.unlink()
    return source


def damaged_summary(folder: Path) -> str:
    source = wandb_folder(table(), folder)
    next(folder.rglob("wandb-summary.json")).write_text("{")
    return source


def journal_with(*lines: str) -> Make:
    def make(folder: Path) -> str:
        source = journal(table(), folder)
        with (folder / source).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        return source

    return make


def journal_changed(old: str, new: str) -> Make:
    def make(folder: Path) -> str:
        path = folder / journal(table(), folder)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return path.name

    return make


def damaged_types(folder: Path) -> str:
    """What pandas notes of the columns is damaged; the columns are whole."""
    whole = pa.Table.from_pandas(table())
    noted = whole.schema.metadata[b"pandas"].replace(b'"numpy_type"', b'"numpx_type"')
    pq.write_table(whole.replace_schema_metadata({b"pandas": noted}), folder / "runs.parquet")
    return "runs.parquet"


def a_digit_too_many(name: str, number: str = "9" * 5000) -> Make:
    def make(folder: Path) -> str:
        records = table().astype(object).replace({"lr": {0.001: "@"}}).to_dict("records")
        text = json.dumps(records)
        if name.endswith("l"):
            text = "\n".join(map(json.dumps, records))
        (folder / name).write_text(text.replace('"@"', number))
        return name

    return make


def configured(line: str) -> Make:
    def make(folder: Path) -> str:
        source = wandb_folder(table(), folder)
        with next(folder.rglob("config.yaml")).open("a") as file:
            file.write(f"{line}\n")
        return source

    return make


def impossible_time(folder: Path) -> str:
    source = wandb_folder(table(), folder)
    path = next(folder.rglob("wandb-summary.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "_timestamp": 1e300}))
    return source


def overrides(text: str) -> Make:
    def make(folder: Path) -> str:
        source = hydra(table(), folder)
        next(folder.rglob("overrides.yaml")).write_text(text)
        return source

    return make


def two_files(folder: Path) -> str:
    source = hydra(table(), folder)
    next(folder.rglob("scores.json")).with_name("other.json").write_text("{}")
    return source


def other_database(folder: Path) -> str:
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("create table cats (name)")
    connection.close()
    return "x.db"


def store_of_mlflow(folder: Path) -> str:
    with sqlite3.connect(folder / "m.db") as connection:
        connection.execute("create table experiments (name)")
        connection.execute("create table runs (name)")
    connection.close()
    return "m.db"


def mlruns(folder: Path) -> str:
    (folder / "mlruns/1").mkdir(parents=True)
    (folder / "mlruns/1/meta.yaml").write_text("name: mine")
    return "mlruns"


def empty_folder(folder: Path) -> str:
    (folder / "runs").mkdir()
    return "runs"


def two_studies(folder: Path) -> str:
    source = journal(table(), folder)
    storage = JournalStorage(JournalFileBackend(str(folder / source)))
    optuna.create_study(study_name="other", storage=storage)
    return source


def empty_study(folder: Path) -> str:
    storage = JournalStorage(JournalFileBackend(str(folder / "s.log")))
    optuna.create_study(study_name="a", storage=storage)
    return "s.log"


def second_value(folder: Path) -> str:
    source = long(table(), folder)
    with (folder / source).open("a") as file:
        file.write("wide-0,wide,0,0.001,test_acc,0.5\n")
    return source


def nameless_runs(folder: Path) -> str:
    runs = table().drop(columns="run").melt(["model", "seed", "lr"], var_name="metric")
    runs.to_csv(folder / "long.csv", index=False)
    return "long.csv"


def no_rows(folder: Path) -> str:
    table().head(0).to_parquet(folder / "runs.parquet")
    return "runs.parquet"


REFUSED: dict[str, tuple[Make, dict[str, object], str]] = {
    "another encoding": (holding("r.csv", TEXT.encode("utf-16")), {}, "Save it as CSV in UTF-8"),
    "mixed encodings": (
        holding("r.csv", TEXT.encode() + "é,".encode() + "é".encode("latin-1")),
        {},
        "is not text in UTF-8",
    ),
    "binary": (holding("r.csv", bytes(range(256))), {}, "is not text in UTF-8"),
    "a spreadsheet": (holding("r.xlsx", b"PK\x03\x04"), {}, "Save its table as CSV"),
    "no such file": (lambda _: "none.csv", {}, "none.csv cannot be read"),
    "an empty file": (holding("r.csv", ""), {}, "its first line is empty"),
    "a header alone": (holding("r.csv", "a,test_acc\n"), {}, "no rows below the header"),
    "a header twice": (holding("r.csv", TEXT.replace("lr", "seed", 1)), {}, "called 'seed'"),
    "a row too long": (holding("r.csv", TEXT + "a,b,1,1,1,1,1\n"), {}, "in line 20, saw 7"),
    "an open quote": (holding("r.csv", 'a,test_acc\n"b,1\n'), {}, "EOF inside string"),
    "no metric": (
        changed(lambda r: r.drop(columns=["test_acc", "train_loss"])),
        {},
        "No score is seen. Say evidence.metric",
    ),
    "a word among scores": (changed(score(3, "oops")), {}, "'oops' in row 4 is no number"),
    "per cent": (
        changed(lambda r: r.assign(test_acc=r["test_acc"].map("{:.1%}".format))),
        {},
        "'82.0%' in row 1 is no number",
    ),
    "one arm": (changed(lambda r: r[r["model"] == "wide"]), {}, "there is one arm"),
    "200 arms": (
        changed(lambda r: pd.concat([r.assign(model=f"m{k}", seed=k) for k in range(200)])),
        {"arm": "model"},
        "at most 50 are compared",
    ),
    "half a seed": (changed(lambda r: r.assign(seed=r["seed"] + 0.5)), {}, "no whole number"),
    "a huge seed": (changed(lambda r: r.assign(seed=1e300)), {}, "too large a number in row 1"),
    "a missing seed": (
        changed(lambda r: r.assign(seed=r["seed"].where(r.index != 4))),
        {},
        "row 5",
    ),
    "a seed in words": (changed(lambda r: r.assign(seed="s0")), {}, "'s0' in row 1 is no number"),
    "two runs of a seed": (
        changed(lambda r: pd.concat([r, r.assign(lr=0.1)])),
        {"arm": "model"},
        "have seed 0 (run_1, run_19), and so in 18 cases. Say what else tells arms apart: "
        "evidence.arm=model+lr",
    ),
    "all failed": (changed(lambda r: r.assign(test_acc="", state="failed")), {}, "none of the 18"),
    "none ended": (changed(lambda r: r.assign(state="running")), {}, "no finished runs among"),
    "an unknown state": (
        changed(lambda r: r.assign(state=["finished"] * 17 + ["sleeping"])),
        {},
        "'sleeping' in row 18 is no state",
    ),
    "a start that is no time": (
        changed(same),
        {"started": "model"},
        "'baseline' in row 1 is no time",
    ),
    "damaged JSON": (holding("r.jsonl", '{"a": 1}\n{"a":\n'), {}, "in line 2"),
    "JSON of numbers": (holding("r.json", "[1, 2]"), {}, "record 1 is no object"),
    "JSON without records": (holding("r.json", "[]"), {}, "there are no records"),
    "JSON too deep": (holding("r.json", "[" * 9000 + "]" * 9000), {}, "nested too deep"),
    "a whole number of 5,000 digits": (
        a_digit_too_many("r.json"),
        {"metric": "test_acc"},
        "r.json: a whole number in it has thousands of digits",
    ),
    "such a number in a line": (
        a_digit_too_many("r.jsonl"),
        {"metric": "test_acc"},
        "r.jsonl: a whole number in it has thousands of digits",
    ),
    "a hexadecimal one in YAML": (
        configured("big: 0x" + "f" * 5000),
        {},
        "config.yaml: a whole number in it has thousands of digits",
    ),
    "an override that is no YAML": (
        overrides("- 'model=[1'"),
        {},
        "overrides.yaml, line 1: ",
    ),
    "a journal of no operation": (holding("s.log", '{"op_code": 99}\n'), {}, "s.log is damaged"),
    "a journal of a list": (
        holding("s.log", '{"op_code":4,"worker_id":"x","study_id":0}\n[1]\n'),
        {},
        "s.log is damaged",
    ),
    "a journal without a name": (holding("s.log", '{"op_code": 0}\n'), {}, "s.log is damaged"),
    "a journal that goes on so": (journal_with("[1]"), {}, "study.log is damaged"),
    "a journal's value in words": (
        journal_changed('"value":0.', '"value":"high","was":0.'),
        {},
        "study.log is damaged",
    ),
    "a journal's attributes": (
        journal_changed('"system_attrs":{}', '"system_attrs":true'),
        {},
        "study.log is damaged",
    ),
    "a time beyond all clocks": (
        changed(lambda r: r.assign(created=["9999-12-31"] + ["2026-01-01"] * 17)),
        {},
        "'9999-12-31' in row 1 is no time",
    ),
    "damaged types of Parquet": (damaged_types, {}, "or a damaged one"),
    "damaged Parquet": (holding("r.parquet", b"PAR1"), {}, "is no Parquet file"),
    "Parquet without rows": (no_rows, {}, "holds no rows"),
    "another database": (other_database, {}, "is no Optuna storage: it holds cats"),
    "a bare store of MLflow": (store_of_mlflow, {}, "give mlflow:sqlite:///"),
    "a bare folder of MLflow": (mlruns, {}, "give mlflow:mlruns#<experiment>"),
    "a folder of nothing": (empty_folder, {}, "without runs of W&B or Hydra"),
    "an empty study": (empty_study, {}, "no trial has ended"),
    "two studies": (two_studies, {}, "Name one of mine, other"),
    "W&B without configuration": (without_config, {}, "none of its 18 runs has a config.yaml"),
    "a damaged summary of W&B": (damaged_summary, {}, "wandb-summary.json is damaged"),
    "two files of scores": (two_files, {}, "It may be other.json or scores.json"),
    "no such file of scores": (
        lambda folder: hydra(table(), folder),
        {"scores": "score.json"},
        "Did you mean scores.json?",
    ),
    "a value twice": (second_value, {}, "row 37 is a second value of test_acc of the run wide-0"),
    "a table of either kind": (nameless_runs, {}, "Say evidence.table=long if a row is a value"),
    "a long table that is wide": (changed(same), {"table": "long"}, "a column metric and a column"),
    "the best of one value": (
        changed(same),
        {"value": "best", "metric": "test_acc"},
        "evidence.value cannot be used of a table with one row a run",
    ),
    "the best of no metric": (
        lambda folder: long(table(), folder),
        {"value": "best"},
        "Name it too: evidence.metric=accuracy",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_one_line_with_what_to_do(tmp_path: Path, case: str) -> None:
    make, chosen, words = REFUSED[case]
    source = make(tmp_path)
    with pytest.raises(UserError) as caught:
        judge_runs(EvidenceSettings.model_validate({"source": source, **chosen}), tmp_path, never)
    told = str(caught.value)
    assert words in told
    assert "\n" not in told
    assert caught.value.remedy


COUNTED: dict[str, tuple[Make, str]] = {
    "decimal commas": (changed(same, sep=";", decimal=","), "18 runs"),
    "tabs": (changed(same, sep="\t"), "18 runs"),
    "numbers as text": (changed(same, quoting=1), "18 runs"),
    "seeds as floats": (changed(lambda r: r.assign(seed=r["seed"] * 1.0)), "Seed is a seed"),
    "dates": (
        changed(lambda r: r.assign(day=[f"2026-01-{k + 1:02d}" for k in range(len(r))])),
        "by name or values: run, train_loss, day",
    ),
    "short rows": (holding("r.csv", TEXT + "new-0,new,7\n"), "1 rows have fewer cells"),
    "running ones": (
        changed(lambda r: r.assign(state=["running"] + ["finished"] * 17)),
        "1 run left out that had not ended",
    ),
    "a word of half a character": (
        a_digit_too_many("r.json", r'"\ud800"'),
        "18 runs",
    ),
    "a time that W&B cannot mean": (impossible_time, "18 runs"),
    "keys that are dates": (configured("k: [{2020-01-01: 3}]"), "18 runs"),
    "one seed": (changed(lambda r: r[r["seed"] == 0]), "3 runs of runs: 3 arms"),
    "scores that are NaN": (changed(score(3, "NaN")), "18 runs"),
    "an infinite score": (changed(score(3, np.inf)), "18 runs"),
    "other alphabets": (named("широкий 宽 🦦"), "18 runs"),
    "a line break in a name": (named("wide\nnet"), "18 runs"),
    "what steers a terminal in a name": (named("wide\x1b[31m"), "18 runs"),
}


@pytest.mark.parametrize("case", COUNTED)
def test_it_is_read_and_what_was_made_of_it_is_said(tmp_path: Path, case: str) -> None:
    make, words = COUNTED[case]
    found = judge_runs(EvidenceSettings(source=make(tmp_path)), tmp_path, never)
    said = "\n".join(found.said)
    assert words in said
    assert all(line.isprintable() for line in [*found.said, *found.verdicts["hypothesis"]])


def test_html_in_any_name_is_escaped(tmp_path: Path) -> None:
    bad = "<img src=x onerror=alert(1)>"
    runs = table().replace({"wide": f"{bad}arm"}).rename(columns={"lr": f"{bad}lr"})
    renamed = {"model": f"{bad}model", "test_acc": f"test/{bad}acc"}
    records = runs.rename(columns=renamed).to_dict("records")
    (tmp_path / "runs.json").write_text(json.dumps(records))
    found = judge_runs(EvidenceSettings(source="runs.json"), tmp_path, never)
    page = write_document(tmp_path / "report", found.document).read_text()
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page
