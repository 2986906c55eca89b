"""Reads what a program has written: its scores and its history."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.experiment.programs.settings import MLFLOW, TENSORBOARD, WANDB
from latentlab.experiment.programs.wandb_file import read_wandb
from latentlab.search.parameters import is_number

Scores = dict[str, dict[str, float]]
"""Values by split and metric."""

_SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip
"""What files call the splits."""

RUNS = "mlruns"
"""The folder in that of the trial in which a program logs with MLflow."""

_OF_WANDB = "wandb/offline-run-*/run-*.wandb"


def read_scores(folder: Path, source: str) -> Scores:
    """Return the scores that a program has left in its folder.

    Those that name no split are scores of both splits that are judged, validation and test: which
    of the two a program has measured, the name of the metric says.

    Args:
        folder: of the trial.
        source: `program.scores`.

    Raises:
        UserError: there are none, or one of them is no finite number.
    """
    if source in (MLFLOW, TENSORBOARD):
        found = _of_mlflow(folder) if source == MLFLOW else _of_tensorboard(folder)
        if not found and source == MLFLOW:
            raise UserError(f"it logged no metric in {RUNS}", "Let it call mlflow.log_metric")
        if not found:
            raise UserError("it wrote no scalars", "Let its SummaryWriter write into {folder}")
        return _by_split({name: points[-1][1] for name, points in found.items()}, source)
    if source == WANDB:
        summary, _ = _of_wandb(folder)
        if not summary:
            raise UserError("it logged no score in wandb", "Let it call wandb.init and wandb.log")
        return _by_split(summary, WANDB)
    text = _text(folder, folder / source)
    if source.endswith(".csv"):
        return _of_table(text, source)
    return _by_split(_object(text, source), source)


def read_history(folder: Path, source: str) -> dict[str, list[float | None]]:
    """Return scores per epoch by name, as far as they are written; None where one was not taken.

    Args:
        folder: of the trial.
        source: `program.history`.

    Raises:
        UserError: a line is no object or no row of numbers.
    """
    if source in (MLFLOW, TENSORBOARD):
        points = _of_mlflow(folder) if source == MLFLOW else _of_tensorboard(folder)
        steps = sorted({step for one in points.values() for step, _ in one})
        return {
            name: [_finite(dict(one).get(step)) for step in steps] for name, one in points.items()
        }
    if source == WANDB:
        return _by_epoch(_of_wandb(folder)[1], WANDB)
    path = folder / source
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    # The last line may be half-written.
    whole = text[: text.rfind("\n") + 1]
    if source.endswith(".csv"):
        rows: Iterable[Mapping[str, Any]] = csv.DictReader(io.StringIO(whole))
    else:
        rows = (_object(line, source) for line in whole.splitlines() if line.strip())
    return _by_epoch(rows, source)


def _by_epoch(rows: Iterable[Mapping[str, Any]], source: str) -> dict[str, list[float | None]]:
    epochs = [{n: _number(v, f"{source}: {n}") for n, v in row.items() if n} for row in rows]
    names = dict.fromkeys(name for epoch in epochs for name in epoch if name != "epoch")
    return {name: [_finite(epoch.get(name)) for epoch in epochs] for name in names}


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no JSON ({error})", "Correct what writes it") from error
    if not isinstance(content, dict):
        raise UserError(f"{where} holds no names with numbers", 'Write {"accuracy": 0.9}')
    return content


def _by_split(content: Mapping[str, Any], where: str) -> Scores:
    """Return scores of a mapping that is flat, or has a mapping for each split."""
    found: Scores = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            if name not in _SPLITS:
                known = ", ".join(_SPLITS)
                raise UserError(f"{where}: {name} is no split", f"Write one of {known}")
            values = {n: _score(v, f"{where}: {name}.{n}") for n, v in value.items()}
            found.setdefault(_SPLITS[name], {}).update(values)
        else:
            _enter(found, name, None, _score(value, f"{where}: {name}"))
    if not any(found.values()):
        raise UserError(f"{where} holds no scores", 'Write {"accuracy": 0.9}')
    return found


def _of_table(text: str, where: str) -> Scores:
    """Return scores of rows `metric, value` and perhaps `split`, or of one row of metrics."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if rows and {"metric", "value"} <= set(rows[0]):
        found: Scores = {}
        for row in rows:
            split, name = row.get("split") or None, str(row["metric"])
            if split is not None and split not in _SPLITS:
                raise UserError(
                    f"{where}: {split} is no split", f"Write one of {', '.join(_SPLITS)}"
                )
            _enter(found, name, split, _score(row["value"], f"{where}: {name}"))
        return found
    if not rows:
        raise UserError(f"{where} holds no scores", "Write a header and a row")
    return _by_split({name: value for name, value in rows[-1].items() if name}, where)


