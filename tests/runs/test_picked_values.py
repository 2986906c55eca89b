"""Which value of a metric counts where a run logged it again and again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from labs.table_imports import never
from latentlab.core.errors import UserError
from latentlab.runs.importers.importer import Asked
from latentlab.runs.importers.picking import pick_of
from latentlab.runs.run_table import RunTable
from latentlab.runs.source_settings import SourceSettings
from latentlab.runs.sources import open_source

LOGGED = {"a": [0.1, 0.9, 0.5], "b": [0.7, 0.2, 0.3]}
"""Accuracy of two runs at epochs 0, 10, 20."""


def long(folder: Path) -> str:
    rows = [
        {"run": run, "metric": "acc", "epoch": 10 * k, "value": value}
        for run, values in LOGGED.items()
        for k, value in enumerate(values)
    ]
    pd.DataFrame(rows).sample(frac=1, random_state=0).to_csv(folder / "long.csv", index=False)
    return "long.csv"


def multirun(folder: Path) -> str:
    for k, (run, values) in enumerate(LOGGED.items()):
        job = folder / "multirun" / str(k)
        (job / ".hydra").mkdir(parents=True)
        (job / ".hydra/config.yaml").write_text(yaml.safe_dump({"run": run}))
        records = [{"epoch": 10 * k, "acc": value} for k, value in enumerate(values)]
        (job / "metrics.jsonl").write_text("\n".join(map(json.dumps, records)))
    return "multirun"


def read(source: str, folder: Path, value: str | int | None) -> RunTable:
    said = SourceSettings.model_validate({"source": source, "value": value})
    asked = Asked(said, "evidence", folder, never, metrics=["acc"])
    return open_source(source, asked).runs(["acc"])


@pytest.mark.parametrize("write", [long, multirun])
def test_the_last_the_best_or_that_of_a_step(tmp_path: Path, write) -> None:
    source = write(tmp_path)
    counted = {}
    for value in (None, "last", "best", 10):
        runs = read(source, tmp_path, value)
        order = np.argsort(runs.parameters["run"].astype(str))
        counted[value] = runs.values["acc"].to_numpy()[order].tolist()
    assert counted == {None: [0.5, 0.3], "last": [0.5, 0.3], "best": [0.9, 0.7], 10: [0.9, 0.2]}
    assert read(source, tmp_path, 7).values["acc"].isna().all()


def test_the_best_needs_to_know_which_way() -> None:
    assert pick_of("val_loss", "best", None, "evidence")([0, 1], [3.0, 2.0]) == 2.0
    assert pick_of("outcome", "best", "higher", "evidence")([0, 1], [3.0, np.nan]) == 3.0
    with pytest.raises(UserError, match=r"evidence.better=higher or evidence.better=lower"):
        pick_of("outcome", "best", None, "evidence")


def test_of_equal_steps_the_last_one_counts() -> None:
    assert pick_of("acc", "last", None, "evidence")([2, 1, 2], [0.1, 0.2, 0.3]) == 0.3
