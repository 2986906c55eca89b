"""Imports the run folders that W&B writes, online and offline, without its service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import load_yaml
from latentlab.runs.importers.cell_text import frame_of_records
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.importers.tables import Cells, found_in

_CONFIG, _SUMMARY, _METADATA = "config.yaml", "wandb-summary.json", "wandb-metadata.json"
_FOLDERS = ("run-*", "offline-run-*")


def _place_of(source: str, path: Path) -> str | None:
    return next((str(folder) for folder in (path, path / "wandb") if any(_runs_in(folder))), None)


def _runs_in(folder: Path) -> Iterator[Path]:
    """The folders of runs, as W&B orders them: by the time at which they began."""
    found = [one for pattern in _FOLDERS for one in folder.glob(f"{pattern}/files")]
    return iter(sorted(found, key=lambda one: one.parent.name.partition("run-")[2]))


def _found(place: str, asked: Asked) -> Found:
    files = list(_runs_in(Path(place)))
    configured = [one for one in files if (one / _CONFIG).is_file()]
    if not configured:
        raise UserError(
            f"{place}: none of its {len(files)} runs has a {_CONFIG}",
            "Give the folder of runs that called wandb.init(config=..), or W&B's table as CSV",
        )
    notes = []
    if len(configured) < len(files):
        notes.append(f"{len(files) - len(configured)} runs without {_CONFIG} are left out")
    settings = [_config(one) for one in configured]
    summaries = [_summary(one) for one in configured]
    if bare := sum(not one for one in summaries):
        notes.append(f"{bare} runs without scores have failed")
    configuration = frame_of_records(settings)
    scores = frame_of_records(summaries)
    # What is logged and configured under one name is the run's setting.
    scores = scores.drop(columns=[name for name in scores if name in configuration])
    frame = configuration.join(scores)
    frame["Created"] = [
        _created(one, summary) for one, summary in zip(configured, summaries, strict=True)
    ]
    name = Path(place).resolve()
    cells = Cells(
        (name.parent if name.name == "wandb" else name).name,
        place,
        frame,
        tuple(map(str, configuration)),
        tuple(notes),
    )
    return found_in(cells, asked)


def _config(files: Path) -> dict[str, Any]:
    """Return a run's configuration: W&B writes `key: {value: ..}`, and keys of its own."""
    return {
        key: one["value"] if isinstance(one, Mapping) and "value" in one else one
        for key, one in load_yaml(files / _CONFIG).items()
        if key not in ("_wandb", "wandb_version")
    }


def _summary(files: Path) -> dict[str, Any]:
    """Return what a run logged last; nothing where it logged nothing. Pictures are left out."""
    logged = _json(files / _SUMMARY)
    return {
        key: one
        for key, one in logged.items()
        if key != "_wandb" and not (isinstance(one, Mapping) and "_type" in one)
    }


def _created(files: Path, summary: Mapping[str, Any]) -> str:
    """Return when a run began, as it says itself; empty where it does not."""
    if said := _json(files / _METADATA).get("startedAt"):
        return str(said)
    last, took = summary.get("_timestamp"), summary.get("_runtime")
    if not isinstance(last, int | float) or not isinstance(took, int | float):
        return ""
    from datetime import UTC, datetime

    with suppress(OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(last - took, UTC).isoformat()
    return ""


def _json(path: Path) -> dict[str, Any]:
    """Return what is in a file; nothing where there is none.

    Raises:
        UserError: it is damaged.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is damaged: {error}", "Delete the run's folder, or restore the file"
        ) from error
    return content if isinstance(content, dict) else {}


IMPORTER = Importer(
    "a folder of W&B's runs", frozenset({"seed", "parameters", "started"}), _place_of, _found
)