def _enter(found: Scores, name: str, split: str | None, value: float) -> None:
    for one in ("validation", "test") if split is None else (_SPLITS[split],):
        found.setdefault(one, {})[name] = value


def _of_wandb(folder: Path) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Return numbers of the summary and of the history of the last run in W&B's folder."""
    runs = sorted(folder.glob(_OF_WANDB))
    if not runs:
        return {}, []
    try:
        summary, history = read_wandb(runs[-1])
        # W&B's service writes it too, and older clients did at the end of a run.
        file = runs[-1].parent / "files" / "wandb-summary.json"
        if file.is_file():
            summary = _object(file.read_text("utf-8"), file.name)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"its run of wandb cannot be read ({error})", "Run it again") from error
    return _scalars(summary), [_scalars(line) for line in history]


def _scalars(logged: Mapping[str, Any]) -> dict[str, float]:
    """Return scores: a run logs times, pictures and tables too."""
    return {n: v for n, v in logged.items() if is_number(v) and not n.startswith("_")}


def _of_mlflow(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return step and value of all points of the last run in the folder, by metric.

    MLflow's file store has a file a metric, with lines `timestamp value step`. Points that were
    logged without a step all have 0, and stay in the order of time.
    """
    runs = [path for path in folder.glob(f"{RUNS}/*/*/metrics") if any(path.rglob("*"))]
    if not runs:
        return {}
    last = max(runs, key=lambda path: (path.parent / "meta.yaml").stat().st_mtime_ns)
    found = {}
    for path in sorted(one for one in last.rglob("*") if one.is_file()):
        rows = [line.split() for line in path.read_text("utf-8").splitlines()]
        name = path.relative_to(last).as_posix()
        rows.sort(key=lambda row: (int(row[2]), int(row[0])))
        found[name] = [(int(step), float(value)) for _, value, step in rows]
    return found


def _of_tensorboard(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return step and value of all points of the event files in the folder, by tag.

    Raises:
        UserError: what reads event files is not installed.
    """
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError as error:
        raise UserError(
            "program.scores: tensorboard needs a package that is not installed",
            'pip install -e ".[tensorboard]"',
        ) from error
    found: dict[str, list[tuple[int, float]]] = {}
    for place in sorted({path.parent for path in folder.rglob("events.out.tfevents.*")}):
        events = EventAccumulator(str(place), size_guidance={"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            points = {one.step: one.value for one in events.Scalars(tag)}
            found.setdefault(tag, []).extend(sorted(points.items()))
    return found


def _text(folder: Path, path: Path) -> str:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{path.name} leads out of the folder", "Write the file itself there")
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(f"it wrote no {path.name}", "Let it write its scores") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path.name} cannot be read ({error})", "Write text in UTF-8") from error


def _score(value: Any, where: str) -> float:
    number = _number(value, where)
    if number is None or not math.isfinite(number):
        raise UserError(f"{where} is {value!r}, no finite number", "Write a number")
    return number


def _number(value: Any, where: str) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    if not is_number(value):
        raise UserError(f"{where} is {value!r}, no number", "Write a number")
    return float(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
