"""Imports the runs of a Hydra multirun: each folder's configuration, and its file of scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import load_yaml, parse_yaml
from latentlab.core.validation import nearest
from latentlab.evidence.configurations import flatten
from latentlab.runs.columns import numbers_of
from latentlab.runs.importers.cell_text import frame_of_records
from latentlab.runs.importers.csv_cells import read_cells
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.importers.picking import pick_of
from latentlab.runs.importers.records import read_records
from latentlab.runs.importers.tables import Cells, found_in
from latentlab.runs.setting_names import setting

_CONFIG, _OVERRIDES = ".hydra/config.yaml", ".hydra/overrides.yaml"
_ENDINGS = (".json", ".jsonl", ".csv")
_STEP = ("step", "epoch", "global_step", "iteration")


def _place_of(source: str, path: Path) -> str | None:
    return str(path) if path.is_dir() and next(path.rglob(_CONFIG), None) else None


def _found(place: str, asked: Asked) -> Found:
    configs = Path(place).rglob(_CONFIG)
    folders = sorted((one.parents[1] for one in configs), key=_in_order)
    scores = _scores_file(folders, asked, place)
    lacking = sum(not (folder / scores).is_file() for folder in folders)
    notes = [f"scores are those in {scores}"] if asked.said.scores is None else []
    if lacking:
        notes.append(f"{lacking} runs without {scores} have failed")
    configuration = frame_of_records([_settings(folder) for folder in folders])
    measured = frame_of_records([_scores(folder / scores, asked) for folder in folders])
    measured = measured.drop(columns=[name for name in measured if name in configuration])
    cells = Cells(
        Path(place).resolve().name,
        place,
        configuration.join(measured),
        tuple(map(str, configuration)),
        tuple(notes),
    )
    return found_in(cells, asked)


def _in_order(folder: Path) -> tuple[str, int, str]:
    """Jobs of a multirun by number: 2 before 10."""
    number = int(folder.name) if folder.name.isdecimal() else -1
    return str(folder.parent), number, folder.name


def _settings(folder: Path) -> dict[str, Any]:
    """Return a job's configuration by dotted names.

    A group that was chosen by a word, as in `model=wide`, is that word, in the place of all that
    the group sets.
    """
    settings = flatten(load_yaml(folder / _CONFIG))
    overrides = folder / _OVERRIDES
    given = parse_yaml(overrides.read_bytes(), str(overrides)) if overrides.is_file() else []
    for one in given if isinstance(given, list) else []:
        key, _, value = str(one).partition("=")
        group = key.lstrip("+~").partition("@")[0].replace("/", ".")
        below = [name for name in settings if name.startswith(f"{group}.")]
        if below:
            settings = {name: v for name, v in settings.items() if name not in below}
            settings[group] = parse_yaml(value.encode(), str(overrides)) if value else ""
    return settings


def _scores_file(folders: Sequence[Path], asked: Asked, place: str) -> str:
    """Return the name of the file of scores: the one that is said, or the only one that it can be.

    Raises:
        UserError: no run has it, or it can be one of several.
    """
    found = sorted(
        {one.name for folder in folders for one in folder.iterdir() if one.suffix in _ENDINGS}
    )
    said = asked.said.scores
    if said is not None:
        if any((folder / said).is_file() for folder in folders):
            return said
        raise UserError(f"{place}: no run has a file {said}", nearest(said, found))
    if len(found) != 1:
        what = f"It may be {' or '.join(found)}" if found else "No run has a file of JSON or CSV"
        example = setting("scores", found[0] if found else "scores.json", asked.block)
        raise UserError(
            f"{place}: which file in a run's folder has its scores? {what}",
            f"Say {example}, for example.",
        )
    return found[0]


def _scores(path: Path, asked: Asked) -> dict[str, Any]:
    """Return the scores of a run: one row, or of each metric the value that counts by its step."""
    if not path.is_file():
        return {}
    table = (
        read_cells(path, ())[0] if path.suffix == ".csv" else frame_of_records(read_records(path))
    )
    if len(table) == 1:
        return {str(name): table[name].iloc[0] for name in table}
    step = next((str(name) for name in table if str(name).lower() in _STEP), None)
    if step is None:
        raise UserError(
            f"{path} has {len(table)} rows and no column step or epoch",
            "Write one row of scores, or a row an epoch with a column epoch",
        )
    names = [str(name) for name in table if name != step]
    return _picked(table, asked.metrics or names, step, asked, path)


def _picked(
    table: pd.DataFrame, metrics: Sequence[str], step: str, asked: Asked, path: Path
) -> dict[str, str]:
    value = "last" if asked.said.value is None else asked.said.value
    steps = numbers_of(table[step], f"{path}: column {step}")
    picked = {}
    for position, name in enumerate(metrics):
        if name not in table:
            continue
        values = numbers_of(table[name], f"{path}: column {name}")
        there = values.notna()
        if there.any():
            better = asked.better if position == 0 else None
            pick = pick_of(name, value, better, asked.block)
            found = pick(steps[there].tolist(), values[there].tolist())
            picked[name] = "" if np.isnan(found) else str(found)
    return picked


IMPORTER = Importer(
    "a folder of Hydra's runs",
    frozenset({"seed", "parameters", "scores", "value"}),
    _place_of,
    _found,
)
